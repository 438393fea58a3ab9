package ceremony_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// raising runs a step-up up to the authenticator's answer.
func raising(t *testing.T, w *ceremonytest.World, p ceremony.Proof, a *webauthntest.Authenticator, in ceremony.StepUp, m ...webauthntest.Mutation) []byte {
	t.Helper()
	options, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), p.Session(), in)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page(), m...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func raised(t *testing.T, w *ceremonytest.World, p ceremony.Proof, answer []byte) (ceremony.Proof, error) {
	t.Helper()
	return w.RP.FinishStepUp(t.Context(), ceremonytest.Request(), p.Session(), ceremony.Finish{Credential: answer})
}

func raisedBy(t *testing.T, w *ceremonytest.World, p ceremony.Proof, a *webauthntest.Authenticator, in ceremony.StepUp) (ceremony.Proof, error) {
	t.Helper()
	return raised(t, w, p, raising(t, w, p, a, in))
}

// signedOut tells whether a proof's session is over.
func signedOut(t *testing.T, w *ceremonytest.World, p ceremony.Proof) bool {
	t.Helper()
	var err error
	if p.Cookie() != "" {
		_, err = w.Sessions.Check(t.Context(), p.Cookie())
	} else {
		_, err = w.Sessions.Resume(t.Context(), p.Session().View().ID)
	}
	if err != nil && !errors.Is(err, session.ErrNone) {
		t.Fatal(err)
	}
	return err != nil
}

// TestStepUp: one commit opens a session of the same kind and ends the one it raises.
func TestStepUp(t *testing.T) {
	for mode, r := range map[session.Mode]ceremony.Request{session.ModeCookie: ceremonytest.CookieRequest(), session.ModeToken: ceremonytest.Request()} {
		t.Run(string(mode), func(t *testing.T) {
			w := ceremonytest.New(t)
			a := phone()
			up := w.SignUp(t, a, "ana")
			before := scoped(t, w, a, r, "read write")
			w.Clock.Advance(time.Hour)
			r.Client.Mode = session.ModeToken // whatever the request says
			if mode == session.ModeToken {
				r.Client.Mode = session.ModeCookie
			}
			options, err := w.RP.BeginStepUp(t.Context(), r, before.Session(), ceremony.StepUp{MaxAge: 300, ACRValues: []string{"phr"}})
			if err != nil || options.UserVerification != "required" || len(options.AllowCredentials) != 1 {
				t.Fatalf("options %+v, %v", options, err)
			}
			answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			writes := w.Store.Writes()
			after, err := w.RP.FinishStepUp(t.Context(), r, before.Session(), ceremony.Finish{Credential: answer})
			if err != nil {
				t.Fatal(err)
			}
			if w.Store.Writes() != writes+1 {
				t.Fatalf("%d writes", w.Store.Writes()-writes)
			}
			old, v := before.Session().View(), after.Session().View()
			if v.ID == old.ID || v.Mode != mode || v.Scope != "read write" || !v.AuthTime.Equal(w.Clock.Now()) || v.AAL != 2 ||
				!reflect.DeepEqual(after.Session().Person(), before.Session().Person()) || !after.Session().Fresh(w.Clock.Now(), 0) {
				t.Fatalf("the session was %+v and is %+v", old, v)
			}
			if (after.Cookie() != "") != (mode == session.ModeCookie) || mode == session.ModeCookie && after.Cookie() == before.Cookie() {
				t.Fatalf("the cookie was %q and is %q", before.Cookie(), after.Cookie())
			}
			if !signedOut(t, w, before) || signedOut(t, w, after) || signedOut(t, w, up) {
				t.Fatal("the raised session, and no other, takes the old one's place")
			}
			e, n := last(t, w, audit.SteppedUp)
			if n != 1 || e.Session != v.ID || e.AAL != 2 || e.Account != after.Session().Person().ID || e.Binding != nil || e.Challenge != nil {
				t.Fatalf("%d events, %+v", n, e)
			}
			if after.Binding() != nil || after.Challenge() != nil {
				t.Fatal("a proof of what nobody asked for")
			}
		})
	}
}

// scoped signs in with a scope.
func scoped(t *testing.T, w *ceremonytest.World, a *webauthntest.Authenticator, r ceremony.Request, scope string) ceremony.Proof {
	t.Helper()
	options, err := w.RP.BeginSignIn(t.Context(), r, ceremony.SignIn{Scope: scope})
	must(t, err)
	answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	proof, err := w.RP.FinishSignIn(t.Context(), r, ceremony.Finish{Credential: answer})
	must(t, err)
	return proof
}

