package webauthn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// BenchmarkAssertion is a whole sign-in answer, parsed and verified; compare it with
// BenchmarkBareVerify, the part of it that is the signature.
func BenchmarkAssertion(b *testing.B) {
	body, k := asserted(b, model(), page())
	e := expectAssertion(k)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := authenticate(body, e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseAssertion is the part that strangers can ask for without a challenge.
func BenchmarkParseAssertion(b *testing.B) {
	body, _ := asserted(b, model(), page())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := webauthn.ParseAssertion(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRegistration is a registration without attestation.
func BenchmarkRegistration(b *testing.B) {
	m := model()
	m.Attestation = "none"
	body, err := webauthntest.New(m).Create(creationOptions(b), page())
	if err != nil {
		b.Fatal(err)
	}
	e := expectRegistration()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := register(body, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareVerify(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	sig, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !ecdsa.VerifyASN1(&k.PublicKey, digest[:], sig) {
			b.Fatal("refused")
		}
	}
}
