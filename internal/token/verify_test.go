package token_test

import (
	"context"
	"crypto/ecdsa"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// ecKey is the world's first signing key.
func ecKey(t testing.TB, w *ceremonytest.World) *ecdsa.PrivateKey {
	t.Helper()
	key, ok := signingKeys(t, w)[0].(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("not an ES256 key")
	}
	return key
}

// TestTimes: the moment of exp is after the end; a token from a clock ahead of ours is
// good within the skew.
func TestTimes(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	text, proof := bearer(t, w, i, "ana")
	for _, c := range []struct {
		turn time.Duration // from the issue
		good bool
	}{
		{-61 * time.Second, false},
		{-60 * time.Second, true},
		{0, true},
		{life - time.Second, true},
		{life, false},
		{life + time.Second, false},
	} {
		w.Clock.Advance(c.turn)
		if c.good {
			accepted(t, i, text, proof)
		} else {
			refused(t, i, c.turn.String(), text)
		}
		w.Clock.Advance(-c.turn)
	}
}

// TestBearerIsNeverEnough: whatever ends the session ends its tokens, at once.
func TestBearerIsNeverEnough(t *testing.T) {
	for name, end := range map[string]func(*ceremonytest.World, ceremony.Proof) error{
		"signed out":   func(w *ceremonytest.World, p ceremony.Proof) error { return signOut(w, p, false) },
		"all sessions": func(w *ceremonytest.World, p ceremony.Proof) error { return signOut(w, p, true) },
		"disabled": func(w *ceremonytest.World, _ ceremony.Proof) error {
			return change(w, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		},
		"passkey suspended": func(w *ceremonytest.World, _ ceremony.Proof) error {
			return change(w, func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
		},
		"passkey removed": func(w *ceremonytest.World, _ ceremony.Proof) error {
			return change(w, func(f *record.AccountFacts) { f.Ways = nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			i := newIssuer(t, config(w))
			text, proof := bearer(t, w, i, "ana")
			others, other := bearer(t, w, i, "bob")
			accepted(t, i, text, proof)
			if err := end(w, proof); err != nil {
				t.Fatal(err)
			}
			refused(t, i, name, text)
			accepted(t, i, others, other)
		})
	}
}

func signOut(w *ceremonytest.World, p ceremony.Proof, everywhere bool) error {
	return w.Sessions.End(context.Background(), p.Session(), everywhere, audit.Caller{})
}

// change replaces ana's account row by its next edition.
func change(w *ceremonytest.World, edit func(*record.AccountFacts)) error {
	ctx := context.Background()
	a, _, err := w.Accounts.Find(ctx, "ana")
	if err != nil {
		return err
	}
	facts := a.Facts()
	edit(&facts)
	next, err := w.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return err
	}
	return w.Store.ReplaceAccount(ctx, store.AccountChange{
		Op: store.OpID{1}, Account: a.Ref(), Next: next,
		Event: w.Audit.Event(audit.Entry{Name: audit.PasskeySuspended, Account: facts.ID}),
	})
}
