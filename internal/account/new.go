package account

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/record"
)

// Blank draws what every new account begins with: its identifier, its user handle
// and its salt. It is active, a member, and has no name and no way in.
func Blank(random io.Reader, now time.Time) (record.AccountFacts, error) {
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		return record.AccountFacts{}, fmt.Errorf("account: draw an identifier: %w", err)
	}
	handle, err := UserHandle(random)
	if err != nil {
		return record.AccountFacts{}, err
	}
	salt := make([]byte, 32)
	if _, err := io.ReadFull(random, salt); err != nil {
		return record.AccountFacts{}, fmt.Errorf("account: draw a salt: %w", err)
	}
	return record.AccountFacts{
		ID: id, UserHandle: handle, Salt: salt,
		State: record.StateActive, Role: record.RoleMember, Created: now,
	}, nil
}

// UserHandle draws a user handle (WebAuthn §4): the 43 characters of base64url(32
// random bytes), as bytes, so that it survives every system that takes a handle for
// text. It is never derived from a name.
func UserHandle(random io.Reader) ([]byte, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, fmt.Errorf("account: draw a user handle: %w", err)
	}
	return []byte(base64.RawURLEncoding.EncodeToString(raw)), nil
}
