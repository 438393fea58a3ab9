package ceremony_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const stepUpRequired = webauthn.CodeReauthenticationRequired

// resident is somebody with a phone who has just signed in: a fresh proof.
func resident(t *testing.T, w *ceremonytest.World, username string) (*webauthntest.Authenticator, ceremony.Proof) {
	t.Helper()
	a := phone()
	w.SignUp(t, a, username)
	w.Clock.Advance(time.Millisecond) // this passkey is the oldest
	return a, signedIn(t, w, a, ceremonytest.Request())
}

func signedIn(t *testing.T, w *ceremonytest.World, a *webauthntest.Authenticator, r ceremony.Request) ceremony.Proof {
	t.Helper()
	proof, err := signedInBy(t, w, a, r)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// binding runs the addition of a passkey up to the authenticator's answer.
func binding(t *testing.T, w *ceremonytest.World, p ceremony.Proof, a *webauthntest.Authenticator, mediation string, m ...webauthntest.Mutation) []byte {
	t.Helper()
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), now(t, w, p), mediation)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page(), m...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func bound(t *testing.T, w *ceremonytest.World, p ceremony.Proof, answer []byte) (account.Passkey, error) {
	t.Helper()
	return w.RP.FinishBinding(t.Context(), ceremonytest.Request(), p.Session(), ceremony.Finish{Credential: answer})
}

// boundTo adds a passkey on a to the account of who is signed in.
func boundTo(t *testing.T, w *ceremonytest.World, p ceremony.Proof, a *webauthntest.Authenticator) account.Passkey {
	t.Helper()
	passkey, err := bound(t, w, p, binding(t, w, p, a, ""))
	if err != nil {
		t.Fatal(err)
	}
	return passkey
}

