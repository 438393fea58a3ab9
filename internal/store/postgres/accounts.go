package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// Account implements store.Reader.
func (s *Store) Account(ctx context.Context, key []byte) (store.Row, error) {
	return readOne(ctx, s, scanRow, "SELECT key, version, body FROM accounts WHERE key = $1", full(key))
}

// Identifier implements store.Reader.
func (s *Store) Identifier(ctx context.Context, key []byte) (store.Identifier, error) {
	return readOne(ctx, s, func(row pgx.CollectableRow) (i store.Identifier, err error) {
		err = row.Scan((*blob)(&i.Key), (*blob)(&i.Account), (*blob)(&i.Body))
		return i, err
	}, "SELECT key, account, body FROM identifiers WHERE key = $1", full(key))
}

// ListAccounts implements store.Accounts.
func (s *Store) ListAccounts(ctx context.Context, after []byte, limit int) ([]store.Row, error) {
	return readAll(ctx, s, scanRow,
		"SELECT key, version, body FROM accounts WHERE key > $1 ORDER BY key LIMIT $2", full(after), max(limit, 0))
}

// ReplaceAccount implements store.Accounts.
func (s *Store) ReplaceAccount(ctx context.Context, v store.AccountChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			if v.Spend != nil {
				j.spent(*v.Spend, v.Op, verbAccount)
			}
			j.permitted(v.Ticket, nil)
			j.identifiersFree(v.Account.Key, v.Add)
			if v.Spend != nil {
				j.account(v.Account)
			} else {
				j.moves(v.Account, v.Next, v.Op)
			}
		},
		write: func(w *writes) {
			if v.Spend != nil {
				w.spend(*v.Spend, v.Op, verbAccount)
			}
			w.consume(v.Ticket, nil)
			w.nextAccount(v.Next, v.Op)
			for _, key := range v.Drop {
				w.dropIdentifier(v.Account.Key, key)
			}
			w.identifiers(v.Add)
		},
	})
}
