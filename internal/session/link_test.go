package session_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// byLink is a session without a passkey, of an account without any way in.
func byLink(t *testing.T, w *ceremonytest.World) session.Current {
	t.Helper()
	request := w.Ask(t, "ana@example.org")
	done, err := w.RP.FinishEmail(t.Context(), ceremonytest.Request(), ceremony.EmailFinish{
		Token: ceremonytest.Token(t, w.Letter(t, mail.KindSignIn)), Request: request,
	})
	if err != nil {
		t.Fatal(err)
	}
	current, err := w.Sessions.Resume(t.Context(), done.Proof.Session().View().ID)
	if err != nil {
		t.Fatal(err)
	}
	return current
}

// TestFreshByLink: a session by link is fresh from when it began, only while the account
// has no way in at all, and its being used makes it no fresher.
func TestFreshByLink(t *testing.T) {
	const maxAge = 5 * time.Minute
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", "ana@example.org")
	c := byLink(t, w)
	began := w.Clock.Now()
	for age, want := range map[time.Duration]bool{
		0: true, maxAge: true, maxAge + time.Millisecond: false,
		// A clock that was set back: a proof from far in the future would be fresh until then.
		-time.Minute: true, -time.Minute - time.Millisecond: false,
	} {
		if got := c.Fresh(began.Add(age), maxAge); got != want {
			t.Errorf("after %s: fresh is %v", age, got)
		}
	}
	w.Clock.Advance(12 * time.Hour) // last_seen moves
	used, err := w.Sessions.Resume(t.Context(), c.View().ID)
	if err != nil || used.Fresh(w.Clock.Now(), maxAge) {
		t.Fatalf("fresh by use, %v", err)
	}
	for name, way := range map[string]record.Way{
		"usable": {State: 1, Verified: true}, "suspended": {State: 1, Suspended: true}, "held": {State: 1, HeldUntil: 1 << 60}, "missing": {},
	} {
		facts := ana.Facts()
		way.Credential, way.Kind = []byte("credential"), record.WayPasskey
		facts.Ways = []record.Way{way}
		row, err := w.Vault.SealAccount(facts, 2)
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.Vault.OpenAccount(row)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Holds(a) || c.On(a).Fresh(began, maxAge) {
			t.Errorf("fresh by link beside a way in that is %s", name)
		}
	}
	if (session.Current{}).Fresh(began, maxAge) {
		t.Error("nobody is fresh")
	}
	var zero time.Time
	if (session.Current{}).Fresh(zero, maxAge) {
		t.Error("nobody was fresh at the beginning of time")
	}
}

// TestSignUpIsNotFreshByLink: a session that a registration opened has a credential, so
// it never counts as one by link.
func TestSignUpIsNotFreshByLink(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	c := w.alive(t, w.up, "just signed up")
	if c.Fresh(w.Clock.Now(), time.Hour) {
		t.Fatal("fresh without an assertion")
	}
	facts := c.Account().Facts()
	facts.Ways = nil
	row, err := w.Vault.SealAccount(facts, 2)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := w.Vault.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	if c.On(bare).Fresh(w.Clock.Now(), time.Hour) || c.Holds(bare) {
		t.Fatal("a passkey that is gone counts as a link")
	}
}

// TestLinkSessionEnds: a session by link ends with the account's sessions and with the
// account, and is rotated like any other.
func TestLinkSessionEnds(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", "ana@example.org")
	c := byLink(t, w)
	token, err := w.Sessions.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	rotated, _, err := w.Sessions.Rotate(t.Context(), session.Rotation{
		Door: ceremonytest.Door, Token: token, Accept: func(session.View) error { return nil },
	})
	if err != nil || rotated.View().ACR != "0" || rotated.View().AAL != 0 {
		t.Fatalf("rotated to %+v, %v", rotated.View(), err)
	}
	if err := w.Sessions.End(t.Context(), c, true, audit.Caller{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Sessions.Resume(t.Context(), c.View().ID); err == nil {
		t.Fatal("it lives on")
	}
}
