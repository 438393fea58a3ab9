package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func benchmarkIssue(b *testing.B, algorithm string) {
	w := ceremonytest.New(b)
	c := config(w)
	c.Algorithm = algorithm
	i := newIssuer(b, c)
	proof := w.SignUp(b, webauthntest.New(webauthntest.Phone()), "ana")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Issue(b.Context(), proof); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssueES256(b *testing.B) { benchmarkIssue(b, "ES256") }

func BenchmarkIssueEdDSA(b *testing.B) { benchmarkIssue(b, "EdDSA") }

// BenchmarkBareES256 is the least that BenchmarkIssueES256 can cost: one signature.
func BenchmarkBareES256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte("text"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, hash[:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareEdDSA is the least that BenchmarkIssueEdDSA can cost: one signature.
func BenchmarkBareEdDSA(b *testing.B) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 500)
	b.ReportAllocs()
	for b.Loop() {
		ed25519.Sign(key, text)
	}
}
