package dynamo

import (
	"bytes"
	"context"
	"maps"

	"github.com/keyturn/keyturn/internal/store"
)

// CredentialAndAccount implements store.Reader. Two items are not read at one moment: the
// credential is read again after the account, and when nothing has happened to it in
// between, what it says was true when the account was read.
func (s *Store) CredentialAndAccount(ctx context.Context, key []byte) (store.Credential, store.Row, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return store.Credential{}, store.Row{}, err
	}
	defer leave()
	at := single(inCredentials, key)
	before, err := s.readOne(ctx, at)
	for attempt := 0; err == nil; attempt++ {
		if before.now == nil {
			return store.Credential{}, store.Row{}, store.ErrNotFound
		}
		c := credentialOf(key, before.now)
		a, err := s.accountRow(ctx, c.Account)
		if err != nil {
			return store.Credential{}, store.Row{}, err
		}
		after, err := s.readOne(ctx, at)
		if err != nil {
			return store.Credential{}, store.Row{}, err
		}
		if before.same(after) {
			return c, a, nil
		}
		before = after
		if err := pause(ctx, jitter(attempt)); err != nil {
			return store.Credential{}, store.Row{}, err
		}
	}
	return store.Credential{}, store.Row{}, err
}

// Credentials implements store.Reader.
func (s *Store) Credentials(ctx context.Context, keys [][]byte) ([]store.Credential, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	places := make([]place, len(keys))
	for n, key := range keys {
		places[n] = single(inCredentials, key)
	}
	cells, err := s.read(ctx, places...)
	if err != nil {
		return nil, err
	}
	var list []store.Credential
	for at, c := range cells {
		if c.now != nil {
			list = append(list, credentialOf(keyOf(at), c.now))
		}
	}
	return list, nil
}

// credentialsTaken tells whether one of list exists, or list names one twice.
func (t *txn) credentialsTaken(list []store.Credential) bool {
	for n, c := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, c.Key) {
				return true
			}
		}
		if t.get(single(inCredentials, c.Key)) != nil {
			return true
		}
	}
	return false
}

// usable tells whether the stored credential is within what the use was judged on.
func usable(c item, u store.CredentialUse) bool {
	version := c.number(attrVersion)
	return c != nil && c.number(attrState) == u.State && u.Version <= version && version <= u.Within
}

// used counts a use and has the next edition unless a later one is there.
func used(c item, u store.CredentialUse) item {
	next := maps.Clone(c)
	next.putNumber(attrTimesUsed, c.number(attrTimesUsed)+1)
	if u.At.After(c.time(attrLastUsed)) {
		next.putTime(attrLastUsed, u.At)
	}
	if u.Next > c.number(attrVersion) {
		next.putNumber(attrVersion, u.Next)
		delete(next, attrBody)
		next.putBytes(attrBody, u.Body)
	}
	return next
}

// replaced is the next edition of a credential. The name is left alone: it moves without
// the version, so whoever made the next edition may not have seen the newest.
func replaced(stored item, next store.Credential) item {
	c := credentialOf(next.Key, stored)
	next.Name, next.LastUsed, next.TimesUsed = c.Name, c.LastUsed, c.TimesUsed
	return credentialItem(next)
}
