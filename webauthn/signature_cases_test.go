package webauthn_test

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// ecdsaSignature is ECDSA-Sig-Value (RFC 3279 §2.2.3).
type ecdsaSignature struct{ R, S *big.Int }

// orderP256 is the order of P-256.
var orderP256, _ = new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)

// TestSignatureCases are AS of the lists, as far as they are about the signature.
func TestSignatureCases(t *testing.T) {
	signature := func(edit func(b []byte) []byte) []webauthntest.Mutation {
		return fault(webauthntest.EditSignature(edit))
	}
	integers := func(edit func(s *ecdsaSignature)) []webauthntest.Mutation {
		return signature(func(b []byte) []byte {
			var s ecdsaSignature
			if _, err := asn1.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			edit(&s)
			out, err := asn1.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return out
		})
	}
	only := func(algorithm int64) setup {
		return setup{model: func(m *webauthntest.Model) { m.Algorithms = []int64{algorithm} }}
	}
	bad := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: noRun, asn: "7.2/21", code: webauthn.CodeSignatureInvalid, setup: only(webauthn.ES256)}
	}
	cases := []negative{
		bad("AS-08", fault(webauthntest.SignWithNewKey())),
		bad("AS-09", fault(rewriteClientData(t))),
		bad("AS-11", signature(func(b []byte) []byte {
			var s ecdsaSignature
			if _, err := asn1.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			return append(s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))...)
		})),
		bad("AS-12/long length", signature(func(b []byte) []byte { return append([]byte{0x30, 0x81, b[1]}, b[2:]...) })),
		bad("AS-12/padded", signature(func(b []byte) []byte {
			out := append([]byte{0x30, b[1] + 1, 2, b[3] + 1, 0}, b[4:]...)
			return out
		})),
		bad("AS-13/r", integers(func(s *ecdsaSignature) { s.R = new(big.Int) })),
		bad("AS-13/s", integers(func(s *ecdsaSignature) { s.S = new(big.Int) })),
		bad("AS-13/r over", integers(func(s *ecdsaSignature) { s.R.Add(s.R, orderP256) })),
		bad("AS-13/s over", integers(func(s *ecdsaSignature) { s.S.Add(s.S, orderP256) })),
		bad("AS-13/s negative", integers(func(s *ecdsaSignature) { s.S.Neg(s.S) })),
		{id: "AS-14", faults: integers(func(s *ecdsaSignature) { s.S.Sub(orderP256, s.S) }), reg: noRun, setup: only(webauthn.ES256)},
		bad("AS-15", signature(func(b []byte) []byte { return append(b, 0) })),
		bad("AS-15/inside", signature(func(b []byte) []byte { return append([]byte{0x30, b[1] + 2, b[2]}, append(b[3:], 5, 0)...) })),
		{id: "AS-16", faults: signature(unreduced), reg: noRun, asn: "7.2/21", code: webauthn.CodeSignatureInvalid, setup: only(webauthn.EdDSA)},
		{
			id: "AS-18", faults: signature(func(b []byte) []byte { return b[1:] }), reg: noRun, asn: "7.2/21",
			code: webauthn.CodeSignatureInvalid, setup: only(webauthn.RS256),
		},
		{id: "EdDSA", reg: noRun, setup: only(webauthn.EdDSA)},
		// The key that is stored decides, whatever the answer says of itself.
		{id: "AS-28", faults: fault(set("response.alg", -257), set("response.publicKeyAlgorithm", -257)), reg: noRun},
	}
	runCases(t, cases)
}

// unreduced adds the group order to the s of an Ed25519 signature, which leaves the
// equation true and the encoding not the only one (RFC 8032 §5.1.7).
func unreduced(b []byte) []byte {
	order := unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	out := bytes.Clone(b)
	carry := 0
	for i := range 32 {
		sum := int(out[32+i]) + int(order[i]) + carry
		out[32+i], carry = byte(sum), sum>>8
	}
	return out
}

// TestOtherPadding is AS-17 with one signature and two stored keys: the same RSA
// key, once for the padding that was used and once for the other.
func TestOtherPadding(t *testing.T) {
	m := model()
	m.Algorithms = []int64{webauthn.RS256}
	body, k := asserted(t, m, page())
	if _, err := authenticate(body, expectAssertion(k)); err != nil {
		t.Fatal(err)
	}
	k.PublicKey = bytes.Replace(k.PublicKey, []byte("\x03\x39\x01\x00"), []byte("\x03\x38\x24"), 1)
	_, err := authenticate(body, expectAssertion(k))
	wantRefusal(t, err, "7.2/21", webauthn.CodeSignatureInvalid)
}
