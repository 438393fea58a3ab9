package account

import (
	"context"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
)

// Activity reads what happened to an account, as audit.Log.Of does. Errors as Look, and
// audit.ErrCursor.
func (m Administration) Activity(ctx context.Context, id uuid.UUID, before []byte, limit int) ([]audit.Record, []byte, error) {
	a, err := m.subject(ctx, actLook, id)
	if err != nil {
		return nil, nil, err
	}
	return m.d.cfg.Audit.Of(ctx, a.ID(), before, limit)
}

// Events reads what happened to everybody, newest first, as audit.Log.Latest does. It
// takes an administrator. Errors are ErrForbidden, ErrStepUp, session.ErrNone,
// audit.ErrCursor.
func (m Administration) Events(ctx context.Context, before []byte, limit int) ([]audit.Record, []byte, error) {
	if err := m.allowed(actReadEvents); err != nil {
		return nil, nil, err
	}
	return m.d.cfg.Audit.Latest(ctx, before, limit)
}

// Export reads a part of a chain, as audit.Log.Part does. Errors as Events, but for the
// cursor's.
func (m Administration) Export(ctx context.Context, chain uint32, after uint64, limit int) ([]audit.Record, error) {
	if err := m.allowed(actReadEvents); err != nil {
		return nil, err
	}
	return m.d.cfg.Audit.Part(ctx, chain, after, limit)
}

// Verify walks every chain from its first event. Errors as Events, but for the cursor's.
func (m Administration) Verify(ctx context.Context) ([]audit.Report, error) {
	if err := m.allowed(actReadEvents); err != nil {
		return nil, err
	}
	return m.d.cfg.Audit.Verify(ctx, nil)
}
