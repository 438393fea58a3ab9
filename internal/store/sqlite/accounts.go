package sqlite

import (
	"bytes"
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const findAccount = "SELECT version FROM accounts WHERE key = ?"

// Account implements store.Reader.
func (s *Store) Account(ctx context.Context, key []byte) (store.Row, error) {
	var a store.Row
	err := s.readOne(ctx, "SELECT key, version, body FROM accounts WHERE key = ?",
		func(stmt *sqlite.Stmt) { a = scanRow(stmt, 0) }, key)
	return a, err
}

// Identifier implements store.Reader.
func (s *Store) Identifier(ctx context.Context, key []byte) (store.Identifier, error) {
	var i store.Identifier
	err := s.readOne(ctx, "SELECT key, account, body FROM identifiers WHERE key = ?",
		func(stmt *sqlite.Stmt) {
			i = store.Identifier{Key: blob(stmt, 0), Account: blob(stmt, 1), Body: blob(stmt, 2)}
		}, key)
	return i, err
}

// ListAccounts implements store.Accounts.
func (s *Store) ListAccounts(ctx context.Context, after []byte, limit int) ([]store.Row, error) {
	var list []store.Row
	err := s.readAll(ctx, "SELECT key, version, body FROM accounts WHERE key > ? ORDER BY key LIMIT ?",
		func(stmt *sqlite.Stmt) { list = append(list, scanRow(stmt, 0)) }, after, max(limit, 0))
	return list, err
}

// ReplaceAccount implements store.Accounts.
func (s *Store) ReplaceAccount(ctx context.Context, v store.AccountChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.judgeAccountChange(v); done || err != nil {
			return err
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		if v.Spend != nil {
			t.putSpend(*v.Spend, v.Op, verbAccount)
		}
		t.consume(v.Ticket, nil)
		t.replaceAccount(v.Next, v.Op)
		for _, key := range v.Drop {
			t.write("DELETE FROM identifiers WHERE key = ? AND account = ?", key, v.Account.Key)
		}
		for _, i := range v.Add {
			t.putIdentifier(i)
		}
		t.putEvent(event)
		return nil
	})
}

func (t *tx) judgeAccountChange(v store.AccountChange) (done bool, err error) {
	if v.Spend != nil {
		done, err = t.spent(*v.Spend, v.Op, verbAccount)
	} else {
		done = t.replaced(v.Next, v.Op)
	}
	if done || err != nil {
		return done, err
	}
	if err := t.permitted(v.Ticket, nil); err != nil {
		return false, err
	}
	if t.identifiersTaken(v.Add) {
		return false, &store.TakenError{Table: store.TableIdentifiers}
	}
	if !t.stands(findAccount, v.Account) {
		return false, store.ErrConflict
	}
	return false, nil
}

// replaced tells whether op's change is the last that happened to the account.
func (t *tx) replaced(next store.Row, op store.OpID) (done bool) {
	t.read("SELECT version, op FROM accounts WHERE key = ?", func(stmt *sqlite.Stmt) {
		done = unsigned(stmt, 0) == next.Version && bytes.Equal(blob(stmt, 1), op[:])
	}, next.Key)
	return done
}

func (t *tx) replaceAccount(next store.Row, op store.OpID) {
	t.write("UPDATE accounts SET version = ?, body = ?, op = ? WHERE key = ?",
		next.Version, next.Body, op[:], next.Key)
}

// identifiersTaken tells whether another account has one of list, or list names
// one twice. Its own account's is not taken: writing it again is fine.
func (t *tx) identifiersTaken(list []store.Identifier) bool {
	for n, i := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, i.Key) {
				return true
			}
		}
		if t.exists("SELECT 1 FROM identifiers WHERE key = ? AND account <> ?", i.Key, i.Account) {
			return true
		}
	}
	return false
}

func (t *tx) putIdentifier(i store.Identifier) {
	t.write(`INSERT INTO identifiers (key, account, body) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET account = excluded.account, body = excluded.body`,
		i.Key, i.Account, i.Body)
}
