package ceremony_test

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// refused asserts on kind, step and code: "some error" proves nothing.
func refused(t *testing.T, err error, kind ceremony.Kind, step, code string) {
	t.Helper()
	var e *ceremony.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a *ceremony.Error", err)
	}
	if e.Kind != kind || e.Step != step || e.Code != code {
		t.Fatalf("refused as (%s, %s, %s), want (%s, %s, %s): %v", e.Kind, e.Step, e.Code, kind, step, code, err)
	}
}

func TestSignUpThenSignIn(t *testing.T) {
	roads := []struct {
		name     string
		model    webauthntest.Model
		username string // given at sign-in
	}{
		{"synced passkey, usernameless", webauthntest.Phone(), ""},
		{"synced passkey, by name", webauthntest.Phone(), "ana"},
		{"security key, by name", webauthntest.SecurityKey(), "ana"},
		{"EdDSA", model(webauthntest.Phone(), webauthntest.EdDSA), ""},
		{"RS256", model(webauthntest.Phone(), webauthntest.RS256), ""},
	}
	for _, road := range roads {
		t.Run(road.name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := webauthntest.New(road.model)
			up := w.SignUp(t, a, "ana")
			passkey, ok := up.Passkey()
			if !ok || passkey.TimesUsed != 0 || !passkey.ThisSession {
				t.Fatalf("passkey after sign-up: %+v", passkey)
			}
			w.Clock.Advance(time.Hour)
			in, err := w.Finish(t, w.Assert(t, a, road.username))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := in.Session().Person(), up.Session().Person(); !reflect.DeepEqual(got, want) {
				t.Fatalf("signed in as %+v, signed up as %+v", got, want)
			}
			if v := in.Session().View(); v.AAL != 2 || v.ACR != "phr" || v.Mode != session.ModeToken {
				t.Fatalf("session %+v", v)
			}
			passkeys, err := w.Accounts.Passkeys(t.Context(), in.Session())
			if err != nil || len(passkeys) != 1 {
				t.Fatalf("passkeys %v, %v", passkeys, err)
			}
			if p := passkeys[0]; p.TimesUsed != 1 || !p.LastUsed.Equal(w.Clock.Now()) || p.ID != passkey.ID {
				t.Fatalf("after one use: %+v", p)
			}
		})
	}
}

func model(m webauthntest.Model, algorithm int64) webauthntest.Model {
	m.Algorithms = []int64{algorithm}
	return m
}

// TestSignInRefused walks what can be wrong with an assertion once its request
// parses: one public kind for all, the very step inside, and nobody signed in. Writes
// tells whether the ticket was burned.
func TestSignInRefused(t *testing.T) {
	flip := func(s []byte) []byte { s[len(s)-1] ^= 1; return s }
	cases := []struct {
		name       string
		mutation   webauthntest.Mutation
		step, code string
		burns      bool
	}{
		{"another challenge", webauthntest.SetClientData("challenge", "AAAAAAAAAAAAAAAAAAAAAA"), "7.2/11", webauthn.CodeChallengeUnknown, false},
		{"another type", webauthntest.SetClientData("type", "webauthn.create"), "7.2/10", webauthn.CodeClientDataTypeMismatch, true},
		{"another origin", webauthntest.SetClientData("origin", "https://evil.example"), "7.2/12", webauthn.CodeOriginNotAllowed, true},
		{"framed", webauthntest.SetClientData("crossOrigin", true), "7.2/13", webauthn.CodeCrossOriginNotAllowed, true},
		{"another RP ID", webauthntest.SetRPID("evil.example"), "7.2/15", webauthn.CodeRPIDMismatch, true},
		{"nobody present", webauthntest.ClearFlags(webauthntest.FlagUP), "7.2/16", webauthn.CodeUserPresenceMissing, true},
		{"nobody verified", webauthntest.ClearFlags(webauthntest.FlagUV), "7.2/17", webauthn.CodeUserVerificationMissing, true},
		{"eligibility changed", webauthntest.ClearFlags(webauthntest.FlagBE | webauthntest.FlagBS), "7.2/19", webauthn.CodeBackupEligibilityChanged, true},
		{"bad signature", webauthntest.EditSignature(flip), "7.2/21", webauthn.CodeSignatureInvalid, true},
		{"another key", webauthntest.SignWithNewKey(), "7.2/21", webauthn.CodeSignatureInvalid, true},
		{"no user handle", webauthntest.DropMember("response.userHandle"), "7.2/6", webauthn.CodeUserHandleMissing, true},
		{"another user handle", webauthntest.SetMember("response.userHandle", "AAAA"), "7.2/6", webauthn.CodeUserHandleMismatch, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := webauthntest.New(webauthntest.Phone())
			w.SignUp(t, a, "ana")
			answer := w.Assert(t, a, "", c.mutation)
			before := w.Store.Writes()
			_, err := w.Finish(t, answer)
			refused(t, err, ceremony.KindAuthentication, c.step, c.code)
			if burned := w.Store.Writes() > before; burned != c.burns {
				t.Fatalf("ticket burned: %v, want %v", burned, c.burns)
			}
			if _, err := w.Finish(t, w.Assert(t, a, "")); err != nil {
				t.Fatalf("the honest sign-in that follows: %v", err)
			}
		})
	}
}

