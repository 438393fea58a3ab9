package ceremony

import (
	"net/url"
	"strings"
)

// maxReturnTo bounds a return path, in bytes: it travels sealed in a mailed link.
const maxReturnTo = 256

// ownPath tells whether a text is empty or a path on our own origin, with a query and a
// fragment if need be, however a browser, a proxy or a page reads it: one slash at its
// beginning and never two in a row, only the characters of RFC 3986 §3.3 and §3.4, no
// dot segments, and nothing encoded that would be one of the things refused here.
func ownPath(text string) bool {
	if text == "" {
		return true
	}
	if len(text) > maxReturnTo || text[0] != '/' || strings.Contains(text, "//") {
		return false
	}
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("-._~!$&'()*+,;=:@/?#%", c) < 0 {
			return false
		}
	}
	path, rest := text, ""
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		path, rest = text[:i], text[i:]
	}
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.Count(decoded, "/") != strings.Count(path, "/") || !plain(decoded) {
		return false
	}
	for segment := range strings.SplitSeq(decoded, "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return false
		}
	}
	decoded, err = url.PathUnescape(rest)
	return err == nil && strings.Count(rest, "#") <= 1 && plain(decoded)
}

// plain tells whether a decoded text holds nothing that some reader treats as a line end,
// a slash, or another encoding of one.
func plain(decoded string) bool {
	return !strings.ContainsFunc(decoded, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\\' || r == '%' || r == '\ufffd'
	})
}
