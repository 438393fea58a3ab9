package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// world is a World whose sessions live by a profile, with one account and its passkey.
type world struct {
	*ceremonytest.World
	key *webauthntest.Authenticator
	up  ceremony.Proof // the sign-up, in token mode
}

func newWorld(t *testing.T, profile string, m webauthntest.Model) *world {
	t.Helper()
	var keeper *session.Keeper
	w := &world{key: webauthntest.New(m)}
	w.World = ceremonytest.New(t, func(c *ceremony.Config) {
		backend, ok := c.Store.(session.Store)
		if !ok {
			t.Fatal("the world's store keeps no sessions")
		}
		keeper = session.New(session.Config{
			Store: backend, Vault: c.Vault, Audit: c.Audit, Mail: c.Mail, Profile: session.ProfileOf(profile), Now: c.Now, Rand: c.Rand,
		})
		c.Sessions = keeper
	})
	w.Sessions = keeper
	w.up = w.SignUp(t, w.key, "ana")
	return w
}

// in signs in as r carries sessions.
func (w *world) in(t *testing.T, r ceremony.Request) ceremony.Proof {
	t.Helper()
	options, err := w.RP.BeginSignIn(t.Context(), r, ceremony.SignIn{Username: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.key.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := w.RP.FinishSignIn(t.Context(), r, ceremony.Finish{Credential: answer})
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// check asks for the session of a proof the way its client would.
func (w *world) check(t *testing.T, p ceremony.Proof) (session.Current, error) {
	t.Helper()
	if p.Cookie() != "" {
		return w.Sessions.Check(t.Context(), p.Cookie())
	}
	return w.Sessions.Resume(t.Context(), p.Session().View().ID)
}

func (w *world) alive(t *testing.T, p ceremony.Proof, when string) session.Current {
	t.Helper()
	c, err := w.check(t, p)
	if err != nil || c.IsZero() {
		t.Fatalf("%s: signed out: %v", when, err)
	}
	return c
}

func (w *world) dead(t *testing.T, p ceremony.Proof, when string) {
	t.Helper()
	c, err := w.check(t, p)
	if !errors.Is(err, session.ErrNone) || !c.IsZero() {
		t.Fatalf("%s: signed in as %+v, %v", when, c.Person(), err)
	}
}

// change replaces the account's row by its next edition.
func (w *world) change(t *testing.T, edit func(*record.AccountFacts)) {
	t.Helper()
	a, ok, err := w.Accounts.Get(t.Context(), w.up.Session().Person().ID)
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	facts := a.Facts()
	edit(&facts)
	next, err := w.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Store.ReplaceAccount(t.Context(), store.AccountChange{
		Op: store.OpID{1, byte(next.Version)}, Account: a.Ref(), Next: next,
		Event: w.Audit.Event(audit.Entry{Name: audit.PasskeySuspended, Account: facts.ID}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hop turns the clock in steps that keep the session in use.
func (w *world) hop(t *testing.T, p ceremony.Proof, total, step time.Duration) {
	t.Helper()
	for total > 0 {
		w.Clock.Advance(min(step, total))
		total -= step
		if total > 0 {
			w.alive(t, p, "in use")
		}
	}
}
