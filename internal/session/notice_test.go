package session_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestReuseIsTold: a refresh token that came twice is told of to every proved address,
// in the commit that ends its family, once; nothing can be undone about it.
func TestReuseIsTold(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	w.change(t, func(f *record.AccountFacts) { f.Emails = []string{"ana@example.org", "ana@work.example"} })
	token := w.refresh(t, w.up)
	for range 2 {
		if _, _, err := w.rotate(t, token); err != nil {
			break
		}
		w.Clock.Advance(time.Minute)
	}
	mails, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10)
	if err != nil || len(mails) != 2 {
		t.Fatalf("%d mails, %v", len(mails), err)
	}
	for i, want := range []string{"ana@example.org", "ana@work.example"} {
		f, err := w.Vault.OpenMail(mails[i])
		if err != nil || f.Address != want || f.About != string(audit.RefreshReused) || f.Right != [16]byte{} || f.Door != ceremonytest.Door {
			t.Fatalf("mail %+v, %v", f, err)
		}
	}
	if _, _, err := w.rotate(t, token); err == nil {
		t.Fatal("rotated")
	}
	if more, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10); err != nil || len(more) != 0 {
		t.Fatalf("told again: %d mails, %v", len(more), err)
	}
}

// TestReuseWithoutMail: where no mail is sent, a token that came twice ends its family all
// the same, and nothing is owed.
func TestReuseWithoutMail(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	w.change(t, func(f *record.AccountFacts) { f.Emails = []string{"ana@example.org"} })
	w.Sessions = session.New(session.Config{
		Store: w.Store, Vault: w.Vault, Audit: w.Audit, Profile: session.ProfileOf("standard"), Now: w.Clock.Now, Rand: rand.Reader,
	})
	token := w.refresh(t, w.up)
	w.next(t, token)
	w.Clock.Advance(time.Minute)
	if _, _, err := w.rotate(t, token); !errors.Is(err, session.ErrNone) {
		t.Fatalf("rotated: %v", err)
	}
	w.dead(t, w.up, "reused")
	if mails, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10); err != nil || len(mails) != 0 {
		t.Fatalf("%d mails, %v", len(mails), err)
	}
}
