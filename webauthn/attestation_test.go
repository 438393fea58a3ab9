package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// maker makes right statements with certificates; its hooks make them wrong.
type maker struct {
	credential *ecdsa.PrivateKey
	signer     crypto.Signer // of the attestation key
	leaf       *x509.Certificate
	more       [][]byte // after the leaf
	data       *authenticatorData
	hash       [32]byte
	now        time.Time
	alg        int64
	edit       func(map[string]any)
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// aaguidExtension is id-fido-gen-ce-aaguid for a model (§8.2.1).
func aaguidExtension(t testing.TB, aaguid []byte, critical bool) pkix.Extension {
	t.Helper()
	value, err := asn1.Marshal(aaguid)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: value, Critical: critical}
}

func newMaker(t testing.TB) *maker {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	credential := p256(t)
	point, err := credential.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return &maker{
		credential: credential,
		signer:     p256(t),
		leaf: &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			Subject: pkix.Name{
				Country: []string{"SE"}, Organization: []string{"Maker"},
				OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Model",
			},
			BasicConstraintsValid: true,
		},
		data: &authenticatorData{
			rpIDHash: bytes.Repeat([]byte{1}, 32), flags: flagUP | flagAT, credentialID: bytes.Repeat([]byte{2}, 32),
			key: coseKey{raw: encodeCBOR(t, map[int64]any{1: 2, 3: ES256, -1: 1, -2: point[1:33], -3: point[33:]})},
		},
		hash: sha256.Sum256([]byte("client data")),
		now:  now,
		alg:  ES256,
		edit: func(map[string]any) {},
	}
}

