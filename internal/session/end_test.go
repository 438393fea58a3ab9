package session_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// events counts what the chains remember under a name.
func events(t *testing.T, w *world, name audit.Name) (n int) {
	t.Helper()
	for chain := range w.Store.Chains() {
		err := w.Audit.Walk(t.Context(), chain, func(r audit.Record) error {
			if r.Name == name {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestEnd(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	one, other := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
	for range 2 { // the second time finds nothing to end
		if err := w.Sessions.End(t.Context(), one.Session(), false, audit.Caller{}); err != nil {
			t.Fatal(err)
		}
		w.dead(t, one, "signed out")
		w.alive(t, other, "the other session")
		w.alive(t, w.up, "the first session")
	}
	if n := events(t, w, audit.SignedOut); n != 1 {
		t.Fatalf("%d events for one sign-out", n)
	}
}

// TestEndEverywhere: one write ends every session of the account, and no session of
// anybody else.
func TestEndEverywhere(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	bob := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
	one, other := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
	before := w.Store.Writes()
	if err := w.Sessions.End(t.Context(), one.Session(), true, audit.Caller{}); err != nil {
		t.Fatal(err)
	}
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes, want 1", wrote)
	}
	w.dead(t, one, "its own session")
	w.dead(t, other, "another session")
	w.dead(t, w.up, "the session of the sign-up")
	w.alive(t, bob, "somebody else")
	w.alive(t, w.in(t, ceremonytest.CookieRequest()), "a sign-in after it")
	if n := events(t, w, audit.AllSignedOut); n != 1 {
		t.Fatalf("%d events", n)
	}
}

// TestEndEverywhereWithAnOldView: the account moved since the session was checked; the
// end still comes, and undoes nothing of what moved it.
func TestEndEverywhereWithAnOldView(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	one, other := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
	w.change(t, func(f *record.AccountFacts) { f.DisplayName = "Ana B." })
	if err := w.Sessions.End(t.Context(), one.Session(), true, audit.Caller{}); err != nil {
		t.Fatal(err)
	}
	w.dead(t, one, "its own session")
	w.dead(t, other, "another session")
	a, ok, err := w.Accounts.Get(t.Context(), w.up.Session().Person().ID)
	if err != nil || !ok || a.Facts().DisplayName != "Ana B." {
		t.Fatalf("the account reads %+v, %v, %v", a.Facts(), ok, err)
	}
}

// TestWhatEndsWithTheAccount: whatever calls an account or its passkey back takes its
// sessions along, at the next request.
func TestWhatEndsWithTheAccount(t *testing.T) {
	for name, edit := range map[string]func(*record.AccountFacts){
		"disabled":              func(f *record.AccountFacts) { f.State = record.StateDisabled },
		"of no known state":     func(f *record.AccountFacts) { f.State = "" },
		"passkey suspended":     func(f *record.AccountFacts) { f.Ways[0].Suspended = true },
		"passkey held":          func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 << 60 },
		"passkey removed":       func(f *record.AccountFacts) { f.Ways = nil },
		"passkey's state moved": func(f *record.AccountFacts) { f.Ways[0].State++ },
		"session epoch moved":   func(f *record.AccountFacts) { f.SessionEpoch++ },
		"session epoch lowered": func(f *record.AccountFacts) { f.SessionEpoch-- },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "standard", webauthntest.Phone())
			cookie, token := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
			bob := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
			w.change(t, edit)
			w.dead(t, cookie, "by cookie")
			w.dead(t, token, "by token")
			w.dead(t, w.up, "from the sign-up")
			w.alive(t, bob, "somebody else")
		})
	}
	t.Run("renamed", func(t *testing.T) {
		w := newWorld(t, "standard", webauthntest.Phone())
		w.change(t, func(f *record.AccountFacts) { f.DisplayName = "Ana B."; f.TicketEpoch++ })
		if c := w.alive(t, w.up, "after a change that takes nothing away"); c.Person().DisplayName != "Ana B." {
			t.Fatalf("reads %+v", c.Person())
		}
	})
}

// TestHoldThatHasPassed: a passkey is held until a moment, not for ever.
func TestHoldThatHasPassed(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	until := w.Clock.Now().Add(time.Hour)
	w.change(t, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = until.UnixMilli() })
	w.dead(t, w.up, "held")
	w.Clock.Advance(time.Hour - time.Millisecond)
	w.dead(t, w.up, "one millisecond before the end of the hold")
	w.Clock.Advance(time.Millisecond)
	w.alive(t, w.up, "after the hold")
}

// TestSuspensionEndsSessions: a security key that is suspended because its counter
// went back twice takes its sessions with it.
func TestSuspensionEndsSessions(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.SecurityKey())
	proof := w.in(t, ceremonytest.CookieRequest())
	clone := w.key.Clone()
	w.in(t, ceremonytest.CookieRequest())
	for range 2 {
		w.alive(t, proof, "before the second regression")
		if _, err := w.Finish(t, w.Assert(t, clone, "ana", webauthntest.SetSignCount(1))); err == nil {
			t.Fatal("a clone signed in")
		}
		w.Clock.Advance(time.Hour)
	}
	w.dead(t, proof, "suspended")
	w.dead(t, w.up, "suspended")
}

// TestZeroCurrent: the zero Current is nobody.
func TestZeroCurrent(t *testing.T) {
	var c session.Current
	if !c.IsZero() || c.View().ID != c.Person().ID || c.Person().Username != "" {
		t.Fatalf("the zero Current reads %+v, %+v", c.View(), c.Person())
	}
}
