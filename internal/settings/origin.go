package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// checkPublicURL wants an origin: the issuer of tokens and the base of links are made
// by appending to it.
func checkPublicURL(s string) error {
	_, err := parseOrigin(s)
	return err
}

// checkOrigin wants what a browser sends as Origin, since origins are compared byte
// for byte (RFC 6454 §6.2).
func checkOrigin(s string) error {
	switch s {
	case "*":
		return errors.New("* would let every site in; name each origin")
	case "null":
		return errors.New("null is the origin of sandboxed pages and files, anybody's; name each origin")
	}
	_, err := parseOrigin(s)
	return err
}

// parseOrigin reads an http or https origin in its canonical form.
func parseOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is no origin; write https://host, and :port where it is not 443", s)
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not https; write https://host", s)
	}
	if err := checkAuthority(u.Host); err != nil {
		return nil, fmt.Errorf("%q is not canonical: %w", s, err)
	}
	if canonical := canonicalOrigin(u); s != canonical {
		return nil, fmt.Errorf("%q is not canonical; write %s", s, canonical)
	}
	return u, nil
}

// canonicalOrigin is the origin of a URL as browsers serialise it: nothing but
// scheme, host in lower case, and the port where it is not the scheme's own.
func canonicalOrigin(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// checkAuthority judges host and port of an origin.
func checkAuthority(authority string) error {
	u := url.URL{Host: authority}
	if port := u.Port(); port != "" {
		if err := checkPort(port); err != nil {
			return err
		}
	} else if strings.HasSuffix(authority, ":") {
		return errors.New("a colon without a port")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil
	}
	return checkDomain(u.Hostname())
}

func checkPort(port string) error {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return fmt.Errorf("%q is no port; write a number from 1 to 65535", port)
	}
	return nil
}

// checkDomain wants a host name, in any case and script, that DNS could hold.
func checkDomain(name string) error {
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
	if err != nil || len(ascii) > 253 {
		return fmt.Errorf("%q is no domain name", name)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("%q is no domain name", name)
		}
	}
	return nil
}

// checkRPID wants a domain in its canonical form. Which domains are safe is judged
// with the rest (refusals).
func checkRPID(id string) error {
	if _, err := netip.ParseAddr(strings.Trim(id, "[]")); err == nil {
		return fmt.Errorf("%s is an IP address, and passkeys are made for domains; give the server a name", id)
	}
	if err := checkDomain(id); err != nil {
		return fmt.Errorf("%w; write a bare domain such as example.com, without scheme or port", err)
	}
	if ascii, err := idna.Lookup.ToASCII(strings.ToLower(id)); err == nil && ascii != id {
		return fmt.Errorf("%q is not canonical; write %s", id, ascii)
	}
	return nil
}

// within tells whether an origin's host is the domain or below it: what browsers
// demand of an RP ID (WebAuthn §5.1.3 step 8).
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}
