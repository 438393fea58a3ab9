// Package token owns what a Proof earns in token mode: signed access tokens, the
// keys that sign them, and the JWKS that lets others check them.
//
// An Issuer belongs to one door and accepts only what it signed itself, for its own
// audience, with a session that still lives: a bearer is never enough by itself. It
// signs and writes nothing, but for its keys. Tokens are put together in sign.go; parsing,
// verification and key sets come from go-jose, and what is stricter than that library
// stands in verify.go.
package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// What a caller of an Issuer can get wrong.
var (
	// ErrProof: a token was asked for without a Proof of a token-mode session.
	ErrProof = errors.New("token: no proof of a session in token mode")
	// ErrScope: a rotation asked for more than the session was given.
	ErrScope = errors.New("token: the scope is wider than the session's")
)

// Config is what an Issuer needs. Every field is required.
type Config struct {
	Door      string // names the door's keys in the store
	Issuer    string // iss: the public URL, byte for byte
	Audience  string // aud of access tokens
	Algorithm string // "ES256" or "EdDSA": what signs from now on
	Life      time.Duration
	Store     store.Keys
	Vault     *record.Vault
	Sessions  *session.Keeper
	Audit     *audit.Log
	Now       func() time.Time
	Rand      io.Reader
}

// Issuer signs and verifies the access tokens of one door. It is safe for concurrent
// use.
type Issuer struct {
	cfg  Config
	ring *ring
}

// New makes an Issuer, and its first signing key when the store has none.
func New(ctx context.Context, cfg Config) (*Issuer, error) {
	if !slices.Contains(algorithms(), jose.SignatureAlgorithm(cfg.Algorithm)) {
		return nil, fmt.Errorf("token: cannot sign with %q", cfg.Algorithm)
	}
	i := &Issuer{cfg: cfg, ring: &ring{}}
	if err := i.found(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

// Answer is a successful token response (RFC 6749 §5.1).
type Answer struct {
	AccessToken  string
	TokenType    string
	ExpiresIn    int // seconds
	RefreshToken string
	Scope        string
	IDToken      string // only when the scope holds "openid"
}

// Issue signs the tokens that a Proof earns. It refuses, with ErrProof, a zero Proof,
// one without a session and one whose session is carried by cookie.
func (i *Issuer) Issue(_ context.Context, p ceremony.Proof) (Answer, error) {
	current := p.Session()
	if current.IsZero() || current.View().Mode != session.ModeToken {
		return Answer{}, ErrProof
	}
	refresh, err := i.cfg.Sessions.Refresh(current)
	if err != nil {
		return Answer{}, fmt.Errorf("token: %w", err)
	}
	return i.sign(current, refresh, earned{scope: current.View().Scope, binding: p.Binding()})
}

// Renew rotates a refresh token and signs what its successor earns. scope may narrow
// the access token's (RFC 6749 §6); empty leaves it as it is. Errors are
// session.ErrNone for a token that is not live, ErrScope, or the store's.
func (i *Issuer) Renew(ctx context.Context, refresh, scope string, by audit.Caller) (Answer, session.Current, error) {
	current, next, err := i.cfg.Sessions.Rotate(ctx, session.Rotation{
		Door: i.cfg.Door, Token: refresh, By: by,
		Accept: func(v session.View) error {
			if !within(scope, v.Scope) {
				return ErrScope
			}
			return nil
		},
	})
	if err != nil {
		return Answer{}, session.Current{}, err
	}
	if scope == "" {
		scope = current.View().Scope
	}
	answer, err := i.sign(current, next, earned{scope: scope})
	return answer, current, err
}

// within tells whether every scope asked for was granted. What is no list of scopes by
// the grammar of RFC 6749 §3.3 was never granted.
func within(asked, granted string) bool {
	if asked == "" {
		return true
	}
	have := strings.Fields(granted)
	return !slices.ContainsFunc(strings.Split(asked, " "), func(s string) bool { return !slices.Contains(have, s) })
}

// earned is what differs between two answers for the same session.
type earned struct {
	scope   string
	binding []byte
}

// sign makes the answer for a session in token mode.
func (i *Issuer) sign(current session.Current, refresh string, e earned) (Answer, error) {
	signers, ok := i.ring.signers()
	if !ok {
		return Answer{}, errors.New("token: no primary signing key")
	}
	id, err := uuid.NewRandomFromReader(i.cfg.Rand)
	if err != nil {
		return Answer{}, fmt.Errorf("token: draw an identifier: %w", err)
	}
	about := i.about(current)
	answer := Answer{
		TokenType: "Bearer", ExpiresIn: int(about.Expires - about.Issued), RefreshToken: refresh, Scope: e.scope,
	}
	answer.AccessToken, err = signers.access.sign(Claims{
		About: about, Audience: i.cfg.Audience, ClientID: clientID, ID: id.String(), Scope: e.scope,
		Binding: base64.RawURLEncoding.EncodeToString(e.binding),
	})
	if err == nil && slices.Contains(strings.Fields(e.scope), "openid") {
		answer.IDToken, err = signers.id.sign(identify(about, current.Person()))
	}
	return answer, err
}

// about is what every token says of a session now.
func (i *Issuer) about(current session.Current) About {
	view, now := current.View(), i.cfg.Now()
	expires := now.Add(i.cfg.Life)
	if view.ExpiresAt.Before(expires) {
		expires = view.ExpiresAt
	}
	return About{
		Issuer: i.cfg.Issuer, Subject: current.Account().ID().String(), Expires: expires.Unix(), Issued: now.Unix(),
		Session: view.ID.String(), AuthTime: view.AuthTime.Unix(), ACR: view.ACR, AMR: view.AMR,
	}
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
