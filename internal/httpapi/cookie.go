package httpapi

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

const (
	// secretSize is the ceremony cookie's secret, in bytes.
	secretSize = 32
	// ceremonyLife is how long a ceremony cookie lives: as long as the answer to a
	// challenge is accepted.
	ceremonyLife = 10 * time.Minute
	// knownLife is how long a browser is known without signing in: the longest that
	// browsers keep a cookie (RFC 6265bis §5.5).
	knownLife = 400 * 24 * time.Hour
)

// cookies knows the names of our three cookies and their attributes. The __Host- prefix
// makes the browser see to it that no other host and no http page sets them
// (RFC 6265bis §4.1.3.2); on http://localhost it cannot, so development has names of
// its own, which nothing else reads.
type cookies struct {
	session  string
	ceremony string
	known    string // says that this browser has signed somebody in; it gives no authority
	secure   bool
}

func newCookies(development bool) cookies {
	if development {
		return cookies{session: "keyturn-dev", ceremony: "keyturn-dev-ceremony", known: "keyturn-known-dev"}
	}
	return cookies{session: "__Host-keyturn", ceremony: "__Host-keyturn-ceremony", known: "__Host-keyturn-known", secure: true}
}

// set writes what http.Cookie would (RFC 6265 §4.1), a fifth as fast: values are ours,
// base64url, and need neither quotes nor judgement.
func (c cookies) set(h http.Header, name, value string, life time.Duration) {
	text := make([]byte, 0, 192)
	text = append(append(append(text, name...), '='), value...)
	text = strconv.AppendInt(append(text, "; Path=/; Max-Age="...), max(0, int64(life.Seconds())), 10)
	text = append(text, "; HttpOnly"...)
	if c.secure {
		text = append(text, "; Secure"...)
	}
	h.Add("Set-Cookie", string(append(text, "; SameSite=Lax"...)))
}

// clear removes those of a session. That the browser was used here stays known.
func (c cookies) clear(h http.Header) {
	c.set(h, c.session, "", 0)
	c.set(h, c.ceremony, "", 0)
}

// sessions are the values of the session cookie that were presented.
func (c cookies) sessions(r *http.Request) []string { return values(r, c.session) }

// knownTo is what the browser shows of whom it has signed in: "" for nothing, or for
// what two cookies say.
func (c cookies) knownTo(r *http.Request) string {
	sent := values(r, c.known)
	if len(sent) != 1 {
		return ""
	}
	return sent[0]
}

// secret is what the ceremony cookie holds. present tells that one was sent, readable
// or not; two of them are none.
func (c cookies) secret(r *http.Request) (secret []byte, present bool) {
	sent := values(r, c.ceremony)
	if len(sent) != 1 {
		return nil, len(sent) > 0
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(sent[0])
	if err != nil || len(secret) != secretSize {
		return nil, true
	}
	return secret, true
}

// bind gives the secret that binds a ceremony to this browser and sets the cookie
// that carries it. A secret that is there already stays, so that two tabs can run a
// ceremony each.
func (c cookies) bind(h http.Header, r *http.Request, random io.Reader) ([]byte, error) {
	secret, _ := c.secret(r)
	if secret == nil {
		secret = make([]byte, secretSize)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("httpapi: draw a ceremony secret: %w", err)
		}
	}
	c.set(h, c.ceremony, base64.RawURLEncoding.EncodeToString(secret), ceremonyLife)
	return secret, nil
}

// values are the values of a cookie that were sent, as http.Request.CookiesNamed reads
// them. It reads every cookie for the one it is asked for, and a call asks five times.
func values(r *http.Request, name string) []string {
	var found []string
	for _, line := range r.Header["Cookie"] {
		if !strings.Contains(line, name) {
			continue
		}
		for pair := range strings.SplitSeq(line, ";") {
			sent, value, _ := strings.Cut(textproto.TrimString(pair), "=")
			if textproto.TrimString(sent) != name {
				continue
			}
			if value, ok := cookieValue(value); ok {
				found = append(found, value)
			}
		}
	}
	return found
}

// cookieValue takes a value out of its quotes. ok is false when it holds what no value
// may (RFC 6265 §4.1.1; space and comma are let through, as net/http does).
func cookieValue(sent string) (value string, ok bool) {
	if len(sent) > 1 && sent[0] == '"' && sent[len(sent)-1] == '"' {
		sent = sent[1 : len(sent)-1]
	}
	for i := range len(sent) {
		if c := sent[i]; c < ' ' || c > '~' || c == '"' || c == ';' || c == '\\' {
			return "", false
		}
	}
	return sent, true
}
