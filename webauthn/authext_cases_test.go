package webauthn_test

import (
	"bytes"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// outputs puts authenticator extension outputs into an answer.
func outputs(t testing.TB, m map[string]any) []webauthntest.Mutation {
	t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return fault(webauthntest.SetExtensions(b))
}

// TestAuthenticatorExtensionCases are EX of the lists, as far as authenticator
// extension outputs go.
func TestAuthenticatorExtensionCases(t *testing.T) {
	bad := func(id, name string, v any) negative {
		return malformedData(id, outputs(t, map[string]any{name: v}))
	}
	good := func(id, name string, v any) negative {
		return negative{id: id, faults: outputs(t, map[string]any{name: v})}
	}
	runCases(t, []negative{
		bad("EX-15/0", "credProtect", 0),
		bad("EX-15/4", "credProtect", 4),
		bad("EX-15/text", "credProtect", "3"),
		good("EX-15/1", "credProtect", 1),
		good("EX-15/3", "credProtect", 3),
		bad("EX-16/negative", "minPinLength", -1),
		bad("EX-16/text", "minPinLength", "4"),
		good("EX-16/right", "minPinLength", 4),
		registrationOnly(bad("EX-17/bytes", "hmac-secret", []byte{1})),
		registrationOnly(bad("EX-17/null", "hmac-secret", nil)),
		registrationOnly(good("EX-17/right", "hmac-secret", true)),
		assertionOnly(bad("EX-17/assertion", "hmac-secret", true)),
		assertionOnly(good("EX-17/assertion right", "hmac-secret", make([]byte, 48))),
		good("EX-18", "uvm", "nonsense"),
		good("EX-19/any", "unheard-of", map[string]any{"a": []any{nil, -1, []byte{1}}}),
		good("EX-22", "devicePubKey", map[string]any{"dpk": []byte{1}, "sig": []byte{2}, "nonce": []byte{}, "scope": []byte{0}}),
	})
}

// TestAppIDCases are EX-04 to EX-07: the extension is not supported, so whatever the
// client says of it, only the RP ID will do.
func TestAppIDCases(t *testing.T) {
	const appID = "https://example.org/app-id.json"
	says := func(v bool) webauthntest.Mutation {
		return set("clientExtensionResults", map[string]any{"appid": v})
	}
	bad := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: noRun, asn: "7.2/15", code: webauthn.CodeRPIDMismatch}
	}
	runCases(t, []negative{
		bad("EX-04", fault(says(true), webauthntest.SetRPID(appID))),
		bad("EX-06", fault(says(false), webauthntest.SetRPID(appID))),
		{id: "EX-07", faults: fault(says(true)), reg: noRun},
	})
}

// TestSelfAttestationCases are Att-6 and Att-7 of the conformance tool, and those of
// Att-4 that webauthntest has keys for.
func TestSelfAttestationCases(t *testing.T) {
	every := func(e *webauthn.RegistrationExpectation) {
		e.Algorithms = append(e.Algorithms, webauthn.ES384, webauthn.ES512)
	}
	with := func(id string, algorithm int64) negative {
		return negative{id: id, faults: fault(webauthntest.UseAlgorithm(algorithm)), asn: noRun, setup: setup{reg: every}}
	}
	invalid := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: "7.1/22", asn: noRun, code: webauthn.CodeAttestationInvalid}
	}
	runCases(t, []negative{
		with("Att-4 P-5", webauthn.RS256),
		with("Att-4 P-8", webauthn.ES256), // what the tool really sends
		with("Att-4 P-9", webauthn.ES256),
		with("Att-4 P-10", webauthn.ES384),
		with("Att-4 P-11", webauthn.ES512),
		with("Att-4 P-12", webauthn.EdDSA),
		with("Att-6 P-1", webauthn.ES256),
		invalid("Att-6 F-1", fault(webauthntest.EditSignature(func([]byte) []byte { return []byte("signature") }))),
		{
			id: "Att-6 F-3", faults: object(func(o map[string]any) { o["fmt"] = "self" }), reg: "7.1/21", asn: noRun,
			code: webauthn.CodeAttestationFormatUnsupported,
		},
		{id: "Att-7 P-1", asn: noRun, setup: setup{model: anonymous}},
		with("Att-7 P-2", webauthn.ES256), // nothing here asks for "none" and refuses more
		invalid("Att-7 F-1", object(func(o map[string]any) { o["fmt"] = "none" })),
	})
}

// TestSignatureOfRegistration is AS-10: what the same key signed when it was made is
// no answer to a request.
func TestSignatureOfRegistration(t *testing.T) {
	var made []byte
	device := webauthntest.New(model())
	if _, err := device.Create(creationOptions(t), page(), webauthntest.EditSignature(func(b []byte) []byte {
		made = bytes.Clone(b)
		return b
	})); err != nil {
		t.Fatal(err)
	}
	k := device.Credentials()[0]
	e := expectAssertion(webauthn.Credential{ID: k.ID, PublicKey: k.PublicKey, RPID: rpID, BackupEligible: true, UserHandle: handle})
	for _, c := range []struct {
		signature func(b []byte) []byte
		ok        bool
	}{
		{func(b []byte) []byte { return b }, true},
		{func([]byte) []byte { return made }, false},
	} {
		body, err := device.Get(requestOptions(t), page(), webauthntest.EditSignature(c.signature))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := authenticate(body, e); c.ok && err != nil {
			t.Error(err)
		} else if !c.ok {
			wantRefusal(t, err, "7.2/21", webauthn.CodeSignatureInvalid)
		}
	}
}
