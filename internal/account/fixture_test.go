package account_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// caller is who asks in these tests.
func caller() audit.Caller { return ceremonytest.Request().Caller }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// resident is somebody with a phone who has just signed in: a fresh proof.
func resident(t *testing.T, w *ceremonytest.World, username string) (*webauthntest.Authenticator, ceremony.Proof) {
	t.Helper()
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, username)
	w.Clock.Advance(time.Millisecond) // this passkey is the oldest
	return a, by(t, w, a)
}

// by signs in by a certain passkey.
func by(t *testing.T, w *ceremonytest.World, a *webauthntest.Authenticator) ceremony.Proof {
	t.Helper()
	proof, err := w.Finish(t, w.Assert(t, a, ""))
	must(t, err)
	return proof
}

// bind adds a passkey to the account of who is signed in.
func bind(t *testing.T, w *ceremonytest.World, p ceremony.Proof) (*webauthntest.Authenticator, account.Passkey) {
	t.Helper()
	a := webauthntest.New(webauthntest.Phone())
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), current(t, w, p), "")
	must(t, err)
	answer, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	passkey, err := w.RP.FinishBinding(t.Context(), ceremonytest.Request(), current(t, w, p), ceremony.Finish{Credential: answer})
	must(t, err)
	return a, passkey
}

// current is the session of a proof as a request that comes now finds it.
func current(t *testing.T, w *ceremonytest.World, p ceremony.Proof) session.Current {
	t.Helper()
	c, err := w.Sessions.Resume(t.Context(), p.Session().View().ID)
	must(t, err)
	return c
}

// dead fails unless a session is over.
func dead(t *testing.T, w *ceremonytest.World, p ceremony.Proof, when string) {
	t.Helper()
	if _, err := w.Sessions.Resume(t.Context(), p.Session().View().ID); !errors.Is(err, session.ErrNone) {
		t.Fatalf("%s: signed in: %v", when, err)
	}
}

// own is the passkey that proved a session.
func own(t *testing.T, w *ceremonytest.World, p ceremony.Proof) account.Passkey {
	t.Helper()
	list, err := w.Accounts.Passkeys(t.Context(), current(t, w, p))
	must(t, err)
	for _, passkey := range list {
		if passkey.ThisSession {
			return passkey
		}
	}
	t.Fatalf("no passkey of this session among %+v", list)
	return account.Passkey{}
}

func ptr[T any](v T) *T { return &v }

// standing suspends a passkey, or restores it.
func standing(t *testing.T, w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey, suspended bool) (account.Passkey, error) {
	t.Helper()
	return w.Accounts.EditPasskey(t.Context(), p.Session(), passkey.ID, account.Edit{Suspended: &suspended}, caller())
}

// happened lists the events of a name; all of them without one.
func happened(t *testing.T, w *ceremonytest.World, name audit.Name) (entries []audit.Entry) {
	t.Helper()
	for chain := range w.Store.Chains() {
		must(t, w.Audit.Walk(t.Context(), chain, func(r audit.Record) error {
			if name == "" || r.Name == name {
				entries = append(entries, r.Entry)
			}
			return nil
		}))
	}
	return entries
}

// hold holds the way in that a passkey is.
func hold(t *testing.T, w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey, until int64) {
	t.Helper()
	a, ok, err := w.Accounts.Get(t.Context(), p.Session().Person().ID)
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	key := w.Vault.LookupCredential(ceremonytest.RPID, passkey.CredentialID)
	replace(t, w, a, func(f *record.AccountFacts) {
		for i := range f.Ways {
			if string(f.Ways[i].Credential) == string(key) {
				f.Ways[i].HeldUntil = until
			}
		}
	})
}
