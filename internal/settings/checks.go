package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

func checkText(v string) error {
	if !utf8.ValidString(v) || strings.IndexFunc(v, unicode.IsControl) >= 0 || strings.TrimSpace(v) != v {
		return fmt.Errorf("%q holds control characters or starts or ends with space; leave them out", v)
	}
	return nil
}

// checkName: WebAuthn §5.4.1 lets authenticators cut names at 64 bytes.
func checkName(v string) error {
	if len(v) > 64 {
		return errors.New("authenticators may cut a name after 64 bytes; choose a shorter one")
	}
	return checkText(v)
}

func checkListen(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is no address to listen on; write address:port, such as 127.0.0.1:8080 or :8080", v)
	}
	if err := checkPort(port); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return fmt.Errorf("%q is a name; write the IP address to listen on", host)
	}
	return nil
}

// checkMetricsListen: what is counted tells a stranger when to attack and whether it
// works, so it never leaves the machine.
func checkMetricsListen(v string) error {
	if path, found := strings.CutPrefix(v, "unix:"); found {
		if path == "" {
			return errors.New("names no socket; write unix:PATH")
		}
		return checkText(path)
	}
	if err := checkListen(v); err != nil {
		return err
	}
	if !loopback(v) {
		return fmt.Errorf("%q can be reached from elsewhere, and anybody could read what is counted; write 127.0.0.1:PORT or unix:PATH", v)
	}
	return nil
}

func checkHost(v string) error {
	if strings.ContainsAny(v, "/@?#") {
		return fmt.Errorf("%q is more than a host; write host or host:port", v)
	}
	if err := checkAuthority(v); err != nil {
		return err
	}
	if v != strings.ToLower(v) {
		return fmt.Errorf("%q is not canonical; write %s", v, strings.ToLower(v))
	}
	return nil
}

// redacted is what may be said of a value that could hold a password.
func redacted(v string) string {
	if scheme, _, found := strings.Cut(v, ":"); found {
		return scheme + ":…"
	}
	return v
}

// variable is a name that every shell can export.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkServerKey(v string) error {
	switch kind, rest, _ := strings.Cut(v, ":"); {
	case kind == "file" && rest != "":
		return checkText(rest)
	case kind == "env" && variable.MatchString(rest):
		return nil
	default:
		// The value is not repeated: somebody may have put the key itself here.
		return errors.New("names no key; write file:PATH or env:NAME, never the key itself")
	}
}

func checkKMS(v string) error {
	switch kind, rest, _ := strings.Cut(v, ":"); {
	case kind == "file" && rest != "":
		return checkText(rest)
	case kind == "aws-kms":
		return errors.New("aws-kms is not in this version; write file:PATH")
	default:
		return errors.New("names no key; write file:PATH, never the key itself")
	}
}

func checkMode(v string) error {
	if v != "cookie" && v != "token" {
		return fmt.Errorf("%q is not a choice; choose cookie or token", v)
	}
	return nil
}

func checkContact(v string) error {
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "mailto" || u.Opaque == "") && (u.Scheme != "https" || u.Host == "") {
		return fmt.Errorf("%q is no contact; write mailto:ADDRESS or an https address", v)
	}
	return checkText(v)
}

func checkLink(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no link; write an https address", v)
	}
	return checkText(v)
}

var accent = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func checkAccent(v string) error {
	if !accent.MatchString(v) {
		return fmt.Errorf("%q is no colour; write it as #2456c7", v)
	}
	return nil
}

func checkAudience(v string) error {
	if strings.ContainsFunc(v, unicode.IsSpace) {
		return fmt.Errorf("%q holds space; write one audience", v)
	}
	return checkText(v)
}

func checkProxy(p netip.Prefix) error {
	if p.Bits() == 0 {
		return fmt.Errorf("%s is everybody, who could then claim any address; name the proxies' own networks", p)
	}
	if p != p.Masked() {
		return fmt.Errorf("%s is not canonical; write %s", p, p.Masked())
	}
	return nil
}