// TestStepUpBelongsToItsSession: a challenge that one session asked for raises no
// other, and is no sign-in; nor is a sign-in's a step-up.
func TestStepUpBelongsToItsSession(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	second := signedIn(t, w, a, ceremonytest.Request())
	b, other := resident(t, w, "bob")
	answer := raising(t, w, proof, a, ceremony.StepUp{})
	before := w.Store.Writes()
	for _, p := range []ceremony.Proof{second, other, {}} {
		_, err := raised(t, w, p, answer)
		refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)
	}
	_, err := w.Finish(t, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeUnknown)
	_, err = raised(t, w, proof, w.Assert(t, a, "ana"))
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeUnknown)
	r := ceremonytest.Request()
	r.Client.Origin = "https://evil.example"
	_, err = w.RP.FinishStepUp(t.Context(), r, proof.Session(), ceremony.Finish{Credential: answer})
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)
	if w.Store.Writes() != before {
		t.Fatal("a foreign challenge made the store write")
	}
	// Somebody else's passkey raises nobody, and costs the challenge.
	for _, m := range [][]webauthntest.Mutation{nil, {webauthntest.SetMember("response.userHandle", string(a.Credentials()[0].UserHandle))}} {
		foreign := raising(t, w, proof, b, ceremony.StepUp{}, append(m, webauthntest.UseCredential(b.Credentials()[0].ID))...)
		_, err = raised(t, w, proof, foreign)
		refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
		_, err = raised(t, w, proof, foreign)
		refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	}
	for _, p := range []ceremony.Proof{proof, second, other} {
		if signedOut(t, w, p) {
			t.Fatal("a refused step-up ended a session")
		}
	}
	if _, err := raised(t, w, proof, answer); err != nil {
		t.Fatal(err)
	}
}

// TestStepUpRefused: what a sign-in is refused for, a step-up is, and the session that
// asked stays as it was.
func TestStepUpRefused(t *testing.T) {
	for name, c := range map[string]struct {
		mutation   webauthntest.Mutation
		step, code string
	}{
		"nobody verified": {webauthntest.ClearFlags(webauthntest.FlagUV), "7.2/17", webauthn.CodeUserVerificationMissing},
		"nobody present":  {webauthntest.ClearFlags(webauthntest.FlagUP), "7.2/16", webauthn.CodeUserPresenceMissing},
		"another key":     {webauthntest.SignWithNewKey(), "7.2/21", webauthn.CodeSignatureInvalid},
		"another origin":  {webauthntest.SetClientData("origin", "https://evil.example"), "7.2/12", webauthn.CodeOriginNotAllowed},
		"a registration":  {webauthntest.SetClientData("type", "webauthn.create"), "7.2/10", webauthn.CodeClientDataTypeMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a, proof := resident(t, w, "ana")
			_, err := raised(t, w, proof, raising(t, w, proof, a, ceremony.StepUp{}, c.mutation))
			refused(t, err, ceremony.KindAuthentication, c.step, c.code)
			if _, n := last(t, w, audit.SteppedUp); n != 0 || signedOut(t, w, proof) {
				t.Fatalf("%d step-ups; signed out: %v", n, signedOut(t, w, proof))
			}
		})
	}
	t.Run("too late", func(t *testing.T) {
		w := ceremonytest.New(t)
		a, proof := resident(t, w, "ana")
		answer := raising(t, w, proof, a, ceremony.StepUp{})
		w.Clock.Advance(10*time.Minute + time.Millisecond)
		_, err := raised(t, w, proof, answer)
		refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeExpired)
	})
}

// TestStepUpIsCalledBack: what ended the session or suspended the passkey since the
// challenge was asked for refuses the answer, even of a caller who was let in before.
func TestStepUpIsCalledBack(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	b := phone()
	second := boundTo(t, w, proof, b)
	other := signedIn(t, w, b, ceremonytest.Request())

	answer := raising(t, w, proof, b, ceremony.StepUp{}, webauthntest.UseCredential(b.Credentials()[0].ID))
	suspend(t, w, proof, second, true)
	_, err := raised(t, w, proof, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	if !signedOut(t, w, other) || signedOut(t, w, proof) {
		t.Fatal("suspending a passkey ends its sessions and no other")
	}
	options, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), now(t, w, proof), ceremony.StepUp{})
	if err != nil || len(options.AllowCredentials) != 1 || !bytes.Equal(options.AllowCredentials[0].ID, a.Credentials()[0].ID) {
		t.Fatalf("a suspended passkey is asked for: %+v, %v", options.AllowCredentials, err)
	}

	answer = raising(t, w, proof, a, ceremony.StepUp{})
	must(t, w.Sessions.End(t.Context(), proof.Session(), true, audit.Caller{}))
	_, err = raised(t, w, proof, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/5", webauthn.CodeCredentialNotAllowed)
	if _, n := last(t, w, audit.SteppedUp); n != 0 {
		t.Fatalf("%d step-ups", n)
	}
}

// TestStepUpWithoutAPasskey: an account whose passkeys are gone cannot be asked.
func TestStepUpWithoutAPasskey(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	w.Intrude(t).Do("DELETE FROM credentials")
	_, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), proof.Session(), ceremony.StepUp{})
	refused(t, err, ceremony.KindPolicy, "", "no_passkey")
}