func TestUnknownCredentialBurnsTheTicket(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	stranger := ceremonytest.New(t)
	b := webauthntest.New(webauthntest.Phone())
	stranger.SignUp(t, b, "bob")
	answer := w.Assert(t, b, "")
	before := w.Store.Writes()
	_, err := w.Finish(t, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/6", webauthn.CodeCredentialUnknown)
	if w.Store.Writes() != before+1 {
		t.Fatal("an unknown credential must cost what a known one costs")
	}
}

// TestTicketBelongsToItsAccount: a ticket made for one name is answered by no other
// account, and a decoy's ticket by none.
func TestTicketBelongsToItsAccount(t *testing.T) {
	w := ceremonytest.New(t)
	ana, bob := webauthntest.New(webauthntest.Phone()), webauthntest.New(webauthntest.Phone())
	w.SignUp(t, ana, "ana")
	w.SignUp(t, bob, "bob")
	for _, name := range []string{"ana", "nobody-has-this", "ana@example.org"} {
		answer := w.Assert(t, bob, name, webauthntest.UseCredential(bob.Credentials()[0].ID))
		_, err := w.Finish(t, answer)
		refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	}
}

func TestDecoysAreStableAndLookReal(t *testing.T) {
	w := ceremonytest.New(t)
	list := func(name string) []webauthn.Descriptor {
		options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: name})
		if err != nil {
			t.Fatal(err)
		}
		return options.AllowCredentials
	}
	first := list("nobody")
	for range 100 {
		again := list("NOBODY") // the same name to whoever compares names
		if len(again) != len(first) || !bytes.Equal(again[0].ID, first[0].ID) {
			t.Fatalf("decoys moved: %v, %v", first, again)
		}
	}
	if other := list("nobody-else"); bytes.Equal(other[0].ID, first[0].ID) {
		t.Fatal("two names share a decoy")
	}
}

func TestExpiry(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	edge, late := w.Assert(t, a, ""), w.Assert(t, a, "")
	w.Clock.Advance(10*time.Minute - time.Second)
	if _, err := w.Finish(t, edge); err != nil {
		t.Fatalf("one second before the end: %v", err)
	}
	w.Clock.Advance(2 * time.Second)
	before := w.Store.Writes()
	_, err := w.Finish(t, late)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeExpired)
	if w.Store.Writes() != before {
		t.Fatal("an expired ticket made the store write")
	}
}

func TestReplayRace(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	for range 50 {
		answer := w.Assert(t, a, "")
		results := together(8, func(int) error { _, err := w.Finish(t, answer); return err })
		wins := 0
		for _, err := range results {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeConsumed)
		}
		if wins != 1 {
			t.Fatalf("%d of 8 replays won, want 1", wins)
		}
	}
}

// together runs n calls through one gate.
func together(n int, call func(i int) error) []error {
	results := make([]error, n)
	gate := make(chan struct{})
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			<-gate
			results[i] = call(i)
		})
	}
	close(gate)
	wait.Wait()
	return results
}

