package webauthntest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// parts is an answer taken apart by nothing that this package uses.
type parts struct {
	json       object
	clientData string
	auth       []byte
	object     map[string]any
	signature  []byte
}

func take(t *testing.T, body []byte) parts {
	t.Helper()
	var p parts
	if err := json.Unmarshal(body, &p.json); err != nil {
		t.Fatal(err)
	}
	response, ok := p.json["response"].(object)
	if !ok {
		t.Fatalf("no response in %s", body)
	}
	member := func(name string) []byte {
		text, _ := response[name].(string)
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return b
	}
	p.clientData, p.auth, p.signature = string(member("clientDataJSON")), member("authenticatorData"), member("signature")
	if encoded := member("attestationObject"); len(encoded) > 0 {
		if err := cbor.Unmarshal(encoded, &p.object); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// differences names the parts in which two answers differ.
func differences(a, b parts) string {
	var names []string
	for _, part := range []struct {
		name string
		same bool
	}{
		{"clientData", a.clientData == b.clientData},
		{"auth", bytes.Equal(a.auth, b.auth)},
		{"object", reflect.DeepEqual(a.object, b.object)},
		{"json", reflect.DeepEqual(a.json, b.json)},
		{"signature", bytes.Equal(a.signature, b.signature)},
	} {
		if !part.same {
			names = append(names, part.name)
		}
	}
	return strings.Join(names, " ")
}

// model is seeded, so that two answers differ only where a mutation made them differ.
func model() webauthntest.Model {
	m := webauthntest.Phone()
	m.Attestation, m.Random = "packed", seeded()
	return m
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 1; return b }
}

// TestFaultsOfAssertions: the fault is there, and what is signed is signed again.
func TestFaultsOfAssertions(t *testing.T) {
	stranger := webauthntest.New(webauthntest.SecurityKey())
	create(t, stranger)
	const signed = "json signature"
	for name, test := range map[string]struct {
		mutation webauthntest.Mutation
		differs  string
		verifies bool // as far as the signature over the bytes goes
		check    func(p parts) bool
	}{
		"client data member": {
			webauthntest.SetClientData("type", "webauthn.create"), "clientData " + signed, true,
			func(p parts) bool { return strings.HasPrefix(p.clientData, `{"type":"webauthn.create","challenge"`) },
		},
		"client data member of another type": {
			webauthntest.SetClientData("crossOrigin", "yes"), "clientData " + signed, true,
			func(p parts) bool { return strings.Contains(p.clientData, `"crossOrigin":"yes"`) },
		},
		"client data member dropped": {
			webauthntest.DropClientData("origin"), "clientData " + signed, true,
			func(p parts) bool { return !strings.Contains(p.clientData, "origin\":\"") },
		},
		"client data bytes": {
			webauthntest.EditClientData(func(b []byte) []byte { return append([]byte(" "), b...) }), "clientData " + signed, true,
			func(p parts) bool { return strings.HasPrefix(p.clientData, " {") },
		},
		"flags set": {
			webauthntest.SetFlags(webauthntest.FlagED), "auth " + signed, true,
			func(p parts) bool { return len(p.auth) == 37 && p.auth[32] == 0x9d },
		},
		"flags cleared": {
			webauthntest.ClearFlags(webauthntest.FlagUP | webauthntest.FlagUV), "auth " + signed, true,
			func(p parts) bool { return p.auth[32] == 0x18 },
		},
		"RP ID": {
			webauthntest.SetRPID("evil.example"), "auth " + signed, true,
			func(p parts) bool { return len(p.auth) == 37 && p.auth[32] == 0x1d },
		},
		"count": {
			webauthntest.SetSignCount(0x01020304), "auth " + signed, true,
			func(p parts) bool { return bytes.Equal(p.auth[33:], []byte{1, 2, 3, 4}) },
		},
		"extensions": {
			webauthntest.SetExtensions([]byte{0xa0}), "auth " + signed, true,
			func(p parts) bool { return p.auth[32] == 0x9d && bytes.Equal(p.auth[37:], []byte{0xa0}) },
		},
		"attested data": {
			webauthntest.Attested(true), "auth " + signed, true,
			func(p parts) bool { return p.auth[32] == 0x5d && len(p.auth) > 37+18+32 },
		},
		"authenticator data bytes": {
			webauthntest.EditAuthenticatorData(func(b []byte) []byte { return b[:36] }), "auth " + signed, true,
			func(p parts) bool { return len(p.auth) == 36 },
		},
		"new key":   {webauthntest.SignWithNewKey(), signed, false, nil},
		"other key": {webauthntest.SignWithKeyOf(stranger.Credentials()[0]), signed, false, nil},
		"signature": {webauthntest.EditSignature(flip(8)), signed, false, nil},
		"member": {
			webauthntest.SetMember("rawId", 7), "json", true,
			func(p parts) bool { return p.json["rawId"] == 7.0 },
		},
		"inner member": {
			webauthntest.SetMember("response.userHandle", "AA"), "json", true,
			func(p parts) bool { return p.json["response"].(object)["userHandle"] == "AA" },
		},
		"member dropped": {
			webauthntest.DropMember("response.userHandle"), "json", true,
			func(p parts) bool { _, there := p.json["response"].(object)["userHandle"]; return !there },
		},
		"members": {
			webauthntest.EditMembers(func(m map[string]any) { m["more"] = true }), "json", true,
			func(p parts) bool { return p.json["more"] == true },
		},
		"JSON": {
			webauthntest.EditJSON(func(b []byte) []byte { return append([]byte(`{"first":1,`), b[1:]...) }), "json", true,
			func(p parts) bool { return p.json["first"] == 1.0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := webauthntest.New(model())
			create(t, a)
			options := request(t)
			right, wrong := take(t, get(t, a, options)), take(t, get(t, a, options, test.mutation))
			if got := differences(right, wrong); got != test.differs {
				t.Errorf("differs in %q, want %q", got, test.differs)
			}
			if test.check != nil && !test.check(wrong) {
				t.Errorf("the fault is not there: %+v, client data %s", wrong, wrong.clientData)
			}
			if got := signatureHolds(t, a.Credentials()[0], wrong); got != test.verifies {
				t.Errorf("signature holds: %v, want %v", got, test.verifies)
			}
		})
	}
}

// TestFaultsOfRegistrations: as above, for attested data and attestation.
func TestFaultsOfRegistrations(t *testing.T) {
	cose := func(p parts) map[int64]any {
		var key map[int64]any
		if err := cbor.Unmarshal(p.auth[37+16+2+32:], &key); err != nil {
			return nil
		}
		return key
	}
	statement := func(p parts) map[any]any { m, _ := p.object["attStmt"].(map[any]any); return m }
	for name, test := range map[string]struct {
		mutation webauthntest.Mutation
		differs  string
		check    func(p parts) bool
	}{
		"AAGUID": {
			webauthntest.SetAAGUID([16]byte{9}), "auth object json",
			func(p parts) bool { return p.auth[37] == 9 },
		},
		"attested ID": {
			webauthntest.SetAttestedID([]byte("elsewhere")), "auth object json",
			func(p parts) bool { return bytes.HasPrefix(p.auth[53:], []byte("\x00\x09elsewhere\xa5")) },
		},
		"no attested data": {
			webauthntest.Attested(false), "auth object json",
			func(p parts) bool { return len(p.auth) == 37 && p.auth[32] == 0x1d },
		},
		"key": {
			webauthntest.EditKey(func(k map[int64]any) { k[3] = int64(-42); k[-2].([]byte)[0] ^= 1 }), "auth object json",
			func(p parts) bool { return cose(p)[3] == int64(-42) },
		},
		"key bytes": {
			webauthntest.EditKeyBytes(func([]byte) []byte { return []byte{0xa0} }), "auth object json",
			func(p parts) bool { return bytes.HasSuffix(p.auth, []byte{0xa0}) && cose(p) != nil },
		},
		"statement": {
			webauthntest.EditStatement(func(m map[string]any) { delete(m, "alg") }), "object json",
			func(p parts) bool { return len(statement(p)) == 1 },
		},
		"statement signature": {
			webauthntest.EditSignature(func([]byte) []byte { return nil }), "object json",
			func(p parts) bool { sig, _ := statement(p)["sig"].([]byte); return len(sig) == 0 },
		},
		"format": {
			webauthntest.EditAttestation(func(m map[string]any) { m["fmt"] = "made-up" }), "object json",
			func(p parts) bool { return p.object["fmt"] == "made-up" },
		},
		"attestation bytes": {
			webauthntest.EditAttestationBytes(func([]byte) []byte { return []byte{0xa0} }), "object json",
			func(p parts) bool { return len(p.object) == 0 },
		},
		"credential ID": {
			webauthntest.UseCredentialID([]byte("sixteen bytes ID")), "auth object json",
			func(p parts) bool {
				return p.json["id"] == b64([]byte("sixteen bytes ID")) && bytes.Contains(p.auth, []byte("\x00\x10sixteen bytes ID"))
			},
		},
		"algorithm": {
			webauthntest.UseAlgorithm(webauthntest.EdDSA), "auth object json",
			func(p parts) bool { return cose(p)[3] == int64(-8) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := webauthntest.New(model())
			right, wrong := take(t, create(t, webauthntest.New(model()))), take(t, create(t, a, test.mutation))
			if got := differences(right, wrong); got != test.differs {
				t.Errorf("differs in %q, want %q", got, test.differs)
			}
			if !test.check(wrong) {
				t.Errorf("the fault is not there: %+v", wrong)
			}
			if _, err := asserted(get(t, a, request(t)), a.Credentials()[0].PublicKey); err != nil {
				t.Errorf("the credential is spoilt: %v", err)
			}
		})
	}
}

// TestUseCredential: an answer by a credential that was not asked for.
func TestUseCredential(t *testing.T) {
	a := webauthntest.New(webauthntest.Phone())
	create(t, a)
	create(t, a, webauthntest.IgnoreExcluded())
	first, second := a.Credentials()[0], a.Credentials()[1]
	p := take(t, get(t, a, request(t, second.ID), webauthntest.UseCredential(first.ID)))
	if p.json["id"] != b64(first.ID) || !signatureHolds(t, first, p) {
		t.Errorf("answered by %v", p.json["id"])
	}
}

// signatureHolds verifies the signature over the very bytes of the answer.
func signatureHolds(t *testing.T, c webauthntest.Credential, p parts) bool {
	t.Helper()
	return verify(t, c.PublicKey, p.auth, []byte(p.clientData), p.signature)
}
