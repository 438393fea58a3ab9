package mail

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
)

// The colours of a button when the operator sets no accent: as the pages have them.
const (
	plainAccent   = "#2456c7"
	plainOnAccent = "#ffffff"
	darkAccent    = "#9bb8ff"
	darkOnAccent  = "#0c1a3a"
)

// palette is what stands on a button, in each scheme.
type palette struct {
	Accent, OnAccent         template.CSS
	DarkAccent, DarkOnAccent template.CSS
}

// paletteOf is the colours for an accent, "#rrggbb" or empty. Whatever it is, the words
// on it can be read (WCAG 2.2, 1.4.3).
func paletteOf(accent string) (palette, error) {
	if accent == "" {
		return palette{plainAccent, plainOnAccent, darkAccent, darkOnAccent}, nil
	}
	n, err := strconv.ParseUint(accent[min(1, len(accent)):], 16, 32)
	if err != nil || len(accent) != 7 || accent[0] != '#' {
		return palette{}, fmt.Errorf("mail: %q is no colour; write #rrggbb", accent)
	}
	// Written anew, so that it is a colour whatever was accepted.
	ground, on := template.CSS(fmt.Sprintf("#%06x", n)), template.CSS("#000000")
	if 1.05/(luminance(n)+0.05) >= 4.5 {
		on = "#ffffff"
	}
	return palette{ground, on, ground, on}, nil
}

// luminance is the relative luminance of a colour (WCAG 2.2).
func luminance(rgb uint64) float64 {
	linear := func(channel uint64) float64 {
		v := float64(channel&255) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}
