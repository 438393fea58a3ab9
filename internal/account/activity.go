package account

import (
	"context"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/session"
)

// Activity reads what happened to the account of who is signed in, newest first, as
// audit.Log.Of does.
func (d *Directory) Activity(ctx context.Context, c session.Current, before []byte, limit int) ([]audit.Record, []byte, error) {
	return d.cfg.Audit.Of(ctx, c.Person().ID, before, limit)
}
