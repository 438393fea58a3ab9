package webauthntest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	rpID   = "example.org"
	origin = "https://example.org"
)

var (
	challenge = []byte("0123456789abcdef0123456789abcdef")
	handle    = []byte("handle-of-the-account")
	page      = webauthntest.Client{Origin: origin}
)

type object = map[string]any

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func creation(t testing.TB, edit func(object)) []byte {
	t.Helper()
	o := object{
		"rp":        object{"id": rpID, "name": "Example"},
		"user":      object{"id": b64(handle), "name": "ana", "displayName": ""},
		"challenge": b64(challenge),
		"pubKeyCredParams": []object{
			{"type": "public-key", "alg": -7},
			{"type": "public-key", "alg": -8},
			{"type": "public-key", "alg": -257},
			{"type": "public-key", "alg": -35},
			{"type": "public-key", "alg": -36},
		},
		"excludeCredentials": []object{},
		"attestation":        "direct",
	}
	if edit != nil {
		edit(o)
	}
	return marshal(t, o)
}

func request(t testing.TB, ids ...[]byte) []byte {
	t.Helper()
	allowed := []object{}
	for _, id := range ids {
		allowed = append(allowed, object{"type": "public-key", "id": b64(id)})
	}
	return marshal(t, object{"challenge": b64(challenge), "rpId": rpID, "allowCredentials": allowed, "userVerification": "preferred"})
}

