package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameLimit is how much of a name that people chose a mail shows, in characters.
const nameLimit = 64

// wordJoiner (U+2060) is nothing to see, and the end of what programs take for an
// address.
const wordJoiner = "\u2060"

// clean makes a text that people chose fit to stand in a sentence of ours: one line,
// without controls or characters that turn the direction of what follows, not longer
// than nameLimit, and no address that a mail program would make a link of.
func clean(s string) string {
	var out strings.Builder
	n, space := 0, false
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case unicode.IsControl(r), unwanted(r):
			continue
		}
		if n >= nameLimit {
			out.WriteString("…")
			break
		}
		if space {
			out.WriteByte(' ')
			space = false
			n++
		}
		out.WriteRune(r)
		n++
	}
	return defuse(out.String())
}

// unwanted are characters without a shape of their own. The joiners of emoji and of
// scripts that need them are none of these.
func unwanted(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	return unicode.Is(unicode.Cf, r) && r != joiner && r != nonJoiner || unicode.Is(unicode.Co, r) ||
		r == '\u2028' || r == '\u2029'
}

// defuse takes from a text whatever looks like an address: programs that read mail make
// links of "example.com" and "https:" alike, and a link in our mail is taken for ours. The
// text looks as before. One without a mark between two other characters is left alone.
func defuse(s string) string {
	var out strings.Builder
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		mark := strings.ContainsRune(".:/@。．｡", r)
		if mark && i > 0 && next != utf8.RuneError && next != ' ' {
			out.WriteString(wordJoiner)
			out.WriteRune(r)
			out.WriteString(wordJoiner)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
