package webauthn_test

import (
	"bytes"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func data(edit func(b []byte) []byte) []webauthntest.Mutation {
	return fault(webauthntest.EditAuthenticatorData(edit))
}

func object(edit func(o map[string]any)) []webauthntest.Mutation {
	return fault(webauthntest.EditAttestation(edit))
}

func objectBytes(edit func(b []byte) []byte) []webauthntest.Mutation {
	return fault(webauthntest.EditAttestationBytes(edit))
}

func attStmt(edit func(s map[string]any)) []webauthntest.Mutation {
	return fault(webauthntest.EditStatement(edit))
}

// malformedData makes a case that either procedure refuses for its authenticator
// data.
func malformedData(id string, faults []webauthntest.Mutation) negative {
	return negative{id: id, faults: faults, reg: "7.1/13", asn: "7.2/21", code: webauthn.CodeAuthenticatorDataMalformed}
}

// registrationOnly and assertionOnly narrow a case.
func registrationOnly(c negative) negative { c.asn = noRun; return c }
func assertionOnly(c negative) negative    { c.reg = noRun; return c }

// TestAuthenticatorDataCases are AD of the lists.
func TestAuthenticatorDataCases(t *testing.T) {
	const up, uv, be, bs = webauthntest.FlagUP, webauthntest.FlagUV, webauthntest.FlagBE, webauthntest.FlagBS
	rpIDFault := func(id, name string) negative {
		return negative{id: id, faults: fault(webauthntest.SetRPID(name)), reg: "7.1/14", asn: "7.2/15", code: webauthn.CodeRPIDMismatch}
	}
	clear := func(f webauthntest.Flags) []webauthntest.Mutation { return fault(webauthntest.ClearFlags(f)) }
	cases := []negative{
		malformedData("AD-01/36", data(func(b []byte) []byte { return b[:36] })),
		malformedData("AD-01/1", data(func(b []byte) []byte { return b[:1] })),
		rpIDFault("AD-02/origin", origin),
		rpIDFault("AD-02/case", "EXAMPLE.org"),
		{id: "AD-03", faults: clear(up), reg: "7.1/15", asn: noRun, code: webauthn.CodeUserPresenceMissing},
		{id: "AD-04", faults: clear(up), reg: noRun, asn: "7.2/16", code: webauthn.CodeUserPresenceMissing},
		{id: "AD-05", faults: clear(uv), reg: "7.1/16", asn: "7.2/17", code: webauthn.CodeUserVerificationMissing},
		{id: "AD-06", faults: clear(be), reg: "7.1/17", asn: "7.2/18", code: webauthn.CodeBackupFlagsInvalid},
		{id: "AD-07/BE", faults: clear(bs)},
		{id: "AD-07/BE BS"},
		{id: "AD-07/neither", setup: setup{model: hardware}},
		{id: "AD-08", faults: clear(be | bs), reg: noRun, asn: "7.2/19", code: webauthn.CodeBackupEligibilityChanged},
		{id: "AD-09", faults: clear(bs), reg: noRun},
		{id: "AD-10", faults: fault(webauthntest.SetFlags(0x22))},
		malformedData("AD-11", fault(webauthntest.SetFlags(webauthntest.FlagED))),
		malformedData("AD-12", data(func(b []byte) []byte { return append(b, 0xa0) })),
		malformedData("AD-13", fault(webauthntest.SetExtensions([]byte{0x80}))),
		malformedData("AD-14", fault(webauthntest.SetExtensions([]byte{0xa0, 0}))),
		registrationOnly(malformedData("AD-15", data(func(b []byte) []byte { b[53], b[54] = 0xff, 0xff; return b }))),
		{id: "AD-16", faults: fault(webauthntest.SetAttestedID([]byte{})), reg: "7.1/25", asn: noRun, code: webauthn.CodeCredentialIDTooShort},
		{
			id: "AD-17", faults: fault(webauthntest.UseCredentialID(bytes.Repeat([]byte{1}, 1024))), reg: "7.1/25", asn: noRun,
			code: webauthn.CodeCredentialIDTooLong,
		},
		{id: "AD-18", faults: fault(webauthntest.UseCredentialID(bytes.Repeat([]byte{1}, 1023))), asn: noRun},
		{id: "AD-18/16", faults: fault(webauthntest.UseCredentialID(bytes.Repeat([]byte{1}, 16))), asn: noRun},
		assertionOnly(malformedData("AD-19", fault(webauthntest.Attested(true)))),
		registrationOnly(malformedData("AD-20", data(func(b []byte) []byte { return append(b[:37:37], b[38:]...) }))),
		{id: "AD-21", faults: fault(webauthntest.SetSignCount(1_764_000_000))},
		// The extension cases that show in authenticator data.
		{id: "EX-19", faults: fault(webauthntest.SetExtensions([]byte("\xa2\x61a\xf5\x61b\x82\x01\x02")))},
		malformedData("EX-20/duplicate", fault(webauthntest.SetExtensions([]byte("\xa2\x61a\xf5\x61a\xf5")))),
		malformedData("EX-20/integer", fault(webauthntest.SetExtensions([]byte("\xa1\x01\xf5")))),
		malformedData("EX-21", fault(webauthntest.SetExtensions(append([]byte("\xa1\x61a"), bytes.Repeat([]byte{0x81}, 300)...)))),
		malformedData("EX-21/5", fault(webauthntest.SetExtensions([]byte("\xa1\x61a\x81\x81\x81\x81\x01")))),
		{id: "EX-21/4", faults: fault(webauthntest.SetExtensions([]byte("\xa1\x61a\x81\x81\x81\x01")))},
	}
	runCases(t, cases)
}

// TestAttestationObjectCases are Att-3 of the conformance tool, the cases of
// formats that are verified here (NO, PK), and the canonical form.
func TestAttestationObjectCases(t *testing.T) {
	bad := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: "7.1/13", asn: noRun, code: webauthn.CodeAttestationObjectMalformed}
	}
	invalid := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: "7.1/22", asn: noRun, code: webauthn.CodeAttestationInvalid}
	}
	format := func(id, name string) negative {
		return negative{
			id: id, faults: object(func(o map[string]any) { o["fmt"] = name }), reg: "7.1/21", asn: noRun,
			code: webauthn.CodeAttestationFormatUnsupported,
		}
	}
	put := func(name string, v any) []webauthntest.Mutation {
		return object(func(o map[string]any) { o[name] = v })
	}
	drop := func(name string) []webauthntest.Mutation {
		return object(func(o map[string]any) { delete(o, name) })
	}
	cases := []negative{
		{id: "Att-3 P-1", faults: fault(webauthntest.SetExtensions([]byte("\xa1\x6bexample.ext\xf5"))), asn: noRun},
		bad("Att-3 F-1/array", objectBytes(func([]byte) []byte { return []byte{0x80} })),
		bad("Att-3 F-1/text", objectBytes(func([]byte) []byte { return []byte("fmt") })),
		bad("Att-3 F-2", drop("fmt")),
		bad("Att-3 F-3", put("fmt", 7)),
		bad("Att-3 F-4", drop("attStmt")),
		bad("Att-3 F-5/bytes", put("attStmt", []byte{1})),
		bad("Att-3 F-5/array", put("attStmt", []any{})),
		bad("Att-3 F-6", drop("authData")),
		bad("Att-3 F-7", put("authData", "text")),
		registrationOnly(malformedData("Att-3 F-8", put("authData", []byte{}))),
		registrationOnly(malformedData("Att-3 F-9", fault(webauthntest.ClearFlags(webauthntest.FlagAT)))),
		registrationOnly(malformedData("Att-3 F-10", fault(webauthntest.Attested(false)))),
		registrationOnly(malformedData("Att-3 F-11", data(func(b []byte) []byte { return b[:37] }))),
		registrationOnly(malformedData("Att-3 F-11/half", data(func(b []byte) []byte { return b[:60] }))),
		registrationOnly(malformedData("Att-3 F-12", data(func(b []byte) []byte { return append(b, 1, 2, 3) }))),
		invalid("Att-3 F-13", attStmt(func(s map[string]any) { clear(s) })),
		invalid("Att-3 F-14", attStmt(func(s map[string]any) { delete(s, "alg") })),
		invalid("Att-3 F-15", attStmt(func(s map[string]any) { s["alg"] = "ES256" })),
		invalid("Att-3 F-16", attStmt(func(s map[string]any) { s["alg"] = -42 })),
		invalid("Att-3 F-17", attStmt(func(s map[string]any) { delete(s, "sig") })),
		invalid("Att-3 F-18", attStmt(func(s map[string]any) { s["sig"] = "text" })),
		invalid("Att-3 F-19", attStmt(func(s map[string]any) { s["sig"] = []byte{} })),
		invalid("PK-01", attStmt(func(s map[string]any) { s["alg"] = webauthn.ES384 })),
		invalid("PK-02", attStmt(func(s map[string]any) { s["ecdaaKeyId"] = []byte{1} })),
		invalid("PK-03/text", attStmt(func(s map[string]any) { s["x5c"] = []any{"text"} })),
		invalid("PK-03/nothing", attStmt(func(s map[string]any) { s["x5c"] = []any{[]byte{1}} })),
		invalid("PK-15", attStmt(func(s map[string]any) { s["surplus"] = 1 })),
		invalid("Att-5 F-4", attStmt(func(s map[string]any) { s["x5c"] = []byte{1} })),
		invalid("Att-5 F-5", attStmt(func(s map[string]any) { s["x5c"] = []any{} })),
		invalid("Att-5/nine", attStmt(func(s map[string]any) { s["x5c"] = make([]any, 9) })),
		invalid("NO-01/filled", fault(webauthntest.EditAttestation(func(o map[string]any) { o["fmt"] = "none" }))),
		{id: "NO-02", faults: fault(webauthntest.SetAAGUID([16]byte{1})), asn: noRun, setup: setup{model: anonymous}},
		format("NO-03/None", "None"),
		format("NO-03/PACKED", "PACKED"),
		format("NO-04", "tpm"),
		format("Att-5 F-1", "made-up"),
		bad("NO-05", put("fmt", "")),
		bad("surplus", put("epAtt", true)),
		bad("duplicate", objectBytes(func(b []byte) []byte {
			return append([]byte("\xa4\x63fmt\x64none"), b[1:]...)
		})),
		bad("indefinite", objectBytes(func(b []byte) []byte { return append(append([]byte{0xbf}, b[1:]...), 0xff) })),
		bad("long head", objectBytes(func(b []byte) []byte { return append([]byte{0xb8, 3}, b[1:]...) })),
		bad("tag", objectBytes(func(b []byte) []byte { return append([]byte{0xd9, 0xd9, 0xf7}, b...) })),
		bad("float", put("attStmt", map[string]any{"alg": 1.5})),
		bad("deep", put("attStmt", map[string]any{"alg": []any{[]any{[]any{}}}})),
		bad("wide", put("attStmt", map[string]any{"alg": make([]any, 65)})),
		{id: "order", faults: objectBytes(func(b []byte) []byte {
			i := bytes.Index(b, []byte("\x67attStmt"))
			j := bytes.Index(b, []byte("\x68authData"))
			out := append([]byte{b[0]}, b[j:]...)
			return append(append(out, b[i:j]...), b[1:i]...)
		}), asn: noRun},
	}
	runCases(t, cases)
}