func create(t testing.TB, a *webauthntest.Authenticator, m ...webauthntest.Mutation) []byte {
	t.Helper()
	body, err := a.Create(creation(t, nil), page, m...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func get(t testing.TB, a *webauthntest.Authenticator, options []byte, m ...webauthntest.Mutation) []byte {
	t.Helper()
	body, err := a.Get(options, page, m...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// registered verifies a registration with go-webauthn.
func registered(body []byte) (*protocol.ParsedCredentialCreationData, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		return nil, err
	}
	var params []protocol.CredentialParameter
	for _, alg := range []int64{-7, -8, -35, -36, -257} {
		params = append(params, protocol.CredentialParameter{Type: "public-key", Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)})
	}
	_, err = parsed.Verify(b64(challenge), rpID, []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, true, true, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	return parsed, err
}

// asserted verifies an assertion with go-webauthn.
func asserted(body, publicKey []byte) (*protocol.ParsedCredentialAssertionData, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		return nil, err
	}
	return parsed, parsed.Verify(b64(challenge), rpID, "", []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, true, true, publicKey, protocol.SignaturePolicy{})
}

// seeded is a source of randomness that is the same every time.
func seeded() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

// TestRightAnswers: each algorithm and format is accepted by another implementation.
func TestRightAnswers(t *testing.T) {
	for name, alg := range map[string]int64{
		"ES256": webauthntest.ES256, "EdDSA": webauthntest.EdDSA, "RS256": webauthntest.RS256,
		"ES384": webauthntest.ES384, "ES512": webauthntest.ES512,
	} {
		for _, attestation := range []string{"none", "packed"} {
			t.Run(name+"/"+attestation, func(t *testing.T) {
				model := webauthntest.Phone()
				model.Algorithms = []int64{alg}
				model.Attestation = attestation
				a := webauthntest.New(model)
				reg, err := registered(create(t, a))
				if err != nil {
					t.Fatal(err)
				}
				if got := reg.Response.AttestationObject.Format; got != attestation {
					t.Errorf("format %q, want %q", got, attestation)
				}
				cred := a.Credentials()[0]
				if cred.Algorithm != alg || !bytes.Equal(reg.RawID, cred.ID) {
					t.Errorf("credential is not as registered: %+v", cred)
				}
				for _, options := range [][]byte{request(t, cred.ID), request(t)} {
					got, err := asserted(get(t, a, options), reg.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Response.UserHandle, handle) {
						t.Errorf("user handle %q", got.Response.UserHandle)
					}
				}
			})
		}
	}
}

// TestModels: what an answer says of its authenticator.
func TestModels(t *testing.T) {
	for name, test := range map[string]struct {
		model      webauthntest.Model
		flags      webauthntest.Flags
		counts     [3]uint32
		attachment string
	}{
		"phone": {
			webauthntest.Phone(),
			webauthntest.FlagUP | webauthntest.FlagUV | webauthntest.FlagBE | webauthntest.FlagBS,
			[3]uint32{},
			"platform",
		},
		"security key": {
			webauthntest.SecurityKey(), webauthntest.FlagUP | webauthntest.FlagUV, [3]uint32{1, 2, 3}, "cross-platform",
		},
		"zero": {webauthntest.Model{}, webauthntest.FlagUP, [3]uint32{}, "cross-platform"},
	} {
		t.Run(name, func(t *testing.T) {
			a := webauthntest.New(test.model)
			parsed, err := protocol.ParseCredentialCreationResponseBytes(create(t, a))
			if err != nil {
				t.Fatal(err)
			}
			if string(parsed.AuthenticatorAttachment) != test.attachment {
				t.Errorf("attachment %q, want %q", parsed.AuthenticatorAttachment, test.attachment)
			}
			auth := parsed.Response.AttestationObject.AuthData
			if got := webauthntest.Flags(auth.Flags); got != test.flags|webauthntest.FlagAT || auth.Counter != test.counts[0] {
				t.Errorf("registration: flags %08b, count %d", got, auth.Counter)
			}
			for _, count := range test.counts[1:] {
				parsed, err := protocol.ParseCredentialRequestResponseBytes(get(t, a, request(t, a.Credentials()[0].ID)))
				if err != nil {
					t.Fatal(err)
				}
				auth := parsed.Response.AuthenticatorData
				if webauthntest.Flags(auth.Flags) != test.flags || auth.Counter != count {
					t.Errorf("assertion: flags %08b, count %d, want %08b, %d", auth.Flags, auth.Counter, test.flags, count)
				}
			}
		})
	}
}

// TestDeclined: what a right client does not answer.
func TestDeclined(t *testing.T) {
	phone, bare := webauthntest.New(webauthntest.Phone()), webauthntest.New(webauthntest.Model{})
	create(t, phone)
	create(t, bare)
	excluded := func(o object) {
		o["excludeCredentials"] = []object{{"type": "public-key", "id": b64(phone.Credentials()[0].ID)}}
	}
	selection := func(name string, value any) func(object) {
		return func(o object) { o["authenticatorSelection"] = object{name: value} }
	}
	for name, test := range map[string]struct {
		a       *webauthntest.Authenticator
		options []byte
		create  bool
		want    error
	}{
		"excluded":           {phone, creation(t, excluded), true, webauthntest.ErrExcluded},
		"excluded elsewhere": {bare, creation(t, excluded), true, nil},
		"algorithm": {bare, creation(t, func(o object) {
			o["pubKeyCredParams"] = []object{{"type": "public-key", "alg": -257}}
		}), true, webauthntest.ErrAlgorithm},
		"verification":         {bare, creation(t, selection("userVerification", "required")), true, webauthntest.ErrUserVerification},
		"discoverable":         {bare, creation(t, selection("residentKey", "required")), true, webauthntest.ErrDiscoverable},
		"discoverable, old":    {bare, creation(t, selection("requireResidentKey", true)), true, webauthntest.ErrDiscoverable},
		"no challenge":         {phone, creation(t, func(o object) { delete(o, "challenge") }), true, webauthntest.ErrOptions},
		"padded challenge":     {phone, creation(t, func(o object) { o["challenge"] = "AAAA=" }), true, webauthntest.ErrOptions},
		"handle of 65":         {phone, creation(t, func(o object) { o["user"].(object)["id"] = b64(make([]byte, 65)) }), true, webauthntest.ErrOptions},
		"no display name":      {phone, creation(t, func(o object) { delete(o["user"].(object), "displayName") }), true, webauthntest.ErrOptions},
		"wrapped options":      {phone, marshal(t, object{"publicKey": object{}}), true, webauthntest.ErrOptions},
		"get: nothing":         {bare, request(t), false, webauthntest.ErrNoCredential},
		"get: unknown":         {phone, request(t, []byte("unknown")), false, webauthntest.ErrNoCredential},
		"get: other site":      {phone, []byte(`{"challenge":"AAAA","rpId":"other.example"}`), false, webauthntest.ErrNoCredential},
		"get: no rpId":         {phone, []byte(`{"challenge":"AAAA"}`), false, webauthntest.ErrOptions},
		"get: no challenge":    {phone, []byte(`{"rpId":"example.org"}`), false, webauthntest.ErrOptions},
		"get: no verification": {bare, []byte(`{"challenge":"AAAA","rpId":"example.org","userVerification":"required"}`), false, webauthntest.ErrUserVerification},
	} {
		t.Run(name, func(t *testing.T) {
			ask := test.a.Get
			if test.create {
				ask = test.a.Create
			}
			if _, err := ask(test.options, page); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if _, err := phone.Create(creation(t, excluded), page, webauthntest.IgnoreExcluded()); err != nil {
		t.Errorf("IgnoreExcluded: %v", err)
	}
}

// TestAttestationConveyance: a client hides what could identify the make.
func TestAttestationConveyance(t *testing.T) {
	for name, test := range map[string]struct {
		aaguid     [16]byte
		preference string
		want       string
	}{
		"self, no make, none": {preference: "none", want: "packed"},
		"make, none":          {aaguid: [16]byte{1}, preference: "none", want: "none"},
		"make, direct":        {aaguid: [16]byte{1}, preference: "direct", want: "packed"},
	} {
		t.Run(name, func(t *testing.T) {
			model := webauthntest.SecurityKey()
			model.AAGUID = test.aaguid
			body, err := webauthntest.New(model).Create(creation(t, func(o object) { o["attestation"] = test.preference }), page)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := registered(body)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.Response.AttestationObject.Format; got != test.want {
				t.Errorf("format %q, want %q", got, test.want)
			}
		})
	}
}

// TestClone: the copy knows the keys and not the uses.
func TestClone(t *testing.T) {
	a := webauthntest.New(webauthntest.SecurityKey())
	create(t, a)
	copied := a.Clone()
	id := a.Credentials()[0].ID
	get(t, a, request(t, id))
	body := get(t, copied, request(t, id))
	parsed, err := asserted(body, a.Credentials()[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, ahead := parsed.Response.AuthenticatorData.Counter, a.Credentials()[0].SignCount; got != 2 || ahead != 2 {
		t.Errorf("the copy counts %d, the original %d", got, ahead)
	}
	a.Forget(id)
	if len(a.Credentials()) != 0 || len(copied.Credentials()) != 1 {
		t.Error("forgetting one forgot the wrong one")
	}
}

// TestSeeded: the same randomness gives the same answers, byte for byte.
func TestSeeded(t *testing.T) {
	for name, alg := range map[string]int64{"ES256": webauthntest.ES256, "EdDSA": webauthntest.EdDSA, "RS256": webauthntest.RS256} {
		t.Run(name, func(t *testing.T) {
			answers := func() string {
				model := webauthntest.Phone()
				model.Algorithms, model.Attestation, model.Random = []int64{alg}, "packed", seeded()
				a := webauthntest.New(model)
				return string(create(t, a)) + string(get(t, a, request(t)))
			}
			if first, second := answers(), answers(); first != second {
				t.Errorf("differ:\n%s\n%s", first, second)
			}
		})
	}
}

// TestClientDataShape: the order and the escapes of §5.8.1.2.
func TestClientDataShape(t *testing.T) {
	a := webauthntest.New(webauthntest.Phone())
	create(t, a)
	body, err := a.Get(request(t), webauthntest.Client{Origin: origin, TopOrigin: "https://<&>.example", CrossOrigin: true},
		webauthntest.SetClientData("later", 1))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"webauthn.get","challenge":"` + b64(challenge) + `","origin":"https://example.org",` +
		`"crossOrigin":true,"topOrigin":"https://<&>.example","later":1}`
	if got := string(parsed.Raw.AssertionResponse.ClientDataJSON); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(string(body), "null") {
		t.Errorf("an absent member is there as null: %s", body)
	}
}

func BenchmarkGet(b *testing.B) {
	a := webauthntest.New(webauthntest.Phone())
	create(b, a)
	options := request(b)
	for b.Loop() {
		get(b, a, options)
	}
}

// verify checks a signature with go-webauthn's keys alone, whatever the bytes say.
func verify(t *testing.T, publicKey, auth, clientData, signature []byte) bool {
	t.Helper()
	key, err := webauthncose.ParsePublicKey(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(clientData)
	holds, err := webauthncose.VerifySignature(key, slices.Concat(auth, hash[:]), signature)
	return err == nil && holds
}
