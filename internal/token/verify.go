package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
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
	c, err := i.open(ctx, bearer)
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
	if current.Person().ID.String() != c.Subject {
		return session.Current{}, session.ErrNone
	}
	return current, nil
}

// open checks everything about a token that needs no session (RFC 8725, RFC 9068 §4).
func (i *Issuer) open(ctx context.Context, bearer string) (claims, error) {
	if len(bearer) > maxToken || !canonical(bearer) {
		return claims{}, errors.New("not a compact token")
	}
	parsed, err := jose.ParseSignedCompact(bearer, algorithms())
	if err != nil {
		return claims{}, fmt.Errorf("parse: %w", err)
	}
	header := parsed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typeAccess {
		return claims{}, errors.New("not an access token")
	}
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return claims{}, errors.New("critical header")
	}
	key, ok := i.lookup(ctx, header.KeyID)
	if !ok || key.Algorithm != header.Algorithm {
		return claims{}, errors.New("unknown key")
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return claims{}, fmt.Errorf("signature: %w", err)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, fmt.Errorf("claims: %w", err)
	}
	return c, i.judge(c)
}

func (i *Issuer) judge(c claims) error {
	now := i.cfg.Now()
	switch {
	case c.Issuer != i.cfg.Issuer:
		return errors.New("another issuer")
	case c.Audience != i.cfg.Audience:
		return errors.New("another audience")
	case c.ClientID != clientID:
		return errors.New("another client")
	case !now.Before(time.Unix(c.Expires, 0)):
		return errors.New("expired")
	case time.Unix(c.Issued, 0).After(now.Add(skew)):
		return errors.New("issued in the future")
	}
	return nil
}