// TestParallelHonestSignIns: sign-ins of one passkey do not get in each other's way
// where its counter is not compared, and the highest count is kept.
func TestParallelHonestSignIns(t *testing.T) {
	counting := webauthntest.Phone()
	counting.Counts = true
	silent := webauthntest.Phone()
	silent.Counts = false
	device := silent
	device.BackupEligible, device.BackedUp = false, false
	for name, m := range map[string]webauthntest.Model{
		"synced, no counter": silent, "synced, counter": counting, "single device, no counter": device,
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := webauthntest.New(m)
			up := w.SignUp(t, a, "ana")
			const n = 50
			for round := range 10 {
				answers := make([][]byte, n)
				for i := range answers {
					answers[i] = w.Assert(t, a, "")
				}
				for i, err := range together(n, func(i int) error { _, err := w.Finish(t, answers[i]); return err }) {
					if err != nil {
						t.Fatalf("round %d, sign-in %d: %v", round, i, err)
					}
				}
				passkeys, err := w.Accounts.Passkeys(t.Context(), up.Session())
				if err != nil || passkeys[0].TimesUsed != uint64(n*(round+1)) {
					t.Fatalf("round %d: %+v, %v", round, passkeys, err)
				}
			}
			assertCount(t, w, up, a.Credentials()[0].SignCount)
		})
	}
}

// TestParallelSignInsOfACountingKey: where the counter is compared, parallel answers
// may be refused, but no update is lost and all refusals count as one regression.
func TestParallelSignInsOfACountingKey(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.SecurityKey())
	up := w.SignUp(t, a, "ana")
	for round := range 50 {
		answers := make([][]byte, 8)
		for i := range answers {
			answers[i] = w.Assert(t, a, "ana")
		}
		var best uint32
		for i, err := range together(len(answers), func(i int) error { _, err := w.Finish(t, answers[i]); return err }) {
			if err == nil {
				best++
				continue
			}
			var e *ceremony.Error
			if !errors.As(err, &e) || e.Code != webauthn.CodeSignCountRegressed {
				t.Fatalf("round %d, sign-in %d: %v", round, i, err)
			}
		}
		if best == 0 {
			t.Fatalf("round %d: nobody signed in", round)
		}
		if in, err := w.Finish(t, w.Assert(t, a, "ana")); err != nil {
			t.Fatalf("round %d: the key was suspended by honest races: %v", round, err)
		} else if in.Session().IsZero() {
			t.Fatal("no session")
		}
		assertCount(t, w, up, a.Credentials()[0].SignCount)
	}
}

// assertCount reads the stored counter back: one that is never persisted protects
// nobody.
func assertCount(t *testing.T, w *ceremonytest.World, up ceremony.Proof, want uint32) {
	t.Helper()
	a, ok, err := w.Accounts.Get(t.Context(), up.Session().Person().ID)
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	credentials, err := w.Accounts.Credentials(t.Context(), a)
	if err != nil || len(credentials) != 1 {
		t.Fatalf("credentials: %v, %v", credentials, err)
	}
	if got := credentials[0].Use().SignCount; got != want {
		t.Fatalf("stored count %d, want %d", got, want)
	}
}

