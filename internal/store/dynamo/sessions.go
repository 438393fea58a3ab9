package dynamo

import (
	"bytes"
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/store"
)

// SessionAndAccount implements store.Reader. The account is read after the session. No
// verb moves a session that is there together with its account, but for the account's
// deletion: so the session is read again only when the account is not there.
func (s *Store) SessionAndAccount(ctx context.Context, key []byte) (store.Session, store.Row, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return store.Session{}, store.Row{}, err
	}
	defer leave()
	at := single(inSessions, key)
	c, err := s.readOne(ctx, at)
	for again := false; err == nil; again = true {
		if c.now == nil {
			return store.Session{}, store.Row{}, store.ErrNotFound
		}
		session := sessionOf(key, c.now)
		a, err := s.accountRow(ctx, session.Account)
		if err != nil || a.Key != nil || again {
			return session, a, err
		}
		if c, err = s.readOne(ctx, at); err != nil {
			return store.Session{}, store.Row{}, err
		}
	}
	return store.Session{}, store.Row{}, err
}

// SessionsOf implements store.Sessions. It finds them in an index, which may lag behind
// by a moment, and reads each strongly consistent.
func (s *Store) SessionsOf(ctx context.Context, account, after []byte, limit int) ([]store.Session, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var list []store.Session
	err = s.pages(ctx, inSessions, window{after, limit}, func(w window) ([][]byte, error) {
		return s.orders(ctx, inSessions+encode(account), w)
	}, func(key []byte, i item) {
		if session := sessionOf(key, i); bytes.Equal(session.Account, account) { // the index may be behind
			list = append(list, session)
		}
	})
	return list, err
}

// TouchSession implements store.Sessions: one conditional write.
func (s *Store) TouchSession(ctx context.Context, ref store.Ref, next store.Session) error {
	var f store.Form
	f.Next(ref, next.Row, "the session")
	if f.Err() != nil {
		return f.Err()
	}
	return s.replaceRow(ctx, single(inSessions, ref.Key), ref, sessionItem(next))
}

// replaceRow writes a row's next edition over ref's.
func (s *Store) replaceRow(ctx context.Context, at place, ref store.Ref, next item) error {
	return s.do(ctx, verb{needs: []place{at}, judge: func(t *txn) (bool, error) {
		if !t.stands(at, ref) {
			return false, store.ErrConflict
		}
		t.put(at, next)
		return false, nil
	}})
}

// ReplaceSession implements store.Sessions. It locks the old session; the new one: there is
// a moment in which one ends and the other begins, and none in which there are both.
func (s *Store) ReplaceSession(ctx context.Context, v store.SessionChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	needs := sessionPlaces(v.New, v.Old)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if t.get(single(inSessions, v.Old)) == nil {
			return t.succeeded(v.New)
		}
		if err := t.sessionFree(v.New); err != nil {
			return false, err
		}
		t.endSession(v.Old)
		t.openSession(v.New)
		return false, nil
	}})
}

// succeeded answers a change whose old session is gone. A successor in place is this
// operation's own: its key was drawn for it.
func (t *txn) succeeded(successor *store.Session) (done bool, err error) {
	if successor == nil || t.get(single(inSessions, successor.Key)) != nil {
		return true, nil
	}
	return false, store.ErrConflict
}

// sessionPlaces is where a session that is opened and one that ends stand; nil is none.
func sessionPlaces(opens *store.Session, ends []byte) (places []place) {
	if opens != nil {
		places = append(places, single(inSessions, opens.Key))
	}
	if len(ends) > 0 {
		places = append(places, single(inSessions, ends))
	}
	return places
}

// sessionFree refuses a session whose key is in use; nil is no session.
func (t *txn) sessionFree(s *store.Session) error {
	if s != nil && t.get(single(inSessions, s.Key)) != nil {
		return &store.TakenError{Table: store.TableSessions}
	}
	return nil
}

func (t *txn) openSession(s *store.Session) {
	if s != nil {
		t.put(single(inSessions, s.Key), sessionItem(*s))
	}
}

func (t *txn) endSession(key []byte) {
	if len(key) > 0 {
		t.del(single(inSessions, key))
	}
}

// endSessions deletes the sessions of an account that is gone.
func (s *Store) endSessions(ctx context.Context, account []byte) error {
	keys, err := s.orders(ctx, inSessions+encode(account), window{limit: math.MaxInt32})
	if err != nil {
		return err
	}
	values := item{}
	values.putBytes(":a", account)
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, key := range keys {
		group.Go(func() error {
			_, err := s.delete(ctx, ask{
				key:       single(inSessions, key).key(),
				condition: "#a = :a",
				names:     map[string]string{"#a": attrAccount},
				values:    values,
			})
			return err
		})
	}
	return group.Wait()
}
