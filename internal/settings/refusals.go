package settings

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// maxRelatedLabels is how many different names browsers honour among related origins
// (WebAuthn §5.11.1 lets them stop after five).
const maxRelatedLabels = 5

// hostname is the host of a public URL that is well-formed; else "".
func (s Settings) hostname() string {
	u, err := parseOrigin(s.PublicURL)
	if err != nil {
		return ""
	}
	return strings.Trim(u.Hostname(), "[]")
}

// origin is the public URL when it is well-formed; else "".
func (s Settings) origin() string {
	if checkPublicURL(s.PublicURL) != nil {
		return ""
	}
	return s.PublicURL
}

// refusals are the combinations that are not run. already holds the faults of single
// settings: what follows from one of them is not said again.
func (s Settings) refusals(already Faults) Faults {
	var faults Faults
	refuse := func(setting, format string, args ...any) {
		if !already.names(setting) {
			faults = append(faults, Fault{Setting: setting, Sentence: fmt.Sprintf(format, args...)})
		}
	}
	if !already.names("public_url") && !already.names("listen") {
		s.refusePublicURL(refuse)
		s.refuseSignUp(refuse)
		s.refuseRPID(refuse)
		s.refuseOrigins(refuse)
		s.refuseMail(refuse)
	}
	if !already.names("store") {
		s.refuseStore(refuse)
	}
	s.refuseRelated(refuse)
	s.refuseKeys(refuse)
	return faults
}

type refuse func(setting, format string, args ...any)

func (s Settings) refusePublicURL(refuse refuse) {
	switch {
	case s.PublicURL == "":
		refuse("public_url", "must be set; write the https address that people use")
	case s.atHome() && !s.Development() && !loopback(s.Listen):
		refuse("public_url", "%s is for development on one machine, but the listener is not bound to loopback; "+
			"set listen to 127.0.0.1:PORT, or public_url to the https address that people use", s.PublicURL)
	case !s.Development() && strings.HasPrefix(s.PublicURL, "http:"):
		refuse("public_url", "%s is not https, and browsers make passkeys over https alone; write https://HOST, "+
			"or for development http://localhost:PORT", s.PublicURL)
	}
}

// atHome tells whether the public URL names the machine itself, so that what else is
// missing follows from that.
func (s Settings) atHome() bool { return within(s.hostname(), "localhost") }

func (s Settings) refuseSignUp(refuse refuse) {
	if s.SignUp == "" && !s.atHome() {
		refuse("sign_up", "must be set outside development; choose open, email, invite or closed")
	}
}

func (s Settings) refuseRPID(refuse refuse) {
	switch {
	case s.RPID == "", s.Development() && s.RPID == "localhost":
	case s.atHome() && !loopback(s.Listen) && s.RPID == s.hostname():
		// follows from public_url, which has been refused
	case within(s.RPID, "localhost"):
		refuse("rp.id", "%s is everybody's own machine; outside development write the domain that people use", s.RPID)
	default:
		if suffix, _ := publicsuffix.PublicSuffix(s.RPID); suffix == s.RPID {
			refuse("rp.id", "%s is a public suffix, where domains of others live; write a domain of your own below it", s.RPID)
		}
	}
}

// refuseOrigins judges every origin that a browser may send us.
func (s Settings) refuseOrigins(refuse refuse) {
	related := make(map[string]bool)
	for _, origin := range s.RPRelatedOrigins {
		related[origin] = true
	}
	for _, origin := range s.RPOrigins {
		s.refuseHTTP("rp.origins", origin, refuse)
		u, err := parseOrigin(origin)
		if err != nil || checkRPID(s.RPID) != nil || related[origin] || within(u.Hostname(), s.RPID) {
			continue
		}
		refuse("rp.origins", "%s is outside rp.id %s; remove it, choose an rp.id above it, or add it to rp.related_origins",
			origin, s.RPID)
	}
	for _, origin := range s.RPRelatedOrigins {
		s.refuseHTTP("rp.related_origins", origin, refuse)
	}
	for _, origin := range s.CORSOrigins {
		s.refuseHTTP("cors.origins", origin, refuse)
	}
}

// refuseHTTP: anybody on the way can speak for an http origin, localhost excepted.
func (s Settings) refuseHTTP(setting, origin string, refuse refuse) {
	u, err := parseOrigin(origin)
	if err != nil || u.Scheme == "https" || s.Development() && within(u.Hostname(), "localhost") {
		return
	}
	if origin == s.PublicURL { // has been refused as such
		return
	}
	refuse(setting, "%s is not https; write https://%s, or remove it", origin, u.Host)
}

// refuseRelated counts the labels that browsers count: the first of each origin's
// registrable domain.
func (s Settings) refuseRelated(refuse refuse) {
	labels := make(map[string]bool)
	for _, origin := range s.RPRelatedOrigins {
		u, err := parseOrigin(origin)
		if err != nil {
			continue
		}
		domain, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname())
		if err != nil || net.ParseIP(u.Hostname()) != nil {
			refuse("rp.related_origins", "%s has no registrable domain, and browsers pass over it; remove it", origin)
			continue
		}
		label, _, _ := strings.Cut(domain, ".")
		labels[label] = true
	}
	if len(labels) > maxRelatedLabels {
		refuse("rp.related_origins", "browsers honour at most %d different names, and these are %d; remove some",
			maxRelatedLabels, len(labels))
	}
}

// refuseKeys keeps the keys apart from what they protect: whoever copies the data
// folder must not have the key, and whoever finds one key not the other.
func (s Settings) refuseKeys(refuse refuse) {
	data := resolve(s.DataDir)
	server, kms := keyFile(s.KeysServer), keyFile(s.KeysKMS)
	const inside = "the key stands inside data_dir, where a copy of the data takes it along; move it to another folder"
	if server != "" && below(server, data) {
		refuse("keys.server", inside)
	}
	if kms != "" && below(kms, data) {
		refuse("keys.kms", inside)
	}
	if server != "" && kms != "" && filepath.Dir(server) == filepath.Dir(kms) {
		refuse("keys.kms", "stands in one folder with keys.server, so that whoever finds one has both; keep them apart")
	}
}

// keyFile is the path that a file: key names, resolved; else "".
func keyFile(v string) string {
	path, found := strings.CutPrefix(v, "file:")
	if !found {
		return ""
	}
	return resolve(path)
}

// resolve is where a path leads, through the links of that part of it that exists.
func resolve(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	rest := ""
	for at := absolute; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil {
			if real, err := filepath.EvalSymlinks(at); err == nil {
				return filepath.Join(real, rest)
			}
		}
		if at == filepath.Dir(at) {
			return absolute
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

func below(path, folder string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
