package session

import (
	"encoding/base64"

	"github.com/google/uuid"
)

// secretSize is the random part of a session cookie, in bytes.
const secretSize = 32

// cookiePurpose separates the hashes of session cookies from all other secrets.
const cookiePurpose = "session-cookie"

var cookieEncoding = base64.RawURLEncoding.Strict()

// formatCookie is session identifier ‖ secret, base64url.
func formatCookie(id uuid.UUID, secret []byte) string {
	return cookieEncoding.EncodeToString(append(id[:], secret...))
}

// parseCookie takes a cookie apart. Only the one canonical text of the right length
// parses: a truncated or extended value is no cookie.
func parseCookie(value string) (id uuid.UUID, secret []byte, ok bool) {
	if len(value) != cookieEncoding.EncodedLen(len(id)+secretSize) {
		return uuid.Nil, nil, false
	}
	raw, err := cookieEncoding.DecodeString(value)
	if err != nil || len(raw) != len(id)+secretSize {
		return uuid.Nil, nil, false
	}
	copy(id[:], raw)
	return id, raw[len(id):], true
}
