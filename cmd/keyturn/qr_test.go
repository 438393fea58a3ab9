package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// modules reads a drawn code back: the dark modules, row by row, margin included.
func modules(t *testing.T, drawn string) [][]bool {
	t.Helper()
	var rows [][]bool
	for line := range strings.Lines(drawn) {
		line, ok := strings.CutPrefix(line, "  "+blackOnWhite)
		line, ended := strings.CutSuffix(line, plain+"\n")
		if !ok || !ended {
			t.Fatalf("a line without its colours: %q", line)
		}
		var above, below []bool
		for _, c := range line {
			above = append(above, c == '█' || c == '▀')
			below = append(below, c == '█' || c == '▄')
		}
		rows = append(rows, above, below)
	}
	return rows
}

// TestDrawQR: a code as a camera finds it: three finder patterns inside a margin of
// four modules (ISO/IEC 18004 §5.3.2, §5.3.8), on a terminal of 80 columns.
func TestDrawQR(t *testing.T) {
	for _, text := range []string{"http://localhost:8080", "https://login.example.com/enrol#ticket=" + strings.Repeat("aZ9-", 86)} {
		var out bytes.Buffer
		if err := drawQR(&out, text); err != nil {
			t.Fatal(err)
		}
		rows := modules(t, out.String())
		size := len(rows[0]) - 2*quiet
		if size < 21 || (size-17)%4 != 0 || len(rows[0])+2 > 80 || len(rows) < len(rows[0]) {
			t.Fatalf("%d modules in %d rows", size, len(rows))
		}
		for y, row := range rows {
			for x, dark := range row {
				if inside := min(x, y) >= quiet && max(x, y) < quiet+size; dark && !inside {
					t.Fatalf("the margin is dark at %d, %d", x, y)
				}
			}
		}
		for _, corner := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
			for y := range 7 {
				for x := range 7 {
					ring := min(x, y, 6-x, 6-y)
					if got := rows[quiet+corner[1]+y][quiet+corner[0]+x]; got != (ring != 1) {
						t.Errorf("no finder pattern at %v", corner)
					}
				}
			}
		}
		if !utf8.ValidString(out.String()) {
			t.Error("not UTF-8")
		}
	}
	if err := drawQR(&bytes.Buffer{}, strings.Repeat("x", 3000)); err == nil {
		t.Error("what fits no code was drawn")
	}
}

func TestTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if terminal(file) || terminal(&bytes.Buffer{}) {
		t.Error("what nobody looks at is taken for a terminal")
	}
}
