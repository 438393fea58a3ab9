package ceremony_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// hook sets a Challenge hook.
func hook(f func(ceremony.Began) ([]byte, error)) func(*ceremony.Config) {
	return func(c *ceremony.Config) {
		c.Challenge = func(_ context.Context, b ceremony.Began) ([]byte, error) { return f(b) }
	}
}

// team is a hook that remembers what it was asked and answers with the ceremony's name.
type team struct {
	mu    sync.Mutex
	began []ceremony.Began
}

func (m *team) challenge(b ceremony.Began) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = append(m.began, b)
	return []byte("team:" + b.Ceremony), nil
}

// TestChallengeHook: in every ceremony the team's bytes are under the signature, and
// come out in proof and event.
func TestChallengeHook(t *testing.T) {
	var m team
	w := ceremonytest.New(t, hook(m.challenge))
	a, b := phone(), phone()
	says := func(name audit.Name, ceremonies string, got []byte) {
		t.Helper()
		want := []byte("team:" + ceremonies)
		if e, n := last(t, w, name); n == 0 || !bytes.Equal(e.Challenge, want) || !bytes.Equal(got, want) {
			t.Fatalf("%s: event %q, proof %q, want %q", ceremonies, e.Challenge, got, want)
		}
	}
	up := w.SignUp(t, a, "ana")
	says(audit.AccountSignedUp, "sign_up", up.Challenge())
	up.Challenge()[0] ^= 1
	says(audit.AccountSignedUp, "sign_up", up.Challenge())
	in := signedIn(t, w, a, ceremonytest.Request())
	says(audit.SignedIn, "sign_in", in.Challenge())
	raised, err := raisedBy(t, w, in, a, ceremony.StepUp{Binding: []byte("x")})
	must(t, err)
	says(audit.SteppedUp, "step_up", raised.Challenge())
	boundTo(t, w, raised, b)
	says(audit.PasskeyAdded, "binding", []byte("team:binding"))
	w.Clock.Advance(time.Second) // so that the newest event is the next one
	id, link := added(t, w, "bob")
	proof, err := enrolled(t, w, enrolling(t, w, phone(), link))
	must(t, err)
	says(audit.PasskeyAdded, "enrolment", proof.Challenge())
	ana := up.Session().Person().ID
	if _, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "nobody"}); err != nil {
		t.Fatal(err)
	}
	w.Assert(t, a, "ana")
	want := []ceremony.Began{
		{Ceremony: "sign_up"},
		{Ceremony: "sign_in"},
		{Ceremony: "step_up", Account: ana},
		{Ceremony: "binding", Account: ana},
		{Ceremony: "enrolment", Account: id},
		{Ceremony: "sign_in"},
		{Ceremony: "sign_in", Account: ana},
	}
	if len(m.began) != len(want) {
		t.Fatalf("asked %+v", m.began)
	}
	for i, b := range m.began {
		if b != want[i] {
			t.Errorf("call %d was for %+v, want %+v", i, b, want[i])
		}
	}
}

// TestChallengeHookFails: without the team's bytes, of 1 to 64, nothing begins.
func TestChallengeHookFails(t *testing.T) {
	var answer []byte
	var failure error
	w := ceremonytest.New(t, hook(func(ceremony.Began) ([]byte, error) { return answer, failure }))
	answer = []byte("x")
	_, link := added(t, w, "bob")
	_, proof := resident(t, w, "ana")
	begins := map[string]func() error{
		"sign-up": func() error { _, err := begin(t, w, ceremony.SignUp{Username: "eve"}); return err },
		"sign-in": func() error {
			_, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{})
			return err
		},
		"enrolment": func() error { _, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), link); return err },
		"binding": func() error {
			_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), proof.Session(), "")
			return err
		},
		"step-up": func() error {
			_, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), proof.Session(), ceremony.StepUp{})
			return err
		},
	}
	for _, c := range []struct {
		answer []byte
		err    error
		good   bool
	}{
		{make([]byte, 1), nil, true},
		{make([]byte, 64), nil, true},
		{nil, nil, false},
		{[]byte{}, nil, false},
		{make([]byte, 65), nil, false},
		{[]byte("x"), errors.New("the team is away"), false},
	} {
		answer, failure = c.answer, c.err
		for name, begin := range begins {
			err := begin()
			if c.good {
				if err != nil {
					t.Errorf("%s with %d bytes: %v", name, len(c.answer), err)
				}
				continue
			}
			refused(t, err, ceremony.KindUnavailable, "", webauthn.CodeStorageUnavailable)
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%s: the cause is not kept for the log: %v", name, err)
			}
		}
	}
}

