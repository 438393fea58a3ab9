package webauthn_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The ceremony that the tests of single steps start from.
const (
	rpID   = "example.org"
	origin = "https://example.org"
	top    = "https://portal.example.net"
)

var (
	challenge = []byte("a challenge of thirty-two bytes!")
	handle    = []byte("a user handle that means nothing to anyone.")
)

// model is an authenticator that satisfies every step, self attestation included.
func model() webauthntest.Model {
	m := webauthntest.Phone()
	m.Algorithms = []int64{webauthn.ES256, webauthn.EdDSA, webauthn.RS256, webauthn.ES384, webauthn.ES512}
	m.Attestation = "packed"
	m.AAGUID = [16]byte{}
	return m
}

func page() webauthntest.Client { return webauthntest.Client{Origin: origin} }

func creationOptions(t testing.TB) []byte {
	t.Helper()
	o := webauthn.CreationOptions{
		RP:          webauthn.RPEntity{ID: rpID, Name: "Example"},
		User:        webauthn.UserEntity{ID: handle, Name: "ada", DisplayName: "Ada"},
		Challenge:   challenge,
		Attestation: "direct",
		Extensions:  map[string]any{"credProps": true},
	}
	for _, a := range webauthn.DefaultAlgorithms() {
		o.PubKeyCredParams = append(o.PubKeyCredParams, webauthn.CredentialParameter{Type: webauthn.PublicKey, Alg: a})
	}
	return marshal(t, o)
}

func requestOptions(t testing.TB) []byte {
	t.Helper()
	return marshal(t, webauthn.RequestOptions{Challenge: challenge, RPID: rpID})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// created is a registration answer with faults built in.
func created(t testing.TB, faults ...webauthntest.Mutation) []byte {
	t.Helper()
	b, err := webauthntest.New(model()).Create(creationOptions(t), page(), faults...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// got is an assertion answer of a throw-away credential with faults built in.
func got(t testing.TB, faults ...webauthntest.Mutation) []byte {
	t.Helper()
	b, _ := asserted(t, model(), page(), faults...)
	return b
}

// asserted registers a credential and answers a request with it. It returns the
// answer and the stored record.
func asserted(t testing.TB, m webauthntest.Model, c webauthntest.Client, faults ...webauthntest.Mutation) ([]byte, webauthn.Credential) {
	t.Helper()
	device := webauthntest.New(m)
	if _, err := device.Create(creationOptions(t), page()); err != nil {
		t.Fatal(err)
	}
	k := device.Credentials()[0]
	body, err := device.Get(requestOptions(t), c, faults...)
	if err != nil {
		t.Fatal(err)
	}
	return body, webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey, RPID: rpID, SignCount: k.SignCount,
		BackupEligible: m.BackupEligible, UserHandle: handle,
	}
}

// expectRegistration is met by every right answer of created.
func expectRegistration() webauthn.RegistrationExpectation {
	return webauthn.RegistrationExpectation{
		Challenge:        challenge,
		RPID:             rpID,
		Origins:          []string{origin, "android:apk-key-hash:listed"},
		TopOrigins:       []string{top},
		UserVerification: webauthn.VerificationRequired,
		Algorithms:       webauthn.DefaultAlgorithms(),
		Formats:          []string{"none", "packed"},
		Attestation:      webauthn.AttestationPolicy{AllowNone: true, AllowSelf: true},
		Now:              time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// expectAssertion is met by every right answer of asserted.
func expectAssertion(c webauthn.Credential) webauthn.AssertionExpectation {
	return webauthn.AssertionExpectation{
		Challenge:        challenge,
		RPID:             rpID,
		Origins:          []string{origin, "android:apk-key-hash:listed"},
		TopOrigins:       []string{top},
		UserVerification: webauthn.VerificationRequired,
		Credential:       c,
		Allowed:          true,
		UserHandle:       handle,
	}
}

func register(body []byte, e webauthn.RegistrationExpectation) (*webauthn.Registration, error) {
	r, err := webauthn.ParseRegistration(body)
	if err != nil {
		return nil, err
	}
	return r.Verify(e)
}

func authenticate(body []byte, e webauthn.AssertionExpectation) (*webauthn.Assertion, error) {
	a, err := webauthn.ParseAssertion(body)
	if err != nil {
		return nil, err
	}
	return a.Verify(e)
}

// wantRefusal demands exactly this step and code.
func wantRefusal(t testing.TB, err error, step, code string) {
	t.Helper()
	var e *webauthn.Error
	if !errors.As(err, &e) || e.Step != step || e.Code != code {
		t.Errorf("got %v, want %s %s", err, step, code)
	}
}
