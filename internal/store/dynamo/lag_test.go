package dynamo

import (
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// TestLostAnswers: a write whose answer is lost is known again when it is repeated, so
// the verb goes on at once, and shuts nobody out.
func TestLostAnswers(t *testing.T) {
	first := openTest(t, testConfig(t))
	seed(t, first)
	s, _ := worldAgain(t, items(t, first))
	sent := map[string]bool{}
	s.wire.spoil = func(r request) outcome {
		if r.operation != "PutItem" || sent[r.call] {
			return passes
		}
		sent[r.call] = true
		return unheard
	}
	must(t, s.RecordSignIn(t.Context(), signIn(0, 1)))
	calls := map[string]bool{}
	for _, r := range s.wire.take() {
		if r.operation == "UpdateItem" {
			t.Error("somebody was shut out")
		}
		if r.writes {
			calls[r.call] = true
		}
	}
	if len(calls) != 6 {
		t.Errorf("%d writes, want 6: nothing is done again", len(calls))
	}
	if left := locked(t, s.Store); len(left) > 0 {
		t.Errorf("locks are left: %v", left)
	}
}

// TestNewRowTaken: a name that another takes after it was found free stays theirs.
func TestNewRowTaken(t *testing.T) {
	v, quicker := signUp(7), signUp(8)
	quicker.Identifiers[0].Key = v.Identifiers[0].Key
	s := interfere(t, "PutItem", 2, func(other *Store) error { return other.RecordSignUp(t.Context(), quicker) })
	var taken *store.TakenError
	if err := s.RecordSignUp(t.Context(), v); !errors.As(err, &taken) || taken.Table != store.TableIdentifiers {
		t.Errorf("error is %v, want one that names %s", err, store.TableIdentifiers)
	}
	i, err := s.Identifier(t.Context(), v.Identifiers[0].Key)
	must(t, err)
	if string(i.Account) != string(quicker.Account.Key) {
		t.Error("the name has another owner")
	}
}

// TestStaleEntries: an index may tell of a row as it was. What is done by it is done only
// if the row still says so.
func TestStaleEntries(t *testing.T) {
	old := *session(key("account", 0), 0, 0)
	touch := func(change func(*store.Session)) func(*Store) error {
		next := old
		next.Version++
		change(&next)
		return func(other *Store) error {
			return other.TouchSession(t.Context(), store.Ref{Key: old.Key, Version: old.Version}, next)
		}
	}
	t.Run("a session that was prolonged", func(t *testing.T) {
		// The two spends of the seed go before, and its other session with it.
		s := interfere(t, "DeleteItem", 3, touch(func(next *store.Session) { next.Expires = dawn.Add(48 * time.Hour) }))
		if _, err := s.Expire(t.Context(), old.Expires.Add(time.Hour), 10); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.SessionAndAccount(t.Context(), old.Key); err != nil {
			t.Errorf("it went: %v", err)
		}
	})
	t.Run("a session that has another account by now", func(t *testing.T) {
		s := interfere(t, "DeleteItem", 1, touch(func(next *store.Session) { next.Account = key("account", 1) }))
		must(t, s.endSessions(t.Context(), old.Account))
		if _, _, err := s.SessionAndAccount(t.Context(), old.Key); err != nil {
			t.Errorf("it went: %v", err)
		}
	})
	t.Run("a session of another account in a list", func(t *testing.T) {
		s := interfere(t, "GetItem", 1, touch(func(next *store.Session) { next.Account = key("account", 1) }))
		list, err := s.SessionsOf(t.Context(), old.Account, nil, 10)
		must(t, err)
		if len(list) != 0 {
			t.Errorf("%d sessions, want none", len(list))
		}
	})
	t.Run("a mail that was postponed", func(t *testing.T) {
		s := interfere(t, "GetItem", 1, func(other *Store) error {
			return other.PostponeMail(t.Context(), key("mail", 0), 0, dawn.Add(time.Hour))
		})
		list, err := s.TakeMails(t.Context(), dawn, dawn.Add(time.Minute), 10)
		must(t, err)
		if len(list) != 0 {
			t.Errorf("%d mails, want none", len(list))
		}
	})
}
