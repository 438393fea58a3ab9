package mail

import (
	"net/netip"
	"strings"
)

// These are the programs and systems that a mail names, as the pages do, in the order in which they are
// asked for: most claim to be one of those below them.
var (
	programs = []struct{ mark, name string }{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Version/", "Safari"},
		{"curl/", "curl"},
	}
	systems = []struct{ mark, name string }{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"CrOS", "ChromeOS"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"Macintosh", "macOS"},
		{"Linux", "Linux"},
	}
)

// agentInWords names the program and the system that an agent says it is, in words of
// ours alone: what a client writes about itself is never shown. Both may be empty.
func agentInWords(agent string) (program, system string) {
	for _, p := range programs {
		if strings.Contains(agent, p.mark) {
			program = p.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s.mark) {
			system = s.name
			break
		}
	}
	return program, system
}

// networkInWords is a network as people know it: a single address without its length.
// What is no network is empty.
func networkInWords(network string) string {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return ""
	}
	if prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return prefix.Masked().String()
}
