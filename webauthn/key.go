package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // so that crypto.SHA256 is there to be asked for
	_ "crypto/sha512"
	"encoding/binary"
	"errors"
	"math/big"
)

// Bounds of RSA keys: what is safe, and what a signature check may cost.
const (
	minRSABits     = 2048
	maxRSABits     = 4096
	minRSAExponent = 65537
	maxRSAExponent = 1<<31 - 1 // the most that the standard library verifies with
)

// COSE key types, and the labels of their members (RFC 9053 §7, RFC 8230 §4).
const (
	ktyOKP, ktyEC2, ktyRSA = 1, 2, 3

	labelKty, labelAlg = 1, 3 // the labels -1, -2, -3 mean crv, x, y or n, e by type

	membersEC2   = 5
	membersOther = 4

	crvP256, crvP384, crvP521, crvEd25519 = 1, 2, 3, 6

	uncompressed = 4 // SEC 1 §2.3.3
)

var (
	errKeyShape     = errors.New("not a canonical COSE_Key of exactly the members of its type")
	errKeyAlgorithm = errors.New("no algorithm of that key type and curve is supported")
	errKeyPoint     = errors.New("not a usable point of the algorithm's curve")
	errKeyRSA       = errors.New("RSA modulus or exponent out of bounds")
	errSignature    = errors.New("signature does not verify")
)

// scheme is what an algorithm identifier means (§5.8.5).
type scheme struct {
	kty, crv int64
	curve    elliptic.Curve
	hash     crypto.Hash // 0 for EdDSA
	pss      bool
}

// schemeOf is the registry of algorithms. Level 3 advises against offering the
// fully specified -9, -51, -52 and -19, which say the same as four of these; they
// are not here.
func schemeOf(algorithm int64) (scheme, bool) {
	switch algorithm {
	case ES256:
		return scheme{kty: ktyEC2, crv: crvP256, curve: elliptic.P256(), hash: crypto.SHA256}, true
	case ES384:
		return scheme{kty: ktyEC2, crv: crvP384, curve: elliptic.P384(), hash: crypto.SHA384}, true
	case ES512:
		return scheme{kty: ktyEC2, crv: crvP521, curve: elliptic.P521(), hash: crypto.SHA512}, true
	case EdDSA:
		return scheme{kty: ktyOKP, crv: crvEd25519}, true
	case RS256:
		return scheme{kty: ktyRSA, hash: crypto.SHA256}, true
	case RS384:
		return scheme{kty: ktyRSA, hash: crypto.SHA384}, true
	case RS512:
		return scheme{kty: ktyRSA, hash: crypto.SHA512}, true
	case PS256:
		return scheme{kty: ktyRSA, hash: crypto.SHA256, pss: true}, true
	case PS384:
		return scheme{kty: ktyRSA, hash: crypto.SHA384, pss: true}, true
	case PS512:
		return scheme{kty: ktyRSA, hash: crypto.SHA512, pss: true}, true
	}
	return scheme{}, false
}

// publicKey is a credential's key with what its algorithm asks for.
type publicKey struct {
	algorithm int64
	scheme    scheme
	key       crypto.PublicKey // *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey
}

// coseKey is a COSE_Key's members by label; nil is absent.
type coseKey struct {
	kty, alg, minus1, minus2, minus3 []byte
	members                          int
}

// readKey reads the map. A label that belongs to no public key of ours is a
// refusal: private members and the optional ones that §6.5.1.1 rules out.
func readKey(raw []byte) (*coseKey, error) {
	k := new(coseKey)
	n, err := cborRules{depth: 1, ordered: true}.entries(raw, func(key, value []byte) error {
		label, ok := cborInt(key)
		if !ok {
			return errKeyShape
		}
		k.members++
		switch label {
		case labelKty:
			k.kty = value
		case labelAlg:
			k.alg = value
		case -1:
			k.minus1 = value
		case -2:
			k.minus2 = value
		case -3:
			k.minus3 = value
		default:
			return errKeyShape
		}
		return nil
	})
	if err != nil || n != len(raw) {
		return nil, errKeyShape
	}
	return k, nil
}

// keyAlgorithm reads no more of a COSE_Key than its algorithm.
func keyAlgorithm(raw []byte) (int64, error) {
	k, err := readKey(raw)
	if err != nil {
		return 0, err
	}
	alg, ok := cborInt(k.alg)
	if !ok {
		return 0, errKeyShape
	}
	return alg, nil
}

