package console

import (
	"fmt"
	"os"
	"regexp"
	"testing"
)

// Whatever the accent, its text can be read on it, and it can be read on every
// surface of both schemes.
func TestEveryAccentIsReadable(t *testing.T) {
	rule := regexp.MustCompile(`:root\{--kt-accent:#(.{6});--kt-on-accent:#(.{6});--kt-accent-strong:#(.{6});--kt-accent-text:#(.{6})\}`)
	for n := 0; n < 1<<24; n += 65_521 { // a prime: every channel goes through its values
		accent := fmt.Sprintf("#%06x", n)
		style, err := accentStyle(accent)
		if err != nil {
			t.Fatal(err)
		}
		rules := rule.FindAllStringSubmatch(style, -1)
		if len(rules) != 2 {
			t.Fatalf("%s: %s", accent, style)
		}
		for i, surfaces := range [][]colour{lightSurfaces, darkSurfaces} {
			found := rules[i]
			for _, ground := range []string{found[1], found[3]} {
				if got := contrast(hex(found[2]), hex(ground)); got < readable {
					t.Errorf("%s: %.2f on the button", accent, got)
				}
			}
			for _, surface := range surfaces {
				if got := contrast(hex(found[4]), surface); got < readable {
					t.Errorf("%s: %.2f on %s", accent, got, surface)
				}
			}
			if "#"+found[1] != accent {
				t.Errorf("%s became %s", accent, found[1])
			}
		}
	}
}

// The surfaces here are those of the style sheet.
func TestSurfaces(t *testing.T) {
	style, err := os.ReadFile("src/styles/base.css")
	if err != nil {
		t.Fatal(err)
	}
	surface := regexp.MustCompile(`--kt-(?:page|bg|hover): (#[0-9a-f]{6});`)
	known := map[string]bool{}
	for _, c := range append(append([]colour{}, lightSurfaces...), darkSurfaces...) {
		known[c.String()] = true
	}
	found := surface.FindAllSubmatch(style, -1)
	if len(found) != len(known) {
		t.Errorf("%d surfaces in the style sheet, %d here", len(found), len(known))
	}
	for _, one := range found {
		if !known[string(one[1])] {
			t.Errorf("%s is not known here", one[1])
		}
	}
}

func TestContrast(t *testing.T) {
	if got := contrast(white, black); got != 21 {
		t.Errorf("white on black: %v", got)
	}
	if got := contrast(hex("777777"), white); got < 4.47 || got > 4.49 {
		t.Errorf("grey on white: %v", got)
	}
}
