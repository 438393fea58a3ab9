package webauthn_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func body(edit func(b []byte) []byte) []webauthntest.Mutation {
	return fault(webauthntest.EditJSON(edit))
}

func become(text string) []webauthntest.Mutation {
	return body(func([]byte) []byte { return []byte(text) })
}

// insert puts members at the front of the body.
func insert(members string) []webauthntest.Mutation {
	return body(func(b []byte) []byte { return append([]byte("{"+members+","), b[1:]...) })
}

func rename(from, to string) []webauthntest.Mutation {
	return body(func(b []byte) []byte { return bytes.Replace(b, []byte(`"`+from+`":`), []byte(`"`+to+`":`), 1) })
}

func wide(b []byte) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// ids sets both IDs.
func ids(v any) []webauthntest.Mutation { return fault(set("id", v), set("rawId", v)) }

// TestJSONCases are the cases of the JSON around a response: JS of the lists.
func TestJSONCases(t *testing.T) {
	const (
		bad = webauthn.CodeRequestMalformed
		reg = "7.1/3"
		asn = "7.2/3"
	)
	known := setup{asn: func(e *webauthn.AssertionExpectation) { e.AccountKnown = true }}
	extra := fault(set("surplus", 1), set("response.surplus", []any{1}), set("clientExtensionResults.surplus", map[string]any{"a": 1}))
	cases := []negative{
		{id: "JS-01/text", faults: become("hello"), reg: reg, asn: asn, code: bad},
		{id: "JS-01/empty", faults: become(""), reg: reg, asn: asn, code: bad},
		{id: "JS-01/truncated", faults: body(func(b []byte) []byte { return b[:len(b)-1] }), reg: reg, asn: asn, code: bad},
		{id: "JS-01/trailing", faults: body(func(b []byte) []byte { return append(b, "{}"...) }), reg: reg, asn: asn, code: bad},
		{id: "JS-02/array", faults: become("[]"), reg: reg, asn: asn, code: bad},
		{id: "JS-02/string", faults: become(`"x"`), reg: reg, asn: asn, code: bad},
		{id: "JS-02/number", faults: become("1"), reg: reg, asn: asn, code: bad},
		{id: "JS-02/null", faults: become("null"), reg: reg, asn: asn, code: bad},
		{id: "JS-03/UTF-16", faults: body(wide), reg: reg, asn: asn, code: bad},
		{id: "JS-03/invalid", faults: insert("\"x\":\"\xff\""), reg: reg, asn: asn, code: bad},
		{id: "JS-03/surrogate", faults: insert(`"x":"\ud800"`), reg: reg, asn: asn, code: bad},
		{id: "JS-05/large", faults: insert(`"x":"` + strings.Repeat("a", 300<<10) + `"`), reg: reg, asn: asn, code: bad},
		{id: "JS-05/deep", faults: insert(`"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), reg: reg, asn: asn, code: bad},
		{id: "JS-05/deepish", faults: insert(`"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), reg: reg, asn: asn, code: bad},
		{id: "JS-05/brackets in text", faults: insert(`"x":"\\\"` + strings.Repeat("[{", 50) + `"`)},
		{id: "JS-05/many but shallow", faults: insert(`"x":[` + strings.Repeat("[{}],", 50) + `{}]`)},
		{id: "JS-06/id", faults: insert(`"id":"AAAA"`), reg: reg, asn: asn, code: bad},
		{id: "JS-06/response", faults: insert(`"response":{}`), reg: reg, asn: asn, code: bad},
		{id: "JS-06/escaped", faults: insert(`"i\u0064":"AAAA"`), reg: reg, asn: asn, code: bad},
		{id: "JS-06/deep", faults: insert(`"x":[{"y":{"z":1,"z":1}}]`), reg: reg, asn: asn, code: bad},
		{id: "JS-07/ID", faults: rename("id", "ID"), reg: reg, asn: asn, code: bad},
		{id: "JS-07/RawId", faults: rename("rawId", "RawId"), reg: reg, asn: asn, code: bad},
		{id: "JS-07/clientdatajson", faults: rename("clientDataJSON", "clientdatajson"), reg: reg, asn: asn, code: bad},
		{id: "JS-08", faults: extra},
		{id: "JS-09", faults: ids("AAAAAAAAAAAAAAAAAAAAAA=="), reg: reg, asn: asn, code: bad},
		{id: "JS-10/plus", faults: ids("AAAA+AAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-10/slash", faults: ids("AAAA/AAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-11/space", faults: ids("AAAA AAAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-11/line", faults: ids("AAAA\nAAAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-11/return", faults: ids("AAAA\rAAAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-12", faults: ids("AAAAAAAAAAAAAAAAAAAAA"), reg: reg, asn: asn, code: bad},
		{id: "JS-13", faults: ids("AAAAAAAAAAAAAAAAAAAAAB"), reg: reg, asn: asn, code: bad},
		{id: "JS-14", faults: fault(webauthntest.DropMember("rawId")), reg: reg, asn: asn, code: bad},
		{id: "JS-15", faults: fault(set("rawId", "AAAAAAAAAAAAAAAAAAAAAA")), reg: reg, asn: asn, code: webauthn.CodeCredentialIDMismatch},
		{id: "JS-16", faults: ids("AAAAAAAAAAAAAAAAAAAAAA"), reg: reg, asn: noRun, code: webauthn.CodeCredentialIDMismatch},
		{id: "JS-17", faults: fault(webauthntest.DropMember("clientExtensionResults"))},
		{id: "JS-19", faults: fault(set("authenticatorAttachment", "implanted"))},
		{id: "JS-20", faults: fault(set("authenticatorAttachment", 7)), reg: reg, asn: asn, code: bad},
		{id: "JS-21", faults: fault(set("response.transports", []string{"telepathy"})), asn: noRun},
		{id: "JS-22/string", faults: fault(set("response.transports", "usb")), reg: reg, asn: noRun, code: bad},
		{id: "JS-22/numbers", faults: fault(set("response.transports", []int{1})), reg: reg, asn: noRun, code: bad},
		{id: "JS-22/null", faults: fault(set("response.transports", []any{nil})), reg: reg, asn: noRun, code: bad},
		{id: "JS-22/many", faults: fault(set("response.transports", make([]string, 17))), reg: reg, asn: noRun, code: bad},
		{id: "JS-22/long", faults: fault(set("response.transports", []string{strings.Repeat("u", 33)})), reg: reg, asn: noRun, code: bad},
		{id: "JS-23", faults: fault(webauthntest.DropMember("response.transports")), asn: noRun},
		{id: "JS-24", faults: fault(set("response.authenticatorData", "AAAA")), asn: noRun},
		{id: "JS-25", faults: fault(set("response.publicKey", "AAAA"), set("response.publicKeyAlgorithm", -999)), asn: noRun},
		{id: "JS-26/attachment", faults: fault(set("authenticatorAttachment", nil))},
		{id: "JS-26/userHandle", faults: fault(set("response.userHandle", nil)), reg: noRun, setup: known},
		{id: "JS-26/transports", faults: fault(set("response.transports", nil)), asn: noRun},
		{id: "JS-27/signature", faults: fault(set("response.signature", "AAAA")), reg: reg, asn: noRun, code: webauthn.CodeResponseTypeInvalid},
		{id: "JS-27/object", faults: fault(set("response.attestationObject", "AAAA")), reg: noRun, asn: asn, code: webauthn.CodeResponseTypeInvalid},
	}
	for i, v := range []any{nil, []any{}, "x", 7} {
		cases = append(cases, negative{
			id: fmt.Sprintf("JS-18/%d", i), faults: fault(set("clientExtensionResults", v)),
			reg: "7.1/4", asn: "7.2/4", code: webauthn.CodeExtensionOutputMalformed,
		})
	}
	runCases(t, cases)
}

// TestAttachment: the two values that the standard knows are kept, no other.
func TestAttachment(t *testing.T) {
	for value, want := range map[string]string{
		"platform": "platform", "cross-platform": "cross-platform", "Platform": "", "": "",
	} {
		r, err := webauthn.ParseRegistration(created(t, set("authenticatorAttachment", value)))
		if err != nil || r.Attachment() != want {
			t.Errorf("%q: got %v, %v", value, r, err)
		}
		a, err := webauthn.ParseAssertion(got(t, set("authenticatorAttachment", value)))
		if err != nil || a.Attachment() != want {
			t.Errorf("%q: got %v, %v", value, a, err)
		}
	}
}

// TestAccessors: what a caller reads of an answer before it is verified.
func TestAccessors(t *testing.T) {
	r, err := webauthn.ParseRegistration(created(t, set("response.transports", []string{"usb", "telepathy"})))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Challenge(), challenge) || r.ClientDataType() != "webauthn.create" || len(r.CredentialID()) < 16 ||
		strings.Join(r.Transports(), " ") != "usb telepathy" {
		t.Errorf("got %q, %q, %x, %q", r.Challenge(), r.ClientDataType(), r.CredentialID(), r.Transports())
	}
	text, k := asserted(t, model(), page())
	a, err := webauthn.ParseAssertion(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Challenge(), challenge) || a.ClientDataType() != "webauthn.get" || !bytes.Equal(a.CredentialID(), k.ID) ||
		!bytes.Equal(a.UserHandle(), handle) {
		t.Errorf("got %q, %q, %x, %q", a.Challenge(), a.ClientDataType(), a.CredentialID(), a.UserHandle())
	}
	for _, f := range []webauthntest.Mutation{
		webauthntest.DropMember("response.userHandle"), set("response.userHandle", nil), set("response.userHandle", ""),
	} {
		a, err := webauthn.ParseAssertion(got(t, f))
		if err != nil || a.UserHandle() != nil {
			t.Errorf("user handle %v, %v", a, err)
		}
	}
}

// TestExchangedBodies is JS-27: each procedure refuses the other's whole answer.
func TestExchangedBodies(t *testing.T) {
	_, err := webauthn.ParseAssertion(created(t))
	wantRefusal(t, err, "7.2/3", webauthn.CodeResponseTypeInvalid)
	_, err = webauthn.ParseRegistration(got(t))
	wantRefusal(t, err, "7.1/3", webauthn.CodeResponseTypeInvalid)
}

// TestErrorsEchoNothing is JS-28: what was received is in no error's text.
func TestErrorsEchoNothing(t *testing.T) {
	const canary = "canary"
	for _, f := range [][]webauthntest.Mutation{
		fault(set("type", canary)), ids(canary + "!"), insert(`"canary":1,"canary":2`), become(canary),
		fault(webauthntest.SetClientData("origin", canary)), fault(webauthntest.SetClientData("type", canary)),
		fault(webauthntest.SetClientData("challenge", canary+"!")), fault(webauthntest.SetClientData("crossOrigin", canary)),
		fault(set("clientExtensionResults", map[string]any{"prf": map[string]any{"results": map[string]any{"second": canary}}})),
		fault(set("response.transports", canary)),
	} {
		_, err := register(created(t, f...), expectRegistration())
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v", err)
		}
	}
}

// wrongTypes is one value of each JSON type that is not a string, with names.
func wrongTypes(path string) map[string]webauthntest.Mutation {
	out := make(map[string]webauthntest.Mutation)
	for name, v := range map[string]any{"number": 7, "true": true, "array": []any{}, "object": map[string]any{}} {
		out[name] = set(path, v)
	}
	return out
}

// TestEnvelopeCases are Att-1 and Asn-1 of the conformance tool.
func TestEnvelopeCases(t *testing.T) {
	const bad = webauthn.CodeRequestMalformed
	drop := func(path string) []webauthntest.Mutation { return fault(webauthntest.DropMember(path)) }
	cases := []negative{
		{id: "Att-1 P-1", asn: noRun},
		{id: "Att-1 F-1", faults: drop("id"), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-3", faults: fault(set("id", "no base64!")), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-4", faults: drop("type"), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-6", faults: fault(set("type", "private-key")), reg: "7.1/3", asn: noRun, code: webauthn.CodeResponseTypeInvalid},
		{id: "Att-1 F-7", faults: drop("response"), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-8", faults: fault(set("response", "x")), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-9", faults: drop("response.clientDataJSON"), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-11", faults: fault(set("response.clientDataJSON", "")), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-12", faults: drop("response.attestationObject"), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-13/digits", faults: fault(set("response.attestationObject", 12345678)), reg: "7.1/3", asn: noRun, code: bad},
		{id: "Att-1 F-14", faults: fault(set("response.attestationObject", "")), reg: "7.1/3", asn: noRun, code: bad},
		{
			id: "Att-1 F-15", faults: fault(webauthntest.ClearFlags(webauthntest.FlagUV)), reg: "7.1/16", asn: noRun,
			code: webauthn.CodeUserVerificationMissing,
		},
		{id: "Asn-1 P-1", reg: noRun},
		{id: "Asn-1 F-1", faults: drop("id"), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-3", faults: fault(set("id", "no base64!")), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-4", faults: drop("type"), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-6", faults: fault(set("type", "private-key")), reg: noRun, asn: "7.2/3", code: webauthn.CodeResponseTypeInvalid},
		{id: "Asn-1 F-7", faults: drop("response"), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-8", faults: fault(set("response", []any{})), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-9", faults: drop("response.clientDataJSON"), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-11", faults: fault(set("response.clientDataJSON", "")), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-12", faults: drop("response.authenticatorData"), reg: noRun, asn: "7.2/7", code: bad},
		{id: "Asn-1 F-14", faults: fault(set("response.authenticatorData", "no base64!")), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-15", faults: fault(set("response.authenticatorData", "")), reg: noRun, asn: "7.2/7", code: bad},
		{id: "Asn-1 F-16", faults: drop("response.signature"), reg: noRun, asn: "7.2/7", code: bad},
		{id: "Asn-1 F-18", faults: fault(set("response.signature", "no base64!")), reg: noRun, asn: "7.2/3", code: bad},
		{id: "Asn-1 F-19", faults: fault(set("response.signature", "")), reg: noRun, asn: "7.2/7", code: bad},
		{id: "Asn-1 F-20", faults: fault(webauthntest.SignWithNewKey()), reg: noRun, asn: "7.2/21", code: webauthn.CodeSignatureInvalid},
		{
			id: "Asn-1 F-21/empty", faults: fault(set("response.userHandle", "")), reg: noRun,
			setup: setup{asn: func(e *webauthn.AssertionExpectation) { e.AccountKnown = true }},
		},
		{
			id: "sizes/clientData", faults: fault(webauthntest.SetClientData("x", strings.Repeat("x", 5000))),
			reg: noRun, asn: "7.2/7", code: bad,
		},
		{
			id: "sizes/clientData/registration", faults: fault(webauthntest.SetClientData("x", strings.Repeat("x", 5000))),
			reg: "7.1/5", asn: noRun, code: webauthn.CodeClientDataMalformed,
		},
		{
			id: "sizes/attestationObject", faults: fault(webauthntest.SetExtensions(
				append([]byte("\xa1\x61a\x5a\x00\x01\x00\x00"), make([]byte, 1<<16)...))),
			reg: "7.1/13", asn: noRun, code: webauthn.CodeAttestationObjectMalformed,
		},
		{id: "sizes/attestationObject within", faults: fault(webauthntest.SetExtensions(
			append([]byte("\xa1\x61a\x59\xf0\x00"), make([]byte, 0xf000)...))), asn: noRun},
		{
			id: "sizes/authenticatorData", faults: fault(webauthntest.EditAuthenticatorData(func(b []byte) []byte { return append(b, make([]byte, 4<<10)...) })),
			reg: noRun, asn: "7.2/7", code: bad,
		},
		{
			id: "sizes/signature", faults: fault(webauthntest.EditSignature(func([]byte) []byte { return make([]byte, 1025) })),
			reg: noRun, asn: "7.2/7", code: bad,
		},
		{id: "sizes/userHandle", faults: fault(set("response.userHandle", strings.Repeat("AAAA", 22))), reg: noRun, asn: "7.2/7", code: bad},
		{
			id: "sizes/extensionOutputs", faults: fault(set("clientExtensionResults", map[string]any{"x": strings.Repeat("x", 17<<10)})),
			reg: "7.1/4", asn: "7.2/4", code: webauthn.CodeExtensionOutputMalformed,
		},
	}
	for id, path := range map[string]string{
		"Att-1 F-2": "id", "Att-1 F-5": "type", "Att-1 F-10": "response.clientDataJSON", "Att-1 F-13": "response.attestationObject",
	} {
		for name, f := range wrongTypes(path) {
			cases = append(cases, negative{id: id + "/" + name, faults: fault(f), reg: "7.1/3", asn: noRun, code: bad})
		}
	}
	for id, path := range map[string]string{
		"Asn-1 F-2": "id", "Asn-1 F-5": "type", "Asn-1 F-10": "response.clientDataJSON",
		"Asn-1 F-13": "response.authenticatorData", "Asn-1 F-17": "response.signature", "Asn-1 F-21": "response.userHandle",
	} {
		for name, f := range wrongTypes(path) {
			cases = append(cases, negative{id: id + "/" + name, faults: fault(f), reg: noRun, asn: "7.2/3", code: bad})
		}
	}
	runCases(t, cases)
}