func TestClone(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.SecurityKey())
	w.SignUp(t, a, "ana")
	signIn := func(a *webauthntest.Authenticator) error { _, err := w.Finish(t, w.Assert(t, a, "ana")); return err }
	clone := a.Clone()
	for range 3 {
		if err := signIn(a); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, signIn(clone), ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
	if err := signIn(a); err != nil {
		t.Fatalf("one regression must not lock anybody out: %v", err)
	}
	w.Clock.Advance(time.Minute)
	refused(t, signIn(clone), ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
	if err := signIn(a); err != nil {
		t.Fatalf("a regression within one ticket's life of the first is the first: %v", err)
	}
	w.Clock.Advance(time.Hour)
	refused(t, signIn(clone), ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
	answer := w.Assert(t, a, "ana", webauthntest.UseCredential(a.Credentials()[0].ID))
	_, err := w.Finish(t, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
}

func TestCloneOfASyncedPasskeySignsIn(t *testing.T) {
	m := webauthntest.Phone()
	m.Counts = true
	w := ceremonytest.New(t)
	a := webauthntest.New(m)
	w.SignUp(t, a, "ana")
	clone := a.Clone()
	for range 3 {
		if _, err := w.Finish(t, w.Assert(t, a, "")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(t, w.Assert(t, clone, "")); err != nil {
		t.Fatalf("devices that share a key do not share a counter: %v", err)
	}
}

// TestClientBinding: whoever began a ceremony finishes it.
func TestClientBinding(t *testing.T) {
	w := ceremonytest.New(t)
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	cookie, other := ceremonytest.CookieRequest(), ceremonytest.CookieRequest()
	other.Client.Secret = bytes.Repeat([]byte{8}, 32)
	none, native, foreign := cookie, ceremonytest.Request(), ceremonytest.Request()
	none.Client.Secret = nil
	native.Client.Origin, native.Client.OriginSent = "", false
	foreign.Client.Origin = "https://other.example.org"
	otherDoor := ceremonytest.Request()
	otherDoor.Door = "cognito"
	for _, c := range []struct {
		name          string
		begin, finish ceremony.Request
		code          string
	}{
		{"cookie", cookie, cookie, ""},
		{"token", ceremonytest.Request(), ceremonytest.Request(), ""},
		{"native app", native, native, ""},
		{"another browser", cookie, other, webauthn.CodeChallengeMismatch},
		{"no cookie", cookie, none, webauthn.CodeChallengeMismatch},
		{"cookie ceremony finished in token mode", cookie, ceremonytest.Request(), webauthn.CodeChallengeMismatch},
		{"another page", ceremonytest.Request(), foreign, webauthn.CodeChallengeMismatch},
		{"origin vanished", ceremonytest.Request(), native, webauthn.CodeChallengeMismatch},
		{"origin appeared", native, ceremonytest.Request(), webauthn.CodeChallengeMismatch},
		{"another door", ceremonytest.Request(), otherDoor, webauthn.CodeChallengeUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			options, err := w.RP.BeginSignIn(t.Context(), c.begin, ceremony.SignIn{})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			before := w.Store.Writes()
			proof, err := w.RP.FinishSignIn(t.Context(), c.finish, ceremony.Finish{Credential: answer})
			if c.code == "" {
				if err != nil || proof.Session().View().Mode != c.begin.Client.Mode || (proof.Cookie() != "") != (c.begin.Client.Mode == session.ModeCookie) {
					t.Fatalf("proof %+v, %v", proof, err)
				}
				return
			}
			refused(t, err, ceremony.KindAuthentication, "7.2/11", c.code)
			if w.Store.Writes() != before {
				t.Fatal("a client that did not begin the ceremony made the store write")
			}
		})
	}
}

// TestOptionsWriteNothing: beginning is free.
func TestOptionsWriteNothing(t *testing.T) {
	w := ceremonytest.New(t)
	w.SignUp(t, webauthntest.New(webauthntest.Phone()), "ana")
	before := w.Store.Writes()
	for _, name := range []string{"", "ana", "nobody"} {
		if _, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.RP.BeginSignUp(t.Context(), ceremonytest.Request(), ceremony.SignUp{Username: "ana"}); err != nil {
		t.Fatal(err)
	}
	if after := w.Store.Writes(); after != before {
		t.Fatalf("options calls wrote %d times", after-before)
	}
}

// TestFailureBudget: strangers with valid tickets make the store write no more than
// their budget, and the victim signs in throughout.
func TestFailureBudget(t *testing.T) {
	const budget = 5
	w := ceremonytest.New(t, func(c *ceremony.Config) { c.Failures = failures(budget, c.Now) })
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	answers := make([][]byte, 4*budget)
	for i := range answers {
		answers[i] = w.Assert(t, a, "", webauthntest.SignWithNewKey())
	}
	before, limited := w.Store.Writes(), 0
	for _, answer := range answers {
		_, err := w.Finish(t, answer)
		var e *ceremony.Error
		if errors.As(err, &e) && e.Kind == ceremony.KindLimited {
			if e.RetryAfter <= 0 {
				t.Fatal("limited without saying for how long")
			}
			limited++
		}
	}
	if wrote := w.Store.Writes() - before; wrote > budget || limited != len(answers)-budget {
		t.Fatalf("%d writes, %d limited; the budget is %d of %d", wrote, limited, budget, len(answers))
	}
	if _, err := w.Finish(t, w.Assert(t, a, "")); err != nil {
		t.Fatalf("the victim cannot sign in: %v", err)
	}
}
