package ceremony_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestRegistrationRefused walks what can be wrong with a registration: the very step
// outside and inside, no account, and whether the ticket was burned. What fails before
// step 9 of §7.1 writes nothing: strangers can send it without limit.
func TestRegistrationRefused(t *testing.T) {
	short := make([]byte, 15)
	for _, c := range []struct {
		name       string
		mutation   webauthntest.Mutation
		kind       ceremony.Kind
		step, code string
		burns      bool
	}{
		{"no JSON", webauthntest.EditJSON(func(b []byte) []byte { return b[:len(b)-1] }), ceremony.KindMalformed, "7.1/3", webauthn.CodeRequestMalformed, false},
		{"another kind of credential", webauthntest.SetMember("type", "password"), ceremony.KindRegistration, "7.1/3", webauthn.CodeResponseTypeInvalid, false},
		{"two IDs", webauthntest.SetMember("id", "AAAAAAAAAAAAAAAAAAAAAA"), ceremony.KindRegistration, "7.1/3", webauthn.CodeCredentialIDMismatch, false},
		{"client data cut off", webauthntest.EditClientData(func(b []byte) []byte { return b[:len(b)-1] }), ceremony.KindRegistration, "7.1/6", webauthn.CodeClientDataMalformed, false},
		{"another type", webauthntest.SetClientData("type", "webauthn.get"), ceremony.KindRegistration, "7.1/7", webauthn.CodeClientDataTypeMismatch, false},
		{"another challenge", webauthntest.SetClientData("challenge", "AAAAAAAAAAAAAAAAAAAAAA"), ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown, false},
		{"another origin", webauthntest.SetClientData("origin", "https://evil.example"), ceremony.KindRegistration, "7.1/9", webauthn.CodeOriginNotAllowed, true},
		{"plain http", webauthntest.SetClientData("origin", "http://login.example.org"), ceremony.KindRegistration, "7.1/9", webauthn.CodeOriginNotAllowed, true},
		{"another port", webauthntest.SetClientData("origin", ceremonytest.Origin+":8443"), ceremony.KindRegistration, "7.1/9", webauthn.CodeOriginNotAllowed, true},
		{"framed", webauthntest.SetClientData("crossOrigin", true), ceremony.KindRegistration, "7.1/10", webauthn.CodeCrossOriginNotAllowed, true},
		{"a top origin alone", webauthntest.SetClientData("topOrigin", "https://evil.example"), ceremony.KindRegistration, "7.1/11", webauthn.CodeTopOriginWithoutCrossOrigin, true},
		{"no attestation object", webauthntest.EditAttestationBytes(func([]byte) []byte { return []byte{0xff} }), ceremony.KindRegistration, "7.1/13", webauthn.CodeAttestationObjectMalformed, true},
		{"another RP ID", webauthntest.SetRPID("evil.example"), ceremony.KindRegistration, "7.1/14", webauthn.CodeRPIDMismatch, true},
		{"nobody present", webauthntest.ClearFlags(webauthntest.FlagUP), ceremony.KindRegistration, "7.1/15", webauthn.CodeUserPresenceMissing, true},
		{"nobody verified", webauthntest.ClearFlags(webauthntest.FlagUV), ceremony.KindRegistration, "7.1/16", webauthn.CodeUserVerificationMissing, true},
		{"backed up, not eligible", webauthntest.ClearFlags(webauthntest.FlagBE), ceremony.KindRegistration, "7.1/17", webauthn.CodeBackupFlagsInvalid, true},
		{"an algorithm not offered", webauthntest.UseAlgorithm(webauthntest.ES512), ceremony.KindRegistration, "7.1/20", webauthn.CodeAlgorithmNotAllowed, true},
		{"an unknown format", webauthntest.EditAttestation(func(m map[string]any) { m["fmt"] = "evil" }), ceremony.KindRegistration, "7.1/21", webauthn.CodeAttestationFormatUnsupported, true},
		{"a statement where none is", webauthntest.EditStatement(func(m map[string]any) { m["sig"] = []byte{1} }), ceremony.KindRegistration, "7.1/22", webauthn.CodeAttestationInvalid, true},
		{"a credential ID of 15 bytes", webauthntest.UseCredentialID(short), ceremony.KindRegistration, "7.1/25", webauthn.CodeCredentialIDTooShort, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ceremonytest.New(t)
			answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana"}, c.mutation)
			before := w.Store.Writes()
			_, err := finish(t, w, answer)
			refused(t, err, c.kind, c.step, c.code)
			if burned := w.Store.Writes() - before; burned != map[bool]uint64{true: 1}[c.burns] {
				t.Fatalf("%d writes; burned %v wanted", burned, c.burns)
			}
			if len(accounts(t, w)) != 0 {
				t.Fatal("refused, and yet an account")
			}
			w.SignUp(t, phone(), "ana") // the name is still free
		})
	}
}

