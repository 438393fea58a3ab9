package account

import (
	"strings"
	"testing"
)

// TestShortAgent: what tells one browser from another is left.
func TestShortAgent(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0":           "(Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1": "(iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"curl/8.7.1":                            "curl/8.7.1",
		"":                                      "",
		"x" + strings.Repeat("é", maxLinkAgent): "x" + strings.Repeat("é", (maxLinkAgent-1)/2),
	} {
		if got := shortAgent(agent); got != want {
			t.Errorf("%q is shortened to %q, want %q", agent, got, want)
		}
	}
}
