package keyturn

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
)

// administration is what the operator may do to everybody.
func (o Operator) administration() account.Administration {
	return o.server.accounts.Operate(audit.Caller{})
}

// on does something to the account of a username, a proved address or an identifier.
// ErrAccountUnknown when there is none.
func (o Operator) on(ctx context.Context, nameOrID string, do func(account.Administration, uuid.UUID) error) error {
	admin := o.administration()
	id, err := admin.Named(ctx, nameOrID)
	if err != nil {
		return err
	}
	return do(admin, id)
}

// SetDisabled disables an account, with every session, link and ticket of it, or enables
// it. reason is for whoever reads the events. ErrAccountUnknown.
func (o Operator) SetDisabled(ctx context.Context, nameOrID string, disabled bool, reason string) (after Account, err error) {
	err = o.on(ctx, nameOrID, func(admin account.Administration, id uuid.UUID) error {
		after, err = admin.Change(ctx, id, account.Amendment{Disabled: &disabled, Reason: reason})
		return err
	})
	return after, err
}

// SetRole makes somebody a "member", "support" or an "admin". ErrAccountUnknown.
func (o Operator) SetRole(ctx context.Context, nameOrID, role, reason string) (after Account, err error) {
	err = o.on(ctx, nameOrID, func(admin account.Administration, id uuid.UUID) error {
		after, err = admin.Change(ctx, id, account.Amendment{Role: &role, Reason: reason})
		return err
	})
	return after, err
}

// Passkey is a passkey in a list.
type Passkey = account.Passkey

// Passkeys lists the passkeys of an account, oldest first. ErrAccountUnknown.
func (o Operator) Passkeys(ctx context.Context, nameOrID string) (list []Passkey, err error) {
	err = o.on(ctx, nameOrID, func(admin account.Administration, id uuid.UUID) error {
		list, err = admin.Passkeys(ctx, id)
		return err
	})
	return list, err
}

// SetSuspended suspends a passkey of an account, with the sessions that it proved, or
// restores it, for which there must be a reason. ErrAccountUnknown, ErrPasskeyUnknown.
func (o Operator) SetSuspended(ctx context.Context, nameOrID string, passkey uuid.UUID, suspended bool, reason string) (after Passkey, err error) {
	err = o.on(ctx, nameOrID, func(admin account.Administration, id uuid.UUID) error {
		after, err = admin.SetSuspended(ctx, id, passkey, suspended, reason)
		return err
	})
	return after, err
}

// RemovePasskey removes a passkey of an account. ErrAccountUnknown, ErrPasskeyUnknown.
func (o Operator) RemovePasskey(ctx context.Context, nameOrID string, passkey uuid.UUID, reason string) error {
	return o.on(ctx, nameOrID, func(admin account.Administration, id uuid.UUID) error {
		return admin.RemovePasskey(ctx, id, passkey, reason)
	})
}

// ChainHead is where a chain of events ends. Kept outside the database, an old one shows
// that what led to it is still there.
type ChainHead struct {
	Chain  uint32 `json:"chain"`
	Number uint64 `json:"events"`
	Link   []byte `json:"head,omitempty"` // of the last event
}

// ChainReport is how far a chain of events verifies.
type ChainReport struct {
	ChainHead
	// Fault is empty, "tampered" (the event after the head does not verify), "shortened"
	// (it ends before a head that was kept), or "replaced" (it leads to another one).
	Fault string `json:"fault,omitempty"`
}

// VerifyEvents walks every chain of events from its first, and compares it with heads that
// were kept of an earlier walk, if any.
func (o Operator) VerifyEvents(ctx context.Context, kept []ChainHead) ([]ChainReport, error) {
	heads := make([]audit.Head, len(kept))
	for i, k := range kept {
		heads[i] = audit.Head(k)
	}
	found, err := o.server.audit.Verify(ctx, heads)
	if err != nil {
		return nil, fmt.Errorf("keyturn: verify the events: %w", err)
	}
	reports := make([]ChainReport, len(found))
	for i, r := range found {
		reports[i] = ChainReport{ChainHead(r.Head), string(r.Fault)}
	}
	return reports, nil
}
