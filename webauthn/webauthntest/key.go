package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes that the algorithms name
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"

	"github.com/fxamacker/cbor/v2"
)

// COSE algorithm identifiers (IANA registry) of the keys that can be made.
const (
	ES256 int64 = -7
	EdDSA int64 = -8
	ES384 int64 = -35
	ES512 int64 = -36
	RS256 int64 = -257
)

// Labels of a COSE key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).
const (
	coseKty = 1
	coseAlg = 3
	coseCrv = -1
	coseX   = -2
	coseY   = -3
	coseN   = -1
	coseE   = -2
)

// key is a parsed key pair, ready to sign.
type key struct {
	alg    int64
	signer crypto.Signer
	hash   crypto.Hash // 0: the message itself is signed
	cose   map[int64]any
	random io.Reader // nil: deterministic ECDSA (RFC 6979)
}

// newKey draws a key pair from random and from nothing else, so that a seeded
// reader makes the same key every time; crypto/ecdsa and crypto/rsa would not read
// from it.
func newKey(alg int64, random io.Reader) (*key, error) {
	var k *key
	var err error
	switch alg {
	case ES256:
		k, err = newECKey(elliptic.P256(), 1, crypto.SHA256, random)
	case ES384:
		k, err = newECKey(elliptic.P384(), 2, crypto.SHA384, random)
	case ES512:
		k, err = newECKey(elliptic.P521(), 3, crypto.SHA512, random)
	case EdDSA:
		k, err = newEdKey(random)
	case RS256:
		k, err = newRSAKey(random)
	default:
		return nil, fmt.Errorf("webauthntest: algorithm %d: %w", alg, ErrAlgorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("webauthntest: making a key: %w", err)
	}
	k.alg = alg
	k.cose[coseAlg] = alg
	if random == rand.Reader {
		k.random = random
	}
	return k, nil
}

func newECKey(curve elliptic.Curve, crv int64, hash crypto.Hash, random io.Reader) (*key, error) {
	bits := curve.Params().BitSize
	size := (bits + 7) / 8
	scalar := make([]byte, size)
	for {
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, err
		}
		scalar[0] &= 0xff >> (size*8 - bits)
		private, err := ecdsa.ParseRawPrivateKey(curve, scalar)
		if err != nil {
			continue // zero or not below the order: draw again
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		return &key{signer: private, hash: hash, cose: map[int64]any{
			coseKty: int64(2), coseCrv: crv, coseX: point[1 : 1+size], coseY: point[1+size:],
		}}, nil
	}
}

func newEdKey(random io.Reader) (*key, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := []byte(private.Public().(ed25519.PublicKey))
	return &key{signer: private, cose: map[int64]any{coseKty: int64(1), coseCrv: int64(6), coseX: public}}, nil
}

func newRSAKey(random io.Reader) (*key, error) {
	const exponent = 65537
	one := big.NewInt(1)
	var primes [2]*big.Int
	totient := big.NewInt(1)
	for i := range primes {
		p, err := prime(random)
		if err != nil {
			return nil, err
		}
		primes[i] = p
		totient.Mul(totient, new(big.Int).Sub(p, one))
	}
	d := new(big.Int).ModInverse(big.NewInt(exponent), totient)
	if d == nil {
		return newRSAKey(random)
	}
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(primes[0], primes[1]), E: exponent},
		D:         d,
		Primes:    primes[:],
	}
	private.Precompute()
	if err := private.Validate(); err != nil {
		return nil, err
	}
	return &key{signer: private, hash: crypto.SHA256, cose: map[int64]any{
		coseKty: int64(3), coseN: private.N.Bytes(), coseE: []byte{1, 0, 1},
	}}, nil
}

// prime draws a prime of 1,024 bits whose two highest bits are set, so that the
// product of two has 2,048.
func prime(random io.Reader) (*big.Int, error) {
	b := make([]byte, 128)
	for {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		if p := new(big.Int).SetBytes(b); p.ProbablyPrime(20) {
			return p, nil
		}
	}
}

// sign signs message as the key's COSE algorithm says (WebAuthn §6.5.5).
func (k *key) sign(message []byte) ([]byte, error) {
	digest := message
	if k.hash != 0 {
		h := k.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	sig, err := k.signer.Sign(k.random, digest, k.hash)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: signing: %w", err)
	}
	return sig, nil
}

// spki is what getPublicKey() gives a page.
func (k *key) spki() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		return nil, fmt.Errorf("webauthntest: public key: %w", err)
	}
	return der, nil
}

// encode writes CBOR in the canonical form of CTAP2.
func encode(v any) ([]byte, error) {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, fmt.Errorf("webauthntest: CBOR: %w", err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: CBOR: %w", err)
	}
	return b, nil
}
