// Package token owns what a Proof earns in token mode: signed access tokens, the
// keys that sign them, and the JWKS that lets others check them.
//
// An Issuer belongs to one door and accepts only what it signed itself, for its own
// audience, with a session that still lives: a bearer is never enough by itself. It
// signs and writes nothing, but for its keys. JOSE comes from go-jose; what is
// stricter than that library stands in verify.go.
package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// typeAccess is the typ of an access token (RFC 9068 §2.1).
const typeAccess = "at+jwt"

// clientID is the client of first-party tokens.
const clientID = "keyturn"

// ErrProof says that a token was asked for without a Proof of a token-mode session.
var ErrProof = errors.New("token: no proof of a session in token mode")

// Config is what an Issuer needs. Every field is required.
type Config struct {
	Door     string // names the door's keys in the store
	Issuer   string // iss: the public URL, byte for byte
	Audience string // aud
	Life     time.Duration
	Store    store.Keys
	Vault    *record.Vault
	Sessions *session.Keeper
	Audit    *audit.Log
	Now      func() time.Time
	Rand     io.Reader
}

// Issuer signs and verifies the access tokens of one door. It is safe for concurrent
// use.
type Issuer struct {
	cfg  Config
	ring *ring
}

// New makes an Issuer, and its first signing key when the store has none.
func New(ctx context.Context, cfg Config) (*Issuer, error) {
	i := &Issuer{cfg: cfg, ring: &ring{}}
	if err := i.found(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

// Answer is a successful token response (RFC 6749 §5.1).
type Answer struct {
	AccessToken string
	TokenType   string
	ExpiresIn   int // seconds
	Scope       string
}

// claims are those of an access token (RFC 9068 §2.2) and its session.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	ClientID string   `json:"client_id"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti"`
	Session  string   `json:"sid"`
	AuthTime int64    `json:"auth_time"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	Scope    string   `json:"scope,omitempty"`
}

// Issue signs the access token that a Proof earns. It refuses, with ErrProof, a zero
// Proof, one without a session and one whose session is carried by cookie.
func (i *Issuer) Issue(_ context.Context, p ceremony.Proof) (Answer, error) {
	current := p.Session()
	if current.IsZero() || current.View().Mode != session.ModeToken {
		return Answer{}, ErrProof
	}
	view, now := current.View(), i.cfg.Now()
	expires := now.Add(i.cfg.Life)
	if view.ExpiresAt.Before(expires) {
		expires = view.ExpiresAt
	}
	id, err := uuid.NewRandomFromReader(i.cfg.Rand)
	if err != nil {
		return Answer{}, fmt.Errorf("token: draw an identifier: %w", err)
	}
	body, err := json.Marshal(claims{
		Issuer: i.cfg.Issuer, Subject: current.Person().ID.String(), Audience: i.cfg.Audience, ClientID: clientID,
		Expires: expires.Unix(), Issued: now.Unix(), ID: id.String(), Session: view.ID.String(),
		AuthTime: view.AuthTime.Unix(), ACR: view.ACR, AMR: view.AMR, Scope: view.Scope,
	})
	if err != nil {
		return Answer{}, fmt.Errorf("token: encode: %w", err)
	}
	signer := i.ring.signer()
	if signer == nil {
		return Answer{}, errors.New("token: no primary signing key")
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return Answer{}, fmt.Errorf("token: sign: %w", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return Answer{}, fmt.Errorf("token: serialize: %w", err)
	}
	return Answer{
		AccessToken: text, TokenType: "Bearer",
		ExpiresIn: int(expires.Sub(now) / time.Second), Scope: view.Scope,
	}, nil
}

// JWKS is the JSON Web Key Set (RFC 7517 §5) of the keys that may have signed a token
// that still lives, or will sign the next ones.
func (i *Issuer) JWKS(context.Context) ([]byte, error) {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: i.ring.public()})
	if err != nil {
		return nil, fmt.Errorf("token: encode keys: %w", err)
	}
	return set, nil
}
