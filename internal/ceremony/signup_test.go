package ceremony_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// begin asks for the options of a sign-up.
func begin(t *testing.T, w *ceremonytest.World, in ceremony.SignUp) (webauthn.CreationOptions, error) {
	t.Helper()
	return w.RP.BeginSignUp(t.Context(), ceremonytest.Request(), in)
}

// finish presents a registration to a sign-up.
func finish(t *testing.T, w *ceremonytest.World, answer []byte) (ceremony.Proof, error) {
	t.Helper()
	return w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
}

func phone() *webauthntest.Authenticator { return webauthntest.New(webauthntest.Phone()) }

// accounts lists everybody.
func accounts(t *testing.T, w *ceremonytest.World) []account.Summary {
	t.Helper()
	list, _, err := w.Accounts.List(t.Context(), uuid.Nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// fieldRefused asserts on kind, field and code.
func fieldRefused(t *testing.T, err error, kind ceremony.Kind, field, code string) {
	t.Helper()
	var e *ceremony.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field || e.Code != code {
		t.Fatalf("error %v, want (%s, %s, %s)", err, kind, field, code)
	}
}

// TestNamesAreJudgedAtTheBeginning: what an account cannot be called is told before a
// passkey is made for it.
func TestNamesAreJudgedAtTheBeginning(t *testing.T) {
	w := ceremonytest.New(t)
	before := w.Store.Writes()
	for _, c := range []struct {
		why         string
		in          ceremony.SignUp
		kind        ceremony.Kind
		field, code string
	}{
		{"nothing", ceremony.SignUp{}, ceremony.KindField, "username", "required"},
		{"a display name alone", ceremony.SignUp{DisplayName: "Ana"}, ceremony.KindField, "username", "required"},
		{"an address", ceremony.SignUp{Username: "ana@example.org"}, ceremony.KindUsername, "username", account.NameShape},
		{"a number", ceremony.SignUp{Username: "12345"}, ceremony.KindUsername, "username", account.NameShape},
		{"a telephone number", ceremony.SignUp{Username: "+49-170-1234567"}, ceremony.KindUsername, "username", account.NameShape},
		{"a UUID", ceremony.SignUp{Username: "018f3f2e-7b1a-7c3d-9e4f-0123456789ab"}, ceremony.KindUsername, "username", account.NameShape},
		{"a user handle", ceremony.SignUp{Username: strings.Repeat("Ab-_9", 9)[:43]}, ceremony.KindUsername, "username", account.NameShape},
		{"too short", ceremony.SignUp{Username: "ab"}, ceremony.KindUsername, "username", account.NameTooShort},
		{"too long", ceremony.SignUp{Username: strings.Repeat("a", 65)}, ceremony.KindUsername, "username", account.NameTooLong},
		{"a bar", ceremony.SignUp{Username: "ana|bob"}, ceremony.KindUsername, "username", account.NameCharacters},
		{"a colon", ceremony.SignUp{Username: "ana:bob"}, ceremony.KindUsername, "username", account.NameCharacters},
		{"a space", ceremony.SignUp{Username: "ana bob"}, ceremony.KindUsername, "username", account.NameCharacters},
		{"a bad username beside a good address", ceremony.SignUp{Username: "ab", Email: "ana@example.org"}, ceremony.KindUsername, "username", account.NameTooShort},
		{"no address", ceremony.SignUp{Email: "ana"}, ceremony.KindField, "email", account.NameMalformed},
		{"a control character in the display name", ceremony.SignUp{Username: "ana", DisplayName: "A\nB"}, ceremony.KindField, "display_name", account.NameCharacters},
		{"a direction override in the display name", ceremony.SignUp{Username: "ana", DisplayName: "A\u202eB"}, ceremony.KindField, "display_name", account.NameCharacters},
		{"a display name of 129 bytes", ceremony.SignUp{Username: "ana", DisplayName: strings.Repeat("a", 129)}, ceremony.KindField, "display_name", account.NameTooLong},
		{"a scope of 65 bytes", ceremony.SignUp{Username: "ana", Scope: strings.Repeat("a", 65)}, ceremony.KindField, "scope", "too_long"},
		{"a quote in the scope", ceremony.SignUp{Username: "ana", Scope: `a"b`}, ceremony.KindField, "scope", "characters"},
		{"a line in the scope", ceremony.SignUp{Username: "ana", Scope: "a\nb"}, ceremony.KindField, "scope", "characters"},
	} {
		t.Run(c.why, func(t *testing.T) {
			options, err := begin(t, w, c.in)
			fieldRefused(t, err, c.kind, c.field, c.code)
			if len(options.Challenge) != 0 {
				t.Fatal("refused, and yet a challenge")
			}
		})
	}
	if w.Store.Writes() != before {
		t.Fatal("a name that was refused made the store write")
	}
}

// TestPasskeyNameIsJudgedAtTheEnd: a passkey's name comes with the answer, and a bad
// one does not cost the person the ceremony.
func TestPasskeyNameIsJudgedAtTheEnd(t *testing.T) {
	w := ceremonytest.New(t)
	answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana"})
	for name, code := range map[string]string{"a\x00b": account.NameCharacters, strings.Repeat("é", 65): account.NameTooLong} {
		_, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer, Name: name})
		fieldRefused(t, err, ceremony.KindField, "name", code)
	}
	proof, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer, Name: " Ana's phone "})
	if err != nil {
		t.Fatal(err)
	}
	if passkey, _ := proof.Passkey(); passkey.Name != "Ana's phone" {
		t.Fatalf("called %q", passkey.Name)
	}
}

