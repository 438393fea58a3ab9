package dynamo

import (
	"bytes"
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// RecordStanding implements store.Ways. It locks the stored right or else the account; the
// others of account and credential, which no reader sees moved one without the other.
func (s *Store) RecordStanding(ctx context.Context, v store.Standing) error {
	if err := v.Check(); err != nil {
		return err
	}
	account, credential := single(inAccounts, v.Account.Key), single(inCredentials, v.Credential.Key)
	needs := append([]place{account, credential}, rights(v.Ticket, nil)...)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if t.happened(v.Next, v.Op) {
			return true, nil
		}
		if err := t.permitted(v.Ticket, nil); err != nil {
			return false, err
		}
		if !t.stands(account, v.Account) || !t.stands(credential, v.Credential) {
			return false, store.ErrConflict
		}
		t.consume(v.Ticket, nil)
		t.put(account, accountItem(v.Next, v.Op))
		t.put(credential, replaced(t.get(credential), v.Replace))
		return false, nil
	}})
}

// RecordUnbinding implements store.Ways. It locks the account; the credential. A credential
// is gone from the moment that the account's map does not name it.
func (s *Store) RecordUnbinding(ctx context.Context, v store.Unbinding) error {
	if err := v.Check(); err != nil {
		return err
	}
	account, credential := single(inAccounts, v.Account.Key), single(inCredentials, v.Credential)
	needs := []place{account, credential}
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if t.happened(v.Next, v.Op) {
			return true, nil
		}
		if !t.stands(account, v.Account) {
			return false, store.ErrConflict
		}
		t.put(account, accountItem(v.Next, v.Op))
		t.dropOwn(credential, v.Account.Key)
		return false, nil
	}})
}

// RenameCredential implements store.Ways. It locks the credential. The account is read and not locked: a name
// decides nothing.
func (s *Store) RenameCredential(ctx context.Context, v store.Renaming) error {
	if err := v.Check(); err != nil {
		return err
	}
	account, credential := single(inAccounts, v.Account.Key), single(inCredentials, v.Credential)
	needs := []place{account, credential}
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if !t.stands(account, v.Account) {
			return false, store.ErrConflict
		}
		i := t.get(credential)
		if i == nil || !bytes.Equal(i.bytes(attrAccount), v.Account.Key) {
			return false, store.ErrNotFound
		}
		c := credentialOf(v.Credential, i)
		c.Name = v.Name
		t.put(credential, credentialItem(c))
		return false, nil
	}})
}

// DeleteAccount implements store.Ways. It locks the account; its credentials and
// identifiers.
//
// The account goes with its names and credentials and the event. Its sessions go after
// it, for there may be any number: without their account they open nothing. What a crash
// leaves of them goes with a repeat, or when it expires.
func (s *Store) DeleteAccount(ctx context.Context, v store.Deletion) error {
	if err := v.Check(); err != nil {
		return err
	}
	account := single(inAccounts, v.Account.Key)
	needs := []place{account}
	for _, key := range v.Credentials {
		needs = append(needs, single(inCredentials, key))
	}
	for _, key := range v.Identifiers {
		needs = append(needs, single(inIdentifiers, key))
	}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = s.run(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if t.get(account) == nil {
			return true, nil
		}
		if !t.stands(account, v.Account) {
			return false, store.ErrConflict
		}
		t.del(account)
		for _, at := range needs[1:] {
			t.dropOwn(at, v.Account.Key)
		}
		return false, nil
	}})
	if err != nil {
		return err
	}
	return s.endSessions(ctx, v.Account.Key)
}