// rewriteClientData puts a space into the client data after they were signed.
func rewriteClientData(t testing.TB) webauthntest.Mutation {
	return webauthntest.EditMembers(func(m map[string]any) {
		r := m["response"].(map[string]any)
		var b webauthn.Bytes
		if err := b.UnmarshalText([]byte(r["clientDataJSON"].(string))); err != nil {
			t.Fatal(err)
		}
		r["clientDataJSON"] = webauthn.Bytes(append([]byte("{ "), b[1:]...))
	})
}

// TestAssertionDataCases are Asn-3 of the conformance tool.
func TestAssertionDataCases(t *testing.T) {
	verification := func(v string) setup {
		return setup{asn: func(e *webauthn.AssertionExpectation) { e.UserVerification = v }}
	}
	noUV := fault(webauthntest.ClearFlags(webauthntest.FlagUV))
	cases := []negative{
		{id: "Asn-3 P-1", faults: fault(webauthntest.SetSignCount(0))},
		{id: "Asn-3 P-2", setup: verification(webauthn.VerificationRequired)},
		{id: "Asn-3 P-3", faults: noUV, setup: verification(webauthn.VerificationPreferred)},
		{id: "Asn-3 P-4", setup: verification(webauthn.VerificationPreferred)},
		{id: "Asn-3 P-5", faults: noUV, setup: verification(webauthn.VerificationDiscouraged)},
		{id: "Asn-3 P-6", setup: verification(webauthn.VerificationDiscouraged)},
		{id: "Asn-3 P-7", faults: fault(webauthntest.SetExtensions([]byte("\xa1\x6bexample.ext\xf5")))},
		malformedData("Asn-3 F-1", data(func(b []byte) []byte { return append(b, 1) })),
		{id: "Asn-3 F-2", faults: fault(webauthntest.SetRPID("other.example")), asn: "7.2/15", code: webauthn.CodeRPIDMismatch},
		{id: "Asn-3 F-3", faults: fault(rewriteClientData(t)), asn: "7.2/21", code: webauthn.CodeSignatureInvalid},
		{
			id: "Asn-3 F-4", faults: fault(webauthntest.SetSignCount(1)), asn: "7.2/22", code: webauthn.CodeSignCountRegressed,
			setup: setup{model: hardware, asn: func(e *webauthn.AssertionExpectation) { e.Credential.SignCount = 1 }},
		},
		{id: "Asn-3 F-5", faults: noUV, asn: "7.2/17", code: webauthn.CodeUserVerificationMissing},
		{id: "verification unknown", faults: noUV, asn: "7.2/17", code: webauthn.CodeUserVerificationMissing, setup: verification("Preferred")},
	}
	for i := range cases {
		cases[i] = assertionOnly(cases[i])
	}
	runCases(t, cases)
}
