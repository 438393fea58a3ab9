package mail

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	const j = wordJoiner
	for in, want := range map[string]string{
		"":                            "",
		"Ana’s iPhone 15":             "Ana’s iPhone 15",
		"Müller & Söhne <GmbH>":       "Müller & Söhne <GmbH>",
		"  a \t\r\n b  ":              "a b",
		"a\x00\x1b[31mb":              "a[31mb",
		"\u202ekcatta\u202c \u2066x":  "kcatta x",
		"a\u2028b\u2029c":             "a b c",
		"\ufeffzero\u200b\u2060width": "zerowidth",
		"👩\u200d💻":                    "👩\u200d💻",
		"evil.com":                    "evil" + j + "." + j + "com",
		"http://a":                    "http" + j + ":" + j + j + "/" + j + j + "/" + j + "a",
		"a@b":                         "a" + j + "@" + j + "b",
		"evil。com":                    "evil" + j + "。" + j + "com",
		"The end.":                    "The end.",
		"Dr. Who: a. b":               "Dr. Who: a. b",
		"\xff\xfe":                    "\ufffd",
		strings.Repeat("ä", 64):       strings.Repeat("ä", 64),
		strings.Repeat("ä", 65):       strings.Repeat("ä", 64) + "…",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"a.b", "\u202e", "http://x", strings.Repeat("x ", 99), "\xf0\x9f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := clean(in)
		shown := strings.ReplaceAll(out, wordJoiner, "")
		if !utf8.ValidString(out) || hasControl(out) || strings.TrimSpace(shown) != shown || utf8.RuneCountInString(shown) > nameLimit+2 {
			t.Fatalf("%q becomes %q", in, out)
		}
		if strings.Contains(out, "://") || strings.ContainsAny(out, "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f\u061c\u2028\u2029") {
			t.Fatalf("%q becomes %q", in, out)
		}
	})
}

func TestAgentInWords(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36":           "Chrome Windows",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0":                                 "Edge Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15": "Safari macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1":   "Safari iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 CriOS/131.0 Mobile/15E148 Safari/604.1":    "Chrome iPhone",
		"Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 SamsungBrowser/26.0 Chrome/122.0 Mobile Safari/537.36":    "Samsung Internet Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36":                                "Chrome ChromeOS",
		"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                        "Firefox Linux",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Ubuntu Chromium/131.0 Chrome/131.0 Safari/537.36":                   "Chrome Linux",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0 Safari/537.36":                                 "Chromium Linux",
		"curl/8.5.0":                 "curl ",
		"call https://evil.example!": " ",
		"":                           " ",
	} {
		program, system := agentInWords(agent)
		if got := program + " " + system; got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestNetworkInWords(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1/32": "192.0.2.1", "2001:db8:1:2::/64": "2001:db8:1:2::/64", "": "", "invalid Prefix": "", "evil.example": "",
	} {
		if got := networkInWords(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestLifeInWords(t *testing.T) {
	all, err := readWording()
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[time.Duration]string{
		-time.Hour: "one minute", time.Minute: "one minute", 10*time.Minute - 2*time.Second: "10 minutes", 30 * time.Minute: "30 minutes",
		time.Hour: "60 minutes", 24 * time.Hour: "24 hours", 48 * time.Hour: "2 days", UndoLife - time.Minute: "7 days",
	} {
		if got := all["en"].life(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
