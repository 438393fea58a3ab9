package ceremony_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// change writes the next edition of an account.
func change(t *testing.T, w *ceremonytest.World, up ceremony.Proof, edit func(*record.AccountFacts)) {
	t.Helper()
	a, ok, err := w.Accounts.Get(t.Context(), up.Session().Person().ID)
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
		Event: w.Audit.Event(audit.Entry{Name: audit.AccountAdded, Account: facts.ID}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatMayNotSignIn: an account that is disabled and a passkey that is suspended or
// held sign nobody in, with a name and without, whether that was so before the ceremony
// or came to be during it.
func TestWhatMayNotSignIn(t *testing.T) {
	const denied, notAllowed = webauthn.CodePolicyDenied, webauthn.CodeCredentialNotAllowed
	for name, c := range map[string]struct {
		edit       func(*record.AccountFacts)
		step, code string // without a name
		during     string // with a name, when it changed after the options
	}{
		"disabled":            {func(f *record.AccountFacts) { f.State = record.StateDisabled }, "7.2/6", denied, denied},
		"of no known state":   {func(f *record.AccountFacts) { f.State = "" }, "7.2/6", denied, denied},
		"suspended":           {func(f *record.AccountFacts) { f.Ways[0].Suspended = true }, "7.2/5", notAllowed, notAllowed},
		"held":                {func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 << 60 }, "7.2/5", notAllowed, notAllowed},
		"ticket epoch moved":  {func(f *record.AccountFacts) { f.TicketEpoch++ }, "", "", notAllowed},
		"session epoch moved": {func(f *record.AccountFacts) { f.SessionEpoch++ }, "", "", notAllowed},
		"renamed":             {func(f *record.AccountFacts) { f.DisplayName = "Ana B." }, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := phone()
			up := w.SignUp(t, a, "ana")
			id := webauthntest.UseCredential(a.Credentials()[0].ID)
			begun, named := w.Assert(t, a, ""), w.Assert(t, a, "ana")
			change(t, w, up, c.edit)
			_, err := w.Finish(t, named)
			if got := codeOf(t, err); got != c.during {
				t.Errorf("begun before, with the name: %q, want %q", got, c.during)
			}
			for when, answer := range map[string][]byte{"begun before": begun, "begun after": w.Assert(t, a, "")} {
				_, err := w.Finish(t, answer)
				if c.code == "" {
					if err != nil {
						t.Errorf("%s: %v", when, err)
					}
					continue
				}
				refused(t, err, ceremony.KindAuthentication, c.step, c.code)
			}
			_, err = w.Finish(t, w.Assert(t, a, "ana", id))
			if got := codeOf(t, err); (got == "") != (c.code == "") {
				t.Errorf("begun after, with the name: %q", got)
			}
		})
	}
}

// TestNamesThatMayNotSignInGetDecoys: who asks cannot tell a disabled account, or one
// whose passkey is suspended, from a name that nobody has: not by the list, and not by
// its being the list of before.
func TestNamesThatMayNotSignInGetDecoys(t *testing.T) {
	for name, edit := range map[string]func(*record.AccountFacts){
		"disabled":  func(f *record.AccountFacts) { f.State = record.StateDisabled },
		"suspended": func(f *record.AccountFacts) { f.Ways[0].Suspended = true },
		"no way in": func(f *record.AccountFacts) { f.Ways = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := phone()
			up := w.SignUp(t, a, "ana")
			change(t, w, up, edit)
			list := func() []webauthn.Descriptor {
				options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "ana"})
				if err != nil {
					t.Fatal(err)
				}
				return options.AllowCredentials
			}
			first := list()
			if len(first) == 0 || bytes.Equal(first[0].ID, a.Credentials()[0].ID) {
				t.Fatalf("list %+v", first)
			}
			if again := list(); !bytes.Equal(again[0].ID, first[0].ID) {
				t.Fatal("the decoys moved")
			}
			_, err := w.Finish(t, w.Assert(t, a, "ana", webauthntest.UseCredential(a.Credentials()[0].ID)))
			if err == nil {
				t.Fatal("signed in")
			}
		})
	}
}

// TestHoldEnds: a passkey that was held signs in from the moment the hold is over.
func TestHoldEnds(t *testing.T) {
	w := ceremonytest.New(t)
	a := phone()
	up := w.SignUp(t, a, "ana")
	until := w.Clock.Now().Add(time.Hour)
	change(t, w, up, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = until.UnixMilli() })
	w.Clock.Advance(time.Hour - time.Millisecond)
	_, err := w.Finish(t, w.Assert(t, a, ""))
	refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	w.Clock.Advance(time.Millisecond)
	if _, err := w.Finish(t, w.Assert(t, a, "")); err != nil {
		t.Fatal(err)
	}
}
