package webauthn_test

import (
	"bytes"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// assertionCase is as registrationCase.
type assertionCase struct {
	step    string
	code    string
	name    string
	client  *webauthntest.Client
	fault   webauthntest.Mutation
	model   func(*webauthntest.Model)
	expect  func(*webauthn.AssertionExpectation)
	shaping bool
}

// hardware is a model with a counter whose keys do not leave it.
func hardware(m *webauthntest.Model) {
	m.Counts, m.BackupEligible, m.BackedUp = true, false, false
}

// assertionCases has a case for every code of every step that Verify or
// ParseAssertion refuses with.
func assertionCases() []assertionCase {
	type expectation = *webauthn.AssertionExpectation
	framed := &webauthntest.Client{Origin: origin, CrossOrigin: true, TopOrigin: "https://evil.example"}
	other := []byte("the handle of somebody else")
	return []assertionCase{
		{step: "7.2/3", code: webauthn.CodeRequestMalformed, fault: webauthntest.DropMember("id"), shaping: true},
		{step: "7.2/3", code: webauthn.CodeResponseTypeInvalid, fault: set("type", "password"), shaping: true},
		{step: "7.2/3", code: webauthn.CodeCredentialIDMismatch, fault: set("rawId", "AAAAAAAAAAAAAAAAAAAAAA"), shaping: true},
		{step: "7.2/4", code: webauthn.CodeExtensionOutputMalformed, fault: set("clientExtensionResults", "none"), shaping: true},
		{step: "7.2/5", code: webauthn.CodeCredentialNotAllowed, expect: func(e expectation) { e.Allowed = false }},
		{step: "7.2/6", code: webauthn.CodeCredentialUnknown, expect: func(e expectation) { e.Credential.ID = bytes.Repeat([]byte{7}, 32) }},
		{step: "7.2/6", code: webauthn.CodeUserHandleMissing, fault: webauthntest.DropMember("response.userHandle")},
		{step: "7.2/6", code: webauthn.CodeUserHandleMismatch, fault: set("response.userHandle", "AAAA")},
		{
			step: "7.2/6", code: webauthn.CodeUserHandleMismatch, name: "known", fault: set("response.userHandle", "AAAA"),
			expect: func(e expectation) { e.AccountKnown = true },
		},
		{
			step: "7.2/6", code: webauthn.CodeUserHandleMismatch, name: "record",
			fault:  webauthntest.DropMember("response.userHandle"),
			expect: func(e expectation) { e.AccountKnown, e.UserHandle = true, other },
		},
		{
			step: "7.2/6", code: webauthn.CodeUserHandleMismatch, name: "nobody",
			fault:  webauthntest.DropMember("response.userHandle"),
			expect: func(e expectation) { e.AccountKnown, e.UserHandle, e.Credential.UserHandle = true, nil, nil },
		},
		{step: "7.2/7", code: webauthn.CodeRequestMalformed, fault: webauthntest.DropMember("response.signature"), shaping: true},
		{step: "7.2/8", code: webauthn.CodeClientDataMalformed, fault: webauthntest.EditClientData(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{`), []byte("{\"x\":\"\xff\","), 1)
		}), shaping: true},
		{step: "7.2/9", code: webauthn.CodeClientDataMalformed, fault: webauthntest.DropClientData("origin"), shaping: true},
		{step: "7.2/10", code: webauthn.CodeClientDataTypeMismatch, fault: webauthntest.SetClientData("type", "webauthn.create")},
		{step: "7.2/11", code: webauthn.CodeChallengeMismatch, expect: func(e expectation) { e.Challenge = []byte("another challenge") }},
		{step: "7.2/12", code: webauthn.CodeOriginNotAllowed, fault: webauthntest.SetClientData("origin", "https://evil.example")},
		{step: "7.2/13", code: webauthn.CodeCrossOriginNotAllowed, fault: webauthntest.SetClientData("crossOrigin", true)},
		{step: "7.2/14", code: webauthn.CodeTopOriginNotAllowed, client: framed, expect: func(e expectation) { e.CrossOrigin = true }},
		{step: "7.2/14", code: webauthn.CodeTopOriginWithoutCrossOrigin, fault: webauthntest.SetClientData("topOrigin", top)},
		{step: "7.2/15", code: webauthn.CodeRPIDMismatch, fault: webauthntest.SetRPID("example.net"), shaping: true},
		{
			step: "7.2/15", code: webauthn.CodeRPIDMismatch, name: "record", shaping: true,
			expect: func(e expectation) { e.Credential.RPID = "example.net" },
		},
		{step: "7.2/16", code: webauthn.CodeUserPresenceMissing, fault: webauthntest.ClearFlags(webauthntest.FlagUP)},
		{step: "7.2/17", code: webauthn.CodeUserVerificationMissing, fault: webauthntest.ClearFlags(webauthntest.FlagUV)},
		{step: "7.2/18", code: webauthn.CodeBackupFlagsInvalid, model: hardware, fault: webauthntest.SetFlags(webauthntest.FlagBS)},
		{
			step: "7.2/19", code: webauthn.CodeBackupEligibilityChanged,
			fault: webauthntest.ClearFlags(webauthntest.FlagBE | webauthntest.FlagBS),
		},
		{
			step: "7.2/19", code: webauthn.CodeBackupEligibilityChanged, name: "raised", model: hardware,
			fault: webauthntest.SetFlags(webauthntest.FlagBE),
		},
		{
			step: "7.2/21", code: webauthn.CodeAuthenticatorDataMalformed, shaping: true,
			fault: webauthntest.EditAuthenticatorData(func(b []byte) []byte { return append(b, 0) }),
		},
		{step: "7.2/21", code: webauthn.CodeCredentialRecordTampered, expect: func(e expectation) { e.Credential.PublicKey = []byte{0xa0} }},
		{step: "7.2/21", code: webauthn.CodeSignatureInvalid, fault: webauthntest.SignWithNewKey()},
		{step: "7.2/22", code: webauthn.CodeSignCountRegressed, model: hardware, expect: func(e expectation) { e.Credential.SignCount = 900 }},
	}
}

func (c *assertionCase) answer(t testing.TB) ([]byte, webauthn.AssertionExpectation) {
	t.Helper()
	m, p := model(), page()
	if c.model != nil {
		c.model(&m)
	}
	if c.client != nil {
		p = *c.client
	}
	var faults []webauthntest.Mutation
	if c.fault != nil {
		faults = append(faults, c.fault)
	}
	body, k := asserted(t, m, p, faults...)
	if m.Counts {
		k.SignCount--
	}
	e := expectAssertion(k)
	if c.expect != nil {
		c.expect(&e)
	}
	return body, e
}

// TestAssertionSteps: each step refuses what it is for, and nothing but that step
// stands between the faulty answer and a sign-in.
func TestAssertionSteps(t *testing.T) {
	for _, c := range assertionCases() {
		t.Run(subtest(c.step, c.code, c.name), func(t *testing.T) {
			body, e := c.answer(t)
			_, err := authenticate(body, e)
			wantRefusal(t, err, c.step, c.code)
			if c.shaping {
				return
			}
			a, err := webauthn.ParseAssertion(body)
			if err != nil {
				t.Fatal(err)
			}
			if err := webauthn.AuthenticateWithout(a, e, c.step); err != nil {
				t.Errorf("another step refuses it too: %v", err)
			}
		})
	}
}

// TestAssertionRight: what a right answer yields, with and without a user handle
// where the account is known.
func TestAssertionRight(t *testing.T) {
	body, k := asserted(t, model(), page(), webauthntest.ClearFlags(webauthntest.FlagBS))
	a, err := authenticate(body, expectAssertion(k))
	if want := (webauthn.Assertion{UserPresent: true, UserVerified: true, BackupEligible: true}); err != nil || *a != want {
		t.Errorf("got %+v, %v", a, err)
	}
	body, k = asserted(t, model(), page(), webauthntest.DropMember("response.userHandle"))
	e := expectAssertion(k)
	e.AccountKnown = true
	if _, err := authenticate(body, e); err != nil {
		t.Error(err)
	}
}

// TestSignCount is the rule of step 22.
func TestSignCount(t *testing.T) {
	for _, c := range []struct {
		name        string
		stored, now uint32
		eligible    bool
		refused     bool
		regressed   bool
	}{
		{"no counter", 0, 0, false, false, false},
		{"first count", 0, 5, false, false, false},
		{"grows", 5, 6, false, false, false},
		{"a timestamp", 5, 1_700_000_000, false, false, false},
		{"equal", 5, 5, false, true, false},
		{"lower", 5, 4, false, true, false},
		{"gone", 5, 0, false, true, false},
		{"equal, synchronised", 5, 5, true, false, true},
		{"lower, synchronised", 5, 4, true, false, true},
		{"no counter, synchronised", 0, 0, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := model()
			if !c.eligible {
				hardware(&m)
			}
			body, k := asserted(t, m, page(), webauthntest.SetSignCount(c.now))
			k.SignCount = c.stored
			a, err := authenticate(body, expectAssertion(k))
			if c.refused {
				wantRefusal(t, err, "7.2/22", webauthn.CodeSignCountRegressed)
				return
			}
			if err != nil || a.SignCount != c.now || a.CountRegressed != c.regressed {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

// TestAssertionStrictest: the zero expectation refuses, field by field.
func TestAssertionStrictest(t *testing.T) {
	type expectation = *webauthn.AssertionExpectation
	for _, c := range []struct {
		step, code string
		zero       func(expectation)
	}{
		{"7.2/5", webauthn.CodeCredentialNotAllowed, func(e expectation) { e.Allowed = false }},
		{"7.2/6", webauthn.CodeCredentialUnknown, func(e expectation) { e.Credential = webauthn.Credential{} }},
		{"7.2/6", webauthn.CodeUserHandleMismatch, func(e expectation) { e.UserHandle = nil }},
		{"7.2/11", webauthn.CodeChallengeMismatch, func(e expectation) { e.Challenge = nil }},
		{"7.2/12", webauthn.CodeOriginNotAllowed, func(e expectation) { e.Origins = nil }},
		{"7.2/15", webauthn.CodeRPIDMismatch, func(e expectation) { e.RPID, e.Credential.RPID = "", "" }},
	} {
		body, k := asserted(t, model(), page())
		e := expectAssertion(k)
		c.zero(&e)
		_, err := authenticate(body, e)
		wantRefusal(t, err, c.step, c.code)
	}
	body, k := asserted(t, model(), page(), webauthntest.ClearFlags(webauthntest.FlagUV))
	e := expectAssertion(k)
	e.UserVerification = ""
	_, err := authenticate(body, e)
	wantRefusal(t, err, "7.2/17", webauthn.CodeUserVerificationMissing)
}
