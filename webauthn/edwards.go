package webauthn

import (
	"bytes"

	"filippo.io/edwards25519"
)

// soundEdwards reports whether an encoded point of edwards25519 (RFC 8032 §5.1.3)
// is on the curve, canonically encoded, and not one of the eight points of small
// order, under which anybody can sign anything. The standard library would find
// out the first at the first signature and the last never; the library that decodes
// the point here takes other encodings than the canonical one, as RFC 8032 is
// commonly read, so it is asked for the encoding again.
func soundEdwards(encoded []byte) bool {
	p, err := new(edwards25519.Point).SetBytes(encoded)
	if err != nil || !bytes.Equal(p.Bytes(), encoded) {
		return false
	}
	return new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0
}
