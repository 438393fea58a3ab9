package webauthn_test

import (
	"bytes"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// registrationCase is a right answer with one fault, or one expectation that it
// does not meet.
type registrationCase struct {
	step   string
	code   string
	name   string // beside the code, when a code has several cases
	model  func(*webauthntest.Model)
	client *webauthntest.Client
	fault  webauthntest.Mutation
	expect func(*webauthn.RegistrationExpectation)
	// shaping: later steps need what the step makes, so it cannot be left out.
	shaping bool
}

func set(path string, v any) webauthntest.Mutation { return webauthntest.SetMember(path, v) }

// registrationCases has a case for every code of every step that Verify or
// ParseRegistration refuses with.
func registrationCases() []registrationCase {
	type expectation = *webauthn.RegistrationExpectation
	framed := &webauthntest.Client{Origin: origin, CrossOrigin: true, TopOrigin: "https://evil.example"}
	return []registrationCase{
		{step: "7.1/3", code: webauthn.CodeRequestMalformed, fault: webauthntest.DropMember("rawId"), shaping: true},
		{step: "7.1/3", code: webauthn.CodeResponseTypeInvalid, fault: set("type", "password"), shaping: true},
		{step: "7.1/3", code: webauthn.CodeCredentialIDMismatch, fault: set("rawId", "AAAAAAAAAAAAAAAAAAAAAA"), shaping: true},
		{
			step: "7.1/3", code: webauthn.CodeCredentialIDMismatch, name: "attested",
			fault: webauthntest.SetAttestedID(bytes.Repeat([]byte{7}, 32)), shaping: true,
		},
		{step: "7.1/4", code: webauthn.CodeExtensionOutputMalformed, fault: set("clientExtensionResults", []any{}), shaping: true},
		{step: "7.1/5", code: webauthn.CodeClientDataMalformed, fault: webauthntest.EditClientData(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{`), []byte("{\"x\":\"\xff\","), 1)
		}), shaping: true},
		{step: "7.1/6", code: webauthn.CodeClientDataMalformed, fault: webauthntest.DropClientData("challenge"), shaping: true},
		{step: "7.1/7", code: webauthn.CodeClientDataTypeMismatch, fault: webauthntest.SetClientData("type", "webauthn.get")},
		{step: "7.1/8", code: webauthn.CodeChallengeMismatch, expect: func(e expectation) { e.Challenge = []byte("another challenge") }},
		{step: "7.1/9", code: webauthn.CodeOriginNotAllowed, fault: webauthntest.SetClientData("origin", "https://evil.example")},
		{step: "7.1/10", code: webauthn.CodeCrossOriginNotAllowed, fault: webauthntest.SetClientData("crossOrigin", true)},
		{step: "7.1/11", code: webauthn.CodeTopOriginNotAllowed, client: framed, expect: func(e expectation) { e.CrossOrigin = true }},
		{step: "7.1/11", code: webauthn.CodeTopOriginWithoutCrossOrigin, fault: webauthntest.SetClientData("topOrigin", top)},
		{
			step: "7.1/13", code: webauthn.CodeAttestationObjectMalformed, shaping: true,
			fault: webauthntest.EditAttestationBytes(func(b []byte) []byte { return append(b, 0) }),
		},
		{
			step: "7.1/13", code: webauthn.CodeAuthenticatorDataMalformed, shaping: true,
			fault: webauthntest.EditAuthenticatorData(func(b []byte) []byte { return append(b, 0) }),
		},
		{step: "7.1/14", code: webauthn.CodeRPIDMismatch, fault: webauthntest.SetRPID("example.net")},
		{step: "7.1/15", code: webauthn.CodeUserPresenceMissing, fault: webauthntest.ClearFlags(webauthntest.FlagUP)},
		{step: "7.1/16", code: webauthn.CodeUserVerificationMissing, fault: webauthntest.ClearFlags(webauthntest.FlagUV)},
		{step: "7.1/17", code: webauthn.CodeBackupFlagsInvalid, fault: webauthntest.ClearFlags(webauthntest.FlagBE)},
		{step: "7.1/18", code: webauthn.CodeBackupEligibleNotAllowed, expect: func(e expectation) { e.BackupEligible = webauthn.BackupRefuse }},
		{
			step: "7.1/18", code: webauthn.CodeBackupEligibleRequired,
			fault:  webauthntest.ClearFlags(webauthntest.FlagBE | webauthntest.FlagBS),
			expect: func(e expectation) { e.BackupEligible = webauthn.BackupRequire },
		},
		{step: "7.1/20", code: webauthn.CodeAlgorithmNotAllowed, fault: webauthntest.UseAlgorithm(webauthn.ES384), shaping: true},
		{
			step: "7.1/20", code: webauthn.CodePublicKeyInvalid, shaping: true,
			fault: webauthntest.EditKey(func(k map[int64]any) { k[-4] = []byte("private") }),
		},
		{step: "7.1/21", code: webauthn.CodeAttestationFormatUnsupported, expect: func(e expectation) { e.Formats = []string{"none"} }},
		{
			step: "7.1/22", code: webauthn.CodeAttestationInvalid, shaping: true,
			fault: webauthntest.SignWithNewKey(),
		},
		{step: "7.1/24", code: webauthn.CodeAttestationSelfNotAllowed, expect: func(e expectation) { e.Attestation.AllowSelf = false }},
		{
			step: "7.1/24", code: webauthn.CodeAttestationNoneNotAllowed, model: func(m *webauthntest.Model) { m.Attestation = "none" },
			expect: func(e expectation) { e.Attestation.AllowNone = false },
		},
		{step: "7.1/25", code: webauthn.CodeCredentialIDTooLong, fault: webauthntest.UseCredentialID(bytes.Repeat([]byte{7}, 1024))},
		{step: "7.1/25", code: webauthn.CodeCredentialIDTooShort, fault: webauthntest.UseCredentialID(bytes.Repeat([]byte{7}, 15))},
		{
			step: "7.1/28", code: webauthn.CodeDiscoverableCredentialRequired, model: func(m *webauthntest.Model) { m.Discoverable = false },
			expect: func(e expectation) { e.DiscoverableRequired = true },
		},
	}
}

// subtest is the case's name under TestRegistrationSteps or TestAssertionSteps.
func subtest(step, code, name string) string {
	if name != "" {
		return step + "/" + code + "/" + name
	}
	return step + "/" + code
}

// answer makes the faulty answer and what is expected of it.
func (c *registrationCase) answer(t testing.TB) ([]byte, webauthn.RegistrationExpectation) {
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
	body, err := webauthntest.New(m).Create(creationOptions(t), p, faults...)
	if err != nil {
		t.Fatal(err)
	}
	e := expectRegistration()
	if c.expect != nil {
		c.expect(&e)
	}
	return body, e
}

// TestRegistrationSteps: each step refuses what it is for, and nothing but that
// step stands between the faulty answer and a registration.
func TestRegistrationSteps(t *testing.T) {
	for _, c := range registrationCases() {
		t.Run(subtest(c.step, c.code, c.name), func(t *testing.T) {
			body, e := c.answer(t)
			_, err := register(body, e)
			wantRefusal(t, err, c.step, c.code)
			if c.shaping {
				return
			}
			r, err := webauthn.ParseRegistration(body)
			if err != nil {
				t.Fatal(err)
			}
			if err := webauthn.RegisterWithout(r, e, c.step); err != nil {
				t.Errorf("another step refuses it too: %v", err)
			}
		})
	}
}

// TestRegistrationUntrusted is step 24 for statements with certificates, which the
// software authenticator does not make.
func TestRegistrationUntrusted(t *testing.T) {
	for _, v := range loadVectors(t) {
		if v.Name != "w3c-l3/packed.ES256/registration" {
			continue
		}
		r, err := webauthn.ParseRegistration(v.Credential)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Verify(webauthn.RegistrationExpectation{
			Challenge: v.Challenge, RPID: v.RPID, Origins: v.Origins, UserVerification: webauthn.VerificationDiscouraged,
			Algorithms: v.PubKeyCredParams, Formats: []string{"packed"}, Now: v.at(t),
		})
		wantRefusal(t, err, "7.1/24", webauthn.CodeAttestationUntrusted)
		return
	}
	t.Fatal("the vector is gone")
}

// TestRegistrationPolicies: what the policies of steps 18 and 28 let pass.
func TestRegistrationPolicies(t *testing.T) {
	single := webauthntest.ClearFlags(webauthntest.FlagBE | webauthntest.FlagBS)
	rk := func(outputs map[string]any) webauthntest.Mutation { return set("clientExtensionResults", outputs) }
	type expectation = *webauthn.RegistrationExpectation
	for _, c := range []struct {
		name   string
		fault  []webauthntest.Mutation
		expect func(expectation)
	}{
		{"BE required", nil, func(e expectation) { e.BackupEligible = webauthn.BackupRequire }},
		{"BE refused", fault(single), func(e expectation) { e.BackupEligible = webauthn.BackupRefuse }},
		{"BE allowed", fault(single), func(expectation) {}},
		{"discoverable", nil, func(e expectation) { e.DiscoverableRequired = true }},
		{"perhaps discoverable", fault(rk(map[string]any{})), func(e expectation) { e.DiscoverableRequired = true }},
		{"EX-03", fault(rk(map[string]any{"credProps": map[string]any{}})), func(e expectation) { e.DiscoverableRequired = true }},
		{"not discoverable", fault(rk(map[string]any{"credProps": map[string]any{"rk": false}})), func(expectation) {}},
	} {
		e := expectRegistration()
		c.expect(&e)
		if _, err := register(created(t, c.fault...), e); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	e := expectRegistration()
	e.BackupEligible = 99
	_, err := register(created(t, single), e)
	wantRefusal(t, err, "7.1/18", webauthn.CodeBackupEligibleRequired)
}

// TestRegistrationConditional: conditional mediation relaxes step 15 and nothing
// else.
func TestRegistrationConditional(t *testing.T) {
	e := expectRegistration()
	e.Conditional = true
	absent := webauthntest.ClearFlags(webauthntest.FlagUP)
	r, err := register(created(t, absent), e)
	if err != nil || r.UserPresent {
		t.Errorf("got %+v, %v", r, err)
	}
	_, err = register(created(t, absent, webauthntest.ClearFlags(webauthntest.FlagUV)), e)
	wantRefusal(t, err, "7.1/16", webauthn.CodeUserVerificationMissing)
}

// TestRegistrationRight: what a right answer yields.
func TestRegistrationRight(t *testing.T) {
	for _, algorithm := range webauthn.DefaultAlgorithms() {
		device := webauthntest.New(model())
		body, err := device.Create(creationOptions(t), page(), webauthntest.UseAlgorithm(algorithm), webauthntest.SetSignCount(9))
		if err != nil {
			t.Fatal(err)
		}
		r, err := register(body, expectRegistration())
		if err != nil {
			t.Fatalf("%d: %v", algorithm, err)
		}
		k := device.Credentials()[0]
		switch {
		case !bytes.Equal(r.CredentialID, k.ID), !bytes.Equal(r.PublicKey, k.PublicKey), r.Algorithm != algorithm,
			r.SignCount != 9, !r.UserPresent, !r.UserVerified, !r.BackupEligible, !r.BackupState,
			r.Format != "packed", r.AttestationType != "self", len(r.AttestationObject) == 0,
			len(r.Transports) != 2, r.Attachment != "platform", r.Discoverable == nil || !*r.Discoverable:
			t.Errorf("%d: got %+v", algorithm, r)
		}
	}
}

// TestRegistrationStrictest: the zero value of every field of the expectation
// refuses a right answer, but for those that only widen.
func TestRegistrationStrictest(t *testing.T) {
	type expectation = *webauthn.RegistrationExpectation
	for _, c := range []struct {
		step, code string
		zero       func(expectation)
	}{
		{"7.1/8", webauthn.CodeChallengeMismatch, func(e expectation) { e.Challenge = nil }},
		{"7.1/9", webauthn.CodeOriginNotAllowed, func(e expectation) { e.Origins = nil }},
		{"7.1/14", webauthn.CodeRPIDMismatch, func(e expectation) { e.RPID = "" }},
		{"7.1/20", webauthn.CodeAlgorithmNotAllowed, func(e expectation) { e.Algorithms = nil }},
		{"7.1/21", webauthn.CodeAttestationFormatUnsupported, func(e expectation) { e.Formats = nil }},
		{"7.1/24", webauthn.CodeAttestationSelfNotAllowed, func(e expectation) { e.Attestation = webauthn.AttestationPolicy{} }},
		{"7.1/18", webauthn.CodeBackupEligibleNotAllowed, func(e expectation) { e.BackupEligible = 99 }},
	} {
		e := expectRegistration()
		c.zero(&e)
		_, err := register(created(t), e)
		wantRefusal(t, err, c.step, c.code)
	}
	for _, c := range []struct {
		step, code string
		fault      webauthntest.Mutation
		expect     func(expectation)
	}{
		// What the zero expectation would match is refused too.
		{"7.1/8", webauthn.CodeChallengeMismatch, webauthntest.SetClientData("challenge", ""), func(e expectation) { e.Challenge = nil }},
		{"7.1/14", webauthn.CodeRPIDMismatch, webauthntest.SetRPID(""), func(e expectation) { e.RPID = "" }},
		{
			"7.1/21", webauthn.CodeAttestationFormatUnsupported,
			webauthntest.EditAttestation(func(o map[string]any) { o["fmt"] = "made-up" }),
			func(e expectation) { e.Formats = []string{"made-up"} },
		},
	} {
		e := expectRegistration()
		c.expect(&e)
		_, err := register(created(t, c.fault), e)
		wantRefusal(t, err, c.step, c.code)
	}
	e := expectRegistration()
	e.UserVerification = ""
	_, err := register(created(t, webauthntest.ClearFlags(webauthntest.FlagUV)), e)
	wantRefusal(t, err, "7.1/16", webauthn.CodeUserVerificationMissing)
}
