package settings

import (
	"strings"
	"testing"
)

func TestCheckDomain(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"example.com": true, "a.b.c.example": true, "xn--bcher-kva.example": true, "bücher.example": true,
		label + ".example": true, "1.example": true, "localhost": true,
		"": false, ".": false, "a..b": false, ".example": false, "example.": false,
		label + "a.example": false, "-a.example": false, "a-.example": false, "a_b.example": false,
		"a b.example": false, "a\x00.example": false, "xn--\u00fc.example": false,
		strings.Repeat(label+".", 3) + label: false,
	} {
		if err := checkDomain(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	for origin, want := range map[string]string{ // "" where it is canonical, else a part of the sentence
		"https://example.com":        "",
		"https://example.com:8443":   "",
		"http://localhost":           "",
		"http://localhost:8080":      "",
		"https://192.0.2.1":          "",
		"https://[2001:db8::1]":      "",
		"https://[2001:db8::1]:8443": "",
		"https://example.com:08443":  "no port",
		"https://example.com:0":      "no port",
		"https://example.com:65536":  "no port",
		"https://example.com:":       "a colon without a port",
		"http://localhost:80":        "write http://localhost",
		"https://localhost:80/":      "write https://localhost:80",
		"https://example.com#":       "write https://example.com",
		"https://example.com?":       "write https://example.com",
		"https:example.com":          "no origin",
		"https://":                   "no origin",
		"https://:8443":              "no origin",
		"//example.com":              "not https",
		"wss://example.com":          "not https",
		"javascript:alert(1)":        "no origin",
		" https://example.com":       "no origin",
		"https://example.com ":       "no origin",
		"https://exam ple.com":       "no origin",
		"https://example.com\\@evil": "no origin",
		"https://example.com%2eevil": "no origin",
		"https://a_b.example":        "no domain name",
		"https://user:pw@h.example":  "write https://h.example",
		"https://exÄmple.com":        "write https://xn--exmple-cua.com",
	} {
		_, err := parseOrigin(origin)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q is refused: %v", origin, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", origin, err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		host, domain string
		want         bool
	}{
		{"example.com", "example.com", true},
		{"a.example.com", "example.com", true},
		{"badexample.com", "example.com", false},
		{"com", "example.com", false},
		{"example.com.evil", "example.com", false},
	} {
		if got := within(c.host, c.domain); got != c.want {
			t.Errorf("within(%q, %q) = %v", c.host, c.domain, got)
		}
	}
}
