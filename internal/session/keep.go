package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Keep lets a session go on after the commit in which it ended every session of its
// account: a is the account as that commit wrote it. One that has ended since stays so,
// and so does one that ended before: nil, as it is for a session that goes on already. Only
// package ceremony calls it.
//
// It is a write of its own. Without it the session has ended, which is the safe side.
func (k *Keeper) Keep(ctx context.Context, c Current, a record.Account) error {
	if c.session.SessionEpoch+1 != a.SessionEpoch() {
		return nil
	}
	for range conflictTries {
		row, _, err := k.cfg.Store.SessionAndAccount(ctx, c.session.ID[:])
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("session: read: %w", err)
		}
		opened, err := k.cfg.Vault.OpenSession(row)
		if err != nil {
			if err = k.refuse(ctx, err); errors.Is(err, ErrNone) {
				return nil
			}
			return err
		}
		next := opened.Facts()
		next.SessionEpoch = a.SessionEpoch()
		_, err = k.replace(ctx, Current{ref: opened.Ref()}, next)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("session: keep: %w", store.ErrConflict)
}
