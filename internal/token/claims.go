package token

import "github.com/keyturn/keyturn/internal/session"

// The typ of our tokens. An ID token is told apart from an access token by it and by
// its audience (RFC 8725 §3.11).
const (
	typeAccess = "at+jwt" // RFC 9068 §2.1
	typeID     = "JWT"
)

// clientID is the client of first-party tokens.
const clientID = "keyturn"

// About are the claims that access and ID tokens share.
type About struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	Session  string   `json:"sid"`
	AuthTime int64    `json:"auth_time"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
}

// Claims are those of an access token (RFC 9068 §2.2).
type Claims struct {
	About
	Audience string `json:"aud"`
	ClientID string `json:"client_id"`
	ID       string `json:"jti"`
	Scope    string `json:"scope,omitempty"`
	// Binding is what the person approved by a step-up, base64url.
	Binding string `json:"binding,omitempty"`
}

// idClaims are those of an ID token (OpenID Connect Core §2, §5.1).
type idClaims struct {
	About
	Audience      string `json:"aud"`
	Username      string `json:"preferred_username,omitempty"`
	Name          string `json:"name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
}

// identify makes the claims of an ID token. Only a proved address stands in it.
func identify(a About, p session.Person) idClaims {
	return idClaims{
		About: a, Audience: clientID, Username: p.Username, Name: p.DisplayName,
		Email: p.Email, EmailVerified: p.Email != "",
	}
}
