package webauthn_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func key(edit func(k map[int64]any)) []webauthntest.Mutation {
	return fault(webauthntest.EditKey(edit))
}

func keyBytes(edit func(b []byte) []byte) []webauthntest.Mutation {
	return fault(webauthntest.EditKeyBytes(edit))
}

// of makes a key of an algorithm and then changes it. Nobody signs with it, so an
// RSA key is any number.
func of(algorithm int64, edit func(k map[int64]any)) []webauthntest.Mutation {
	if algorithm != webauthn.RS256 {
		return fault(webauthntest.UseAlgorithm(algorithm), webauthntest.EditKey(edit))
	}
	return key(func(k map[int64]any) {
		clear(k)
		k[1], k[3], k[-1], k[-2] = 3, webauthn.RS256, odd(256), []byte{1, 0, 1}
		edit(k)
	})
}

func put(label int64, v any) func(k map[int64]any) {
	return func(k map[int64]any) { k[label] = v }
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// odd is a number of so many bytes that is odd and has its top bit set.
func odd(size int) []byte {
	b := bytes.Repeat([]byte{0x5a}, size)
	b[0], b[size-1] = 0xc1, 0x03
	return b
}

// TestKeyCases are CK of the lists: every fault of a credential's public key, in an
// answer without attestation, so that nothing but step 20 looks at it.
func TestKeyCases(t *testing.T) {
	every := func(e *webauthn.RegistrationExpectation) {
		e.Algorithms = append(e.Algorithms, webauthn.ES384, webauthn.ES512, webauthn.PS256, -9, -19, -48)
	}
	bad := func(id string, faults []webauthntest.Mutation) negative {
		return negative{
			id: id, faults: faults, reg: "7.1/20", asn: noRun, code: webauthn.CodePublicKeyInvalid,
			setup: setup{model: anonymous, reg: every},
		}
	}
	good := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, asn: noRun, setup: setup{model: anonymous, reg: every}}
	}
	// The encodings that stop being CTAP2 canonical CBOR stop being authenticator data.
	unreadable := func(id string, faults []webauthntest.Mutation) negative {
		return registrationOnly(malformedData(id, faults))
	}
	const es256, ed, rs256 = webauthn.ES256, webauthn.EdDSA, webauthn.RS256
	cases := []negative{
		bad("CK-01/array", keyBytes(func([]byte) []byte { return []byte{0x80} })),
		bad("CK-01/text label", keyBytes(func([]byte) []byte { return []byte("\xa1\x63kty\x02") })),
		unreadable("CK-01/duplicate", keyBytes(func(b []byte) []byte { return append([]byte("\xa6\x01\x02"), b[1:]...) })),
		unreadable("CK-02/map", keyBytes(func(b []byte) []byte { return append(append([]byte{0xbf}, b[1:]...), 0xff) })),
		unreadable("CK-02/string", keyBytes(func(b []byte) []byte {
			i := bytes.Index(b, []byte("\x21\x58\x20"))
			out := append(append([]byte(nil), b[:i+1]...), 0x5f)
			out = append(append(out, b[i+1:i+35]...), 0xff)
			return append(out, b[i+35:]...)
		})),
		unreadable("CK-03/long", keyBytes(func(b []byte) []byte { return bytes.Replace(b, []byte("\x01\x02"), []byte("\x01\x18\x02"), 1) })),
		unreadable("CK-03/order", keyBytes(func(b []byte) []byte {
			return append([]byte{b[0], 3, 0x26, 1, 2}, b[5:]...)
		})),
		bad("CK-04/absent", key(func(k map[int64]any) { delete(k, 1) })),
		bad("CK-04/unknown", key(put(1, 99))),
		bad("CK-05", key(func(k map[int64]any) { delete(k, 3) })),
		bad("CK-05/text", key(put(3, "ES256"))),
		{
			id: "CK-06", faults: key(put(3, -37)), reg: "7.1/20", asn: noRun, code: webauthn.CodeAlgorithmNotAllowed,
			setup: setup{model: anonymous},
		},
		bad("CK-07/EC2", key(put(3, rs256))),
		bad("CK-07/RSA", of(rs256, put(3, es256))),
		bad("CK-08/ES256", key(put(-1, 2))),
		bad("CK-08/ES512", key(put(3, webauthn.ES512))),
		bad("CK-08/Ed448", of(ed, put(-1, 7))),
		bad("CK-08/absent", key(func(k map[int64]any) { delete(k, -1) })),
		bad("CK-09/x absent", key(func(k map[int64]any) { delete(k, -2) })),
		bad("CK-09/y absent", key(func(k map[int64]any) { delete(k, -3) })),
		bad("CK-09/empty", key(put(-2, []byte{}))),
		bad("CK-09/31", key(func(k map[int64]any) { k[-2] = k[-2].([]byte)[1:] })),
		bad("CK-09/33", key(func(k map[int64]any) { k[-2] = append([]byte{0}, k[-2].([]byte)...) })),
		bad("CK-10", key(func(k map[int64]any) { y := k[-3].([]byte); y[31] ^= 1 })),
		bad("CK-11", key(func(k map[int64]any) { k[-2], k[-3] = make([]byte, 32), make([]byte, 32) })),
		bad("CK-12", key(put(-2, bytes.Repeat([]byte{0xff}, 32)))),
		bad("CK-13/true", key(put(-3, true))),
		bad("CK-13/false", key(put(-3, false))),
		bad("CK-14/-9", key(put(3, -9))),
		bad("CK-14/-19", of(ed, put(3, -19))),
		bad("CK-15/1024", of(rs256, put(-1, odd(128)))),
		bad("CK-15/2047", of(rs256, func(k map[int64]any) { n := odd(256); n[0] = 0x7f; k[-1] = n })),
		bad("CK-16/16384", of(rs256, put(-1, odd(2048)))),
		bad("CK-16/4104", of(rs256, put(-1, odd(513)))),
		good("CK-16/4096", of(rs256, put(-1, odd(512)))),
		bad("CK-17/empty", of(rs256, put(-1, []byte{}))),
		bad("CK-17/text", of(rs256, put(-1, "modulus"))),
		bad("CK-17/even", of(rs256, func(k map[int64]any) { n := odd(256); n[255] = 2; k[-1] = n })),
		bad("CK-17/zero", of(rs256, put(-1, append([]byte{0}, odd(256)...)))),
		bad("CK-18/empty", of(rs256, put(-2, []byte{}))),
		bad("CK-18/0", of(rs256, put(-2, []byte{0}))),
		bad("CK-18/1", of(rs256, put(-2, []byte{1}))),
		bad("CK-18/3", of(rs256, put(-2, []byte{3}))),
		bad("CK-18/even", of(rs256, put(-2, []byte{1, 0, 2}))),
		bad("CK-18/zeros", of(rs256, put(-2, []byte{0, 1, 0, 1}))),
		bad("CK-18/5 bytes", of(rs256, put(-2, []byte{1, 0, 0, 0, 1}))),
		bad("CK-18/2^31", of(rs256, put(-2, []byte{0x80, 0, 0, 1}))),
		good("CK-18/65537", of(rs256, func(map[int64]any) {})),
		good("CK-18/2^31-1", of(rs256, put(-2, []byte{0x7f, 0xff, 0xff, 0xff}))),
		bad("CK-19/31", of(ed, put(-2, make([]byte, 31)))),
		bad("CK-19/33", of(ed, put(-2, make([]byte, 33)))),
		bad("CK-20/EC2", key(put(-4, []byte("secret")))),
		bad("CK-20/RSA", of(rs256, put(-3, []byte("secret")))),
		bad("CK-20/OKP", of(ed, put(-4, []byte("secret")))),
		bad("CK-21", of(ed, func(k map[int64]any) { clear(k); k[1], k[3], k[-1] = 7, -48, make([]byte, 7) })),
		bad("CK-22/key_ops", key(put(4, []any{2}))),
		bad("CK-22/OKP y", of(ed, put(-3, make([]byte, 32)))),
		unreadable("CK-23", keyBytes(func(b []byte) []byte { return append(b, 0) })),
		good("ES384", fault(webauthntest.UseAlgorithm(webauthn.ES384))),
		good("ES512", fault(webauthntest.UseAlgorithm(webauthn.ES512))),
	}
	for name, point := range lowOrder() {
		cases = append(cases, bad("CK-19/"+name, of(ed, put(-2, point))))
	}
	runCases(t, cases)
}

// lowOrder are the encodings of the points of small order of edwards25519, those
// that are not canonical, and one that is no point.
func lowOrder() map[string][]byte {
	return map[string][]byte{
		"order 1":         unhex("0100000000000000000000000000000000000000000000000000000000000000"),
		"order 1, signed": unhex("0100000000000000000000000000000000000000000000000000000000000080"),
		"order 2":         unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"order 4":         unhex("0000000000000000000000000000000000000000000000000000000000000000"),
		"order 4, signed": unhex("0000000000000000000000000000000000000000000000000000000000000080"),
		"order 8":         unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
		"order 8, signed": unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
		"order 8, other":  unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
		"p":               unhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"p+1":             unhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"no point":        unhex("0200000000000000000000000000000000000000000000000000000000000000"),
	}
}
