package webauthn

import "math/big"

// soundEdwards reports whether an encoded point of edwards25519 (RFC 8032 §5.1.3)
// is on the curve, canonically encoded, and not one of the eight points of small
// order, under which anybody can sign anything. The standard library would find
// out the first at the first signature and the last never.
func soundEdwards(encoded []byte) bool {
	var be [32]byte
	for i, b := range encoded {
		be[31-i] = b
	}
	be[0] &= 0x7f // the sign of x
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	y := new(big.Int).SetBytes(be[:])
	if y.Cmp(p) >= 0 {
		return false
	}
	// The curve is -x² + y² = 1 + dx²y² with d = -121665/121666, so
	// x² = (y²-1) / (dy²+1) = 121666(y²-1) / (121666-121665y²), which must be a square.
	yy := new(big.Int).Mul(y, y)
	yy.Mod(yy, p)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	u.Mul(u, big.NewInt(121666))
	v := new(big.Int).Mul(yy, big.NewInt(-121665))
	v.Add(v, big.NewInt(121666))
	uv := new(big.Int).Mul(u, v)
	uv.Mod(uv, p)
	if big.Jacobi(uv, p) < 0 {
		return false
	}
	// Small order: x = 0 (orders 1 and 2), y = 0 (order 4), or doubling gives y = 0
	// (order 8), which is x² = -y², that is u + v·y² = 0.
	w := new(big.Int).Mul(v, yy)
	w.Add(w, u)
	w.Mod(w, p)
	return u.Mod(u, p).Sign() != 0 && y.Sign() != 0 && w.Sign() != 0
}
