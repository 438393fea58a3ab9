package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// seed is what the fuzz targets take of a vector.
type seed struct {
	Kind       string
	Credential json.RawMessage
	PublicKey  Bytes
	Parsed     struct {
		Response struct {
			ClientDataJSON, AttestationObject, AuthenticatorData Bytes
		}
	} `json:"-"`
}

// seeds reads the vectors.
func seeds(t testing.TB) []seed {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var all []seed
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var some []seed
		if err := json.Unmarshal(b, &some); err != nil {
			t.Fatal(err)
		}
		for i := range some {
			if some[i].Kind == "prf" {
				continue
			}
			if err := json.Unmarshal(some[i].Credential, &some[i].Parsed); err != nil {
				t.Fatal(err)
			}
			all = append(all, some[i])
		}
	}
	return all
}

// vectorKeys are the COSE keys of the vectors.
func vectorKeys(t testing.TB) [][]byte {
	t.Helper()
	var keys [][]byte
	for _, s := range seeds(t) {
		if s.PublicKey != nil {
			keys = append(keys, s.PublicKey)
		}
		if o, err := parseAttestationObject(s.Parsed.Response.AttestationObject); err == nil {
			if d, err := parseAuthenticatorData(o.authData, true); err == nil {
				keys = append(keys, d.key.raw)
			}
		}
	}
	return keys
}

// FuzzRegistrationBody: an accepted body has sound parts, and a byte of white
// space around it changes nothing.
func FuzzRegistrationBody(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Credential))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRegistration(body)
		if err != nil {
			wantError(t, err)
			return
		}
		if len(r.id) == 0 || len(r.attestationObject) == 0 || !json.Valid(body) {
			t.Fatalf("accepted %q", body)
		}
		again, err := ParseRegistration(append([]byte(" "), body...))
		if len(body) < maxRegistrationBody && (err != nil || !bytes.Equal(again.Challenge(), r.Challenge())) {
			t.Fatalf("a space before it: %v", err)
		}
		_, err = r.Verify(RegistrationExpectation{
			Challenge: r.Challenge(), RPID: "example.org", Origins: []string{r.client.origin},
			Algorithms: DefaultAlgorithms(), Formats: []string{formatNone},
		})
		wantError(t, err)
	})
}

// FuzzAssertionBody is as FuzzRegistrationBody.
func FuzzAssertionBody(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Credential))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ParseAssertion(body)
		if err != nil {
			wantError(t, err)
			return
		}
		if len(a.id) == 0 || len(a.signature) == 0 || len(a.authenticatorData) > maxAuthenticatorData || !json.Valid(body) {
			t.Fatalf("accepted %q", body)
		}
		again, err := ParseAssertion(append([]byte(" "), body...))
		if len(body) < maxAssertionBody && (err != nil || !bytes.Equal(again.signature, a.signature)) {
			t.Fatalf("a space before it: %v", err)
		}
		_, err = a.Verify(AssertionExpectation{})
		wantError(t, err)
	})
}

// wantError demands that an error, if there is one, is an *Error with step and code.
func wantError(t *testing.T, err error) {
	t.Helper()
	if e, ok := err.(*Error); err != nil && (!ok || e.Step == "" || e.Code == "") {
		t.Fatalf("%#v is not a refusal", err)
	}
}

// FuzzClientData: what is accepted is what encoding/json reads, with every name once.
func FuzzClientData(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Parsed.Response.ClientDataJSON))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseClientData(new(jsontext.Decoder), raw)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &want); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		challenge, _ := Bytes(c.challenge).MarshalText()
		cross, _ := want["crossOrigin"].(bool)
		if want["type"] != c.typ || want["origin"] != c.origin || want["challenge"] != string(challenge) || cross != c.crossOrigin {
			t.Fatalf("read %+v from %q", c, raw)
		}
		if top, framed := want["topOrigin"]; framed != c.framed || framed && top != c.topOrigin {
			t.Fatalf("read top origin %q from %q", c.topOrigin, raw)
		}
	})
}

// FuzzAuthenticatorData: what is accepted accounts for every byte.
func FuzzAuthenticatorData(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Parsed.Response.AuthenticatorData), false)
		if o, err := parseAttestationObject(s.Parsed.Response.AttestationObject); err == nil {
			f.Add(o.authData, true)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, registration bool) {
		a, err := parseAuthenticatorData(raw, registration)
		if err != nil {
			return
		}
		again := slices.Concat(a.rpIDHash, []byte{a.flags}, binary.BigEndian.AppendUint32(nil, a.signCount))
		if registration {
			again = append(again, a.aaguid[:]...)
			again = binary.BigEndian.AppendUint16(again, uint16(len(a.credentialID)))
			again = append(append(again, a.credentialID...), a.key.raw...)
		}
		if !bytes.HasPrefix(raw, again) || a.has(flagAT) != registration || a.has(flagED) == (len(raw) == len(again)) {
			t.Fatalf("%x is not the beginning of %x", again, raw)
		}
		if !a.has(flagED) {
			if _, err := parseAuthenticatorData(append(bytes.Clone(raw), 0), registration); err == nil {
				t.Fatalf("one more byte is accepted after %x", raw)
			}
		}
		if _, err := parseAuthenticatorData(raw, !registration); err == nil {
			t.Fatalf("accepted in both procedures: %x", raw)
		}
	})
}

