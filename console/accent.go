package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// colour is red, green and blue of sRGB, each from 0 to 1.
type colour [3]float64

// readable is the least contrast of text (WCAG 2.2, 1.4.3).
const readable = 4.5

// The surfaces that an accent stands on, as src/styles has them: the lightest and
// the darkest one of each scheme.
var (
	lightSurfaces = []colour{hex("ffffff"), hex("f3f4f6"), hex("eef0f3")}
	darkSurfaces  = []colour{hex("0f1216"), hex("181c22"), hex("242a33")}
	black, white  = colour{0, 0, 0}, colour{1, 1, 1}
)

// accentStyle is the style sheet for an operator's accent, "#rrggbb": the accent as
// the ground of buttons with the text colour that can be read on it, and a shade of
// it that can be read as text on every surface of each scheme.
func accentStyle(accent string) (string, error) {
	if len(accent) != 7 || accent[0] != '#' {
		return "", fmt.Errorf("%q is no colour; write #rrggbb", accent)
	}
	if _, err := strconv.ParseUint(accent[1:], 16, 32); err != nil {
		return "", fmt.Errorf("%q is no colour; write #rrggbb", accent)
	}
	ground := hex(accent[1:])
	rule := func(surfaces []colour, toward colour) string {
		return fmt.Sprintf(":root{--kt-accent:%s;--kt-on-accent:%s;--kt-accent-strong:%s;--kt-accent-text:%s}",
			ground, on(ground), strong(ground), shade(ground, toward, surfaces))
	}
	return rule(lightSurfaces, black) + "\n@media (prefers-color-scheme:dark){" + rule(darkSurfaces, white) + "}\n", nil
}

// on is the text colour for a ground. One of the two always reaches 4.58 : 1.
func on(ground colour) colour {
	if contrast(ground, white) >= readable {
		return white
	}
	return black
}

// strong is the ground while it is pointed at: further from its text, so that it
// stays readable.
func strong(ground colour) colour {
	if on(ground) == white {
		return mix(ground, black, 0.15)
	}
	return mix(ground, white, 0.15)
}

// shade moves a colour toward black or white until it can be read on every surface.
func shade(c, toward colour, surfaces []colour) colour {
	for step := 0.0; step < 1; step += 0.02 {
		candidate := hex(strings.TrimPrefix(mix(c, toward, step).String(), "#"))
		least := math.Inf(1)
		for _, surface := range surfaces {
			least = min(least, contrast(candidate, surface))
		}
		if least >= readable {
			return candidate
		}
	}
	return toward
}

func mix(a, b colour, share float64) colour {
	var out colour
	for i := range out {
		out[i] = a[i] + (b[i]-a[i])*share
	}
	return out
}

// contrast is the ratio of WCAG 2.2.
func contrast(a, b colour) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(c colour) float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// hex reads six digits that were checked.
func hex(digits string) colour {
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		panic(err)
	}
	return colour{float64(n>>16&255) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
}

// String writes the colour as CSS does.
func (c colour) String() string {
	channel := func(v float64) int { return int(math.Round(v * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", channel(c[0]), channel(c[1]), channel(c[2]))
}
