package dynamo

import (
	"bytes"
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// Account implements store.Reader.
func (s *Store) Account(ctx context.Context, key []byte) (store.Row, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return store.Row{}, err
	}
	defer leave()
	a, err := s.accountRow(ctx, key)
	if err == nil && a.Key == nil {
		err = store.ErrNotFound
	}
	return a, err
}

// accountRow reads an account; a zero row when it is not there.
func (s *Store) accountRow(ctx context.Context, key []byte) (store.Row, error) {
	if len(key) == 0 {
		return store.Row{}, nil
	}
	c, err := s.readOne(ctx, single(inAccounts, key))
	if err != nil || c.now == nil {
		return store.Row{}, err
	}
	return rowOf(key, c.now), nil
}

// Identifier implements store.Reader.
func (s *Store) Identifier(ctx context.Context, key []byte) (store.Identifier, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return store.Identifier{}, err
	}
	defer leave()
	c, err := s.readOne(ctx, single(inIdentifiers, key))
	switch {
	case err != nil:
		return store.Identifier{}, err
	case c.now == nil:
		return store.Identifier{}, store.ErrNotFound
	}
	return identifierOf(key, c.now), nil
}

// ListAccounts implements store.Accounts. It finds them in an index, which may lag behind
// by a moment, and reads each strongly consistent.
func (s *Store) ListAccounts(ctx context.Context, after []byte, limit int) ([]store.Row, error) {
	var list []store.Row
	err := s.walk(ctx, inAccounts, window{after, limit}, func(key []byte, i item) {
		list = append(list, rowOf(key, i))
	})
	return list, err
}

// ReplaceAccount implements store.Accounts. It locks the spend or else the stored right or
// else the account; the others of these, and the identifiers that come and go.
//
// A name that is dropped and one that is added change hands with the account's row, in
// the moment that the event is there, and not one after the other.
func (s *Store) ReplaceAccount(ctx context.Context, v store.AccountChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	account := single(inAccounts, v.Account.Key)
	needs := append([]place{account}, rights(v.Ticket, nil)...)
	if v.Spend != nil {
		needs = append(needs, spendPlace(*v.Spend))
	}
	for _, key := range v.Drop {
		needs = append(needs, single(inIdentifiers, key))
	}
	for _, i := range v.Add {
		needs = append(needs, single(inIdentifiers, i.Key))
	}
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.judgeAccountChange(v); done || err != nil {
			return done, err
		}
		if v.Spend != nil {
			t.spend(*v.Spend, v.Op, didAccount)
		}
		t.consume(v.Ticket, nil)
		t.put(account, accountItem(v.Next, v.Op))
		for _, key := range v.Drop {
			t.dropOwn(single(inIdentifiers, key), v.Account.Key)
		}
		for _, i := range v.Add {
			t.put(single(inIdentifiers, i.Key), identifierItem(i))
		}
		return false, nil
	}})
}

func (t *txn) judgeAccountChange(v store.AccountChange) (done bool, err error) {
	if v.Spend != nil {
		done, err = t.spent(*v.Spend, v.Op, didAccount)
	} else {
		done = t.happened(v.Next, v.Op)
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
	if !t.stands(single(inAccounts, v.Account.Key), v.Account) {
		return false, store.ErrConflict
	}
	return false, nil
}

// happened tells whether op's change is the last that happened to the account.
func (t *txn) happened(next store.Row, op store.OpID) bool {
	a := t.get(single(inAccounts, next.Key))
	return a != nil && a.number(attrVersion) == next.Version && bytes.Equal(a.bytes(attrOp), op[:])
}

// dropOwn deletes a row of the account; another's is left alone.
func (t *txn) dropOwn(at place, account []byte) {
	if i := t.get(at); i != nil && bytes.Equal(i.bytes(attrAccount), account) {
		t.del(at)
	}
}

// identifiersTaken tells whether another account has one of list, or list names one
// twice. Its own account's is not taken: writing it again is fine.
func (t *txn) identifiersTaken(list []store.Identifier) bool {
	for n, i := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, i.Key) {
				return true
			}
		}
		stored := t.get(single(inIdentifiers, i.Key))
		if stored != nil && !bytes.Equal(stored.bytes(attrAccount), i.Account) {
			return true
		}
	}
	return false
}