// TestBurnedRegistration: the right answer to a challenge that a wrong one has burned is
// too late.
func TestBurnedRegistration(t *testing.T) {
	w := ceremonytest.New(t)
	options, err := begin(t, w, ceremony.SignUp{Username: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	text := ceremonytest.JSON(t, options)
	wrong, err := phone().Create(text, ceremonytest.Page(), webauthntest.SetRPID("evil.example"))
	if err != nil {
		t.Fatal(err)
	}
	right, err := phone().Create(text, ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	_, err = finish(t, w, wrong)
	refused(t, err, ceremony.KindRegistration, "7.1/14", webauthn.CodeRPIDMismatch)
	_, err = finish(t, w, right)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	if len(accounts(t, w)) != 0 {
		t.Fatal("a burned challenge opened an account")
	}
}

func TestReplayedRegistration(t *testing.T) {
	w := ceremonytest.New(t)
	answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana"})
	if _, err := finish(t, w, answer); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := finish(t, w, answer)
		refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	}
	// Another key under the same challenge is no way round it.
	options, err := begin(t, w, ceremony.SignUp{Email: "bob@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	results := make([][]byte, 8)
	for i := range results {
		if results[i], err = phone().Create(ceremonytest.JSON(t, options), ceremonytest.Page()); err != nil {
			t.Fatal(err)
		}
	}
	wins := 0
	for _, err := range together(len(results), func(i int) error { _, err := finish(t, w, results[i]); return err }) {
		if err == nil {
			wins++
			continue
		}
		refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	}
	if list := accounts(t, w); wins != 1 || len(list) != 2 {
		t.Fatalf("%d answers to one challenge won; %d accounts", wins, len(list))
	}
}

func TestExpiredRegistration(t *testing.T) {
	w := ceremonytest.New(t)
	edge, late := w.Register(t, phone(), ceremony.SignUp{Username: "ana"}), w.Register(t, phone(), ceremony.SignUp{Username: "bob"})
	w.Clock.Advance(10*time.Minute - time.Second)
	if _, err := finish(t, w, edge); err != nil {
		t.Fatalf("one second before the end: %v", err)
	}
	w.Clock.Advance(2 * time.Second)
	before := w.Store.Writes()
	_, err := finish(t, w, late)
	refused(t, err, ceremony.KindExpired, "7.1/8", webauthn.CodeChallengeExpired)
	if w.Store.Writes() != before {
		t.Fatal("an expired challenge made the store write")
	}
}

// TestForeignChallenges: a ticket of another purpose opens no account, though it is
// sealed by the same server for the same client.
func TestForeignChallenges(t *testing.T) {
	w := ceremonytest.New(t)
	a := phone()
	w.SignUp(t, a, "ana")
	signIn, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	options, err := begin(t, w, ceremony.SignUp{Username: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	signUp := options.Challenge
	options.Challenge = signIn.Challenge
	answer, err := phone().Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	_, err = finish(t, w, answer)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	signIn.Challenge = signUp
	if answer, err = a.Get(ceremonytest.JSON(t, signIn), ceremonytest.Page()); err != nil {
		t.Fatal(err)
	}
	_, err = w.Finish(t, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeUnknown)
}

// TestRegistrationBinding: whoever began a sign-up finishes it.
func TestRegistrationBinding(t *testing.T) {
	w := ceremonytest.New(t)
	answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana"})
	elsewhere, native, door := ceremonytest.Request(), ceremonytest.Request(), ceremonytest.Request()
	elsewhere.Client.Origin = "https://other.example.org"
	native.Client.OriginSent = false
	door.Door = "cognito"
	before := w.Store.Writes()
	for code, r := range map[string]ceremony.Request{
		webauthn.CodeChallengeMismatch: elsewhere, webauthn.CodeChallengeUnknown: door,
	} {
		_, err := w.RP.FinishSignUp(t.Context(), r, ceremony.Finish{Credential: answer})
		refused(t, err, ceremony.KindRegistration, "7.1/8", code)
	}
	_, err := w.RP.FinishSignUp(t.Context(), native, ceremony.Finish{Credential: answer})
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch)
	if w.Store.Writes() != before {
		t.Fatal("a client that did not begin the ceremony made the store write")
	}
	if _, err := finish(t, w, answer); err != nil {
		t.Fatalf("the client that began it: %v", err)
	}
}

// TestOneCredentialOneAccount: a credential ID is somebody's once, for the whole store
// (step 26): the second account does not come to be.
func TestOneCredentialOneAccount(t *testing.T) {
	w := ceremonytest.New(t)
	ana := phone()
	w.SignUp(t, ana, "ana")
	id := ana.Credentials()[0].ID
	answer := w.Register(t, phone(), ceremony.SignUp{Username: "bob"}, webauthntest.UseCredentialID(id))
	before := w.Store.Writes()
	_, err := finish(t, w, answer)
	refused(t, err, ceremony.KindRegistered, "7.1/26", webauthn.CodeCredentialAlreadyRegistered)
	if w.Store.Writes() != before+1 || len(accounts(t, w)) != 1 {
		t.Fatalf("%d writes, accounts %+v", w.Store.Writes()-before, accounts(t, w))
	}
	_, err = finish(t, w, answer)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	if _, err := w.Finish(t, w.Assert(t, ana, "ana")); err != nil {
		t.Fatalf("its owner: %v", err)
	}
	w.SignUp(t, phone(), "bob") // the name was not used up
}

func TestCredentialRace(t *testing.T) {
	w := ceremonytest.New(t)
	const rounds, racers = 50, 4
	for round := range rounds {
		id := make([]byte, 16)
		id[0], id[1] = byte(round), 1
		answers := make([][]byte, racers)
		for i := range answers {
			in := ceremony.SignUp{Email: "somebody@example.org"}
			answers[i] = w.Register(t, phone(), in, webauthntest.UseCredentialID(id))
		}
		wins := 0
		for _, err := range together(racers, func(i int) error { _, err := finish(t, w, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindRegistered, "7.1/26", webauthn.CodeCredentialAlreadyRegistered)
		}
		if wins != 1 {
			t.Fatalf("round %d: %d accounts have the credential", round, wins)
		}
	}
	if list := accounts(t, w); len(list) != rounds {
		t.Fatalf("%d accounts for %d credentials", len(list), rounds)
	}
}
