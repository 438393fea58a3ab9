package httpapi

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
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

func (c cookies) set(h http.Header, name, value string, life time.Duration) {
	cookie := http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if life <= 0 {
		cookie.MaxAge = -1
	}
	h.Add("Set-Cookie", cookie.String())
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

func values(r *http.Request, name string) []string {
	var found []string
	for _, cookie := range r.CookiesNamed(name) {
		found = append(found, cookie.Value)
	}
	return found
}