// TestTicketsWithoutTheTeam: once there is a hook, a challenge that was minted without
// it is worth nothing, in every ceremony, and costs nothing.
func TestTicketsWithoutTheTeam(t *testing.T) {
	var cfg ceremony.Config
	w := ceremonytest.New(t, func(c *ceremony.Config) { cfg = *c })
	a, proof := resident(t, w, "ana")
	_, link := added(t, w, "bob")
	up, enrolment := w.Register(t, phone(), ceremony.SignUp{Username: "eve"}), enrolling(t, w, phone(), link)
	bind, in := binding(t, w, proof, phone(), ""), w.Assert(t, a, "ana")
	raise := raising(t, w, proof, a, ceremony.StepUp{})
	var m team
	hook(m.challenge)(&cfg)
	var err error
	if w.RP, err = ceremony.New(cfg); err != nil {
		t.Fatal(err)
	}
	before := w.Store.Writes()
	_, err = finish(t, w, up)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch)
	_, err = enrolled(t, w, enrolment)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch)
	_, err = bound(t, w, proof, bind)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch)
	_, err = w.Finish(t, in)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)
	_, err = raised(t, w, proof, raise)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)
	if w.Store.Writes() != before || signedOut(t, w, proof) {
		t.Fatal("a challenge without the team's bytes did something")
	}
	if _, err := w.Finish(t, w.Assert(t, a, "ana")); err != nil {
		t.Fatal(err)
	}
}

// TestTeamsBytesAreOfOneCeremony: bytes that the team gave for one account count for no
// other, and cannot be cut out, swapped or bent.
func TestTeamsBytesAreOfOneCeremony(t *testing.T) {
	w := ceremonytest.New(t, hook(func(b ceremony.Began) ([]byte, error) {
		if b.Account == uuid.Nil {
			return []byte("nobody"), nil
		}
		return b.Account[:], nil
	}))
	a, proof := resident(t, w, "ana")
	b, other := resident(t, w, "bob")
	_, err := w.Finish(t, w.Assert(t, b, "ana", webauthntest.UseCredential(b.Credentials()[0].ID)))
	refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	_, err = raised(t, w, other, raising(t, w, proof, a, ceremony.StepUp{}))
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)

	options, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), proof.Session(), ceremony.StepUp{})
	must(t, err)
	theirs, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), other.Session(), ceremony.StepUp{})
	must(t, err)
	before := w.Store.Writes()
	attempt := func(challenge []byte) {
		t.Helper()
		answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page(),
			webauthntest.SetClientData("challenge", base64.RawURLEncoding.EncodeToString(challenge)))
		must(t, err)
		_, err = raised(t, w, proof, answer)
		refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeUnknown)
	}
	for n := range options.Challenge {
		bent := bytes.Clone(options.Challenge)
		bent[n] ^= 1
		attempt(bent)
	}
	for _, cut := range []int{12, 25, len(options.Challenge) / 2} {
		attempt(append(bytes.Clone(options.Challenge[:cut]), theirs.Challenge[cut:]...))
		attempt(options.Challenge[:cut])
	}
	attempt(append(bytes.Clone(options.Challenge), 0))
	if w.Store.Writes() != before {
		t.Fatal("a challenge that does not open made the store write")
	}
	after, err := raised(t, w, proof, raising(t, w, proof, a, ceremony.StepUp{}))
	id := proof.Session().Person().ID
	if err != nil || !bytes.Equal(after.Challenge(), id[:]) {
		t.Fatalf("proof of %x, %v", after.Challenge(), err)
	}
}

// TestTellUnknown: only where a team wants it, and then for every name that cannot sign
// in; a name that can is not told apart from one asked for without a name.
func TestTellUnknown(t *testing.T) {
	for _, told := range []bool{false, true} {
		w := ceremonytest.New(t, func(c *ceremony.Config) { c.TellUnknown = told })
		a, proof := resident(t, w, "ana")
		added(t, w, "carl") // has no passkey yet
		ask := func(name string) error {
			_, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: name})
			return err
		}
		for _, name := range []string{"nobody", "ana@example.org", "an", "carl", "\xff"} {
			err := ask(name)
			if !told {
				must(t, err)
				continue
			}
			refused(t, err, ceremony.KindUnknown, "", "account_unknown")
		}
		for _, name := range []string{"ana", "ANA", ""} {
			must(t, ask(name))
		}
		b := phone()
		second := boundTo(t, w, proof, b)
		in := signedIn(t, w, b, ceremonytest.Request())
		suspend(t, w, in, passkeys(t, w, in)[0], true)
		must(t, ask("ana")) // by the other passkey
		if _, err := w.Finish(t, w.Assert(t, a, "")); codeOf(t, err) != webauthn.CodeCredentialNotAllowed || second.Suspended {
			t.Fatal("what went wrong with a sign-in is told")
		}
	}
}
