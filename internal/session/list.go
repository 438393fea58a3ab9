package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// page is how many sessions are read at a time.
const page = 100

// Listed is a session in its person's list.
type Listed struct {
	View
	Created   time.Time
	LastSeen  time.Time
	UserAgent string
	Current   bool // the one that asks
}

// List reads the live sessions of who is signed in, newest first, up to limit, those
// before the one given (uuid.Nil: from the newest). next is uuid.Nil at the end.
func (k *Keeper) List(ctx context.Context, c Current, before uuid.UUID, limit int) (list []Listed, next uuid.UUID, err error) {
	return k.list(ctx, c, before, limit)
}

// ListOf is List for the account of somebody else, whom package account lets the caller
// look at. None of the sessions is the one that asks.
func (k *Keeper) ListOf(ctx context.Context, a record.Account, before uuid.UUID, limit int) (list []Listed, next uuid.UUID, err error) {
	return k.list(ctx, Current{account: a}, before, limit)
}

func (k *Keeper) list(ctx context.Context, c Current, before uuid.UUID, limit int) (list []Listed, next uuid.UUID, err error) {
	all, err := k.of(ctx, c)
	if err != nil {
		return nil, uuid.Nil, err
	}
	slices.Reverse(all)
	for _, f := range all {
		if before != uuid.Nil && slices.Compare(f.ID[:], before[:]) >= 0 {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].ID, nil
		}
		list = append(list, Listed{
			View: Current{session: f}.View(), Created: f.Created, LastSeen: f.LastSeen,
			UserAgent: f.UserAgent, Current: f.ID == c.session.ID,
		})
	}
	return list, uuid.Nil, nil
}

// of reads the live sessions of an account, oldest first. Rows that were tampered
// with are left out, with an alarm.
func (k *Keeper) of(ctx context.Context, c Current) ([]record.SessionFacts, error) {
	var (
		live  []record.SessionFacts
		after []byte
		now   = k.cfg.Now()
	)
	for {
		rows, err := k.cfg.Store.SessionsOf(ctx, c.account.Key(), after, page)
		if err != nil {
			return nil, fmt.Errorf("session: list: %w", err)
		}
		for _, row := range rows {
			after = row.Key
			opened, err := k.cfg.Vault.OpenSession(row)
			if err != nil {
				if err := k.refuse(ctx, err); !errors.Is(err, ErrNone) {
					return nil, err
				}
				continue
			}
			if f := opened.Facts(); alive(f, c.account, now) {
				live = append(live, f)
			}
		}
		if len(rows) < page {
			return live, nil
		}
	}
}

// EndOther ends one session of who is signed in, by its identifier. ErrNone when the
// account has no such session; whose it is instead is in no answer.
func (k *Keeper) EndOther(ctx context.Context, c Current, id uuid.UUID, by audit.Caller) error {
	if err := k.has(ctx, c.account, id); err != nil {
		return err
	}
	return k.end(ctx, c, id, by)
}

// EndOf ends one session of somebody else's account, in which package account lets actor
// do so. Errors as EndOther.
func (k *Keeper) EndOf(ctx context.Context, a record.Account, id uuid.UUID, actor Current, by audit.Caller) error {
	if err := k.has(ctx, a, id); err != nil {
		return err
	}
	entry := audit.Entry{Name: audit.SignedOut, Account: a.ID(), Session: id, Code: audit.CodeElsewhere, Actor: actor.account.ID()}
	return k.endAs(ctx, entry.By(by))
}

// has gives ErrNone unless an account has the session.
func (k *Keeper) has(ctx context.Context, a record.Account, id uuid.UUID) error {
	row, _, err := k.cfg.Store.SessionAndAccount(ctx, id[:])
	if errors.Is(err, store.ErrNotFound) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("session: read: %w", err)
	}
	opened, err := k.cfg.Vault.OpenSession(row)
	if err != nil {
		return k.refuse(ctx, err)
	}
	if opened.Facts().Account != a.ID() {
		return ErrNone
	}
	return nil
}

// EndOthers ends every session of who is signed in but the one that asks, and tells
// how many.
func (k *Keeper) EndOthers(ctx context.Context, c Current, by audit.Caller) (int, error) {
	all, err := k.of(ctx, c)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, f := range all {
		if f.ID == c.session.ID {
			continue
		}
		if err := k.end(ctx, c, f.ID, by); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

func (k *Keeper) end(ctx context.Context, c Current, id uuid.UUID, by audit.Caller) error {
	entry := audit.Entry{Name: audit.SignedOut, Account: c.account.ID(), Session: id}
	if id != c.session.ID {
		entry.Code = audit.CodeElsewhere
	}
	return k.endAs(ctx, entry.By(by))
}

// endAs ends the session that an event tells of.
func (k *Keeper) endAs(ctx context.Context, entry audit.Entry) error {
	op, err := k.operation()
	if err != nil {
		return err
	}
	err = k.cfg.Store.ReplaceSession(ctx, store.SessionChange{
		Op: op, Old: entry.Session[:], Event: k.cfg.Audit.Event(entry),
	})
	if err != nil {
		return fmt.Errorf("session: end: %w", err)
	}
	return nil
}