// FuzzAttestationObject: what is accepted is canonical, so that its parts make the
// same object again, in some order.
func FuzzAttestationObject(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Parsed.Response.AttestationObject))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parseAttestationObject(raw)
		if err != nil {
			return
		}
		again, err := cbor.Marshal(map[string]any{"fmt": o.format, "attStmt": o.content(), "authData": o.authData})
		if err != nil {
			t.Fatal(err)
		}
		same, err := parseAttestationObject(again)
		if err != nil || len(again) != len(raw) || !reflect.DeepEqual(o, same) {
			t.Fatalf("%x became %x: %v", raw, again, err)
		}
		if _, err := parseAttestationObject(append(bytes.Clone(raw), 0)); err == nil {
			t.Fatalf("one more byte is accepted after %x", raw)
		}
	})
}

// content is the statement.
func (o *attestationObject) content() any {
	if o.format == formatCompound {
		return o.parts
	}
	return o.members
}

// FuzzCOSEKey: a key that is taken is one for the library too, and no other bytes
// are the same key.
func FuzzCOSEKey(f *testing.F) {
	for _, k := range vectorKeys(f) {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := parseKey(raw)
		if err != nil {
			return
		}
		if _, err := webauthncose.ParsePublicKey(raw); err != nil {
			t.Fatalf("the library refuses %x: %v", raw, err)
		}
		if _, err := parseKey(append(bytes.Clone(raw), 0)); err == nil {
			t.Fatalf("one more byte is accepted after %x", raw)
		}
		if k.verify([]byte("message"), []byte("signature")) == nil {
			t.Fatalf("%x verifies anything", raw)
		}
	})
}

// FuzzBytes: one value has one text.
func FuzzBytes(f *testing.F) {
	for _, s := range []string{"", "AA", "AAA", "AAAA", "AB", "A", "AA==", "A\nA", "A\rA", "-_-_", "+/+/", " AAAA", "AAAA "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var b Bytes
		if err := b.UnmarshalText(text); err != nil {
			return
		}
		again, err := b.MarshalText()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}

// FuzzExtensionOutputs: what is accepted is an object in the limits, and what is
// kept of it is a boolean that stands in it.
func FuzzExtensionOutputs(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"credProps":{"rk":true}}`, `{"credProps":{"rk":"true"}}`, `{"prf":{"enabled":true,"results":{"first":"AA"}}}`,
		`{"prf":{"results":{"second":"AA"}}}`, `{"largeBlob":{"supported":true,"blob":"AAAA","written":false}}`,
		`{"appid":true,"appidExclude":false}`, `{"x":[1,{"y":null}]}`, `[]`, `null`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, registration bool) {
		var o extensionOutputs
		if !jsontext.Value(text).IsValid() || o.parse(bytes.TrimSpace(text), registration) != nil {
			return
		}
		var want struct {
			CredProps struct{ RK *bool } `json:"credProps"`
		}
		if err := json.Unmarshal(text, &want); err != nil || len(text) > 2*maxExtensionOutputs {
			t.Fatalf("accepted %q: %v", text, err)
		}
		if o.discoverable != nil && (want.CredProps.RK == nil || *want.CredProps.RK != *o.discoverable) {
			t.Fatalf("read %v from %q", *o.discoverable, text)
		}
	})
}

// FuzzCBOR: what is accepted is well-formed for another reader, of the same length,
// and canonical once its keys are sorted.
func FuzzCBOR(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Parsed.Response.AttestationObject))
	}
	f.Add([]byte{0xf7})
	f.Add([]byte("\xa1\x80\x00"))
	strict, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	canonical, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ordered := cborRules{dec: compoundCBOR.dec, ordered: true}
		_, n, err := ordered.item(raw)
		if err != nil {
			return
		}
		var v any
		rest, err := strict.UnmarshalFirst(raw, &v)
		if err != nil || len(raw)-len(rest) != n {
			t.Fatalf("%x: %d bytes here, %d there, %v", raw, n, len(raw)-len(rest), err)
		}
		if again, err := canonical.Marshal(v); err != nil || !bytes.Equal(again, raw[:n]) {
			t.Fatalf("%x became %x: %v", raw[:n], again, err)
		}
	})
}

// FuzzStatement: no bytes in a statement make a format's procedure do anything but
// accept or refuse, and an accepted one has a type of the closed set.
func FuzzStatement(f *testing.F) {
	formats := []string{
		formatPacked, formatU2F, formatTPM, formatAndroidKey, formatApple, formatSafetyNet, formatCompound, formatNone,
	}
	types := []string{attestationNone, attestationSelf, attestationBasic, attestationCA, attestationAnonCA, attestationCompound}
	for _, s := range seeds(f) {
		if o, err := parseAttestationObject(s.Parsed.Response.AttestationObject); err == nil {
			members, err := cborEncoding.Marshal(o.content())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint(slices.Index(formats, o.format)), members, o.authData, []byte(s.Parsed.Response.ClientDataJSON))
		}
	}
	f.Fuzz(func(t *testing.T, format uint, members, authData, clientData []byte) {
		value, n, err := compoundCBOR.item(members)
		o := newStatement(map[any]any{"fmt": formats[format%uint(len(formats))], "attStmt": value})
		if err != nil || n != len(members) || o == nil {
			return
		}
		o.authData = authData
		data, err := parseAuthenticatorData(authData, true)
		if err != nil {
			return
		}
		key, err := data.key.parse()
		if err != nil {
			return
		}
		hash := sha256.Sum256(clientData)
		s := &statement{
			attestationObject: o, data: data, key: key, clientDataHash: hash[:],
			now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		if typ, err := s.verify(); err == nil && !slices.Contains(types, typ) {
			t.Fatalf("type %q", typ)
		}
	})
}