func encodeCBOR(t testing.TB, v any) []byte {
	t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// certificate makes the leaf, signed by itself.
func (m *maker) certificate(t testing.TB) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, m.leaf, m.leaf, m.signer.Public(), m.signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (m *maker) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	var sig []byte
	var err error
	if _, pure := m.signer.(ed25519.PrivateKey); pure {
		sig, err = m.signer.Sign(rand.Reader, message, crypto.Hash(0))
	} else {
		digest := sha256.Sum256(message)
		sig, err = m.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// statement puts a statement of a format around its members.
func (m *maker) statement(t testing.TB, format string, members any) *statement {
	t.Helper()
	key, err := parseKey(m.data.key.raw)
	if err != nil {
		t.Fatal(err)
	}
	encoded, _, err := compoundCBOR.entries(encodeCBOR(t, map[string]any{"fmt": format, "attStmt": members}))
	if err != nil {
		t.Fatal(err)
	}
	o := newStatement(encoded)
	if o == nil {
		t.Fatal("not a statement")
	}
	o.authData = []byte("authenticator data")
	return &statement{
		attestationObject: o,
		data:              m.data, key: key, clientDataHash: m.hash[:], now: m.now,
	}
}

func (m *maker) packed(t testing.TB) map[string]any {
	t.Helper()
	members := map[string]any{
		"alg": m.alg,
		"sig": m.sign(t, slices.Concat([]byte("authenticator data"), m.hash[:])),
		"x5c": append([][]byte{m.certificate(t)}, m.more...),
	}
	m.edit(members)
	return members
}

func (m *maker) u2f(t testing.TB) map[string]any {
	t.Helper()
	point, err := m.credential.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{
		"sig": m.sign(t, slices.Concat([]byte{0}, m.data.rpIDHash, m.hash[:], m.data.credentialID, point)),
		"x5c": append([][]byte{m.certificate(t)}, m.more...),
	}
	m.edit(members)
	return members
}

// statementCase is a right statement with one fault; no error accepts it.
type statementCase struct {
	id    string
	fault func(t testing.TB, m *maker)
	err   error
}

func runStatements(t *testing.T, format, typ string, cases []statementCase, members func(*maker, testing.TB) map[string]any) {
	t.Helper()
	for _, c := range append([]statementCase{{id: "right", fault: func(testing.TB, *maker) {}}}, cases...) {
		t.Run(c.id, func(t *testing.T) {
			m := newMaker(t)
			c.fault(t, m)
			got, err := m.statement(t, format, members(m, t)).verify()
			if !errors.Is(err, c.err) || err == nil && got != typ {
				t.Errorf("got %q, %v; want %v", got, err, c.err)
			}
		})
	}
}

// expired is a certificate beside the leaf that is not valid now.
func expired(t testing.TB, m *maker) []byte {
	t.Helper()
	other := newMaker(t)
	other.leaf.NotAfter = m.now.Add(-time.Minute)
	return other.certificate(t)
}

// firstVersion takes version and extensions out of a certificate. Nobody checks its
// issuer's signature here.
func firstVersion(t testing.TB, der []byte) []byte {
	t.Helper()
	var c struct {
		TBS       []asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		t.Fatal(err)
	}
	c.TBS = c.TBS[1 : len(c.TBS)-1]
	out, err := asn1.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPackedStatements are PK and Att-5 of the lists, for statements with
// certificates.
func TestPackedStatements(t *testing.T) {
	subject := func(edit func(n *pkix.Name)) func(testing.TB, *maker) {
		return func(_ testing.TB, m *maker) { edit(&m.leaf.Subject) }
	}
	extension := func(aaguid []byte, critical bool) func(testing.TB, *maker) {
		return func(t testing.TB, m *maker) {
			m.data.aaguid = [16]byte{9}
			m.leaf.ExtraExtensions = []pkix.Extension{aaguidExtension(t, aaguid, critical)}
		}
	}
	model := append([]byte{9}, make([]byte, 15)...)
	members := func(edit func(s map[string]any)) func(testing.TB, *maker) {
		return func(_ testing.TB, m *maker) { m.edit = edit }
	}
	runStatements(t, formatPacked, attestationBasic, []statementCase{
		{"PK-03/trailing", members(func(s map[string]any) { s["x5c"] = [][]byte{append(s["x5c"].([][]byte)[0], 0)} }), errCertificate},
		{"PK-03/large", members(func(s map[string]any) { s["x5c"] = [][]byte{make([]byte, maxCertificate+1)} }), errStatement},
		{"nine certificates", func(t testing.TB, m *maker) {
			for range maxCertificates {
				m.more = append(m.more, newMaker(t).certificate(t))
			}
		}, errStatement},
		{"eight certificates", func(t testing.TB, m *maker) {
			for range maxCertificates - 1 {
				m.more = append(m.more, newMaker(t).certificate(t))
			}
		}, nil},
		{"PK-04", func(t testing.TB, m *maker) { m.alg = RS256 }, errKeyAlgorithm},
		{"PK-04/EdDSA", func(t testing.TB, m *maker) { m.alg = EdDSA }, errKeyAlgorithm},
		{"PK-04/unknown", func(t testing.TB, m *maker) { m.alg = -65535 }, errKeyAlgorithm},
		{"Ed25519 leaf", func(t testing.TB, m *maker) {
			_, k, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			m.signer, m.alg = k, EdDSA
		}, nil},
		{"PK-06/no C", subject(func(n *pkix.Name) { n.Country = nil }), errRequirements},
		{"PK-06/long C", subject(func(n *pkix.Name) { n.Country = []string{"SWE"} }), errRequirements},
		{"PK-06/small C", subject(func(n *pkix.Name) { n.Country = []string{"se"} }), errRequirements},
		{"PK-06/half small C", subject(func(n *pkix.Name) { n.Country = []string{"Se"} }), errRequirements},
		{"PK-06/digit C", subject(func(n *pkix.Name) { n.Country = []string{"1E"} }), errRequirements},
		{"PK-06/digit C too", subject(func(n *pkix.Name) { n.Country = []string{"S1"} }), errRequirements},
		{"PK-06/two C", subject(func(n *pkix.Name) { n.Country = []string{"SE", "NO"} }), errRequirements},
		{"PK-06/no O", subject(func(n *pkix.Name) { n.Organization = nil }), errRequirements},
		{"PK-06/empty O", subject(func(n *pkix.Name) { n.Organization = []string{""} }), errRequirements},
		{"PK-06/no CN", subject(func(n *pkix.Name) { n.CommonName = "" }), errRequirements},
		{"PK-07", subject(func(n *pkix.Name) { n.OrganizationalUnit = []string{"Authenticator attestation"} }), errRequirements},
		{"PK-07/no OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = nil }), errRequirements},
		{"PK-07/two OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = append(n.OrganizationalUnit, "x") }), errRequirements},
		{"PK-08", func(_ testing.TB, m *maker) { m.leaf.IsCA = true }, errRequirements},
		{"PK-08/absent", func(_ testing.TB, m *maker) { m.leaf.BasicConstraintsValid = false }, errRequirements},
		{"PK-09", extension(make([]byte, 16), false), errModel},
		{"PK-09/right", extension(model, false), nil},
		{"PK-10", extension(model, true), errRequirements},
		{"PK-11", func(t testing.TB, m *maker) {
			e := aaguidExtension(t, model, false)
			e.Value = e.Value[2:]
			m.data.aaguid, m.leaf.ExtraExtensions = [16]byte{9}, []pkix.Extension{e}
		}, errRequirements},
		{"PK-11/short", extension(model[:15], false), errRequirements},
		{"PK-11/trailing", func(t testing.TB, m *maker) {
			e := aaguidExtension(t, model, false)
			e.Value = append(e.Value, 0)
			m.data.aaguid, m.leaf.ExtraExtensions = [16]byte{9}, []pkix.Extension{e}
		}, errRequirements},
		{"PK-14", members(func(s map[string]any) { s["sig"] = []byte("signature") }), errSignature},
		{"PK-05", func(t testing.TB, m *maker) {
			m.edit = func(s map[string]any) { s["x5c"] = [][]byte{firstVersion(t, s["x5c"].([][]byte)[0])} }
		}, errRequirements},
		{"PK-12", func(testing.TB, *maker) {}, nil},
		{"PK-13", members(func(s map[string]any) {
			var v struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(s["sig"].([]byte), &v); err != nil {
				panic(err)
			}
			s["sig"] = append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
		}), errSignature},
		{"Att-5 F-2", members(func(s map[string]any) { s["sig"] = make([]byte, 70) }), errSignature},
		{"Att-5 F-3", members(func(s map[string]any) { delete(s, "x5c") }), errSignature},
		{"Att-5 F-11", func(t testing.TB, m *maker) {
			m.edit = func(s map[string]any) { s["x5c"] = [][]byte{newMaker(t).certificate(t), s["x5c"].([][]byte)[0]} }
		}, errSignature},
		{"Att-5 F-13", func(t testing.TB, m *maker) {
			m.edit = func(s map[string]any) { s["x5c"] = [][]byte{newMaker(t).certificate(t)} }
		}, errSignature},
		{"Att-5 F-6", func(_ testing.TB, m *maker) { m.leaf.NotAfter = m.now.Add(-time.Second) }, errCertificateTime},
		{"Att-5 F-7", func(_ testing.TB, m *maker) { m.leaf.NotBefore = m.now.Add(time.Second) }, errCertificateTime},
		{"Att-5 F-12", func(t testing.TB, m *maker) { m.more = [][]byte{expired(t, m)} }, errCertificateTime},
		{"Att-5 F-14", func(t testing.TB, m *maker) {
			m.edit = func(s map[string]any) {
				m.signer = m.credential
				s["sig"] = m.sign(t, slices.Concat([]byte("authenticator data"), m.hash[:]))
			}
		}, errSignature},
	}, func(m *maker, t testing.TB) map[string]any { return m.packed(t) })
}

// TestU2FStatements are U2 and Att-8 of the lists. The right one is Att-8 P-1; flags are
// not looked at (U2-05).
func TestU2FStatements(t *testing.T) {
	runStatements(t, formatU2F, attestationBasic, []statementCase{
		{"U2-01/two", func(t testing.TB, m *maker) { m.more = [][]byte{newMaker(t).certificate(t)} }, errStatement},
		{"U2-01/none", func(_ testing.TB, m *maker) { m.edit = func(s map[string]any) { delete(s, "x5c") } }, errStatement},
		{"U2-01/no certificate", func(_ testing.TB, m *maker) { m.edit = func(s map[string]any) { s["x5c"] = [][]byte{{1}} } }, errCertificate},
		{"alg", func(_ testing.TB, m *maker) { m.edit = func(s map[string]any) { s["alg"] = ES256 } }, errStatement},
		{"U2-02", func(t testing.TB, m *maker) {
			k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			m.signer = k
		}, errU2FKey},
		{"U2-02/Ed25519", func(t testing.TB, m *maker) {
			_, k, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			m.signer = k
		}, errU2FKey},
		{"U2-03", func(t testing.TB, m *maker) {
			k, _, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			m.data.key.raw = encodeCBOR(t, map[int64]any{1: 1, 3: EdDSA, -1: 6, -2: []byte(k)})
		}, errU2FKey},
		{"U2-03/P-384", func(t testing.TB, m *maker) {
			k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			point, err := k.PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			m.data.key.raw = encodeCBOR(t, map[int64]any{1: 2, 3: ES384, -1: 2, -2: point[1:49], -3: point[49:]})
		}, errU2FKey},
		{"U2-04", func(t testing.TB, m *maker) {
			m.edit = func(s map[string]any) { s["sig"] = m.sign(t, slices.Concat([]byte("authenticator data"), m.hash[:])) }
		}, errSignature},
		{"U2-05", func(_ testing.TB, m *maker) { m.data.flags |= flagUV }, nil},
		{"Att-8 F-1", func(_ testing.TB, m *maker) { m.data.aaguid = [16]byte{15: 1} }, errU2FModel},
		{"Att-8 F-2", func(_ testing.TB, m *maker) { m.edit = func(s map[string]any) { s["sig"] = []byte("x") } }, errSignature},
		{"expired", func(_ testing.TB, m *maker) { m.leaf.NotAfter = m.now.Add(-time.Second) }, errCertificateTime},
	}, func(m *maker, t testing.TB) map[string]any { return m.u2f(t) })
}

// TestCompoundStatements are CP of the lists. CP-01 is a vector too, and does not get as
// far as a statement.
func TestCompoundStatements(t *testing.T) {
	part := func(format string, members any) map[string]any {
		return map[string]any{"fmt": format, "attStmt": members}
	}
	for _, c := range []struct {
		id    string
		parts func(t testing.TB, m *maker) any
		err   error
	}{
		{"right", func(t testing.TB, m *maker) any {
			return []any{part(formatPacked, m.packed(t)), part(formatU2F, m.u2f(t))}
		}, nil},
		{"CP-02/one", func(t testing.TB, m *maker) any { return []any{part(formatPacked, m.packed(t))} }, errStatement},
		{"CP-03/fmt", func(t testing.TB, m *maker) any {
			return []any{part(formatPacked, m.packed(t)), map[string]any{"attStmt": m.packed(t)}}
		}, errStatement},
		{"CP-03/attStmt", func(t testing.TB, m *maker) any {
			return []any{part(formatPacked, m.packed(t)), map[string]any{"fmt": formatPacked}}
		}, errStatement},
		{"CP-03/text", func(t testing.TB, m *maker) any { return []any{part(formatPacked, m.packed(t)), "packed"} }, errStatement},
		{"CP-03/surplus", func(t testing.TB, m *maker) any {
			p := part(formatPacked, m.packed(t))
			p["authData"] = []byte{1}
			return []any{part(formatPacked, m.packed(t)), p}
		}, errStatement},
		{"CP-04", func(t testing.TB, m *maker) any {
			two := []any{part(formatPacked, m.packed(t)), part(formatPacked, m.packed(t))}
			return []any{part(formatPacked, m.packed(t)), part(formatCompound, two)}
		}, errStatement},
		{"CP-05", func(t testing.TB, m *maker) any {
			return []any{part(formatPacked, m.packed(t)), part("made-up", map[string]any{})}
		}, errStatement},
		{"CP-06", func(t testing.TB, m *maker) any {
			bad := m.packed(t)
			bad["sig"] = []byte("x")
			return []any{part(formatPacked, m.packed(t)), part(formatPacked, bad)}
		}, errSignature},
		{"CP-08", func(t testing.TB, m *maker) any {
			return []any{part(formatPacked, m.packed(t)), part(formatNone, map[string]any{})}
		}, errStatement},
		{"CP-09", func(t testing.TB, m *maker) any {
			p := part(formatPacked, m.packed(t))
			return []any{p, p, p, p, p}
		}, errStatement},
	} {
		t.Run(c.id, func(t *testing.T) {
			m := newMaker(t)
			got, err := m.statement(t, formatCompound, c.parts(t, m)).verify()
			if !errors.Is(err, c.err) || err == nil && got != attestationCompound {
				t.Errorf("got %q, %v; want %v", got, err, c.err)
			}
		})
	}
}
