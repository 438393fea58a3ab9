package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // refuses duplicate names, and takes them by case
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/session"
)

// maxToken bounds what is parsed, in bytes.
const maxToken = 8 << 10

// skew is how far the clock that stamped a token may be from ours.
const skew = 60 * time.Second

// Verify tells who a bearer belongs to. Whatever is wrong with it is
// session.ErrNone; any other error says that the store could not be asked.
func (i *Issuer) Verify(ctx context.Context, bearer string) (session.Current, error) {
	c, err := Check(bearer, Expectation{
		Issuer: i.cfg.Issuer, Audience: i.cfg.Audience, Now: i.cfg.Now(),
		Key: func(kid string) (jose.JSONWebKey, bool) { return i.lookup(ctx, kid) },
	})
	if err != nil {
		return session.Current{}, fmt.Errorf("%w: %w", session.ErrNone, err)
	}
	id, err := uuid.Parse(c.Session)
	if err != nil || id.String() != c.Session {
		return session.Current{}, session.ErrNone
	}
	current, err := i.cfg.Sessions.Resume(ctx, id)
	if err != nil {
		return session.Current{}, err
	}
	if current.Account().ID().String() != c.Subject {
		return session.Current{}, session.ErrNone
	}
	return current, nil
}

// Expectation is what an access token is judged by. Every field is required.
type Expectation struct {
	Issuer   string // byte for byte
	Audience string
	Now      time.Time
	// Key finds a public key by its identifier; the key says its algorithm.
	Key func(kid string) (jose.JSONWebKey, bool)
}

// Check judges everything about an access token that needs no session (RFC 8725, RFC
// 9068 §4). Its errors are for a log: a client learns only that the token is not good.
func Check(bearer string, e Expectation) (Claims, error) {
	if len(bearer) > maxToken || !canonical(bearer) {
		return Claims{}, errors.New("not a compact token")
	}
	parsed, err := jose.ParseSignedCompact(bearer, algorithms())
	if err != nil {
		return Claims{}, fmt.Errorf("parse: %w", err)
	}
	header := parsed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typeAccess {
		return Claims{}, errors.New("not an access token")
	}
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return Claims{}, errors.New("critical header")
	}
	key, ok := e.Key(header.KeyID)
	if !ok || key.Algorithm != header.Algorithm {
		return Claims{}, errors.New("unknown key")
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return Claims{}, fmt.Errorf("signature: %w", err)
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, fmt.Errorf("claims: %w", err)
	}
	return c, e.judge(c)
}

func (e Expectation) judge(c Claims) error {
	switch {
	case c.Issuer != e.Issuer:
		return errors.New("another issuer")
	case c.Audience != e.Audience:
		return errors.New("another audience")
	case c.ClientID != clientID:
		return errors.New("another client")
	case c.Subject == "" || c.Session == "":
		return errors.New("no subject or session")
	case !e.Now.Before(time.Unix(c.Expires, 0)):
		return errors.New("expired")
	case time.Unix(c.Issued, 0).After(e.Now.Add(skew)):
		return errors.New("issued in the future")
	}
	return nil
}
