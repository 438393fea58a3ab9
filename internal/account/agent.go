package account

import "strings"

// maxLinkAgent bounds what of a client's name travels in a link, in bytes.
const maxLinkAgent = 96

// shortAgent is what a client calls itself, without what all of them say: people tell a
// browser by what stands at the end of it, and a link must not grow long.
func shortAgent(agent string) string {
	var kept []string
	for _, word := range strings.Fields(strings.Replace(agent, "(KHTML, like Gecko)", "", 1)) {
		if !strings.HasPrefix(word, "Mozilla/") && !strings.HasPrefix(word, "AppleWebKit/") {
			kept = append(kept, word)
		}
	}
	short := strings.Join(kept, " ")
	return strings.ToValidUTF8(short[:min(len(short), maxLinkAgent)], "")
}
