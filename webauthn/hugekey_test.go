package webauthn

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
)

// hugeKey is a certificate of the maker's with a key that fills the bytes a
// certificate may have. Its modulus is no product of primes, which nobody notices
// before the work is done.
func hugeKey(t testing.TB, m *maker) []byte {
	t.Helper()
	const bits = 60_000
	modulus, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits))
	if err != nil {
		t.Fatal(err)
	}
	modulus.SetBit(modulus, bits-1, 1).SetBit(modulus, 0, 1)
	der, err := x509.CreateCertificate(rand.Reader, m.leaf, m.leaf, &rsa.PublicKey{N: modulus, E: 1<<31 - 1}, m.signer)
	if err != nil {
		t.Fatal(err)
	}
	if len(der) > maxCertificate {
		t.Fatalf("a certificate of %d bytes is refused for its size alone", len(der))
	}
	return der
}

// TestHugeCertificateKeys: a certificate key is held to the size of a credential's
// before anything is computed with it, in whatever format and place it comes.
func TestHugeCertificateKeys(t *testing.T) {
	t.Run("packed leaf", func(t *testing.T) {
		m := newMaker(t)
		members := map[string]any{"alg": RS256, "sig": make([]byte, 7500), "x5c": [][]byte{hugeKey(t, m)}}
		if _, err := m.statement(t, formatPacked, members).verify(); !errors.Is(err, errKeyAlgorithm) {
			t.Errorf("refused with %v", err)
		}
	})
	for _, format := range []string{"tpm", "android-key", "apple"} {
		for place, chain := range map[string]func(*maker) [][]byte{
			"leaf":         func(m *maker) [][]byte { return [][]byte{hugeKey(t, m)} },
			"intermediate": func(m *maker) [][]byte { return [][]byte{m.certificate(t), hugeKey(t, m)} },
		} {
			t.Run(format+" "+place, func(t *testing.T) {
				m := newMaker(t)
				members := map[string]any{"alg": RS256, "sig": make([]byte, 7500), "x5c": chain(m)}
				if _, err := m.statement(t, format, members).verify(); !errors.Is(err, errKeyAlgorithm) {
					t.Errorf("refused with %v", err)
				}
			})
		}
	}
}