// TestLargestSignUpFits: whatever passes the rules for names fits into the challenge,
// which is as long as any other.
func TestLargestSignUpFits(t *testing.T) {
	w := ceremonytest.New(t)
	small, err := begin(t, w, ceremony.SignUp{Username: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	in := ceremony.SignUp{
		Username: strings.Repeat("𠀀", 64), Email: strings.Repeat("a", 242) + "@example.org",
		DisplayName: strings.Repeat("é", 64), Scope: strings.Repeat("s", 64),
	}
	large, err := begin(t, w, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(large.Challenge) != len(small.Challenge) || len(large.Challenge) > 1024 {
		t.Fatalf("challenges of %d and %d bytes", len(small.Challenge), len(large.Challenge))
	}
	proof, err := finish(t, w, w.Register(t, phone(), in))
	if err != nil {
		t.Fatal(err)
	}
	p := proof.Session().Person()
	if p.Username != in.Username || p.PendingEmail != in.Email || p.DisplayName != in.DisplayName || proof.Session().View().Scope != in.Scope {
		t.Fatalf("opened %+v", p)
	}
}

// TestUserHandles: 43 characters of base64url, drawn anew for every sign-up, never made
// of a name (§5.4.3, §14.6.1).
func TestUserHandles(t *testing.T) {
	w := ceremonytest.New(t)
	seen := map[string]bool{}
	for range 100 {
		options, err := begin(t, w, ceremony.SignUp{Username: "ana"})
		if err != nil {
			t.Fatal(err)
		}
		id := string(options.User.ID)
		if len(id) != 43 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || seen[id] {
			t.Fatalf("user handle %q, seen before: %v", id, seen[id])
		}
		seen[id] = true
	}
}

// TestPendingAddress: an address that was only claimed finds nobody, and nothing
// changes by its being claimed: its decoys stay what they were.
func TestPendingAddress(t *testing.T) {
	const address = "ana@example.org"
	w := ceremonytest.New(t)
	list := func() []webauthn.Descriptor {
		options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: address})
		if err != nil {
			t.Fatal(err)
		}
		return options.AllowCredentials
	}
	before := list()
	same := func() {
		t.Helper()
		after := list()
		if !slices.EqualFunc(after, before, func(a, b webauthn.Descriptor) bool { return bytes.Equal(a.ID, b.ID) }) {
			t.Fatalf("the list for a claimed address became %v, was %v", after, before)
		}
	}
	ana, bob := phone(), phone()
	for _, c := range []struct {
		a  *webauthntest.Authenticator
		in ceremony.SignUp
	}{{ana, ceremony.SignUp{Username: "ana", Email: address}}, {bob, ceremony.SignUp{Email: address}}} {
		proof, err := finish(t, w, w.Register(t, c.a, c.in))
		if err != nil {
			t.Fatalf("an address is nobody's until it is proved: %v", err)
		}
		if p := proof.Session().Person(); p.PendingEmail != address || p.Email != "" {
			t.Fatalf("reads %+v", p)
		}
		same()
		_, err = w.Finish(t, w.Assert(t, c.a, address, webauthntest.UseCredential(c.a.Credentials()[0].ID)))
		refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
		if _, err := w.Finish(t, w.Assert(t, c.a, "")); err != nil {
			t.Fatalf("without a name: %v", err)
		}
	}
}

// TestNameTaken: who finishes first has the name, whoever began first; nobody hears
// that it is taken before the end.
func TestNameTaken(t *testing.T) {
	for name, order := range map[string][]int{"as they began": {0, 1}, "the other way round": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			answers := [][]byte{
				w.Register(t, phone(), ceremony.SignUp{Username: "ana"}),
				w.Register(t, phone(), ceremony.SignUp{Username: "ＡＮＡ"}), // the same name to whoever compares names
			}
			first, err := finish(t, w, answers[order[0]])
			if err != nil {
				t.Fatal(err)
			}
			_, err = finish(t, w, answers[order[1]])
			refused(t, err, ceremony.KindNameTaken, "", "name_taken")
			_, err = finish(t, w, answers[order[1]])
			refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
			if list := accounts(t, w); len(list) != 1 || list[0].ID != first.Session().Person().ID {
				t.Fatalf("accounts %+v", list)
			}
			before := w.Store.Writes()
			if _, err := begin(t, w, ceremony.SignUp{Username: "ana"}); err != nil || w.Store.Writes() != before {
				t.Fatalf("options for a name that is taken: %v", err)
			}
		})
	}
}