// parseKey reads a COSE_Key (RFC 9052, RFC 9053, RFC 8230) and judges all there is
// to judge about one: canonical form, exactly the required members, the key type
// and curve of the algorithm, full coordinates of a point on the curve, RSA within
// bounds.
func parseKey(raw []byte) (*publicKey, error) {
	k, err := readKey(raw)
	if err != nil {
		return nil, err
	}
	kty, okType := cborInt(k.kty)
	alg, okAlg := cborInt(k.alg)
	if !okType || !okAlg {
		return nil, errKeyShape
	}
	s, known := schemeOf(alg)
	if !known || s.kty != kty {
		return nil, errKeyAlgorithm
	}
	p := &publicKey{algorithm: alg, scheme: s}
	switch kty {
	case ktyEC2:
		p.key, err = k.ec2(s)
	case ktyOKP:
		p.key, err = k.okp(s)
	default:
		p.key, err = k.rsa()
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// curve demands the curve of the algorithm and the number of members of the type.
func (k *coseKey) curve(s scheme, members int) error {
	crv, ok := cborInt(k.minus1)
	if !ok || k.members != members {
		return errKeyShape
	}
	if crv != s.crv {
		return errKeyAlgorithm
	}
	return nil
}

// ec2 reads a point on a NIST curve. A compressed one has a boolean for y, which
// is no byte string (§5.8.5 forbids it for these algorithms).
func (k *coseKey) ec2(s scheme) (crypto.PublicKey, error) {
	if err := k.curve(s, membersEC2); err != nil {
		return nil, err
	}
	x, okX := cborString(k.minus2, majorBytes)
	y, okY := cborString(k.minus3, majorBytes)
	if !okX || !okY {
		return nil, errKeyShape
	}
	size := (s.curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil, errKeyPoint
	}
	point := make([]byte, 0, 1+2*size)
	point = append(point, uncompressed)
	point = append(append(point, x...), y...)
	key, err := ecdsa.ParseUncompressedPublicKey(s.curve, point)
	if err != nil {
		return nil, errKeyPoint
	}
	return key, nil
}

// okp reads a point on edwards25519.
func (k *coseKey) okp(s scheme) (crypto.PublicKey, error) {
	if err := k.curve(s, membersOther); err != nil {
		return nil, err
	}
	x, ok := cborString(k.minus2, majorBytes)
	if !ok {
		return nil, errKeyShape
	}
	if len(x) != ed25519.PublicKeySize || !soundEdwards(x) {
		return nil, errKeyPoint
	}
	return ed25519.PublicKey(x), nil
}

// rsa reads a modulus and an exponent, both without leading zeros.
func (k *coseKey) rsa() (crypto.PublicKey, error) {
	n, okN := cborString(k.minus1, majorBytes)
	e, okE := cborString(k.minus2, majorBytes)
	if !okN || !okE || k.members != membersOther {
		return nil, errKeyShape
	}
	if len(n) == 0 || len(n) > maxRSABits/8 || n[0] == 0 || len(e) == 0 || len(e) > 4 || e[0] == 0 {
		return nil, errKeyRSA
	}
	modulus := new(big.Int).SetBytes(n)
	var four [4]byte
	copy(four[4-len(e):], e)
	exponent := binary.BigEndian.Uint32(four[:])
	if modulus.BitLen() < minRSABits || modulus.Bit(0) == 0 ||
		exponent < minRSAExponent || exponent > maxRSAExponent || exponent&1 == 0 {
		return nil, errKeyRSA
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}

// verify checks a signature over message. ECDSA signatures are ASN.1 in strict DER
// (§6.5.5); high s is legal.
func (p *publicKey) verify(message, signature []byte) error {
	ok := false
	switch k := p.key.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, message, signature)
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, p.digest(message), signature)
	case *rsa.PublicKey:
		if p.scheme.pss {
			o := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			ok = rsa.VerifyPSS(k, p.scheme.hash, p.digest(message), signature, o) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(k, p.scheme.hash, p.digest(message), signature) == nil
		}
	}
	if !ok {
		return errSignature
	}
	return nil
}

func (p *publicKey) digest(message []byte) []byte {
	h := p.scheme.hash.New()
	h.Write(message)
	return h.Sum(nil)
}
