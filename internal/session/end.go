package session

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/store"
)

// conflictTries bounds how often a change is judged again after another one moved
// the same account.
const conflictTries = 8

// End signs the current session out, or every session of its account. Ending one
// that has ended already is nil.
func (k *Keeper) End(ctx context.Context, c Current, everywhere bool, by audit.Caller) error {
	if everywhere {
		return k.endAll(ctx, c, by)
	}
	return k.end(ctx, c, c.session.ID, by)
}

// endAll moves the account's session epoch: one write ends every session, whatever
// their number.
func (k *Keeper) endAll(ctx context.Context, c Current, by audit.Caller) error {
	op, err := k.operation()
	if err != nil {
		return err
	}
	account := c.account
	event := k.cfg.Audit.Event(audit.Entry{Name: audit.AllSignedOut, Account: account.ID(), Session: c.session.ID}.By(by))
	for range conflictTries {
		facts := account.Facts()
		facts.SessionEpoch++
		next, err := k.cfg.Vault.SealAccount(facts, account.Version()+1)
		if err != nil {
			return fmt.Errorf("session: seal account: %w", err)
		}
		err = k.cfg.Store.ReplaceAccount(ctx, store.AccountChange{Op: op, Account: account.Ref(), Next: next, Event: event})
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("session: end all: %w", err)
		}
		row, err := k.cfg.Store.Account(ctx, account.Key())
		if err != nil {
			return fmt.Errorf("session: read account: %w", err)
		}
		if account, err = k.cfg.Vault.OpenAccount(row); err != nil {
			return k.refuse(ctx, err)
		}
	}
	return fmt.Errorf("session: end all: %w", store.ErrConflict)
}

func (k *Keeper) operation() (op store.OpID, err error) {
	if _, err = io.ReadFull(k.cfg.Rand, op[:]); err != nil {
		return op, fmt.Errorf("session: draw an operation: %w", err)
	}
	return op, nil
}