// passkeys lists the passkeys of an account as it stands.
func passkeys(t *testing.T, w *ceremonytest.World, p ceremony.Proof) []account.Passkey {
	t.Helper()
	c, err := w.Sessions.Resume(t.Context(), p.Session().View().ID)
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Accounts.Passkeys(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// last is the newest event of a name, and how many there are.
func last(t *testing.T, w *ceremonytest.World, name audit.Name) (entry audit.Entry, n int) {
	t.Helper()
	var newest time.Time
	for chain := range w.Store.Chains() {
		err := w.Audit.Walk(t.Context(), chain, func(r audit.Record) error {
			if r.Name == name {
				n++
				if !r.At.Before(newest) {
					newest, entry = r.At, r.Entry
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return entry, n
}

func TestBindThenSignIn(t *testing.T) {
	for mode, r := range map[session.Mode]ceremony.Request{session.ModeCookie: ceremonytest.CookieRequest(), session.ModeToken: ceremonytest.Request()} {
		t.Run(string(mode), func(t *testing.T) {
			w := ceremonytest.New(t)
			a, b := phone(), webauthntest.New(webauthntest.SecurityKey())
			w.SignUp(t, a, "ana")
			proof := signedIn(t, w, a, r)
			r.Client.Mode = "" // the session says how it is carried
			options, err := w.RP.BeginBinding(t.Context(), r, proof.Session(), "")
			if err != nil {
				t.Fatal(err)
			}
			if options.User.Name != "ana" || options.User.DisplayName != "ana" || !bytes.Equal(options.User.ID, a.Credentials()[0].UserHandle) ||
				options.AuthenticatorSelection.UserVerification != "required" {
				t.Fatalf("options %+v", options)
			}
			answer, err := b.Create(ceremonytest.JSON(t, options), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			before := w.Store.Writes()
			passkey, err := w.RP.FinishBinding(t.Context(), r, proof.Session(), ceremony.Finish{Credential: answer, Name: "Blue key"})
			if err != nil {
				t.Fatal(err)
			}
			if w.Store.Writes() != before+1 {
				t.Fatalf("%d writes", w.Store.Writes()-before)
			}
			if passkey.Name != "Blue key" || passkey.ThisSession || !passkey.UserVerified || passkey.Suspended || passkey.TimesUsed != 0 {
				t.Fatalf("passkey %+v", passkey)
			}
			e, n := last(t, w, audit.PasskeyAdded)
			if n != 1 || e.Passkey != passkey.ID || e.Session != proof.Session().View().ID || e.Account != proof.Session().Person().ID || e.Code != "binding" {
				t.Fatalf("%d events, %+v", n, e)
			}
			in, err := w.Finish(t, w.Assert(t, b, "ana"))
			if err != nil || in.Session().Person().ID != proof.Session().Person().ID || in.Session().View().AAL != 2 {
				t.Fatalf("signed in as %+v, %v", in.Session().Person(), err)
			}
			if list := passkeys(t, w, in); len(list) != 2 {
				t.Fatalf("%d passkeys", len(list))
			}
		})
	}
}

// TestBindingNeedsAFreshProof: at begin and at finish, to the millisecond; a sign-up is
// no assertion, and a refusal costs nothing and spends nothing.
func TestBindingNeedsAFreshProof(t *testing.T) {
	w := ceremonytest.New(t)
	a := phone()
	up := w.SignUp(t, a, "ana")
	begins := func(p ceremony.Proof) error {
		_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), p.Session(), "")
		return err
	}
	refused(t, begins(up), ceremony.KindStepUp, "", stepUpRequired)
	refused(t, begins(ceremony.Proof{}), ceremony.KindStepUp, "", stepUpRequired)
	proof := signedIn(t, w, a, ceremonytest.Request())
	w.Clock.Advance(5 * time.Minute)
	if err := begins(proof); err != nil {
		t.Fatalf("at 5 min: %v", err)
	}
	answer := binding(t, w, proof, phone(), "")
	w.Clock.Advance(time.Millisecond)
	before := w.Store.Writes()
	refused(t, begins(proof), ceremony.KindStepUp, "", stepUpRequired)
	_, err := bound(t, w, proof, answer)
	refused(t, err, ceremony.KindStepUp, "", stepUpRequired)
	if w.Store.Writes() != before {
		t.Fatal("a refusal for want of a proof wrote")
	}
	w.Clock.Advance(-time.Millisecond)
	if _, err := bound(t, w, proof, answer); err != nil {
		t.Fatalf("a refusal for want of a proof spent the challenge: %v", err)
	}
}

// TestBindingBelongsToItsSession: whoever finishes is who began: the same session, not
// another of the same person, and of the same client.
func TestBindingBelongsToItsSession(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	second := signedIn(t, w, a, ceremonytest.Request())
	_, other := resident(t, w, "bob")
	answer := binding(t, w, proof, phone(), "")
	before := w.Store.Writes()
	for who, p := range map[string]ceremony.Proof{"another session of the account": second, "somebody else": other} {
		_, err := bound(t, w, p, answer)
		if refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch); w.Store.Writes() != before {
			t.Fatalf("%s made the store write", who)
		}
	}
	for who, edit := range map[string]func(*ceremony.Request){
		"another page":      func(r *ceremony.Request) { r.Client.Origin = "https://evil.example" },
		"without an origin": func(r *ceremony.Request) { r.Client.OriginSent = false },
	} {
		r := ceremonytest.Request()
		edit(&r)
		_, err := w.RP.FinishBinding(t.Context(), r, proof.Session(), ceremony.Finish{Credential: answer})
		if refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch); w.Store.Writes() != before {
			t.Fatalf("%s made the store write", who)
		}
	}
	// Nor is it an answer to any other ceremony, or another's answer one to this.
	_, err := finish(t, w, answer)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	_, err = enrolled(t, w, answer)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	_, err = bound(t, w, proof, w.Register(t, phone(), ceremony.SignUp{Username: "eve"}))
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	if list := passkeys(t, w, proof); len(list) != 1 || w.Store.Writes() != before {
		t.Fatalf("%d passkeys, %d writes", len(list), w.Store.Writes()-before)
	}
	if _, err := bound(t, w, proof, answer); err != nil {
		t.Fatal(err)
	}
}

// TestBindingIsCalledBack: what ended the session, or took something from the account,
// while the passkey was being made leaves it outside.
func TestBindingIsCalledBack(t *testing.T) {
	for name, during := range map[string]func(w *ceremonytest.World, t *testing.T, p, other ceremony.Proof, second account.Passkey){
		"everything ended": func(w *ceremonytest.World, t *testing.T, _, other ceremony.Proof, _ account.Passkey) {
			must(t, w.Sessions.End(t.Context(), other.Session(), true, audit.Caller{}))
		},
		"its passkey suspended": func(w *ceremonytest.World, t *testing.T, p, other ceremony.Proof, _ account.Passkey) {
			suspend(t, w, other, passkeys(t, w, other)[0], true)
		},
		"another passkey removed": func(w *ceremonytest.World, t *testing.T, p, _ ceremony.Proof, second account.Passkey) {
			must(t, w.Accounts.RemovePasskey(t.Context(), p.Session(), second.ID, audit.Caller{}))
		},
		"its passkey in another state": func(w *ceremonytest.World, t *testing.T, p, _ ceremony.Proof, _ account.Passkey) {
			change(t, w, p, func(f *record.AccountFacts) { f.Ways[0].State++ })
		},
		"account disabled": func(w *ceremonytest.World, t *testing.T, p, _ ceremony.Proof, _ account.Passkey) {
			change(t, w, p, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		},
		"account deleted": func(w *ceremonytest.World, t *testing.T, p, _ ceremony.Proof, _ account.Passkey) {
			must(t, w.Accounts.Delete(t.Context(), p.Session(), audit.Caller{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, proof := resident(t, w, "ana")
			b := phone()
			second := boundTo(t, w, proof, b)
			other := signedIn(t, w, b, ceremonytest.Request())
			answer := binding(t, w, proof, phone(), "")
			during(w, t, proof, other, second)
			before := w.Store.Writes()
			_, err := bound(t, w, proof, answer)
			refused(t, err, ceremony.KindExpired, "", "ticket_called_back")
			if _, n := last(t, w, audit.PasskeyAdded); n != 1 || w.Store.Writes() != before {
				t.Fatalf("%d passkeys were added, %d writes", n, w.Store.Writes()-before)
			}
		})
	}
}

func suspend(t *testing.T, w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey, suspended bool) {
	t.Helper()
	_, err := w.Accounts.EditPasskey(t.Context(), p.Session(), passkey.ID, account.Edit{Suspended: &suspended}, audit.Caller{})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBindingExcludesWhatIsThere: every credential of the account is listed, the
// suspended too; what ignores the list is found out by its credential ID.
func TestBindingExcludesWhatIsThere(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	b := phone()
	suspend(t, w, proof, boundTo(t, w, proof, b), true)
	resident(t, w, "bob")
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), now(t, w, proof), "")
	if err != nil {
		t.Fatal(err)
	}
	var listed [][]byte
	for _, d := range options.ExcludeCredentials {
		listed = append(listed, d.ID)
	}
	want := [][]byte{a.Credentials()[0].ID, b.Credentials()[0].ID}
	if !slices.EqualFunc(listed, want, bytes.Equal) {
		t.Fatalf("excluded %x, want %x", listed, want)
	}
	for _, held := range []*webauthntest.Authenticator{a, b} {
		if _, err := held.Create(ceremonytest.JSON(t, options), ceremonytest.Page()); !errors.Is(err, webauthntest.ErrExcluded) {
			t.Fatalf("registered twice: %v", err)
		}
	}
	for _, id := range want {
		answer := binding(t, w, proof, phone(), "", webauthntest.UseCredentialID(id))
		_, err := bound(t, w, proof, answer)
		refused(t, err, ceremony.KindRegistered, "7.1/26", webauthn.CodeCredentialAlreadyRegistered)
		_, err = bound(t, w, proof, answer)
		refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	}
	if list := passkeys(t, w, proof); len(list) != 2 {
		t.Fatalf("%d passkeys", len(list))
	}
}

// now is the session of a proof as a request that comes now finds it.
func now(t *testing.T, w *ceremonytest.World, p ceremony.Proof) session.Current {
	t.Helper()
	c, err := w.Sessions.Resume(t.Context(), p.Session().View().ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReplayedBinding: one challenge, one passkey, however many answers come and
// whenever.
func TestReplayedBinding(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), proof.Session(), "")
	if err != nil {
		t.Fatal(err)
	}
	answers := make([][]byte, 8)
	for i := range answers {
		if answers[i], err = phone().Create(ceremonytest.JSON(t, options), ceremonytest.Page()); err != nil {
			t.Fatal(err)
		}
	}
	wins := 0
	for range 2 {
		for _, err := range together(len(answers), func(i int) error { _, err := bound(t, w, proof, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
		}
	}
	if list := passkeys(t, w, proof); wins != 1 || len(list) != 2 {
		t.Fatalf("%d answers won; %d passkeys", wins, len(list))
	}
}

// TestMostPasskeys: an account has room for so many and no more, for those who come one
// after another and for those who come at once.
func TestMostPasskeys(t *testing.T) {
	for round := range 20 {
		w := ceremonytest.New(t, func(c *ceremony.Config) { c.PasskeysPerAccount = 3 })
		_, proof := resident(t, w, "ana")
		answers := make([][]byte, 6)
		for i := range answers {
			answers[i] = binding(t, w, proof, phone(), "")
		}
		wins := 0
		for _, err := range together(len(answers), func(i int) error { _, err := bound(t, w, proof, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindPolicy, "", "too_many_passkeys")
		}
		if list := passkeys(t, w, proof); wins != 2 || len(list) != 3 {
			t.Fatalf("round %d: %d won, %d passkeys", round, wins, len(list))
		}
		_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), now(t, w, proof), "")
		refused(t, err, ceremony.KindPolicy, "", "too_many_passkeys")
	}
}
