package main

import (
	"fmt"
	"image"
	"io"
	"os"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the margin of a QR code, in modules (ISO/IEC 18004 §5.3.8).
const quiet = 4

// The colours are set, not assumed: on a dark terminal the code would be inverted, and
// not every camera reads that.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	plain        = "\x1b[0m"
)

// drawQR writes a text as a QR code, two modules to a character.
func drawQR(w io.Writer, text string) error {
	code, err := qr.Encode(text, qr.L, qr.Unicode)
	if err != nil {
		return fmt.Errorf("draw the QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var out strings.Builder
	for y := -quiet; y < size+quiet; y += 2 {
		out.WriteString("  " + blackOnWhite)
		for x := -quiet; x < size+quiet; x++ {
			switch above, below := dark(code, x, y), dark(code, x, y+1); {
			case above && below:
				out.WriteString("█")
			case above:
				out.WriteString("▀")
			case below:
				out.WriteString("▄")
			default:
				out.WriteString(" ")
			}
		}
		out.WriteString(plain + "\n")
	}
	_, err = io.WriteString(w, out.String())
	return err
}

// dark tells whether a module is; those around the code are not.
func dark(code image.Image, x, y int) bool {
	if !(image.Point{X: x, Y: y}).In(code.Bounds()) {
		return false
	}
	r, _, _, _ := code.At(x, y).RGBA()
	return r == 0
}

// terminal tells whether somebody looks at what is written.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