// TestStepUpRace: one answer shown eight times at once raises once, and one session is
// left.
func TestStepUpRace(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	for round := range 50 {
		answer := raising(t, w, proof, a, ceremony.StepUp{})
		proofs := make([]ceremony.Proof, 8)
		wins := 0
		for i, err := range together(len(proofs), func(i int) (err error) { proofs[i], err = raised(t, w, proof, answer); return err }) {
			if err != nil {
				refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeConsumed)
				continue
			}
			wins++
			proof = proofs[i]
		}
		if wins != 1 {
			t.Fatalf("round %d: %d of 8 won", round, wins)
		}
	}
	list, _, err := w.Sessions.List(t.Context(), now(t, w, proof), [16]byte{}, 100)
	if err != nil || len(list) != 2 || list[0].ID != proof.Session().View().ID { // and the one of the sign-up
		t.Fatalf("%d sessions, %v", len(list), err)
	}
}

// TestStepUpAsks: what may be asked for (RFC 9470 §4).
func TestStepUpAsks(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	begin := func(in ceremony.StepUp) error {
		_, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), proof.Session(), in)
		return err
	}
	before := w.Store.Writes()
	fieldRefused(t, begin(ceremony.StepUp{MaxAge: -1}), ceremony.KindField, "max_age", "negative")
	fieldRefused(t, begin(ceremony.StepUp{Binding: make([]byte, 65)}), ceremony.KindField, "binding", "too_long")
	for _, values := range [][]string{{"phrh"}, {"3"}, {""}, {"phr "}, {"phrh", "urn:example:gold"}} {
		refused(t, begin(ceremony.StepUp{ACRValues: values}), ceremony.KindPolicy, "", "acr_out_of_reach")
	}
	for _, in := range []ceremony.StepUp{
		{}, {MaxAge: math.MaxInt64}, {ACRValues: []string{"phr"}}, {ACRValues: []string{"0"}}, {ACRValues: []string{"phrh", "phr"}}, {Binding: make([]byte, 64)},
	} {
		must(t, begin(in))
	}
	if w.Store.Writes() != before {
		t.Fatal("asking wrote")
	}
}

// TestLargestStepUpFits: the longest scope, binding and team's bytes fit into a
// challenge together, and come back whole; all challenges of step-ups are of one length.
func TestLargestStepUpFits(t *testing.T) {
	team := bytes.Repeat([]byte{0xff}, 64)
	w := ceremonytest.New(t, hook(func(ceremony.Began) ([]byte, error) { return team, nil }))
	a := phone()
	w.SignUp(t, a, "ana")
	before := scoped(t, w, a, ceremonytest.Request(), strings.Repeat("s", 64))
	in := ceremony.StepUp{MaxAge: math.MaxInt64, ACRValues: []string{"phr"}, Binding: bytes.Repeat([]byte{0xfe}, 64)}
	lengths := map[int]bool{}
	for _, in := range []ceremony.StepUp{{}, in} {
		options, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), before.Session(), in)
		must(t, err)
		lengths[len(options.Challenge)] = true
	}
	if len(lengths) != 1 {
		t.Fatalf("challenges of %v bytes", lengths)
	}
	after, err := raisedBy(t, w, before, a, in)
	must(t, err)
	if !bytes.Equal(after.Binding(), in.Binding) || !bytes.Equal(after.Challenge(), team) || len(after.Session().View().Scope) != 64 {
		t.Fatalf("came back as %x, %x", after.Binding(), after.Challenge())
	}
}

// TestStepUpBinds: what the person approves stands in proof and event, and the
// signature covers it: no other bytes can be put in its place.
func TestStepUpBinds(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	binding := []byte("pay 100 EUR to Bob")
	answer := raising(t, w, proof, a, ceremony.StepUp{Binding: binding})
	cheap := raising(t, w, proof, a, ceremony.StepUp{Binding: []byte("pay 1 EUR to Bob")})
	after, err := raised(t, w, proof, answer)
	must(t, err)
	got := after.Binding()
	if !bytes.Equal(got, binding) {
		t.Fatalf("bound %q", got)
	}
	got[0] ^= 1
	if !bytes.Equal(after.Binding(), binding) {
		t.Fatal("a caller can change what was approved")
	}
	if e, n := last(t, w, audit.SteppedUp); n != 1 || !bytes.Equal(e.Binding, binding) {
		t.Fatalf("%d events, %+v", n, e)
	}
	// An empty binding binds nothing, and the next step-up forgets the last.
	_, err = raised(t, w, after, cheap)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeMismatch)
	next, err := raisedBy(t, w, after, a, ceremony.StepUp{Binding: []byte{}})
	if err != nil || next.Binding() != nil {
		t.Fatalf("bound %q, %v", next.Binding(), err)
	}
	if !slices.Equal(signedIn(t, w, a, ceremonytest.Request()).Binding(), nil) {
		t.Fatal("a sign-in binds something")
	}
}
