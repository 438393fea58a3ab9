package sqlite

import (
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// RecordStanding implements store.Ways.
func (s *Store) RecordStanding(ctx context.Context, v store.Standing) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if t.replaced(v.Next, v.Op) {
			return nil
		}
		if err := t.permitted(v.Ticket, nil); err != nil {
			return err
		}
		if !t.stands(findAccount, v.Account) || !t.stands(findCredential, v.Credential) {
			return store.ErrConflict
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.consume(v.Ticket, nil)
		t.replaceAccount(v.Next, v.Op)
		t.replaceCredential(v.Replace)
		t.putEvent(event)
		return nil
	})
}

// RecordUnbinding implements store.Ways.
func (s *Store) RecordUnbinding(ctx context.Context, v store.Unbinding) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if t.replaced(v.Next, v.Op) {
			return nil
		}
		if !t.stands(findAccount, v.Account) {
			return store.ErrConflict
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.replaceAccount(v.Next, v.Op)
		t.write("DELETE FROM credentials WHERE key = ? AND account = ?", v.Credential, v.Account.Key)
		t.putEvent(event)
		return nil
	})
}

// RenameCredential implements store.Ways.
func (s *Store) RenameCredential(ctx context.Context, v store.Renaming) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.stands(findAccount, v.Account) {
			return store.ErrConflict
		}
		if !t.exists("SELECT 1 FROM credentials WHERE key = ? AND account = ?", v.Credential, v.Account.Key) {
			return store.ErrNotFound
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.write("UPDATE credentials SET name = ? WHERE key = ?", v.Name, v.Credential)
		t.putEvent(event)
		return nil
	})
}

// DeleteAccount implements store.Ways.
func (s *Store) DeleteAccount(ctx context.Context, v store.Deletion) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.exists(findAccount, v.Account.Key) {
			return nil
		}
		if !t.stands(findAccount, v.Account) {
			return store.ErrConflict
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.write("DELETE FROM sessions WHERE account = ?", v.Account.Key)
		for _, key := range v.Identifiers {
			t.write("DELETE FROM identifiers WHERE key = ? AND account = ?", key, v.Account.Key)
		}
		for _, key := range v.Credentials {
			t.write("DELETE FROM credentials WHERE key = ? AND account = ?", key, v.Account.Key)
		}
		t.write("DELETE FROM accounts WHERE key = ?", v.Account.Key)
		t.putEvent(event)
		return nil
	})
}