func TestNameRace(t *testing.T) {
	const rounds, racers = 50, 4
	w := ceremonytest.New(t)
	for round := range rounds {
		username := "ana-" + string(rune('a'+round/26)) + string(rune('a'+round%26))
		answers := make([][]byte, racers)
		for i := range answers {
			answers[i] = w.Register(t, phone(), ceremony.SignUp{Username: username})
		}
		wins := 0
		for _, err := range together(racers, func(i int) error { _, err := finish(t, w, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindNameTaken, "", "name_taken")
		}
		if wins != 1 {
			t.Fatalf("round %d: %d of %d got the name", round, wins, racers)
		}
	}
	if list := accounts(t, w); len(list) != rounds {
		t.Fatalf("%d accounts for %d names", len(list), rounds)
	}
}

// TestClosedSignUp: without a ticket nobody begins, and what was begun elsewhere under
// another key does not finish.
func TestClosedSignUp(t *testing.T) {
	closed := ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpClosed})
	before := closed.Store.Writes()
	_, err := begin(t, closed, ceremony.SignUp{Username: "ana"})
	refused(t, err, ceremony.KindClosed, "", "sign_up_closed")
	_, err = begin(t, closed, ceremony.SignUp{Username: "a b"}) // it is not told even what is wrong with the name
	refused(t, err, ceremony.KindClosed, "", "sign_up_closed")
	open := ceremonytest.New(t)
	_, err = finish(t, closed, open.Register(t, phone(), ceremony.SignUp{Username: "ana"}))
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	if closed.Store.Writes() != before || len(accounts(t, closed)) != 0 {
		t.Fatal("a closed store was written to")
	}
}
