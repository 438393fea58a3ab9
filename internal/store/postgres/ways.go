package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// RecordStanding implements store.Ways.
func (s *Store) RecordStanding(ctx context.Context, v store.Standing) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			j.permitted(v.Ticket, nil)
			j.moves(v.Account, v.Next, v.Op)
			j.credential(v.Credential)
		},
		write: func(w *writes) {
			w.consume(v.Ticket, nil)
			w.nextAccount(v.Next, v.Op)
			w.nextCredential(v.Replace)
		},
	})
}

// RecordUnbinding implements store.Ways.
func (s *Store) RecordUnbinding(ctx context.Context, v store.Unbinding) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) { j.moves(v.Account, v.Next, v.Op) },
		write: func(w *writes) {
			w.nextAccount(v.Next, v.Op)
			w.dropCredential(v.Account.Key, v.Credential)
		},
	})
}

// RenameCredential implements store.Ways.
func (s *Store) RenameCredential(ctx context.Context, v store.Renaming) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			j.account(v.Account)
			j.ask(func(rows pgx.Rows) error {
				if !rows.Next() {
					return store.ErrNotFound
				}
				return nil
			}, "SELECT 1 FROM credentials WHERE key = $1 AND account = $2 FOR UPDATE", v.Credential, v.Account.Key)
		},
		write: func(w *writes) {
			w.add("UPDATE credentials SET name = $2 WHERE key = $1", v.Credential, full(v.Name))
		},
	})
}

// DeleteAccount implements store.Ways.
func (s *Store) DeleteAccount(ctx context.Context, v store.Deletion) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			j.ask(func(rows pgx.Rows) error {
				var version uint64
				switch {
				case !first(rows, &version):
					return errDone
				case version != v.Account.Version:
					return store.ErrConflict
				}
				return nil
			}, "SELECT version FROM accounts WHERE key = $1 FOR UPDATE", v.Account.Key)
		},
		write: func(w *writes) {
			w.add("DELETE FROM sessions WHERE account = $1", v.Account.Key)
			for _, key := range v.Identifiers {
				w.dropIdentifier(v.Account.Key, key)
			}
			for _, key := range v.Credentials {
				w.dropCredential(v.Account.Key, key)
			}
			w.add("DELETE FROM accounts WHERE key = $1", v.Account.Key)
		},
	})
}
