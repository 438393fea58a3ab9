package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // so that crypto.SHA384 and crypto.SHA512 are there to be asked for
	"errors"
	"math/big"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
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

	// The labels -1, -2, -3 mean crv, x, y or n, e by type. The types are those that
	// labels are decoded as.
	labelKty, labelAlg = uint64(1), uint64(3)
	labelCrv           = int64(-1)

	crvP256, crvP384, crvP521, crvEd25519 = 1, 2, 3, 6
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
	hash     crypto.Hash // 0 for EdDSA
	pss      bool
}

// schemeOf is the registry of algorithms. Level 3 advises against offering the
// fully specified -9, -51, -52 and -19, which say the same as four of these; they
// are not here.
func schemeOf(algorithm int64) (scheme, bool) {
	switch algorithm {
	case ES256:
		return scheme{kty: ktyEC2, crv: crvP256, hash: crypto.SHA256}, true
	case ES384:
		return scheme{kty: ktyEC2, crv: crvP384, hash: crypto.SHA384}, true
	case ES512:
		return scheme{kty: ktyEC2, crv: crvP521, hash: crypto.SHA512}, true
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

// coseKey is a COSE_Key as it stood there, and its members; nil when it is no map.
type coseKey struct {
	raw     []byte
	es256   []byte // the same when its form is that of ES256, and then members is not read
	members map[any]any
}

// algorithm reads no more of a key than that.
func (k *coseKey) algorithm() (int64, error) {
	if k.es256 != nil {
		return ES256, nil
	}
	algorithm, ok := cborInt(k.members[labelAlg])
	if !ok {
		return 0, errKeyShape
	}
	return algorithm, nil
}

// parseKey reads a COSE_Key in the form that authenticators keep to.
func parseKey(raw []byte) (*publicKey, error) {
	if key := es256First(raw); len(key) == len(raw) && key != nil {
		return es256(key)
	}
	members, n, err := authenticatorCBOR.entries(raw)
	if err != nil || n != len(raw) {
		return nil, errKeyShape
	}
	return (&coseKey{raw: raw, members: members}).parse()
}

// parse judges all there is to judge about a key (RFC 9052, RFC 9053, RFC 8230):
// exactly the required members, the key type and curve of the algorithm, full
// coordinates of a point on the curve, RSA within bounds. The library makes the key;
// it takes members that it does not know, leaves the curve out for some algorithms
// and has no bounds, so that is judged here.
func (k *coseKey) parse() (*publicKey, error) {
	if k.es256 != nil {
		return es256(k.es256)
	}
	kty, okType := cborInt(k.members[labelKty])
	algorithm, errAlg := k.algorithm()
	if !okType || errAlg != nil {
		return nil, errKeyShape
	}
	s, known := schemeOf(algorithm)
	if !known || s.kty != kty {
		return nil, errKeyAlgorithm
	}
	if err := s.exactly(k.members); err != nil {
		return nil, err
	}
	key, err := webauthncose.ParsePublicKey(k.raw)
	if err != nil {
		return nil, errKeyPoint // all but that has been judged
	}
	p := &publicKey{algorithm: algorithm, scheme: s}
	switch key := key.(type) {
	case webauthncose.EC2PublicKeyData:
		p.key, err = ec2(key)
	case webauthncose.OKPPublicKeyData:
		p.key, err = okp(key)
	case webauthncose.RSAPublicKeyData:
		p.key, err = boundedRSA(key)
	default:
		err = errKeyAlgorithm
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// exactly demands the members of the key type and no others: neither private ones
// nor the optional ones that §6.5.1.1 rules out. A compressed point has a boolean
// for y, which is no byte string (§5.8.5 forbids it for these algorithms).
func (s *scheme) exactly(members map[any]any) error {
	strings := [...]int64{-1, -2, -3}
	want := strings[:2] // RSA
	switch s.kty {
	case ktyEC2:
		want = strings[1:]
	case ktyOKP:
		want = strings[1:2]
	}
	for _, label := range want {
		if _, ok := members[label].([]byte); !ok {
			return errKeyShape
		}
	}
	count := len(want) + 2
	if s.kty != ktyRSA {
		count++
		if crv, ok := cborInt(members[labelCrv]); !ok {
			return errKeyShape
		} else if crv != s.crv {
			return errKeyAlgorithm
		}
	}
	if len(members) != count {
		return errKeyShape
	}
	return nil
}

// ec2 takes a point on a NIST curve.
func ec2(k webauthncose.EC2PublicKeyData) (crypto.PublicKey, error) {
	key, err := k.ToECDSA()
	if err != nil {
		return nil, errKeyPoint
	}
	return key, nil
}

// okp takes a point on edwards25519.
func okp(k webauthncose.OKPPublicKeyData) (crypto.PublicKey, error) {
	if !soundEdwards(k.XCoord) {
		return nil, errKeyPoint
	}
	return ed25519.PublicKey(k.XCoord), nil
}

// boundedRSA takes a modulus and an exponent, both without leading zeros. The bounds
// are judged before anything is computed with the numbers.
func boundedRSA(k webauthncose.RSAPublicKeyData) (crypto.PublicKey, error) {
	n, e := k.Modulus, k.Exponent
	if len(n) > maxRSABits/8 || n[0] == 0 || e[0] == 0 {
		return nil, errKeyRSA
	}
	modulus := new(big.Int).SetBytes(n)
	exponent, err := webauthncose.ParseRSAPublicKeyDataExponent(&k)
	if err != nil || modulus.BitLen() < minRSABits || modulus.Bit(0) == 0 ||
		exponent < minRSAExponent || exponent > maxRSAExponent || exponent&1 == 0 {
		return nil, errKeyRSA
	}
	return &rsa.PublicKey{N: modulus, E: exponent}, nil
}

// verify checks a signature over message with the standard library: the library's
// own way parses the signature and judges the key again, at a tenth of the cost of
// the check itself. ECDSA signatures are ASN.1 in strict DER
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
	if p.scheme.hash == crypto.SHA256 {
		sum := sha256.Sum256(message)
		return sum[:]
	}
	h := p.scheme.hash.New()
	h.Write(message)
	return h.Sum(nil)
}
