package webauthn

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// TestPaddings: a key of one RSA padding verifies no signature of the other.
func TestPaddings(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	digest := sha256.Sum256(message)
	pkcs, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	pss, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	odd, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		algorithm int64
		signature []byte
		ok        bool
	}{
		{"RS256", RS256, pkcs, true},
		{"RS256 with PSS", RS256, pss, false},
		{"PS256", PS256, pss, true},
		{"PS256 with PKCS #1", PS256, pkcs, false},
		{"PS256 with a short salt", PS256, odd, false},
		{"RS384", RS384, pkcs, false},
		{"RS512", RS512, pkcs, false},
		{"PS384", PS384, pss, false},
		{"PS512", PS512, pss, false},
	} {
		s, ok := schemeOf(c.algorithm)
		if !ok {
			t.Fatalf("%s is not known", c.name)
		}
		p := &publicKey{algorithm: c.algorithm, scheme: s, key: &k.PublicKey}
		if err := p.verify(message, c.signature); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestSoundEdwards checks the shortcut for small order against the group law: a
// point that passes has an order above eight, one of small order is refused.
func TestSoundEdwards(t *testing.T) {
	sound := 0
	for y := range int64(200) {
		var encoded [32]byte
		encoded[0], encoded[5] = byte(y), byte(y*7)
		point, on := decodeEdwards(encoded)
		for range 3 {
			if on {
				point = doubled(point)
			}
		}
		want := on && point[0].Sign() != 0
		if got := soundEdwards(encoded[:]); got != want {
			t.Errorf("%x: got %v, want %v", encoded, got, want)
		}
		if want {
			sound++
		}
	}
	if sound < 50 {
		t.Errorf("only %d points were sound", sound)
	}
}

// TestCanonicalEdwards: y beyond the field is the encoding of nothing, though decoders
// read it as the remainder, which is a point of great order for some of these.
func TestCanonicalEdwards(t *testing.T) {
	reduced := 0
	for k := range byte(19) {
		var y [32]byte
		y[0] = k
		if soundEdwards(y[:]) {
			reduced++
		}
		over := [32]byte{0: 0xed + k, 31: 0x7f}
		for i := 1; i < 31; i++ {
			over[i] = 0xff
		}
		if soundEdwards(over[:]) {
			t.Errorf("p + %d is taken", k)
		}
	}
	if reduced == 0 {
		t.Error("no remainder is a sound point")
	}
}

func field() *big.Int {
	return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
}

func curveD() *big.Int {
	d := new(big.Int).ModInverse(big.NewInt(121666), field())
	return d.Mul(d, big.NewInt(-121665)).Mod(d, field())
}

// decodeEdwards is RFC 8032 §5.1.3 for an even x.
func decodeEdwards(encoded [32]byte) ([2]*big.Int, bool) {
	var be [32]byte
	for i, b := range encoded {
		be[31-i] = b
	}
	p, y := field(), new(big.Int).SetBytes(be[:])
	yy := new(big.Int).Mul(y, y)
	v := new(big.Int).Mul(curveD(), yy)
	v.Add(v, big.NewInt(1)).ModInverse(v, p)
	xx := yy.Sub(yy, big.NewInt(1))
	xx.Mul(xx, v).Mod(xx, p)
	x := new(big.Int).ModSqrt(xx, p)
	return [2]*big.Int{x, y}, x != nil
}

// doubled adds a point to itself by the complete law of RFC 8032 §5.1.4, affine.
func doubled(a [2]*big.Int) [2]*big.Int {
	p := field()
	xy := new(big.Int).Mul(a[0], a[1])
	dxxyy := new(big.Int).Mul(xy, xy)
	dxxyy.Mul(dxxyy, curveD()).Mod(dxxyy, p)
	quotient := func(n, d *big.Int) *big.Int {
		d.Mod(d, p).ModInverse(d, p)
		return n.Mul(n, d).Mod(n, p)
	}
	x := quotient(new(big.Int).Lsh(xy, 1), new(big.Int).Add(big.NewInt(1), dxxyy))
	squares := new(big.Int).Mul(a[0], a[0])
	squares.Add(squares, new(big.Int).Mul(a[1], a[1]))
	return [2]*big.Int{x, quotient(squares, new(big.Int).Sub(big.NewInt(1), dxxyy))}
}

// TestKeysAgree: a key that is taken here is taken by the library, whose readers
// the attestation formats of the library use.
func TestKeysAgree(t *testing.T) {
	n := 0
	for _, raw := range vectorKeys(t) {
		if _, err := parseKey(raw); err != nil {
			continue
		}
		n++
		if _, err := webauthncose.ParsePublicKey(raw); err != nil {
			t.Errorf("%x: %v", raw, err)
		}
	}
	if n < 100 {
		t.Errorf("only %d keys", n)
	}
}

// TestRSAAlgorithms are P-2 to P-4, P-6 and P-7 of Att-4: every RSA algorithm verifies
// what it signed, of a key that was read as COSE.
func TestRSAAlgorithms(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	for _, c := range []struct {
		id        string
		algorithm int64
		hash      crypto.Hash
		pss       bool
	}{
		{"Att-4 P-2", PS256, crypto.SHA256, true},
		{"Att-4 P-3", PS384, crypto.SHA384, true},
		{"Att-4 P-4", PS512, crypto.SHA512, true},
		{"Att-4 P-6", RS384, crypto.SHA384, false},
		{"Att-4 P-7", RS512, crypto.SHA512, false},
	} {
		h := c.hash.New()
		h.Write(message)
		var options crypto.SignerOpts = c.hash
		if c.pss {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: c.hash}
		}
		signature, err := k.Sign(rand.Reader, h.Sum(nil), options)
		if err != nil {
			t.Fatal(err)
		}
		p, err := parseKey(encodeCBOR(t, map[int64]any{1: 3, 3: c.algorithm, -1: k.N.Bytes(), -2: []byte{1, 0, 1}}))
		if err != nil {
			t.Fatalf("%s: %v", c.id, err)
		}
		if err := p.verify(message, signature); err != nil {
			t.Errorf("%s: %v", c.id, err)
		}
		if p.verify([]byte("another"), signature) == nil {
			t.Errorf("%s verifies another message", c.id)
		}
	}
}
