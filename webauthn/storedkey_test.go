package webauthn

import (
	"encoding/hex"
	"testing"
)

// TestKeyAlgorithm: a key is judged as a registration judges it.
func TestKeyAlgorithm(t *testing.T) {
	// The base point of P-256 (SEC 2 §2.4.2) as an ES256 key.
	text := "a5010203262001" +
		"215820" + "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
		"225820" + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
	key, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if algorithm, err := KeyAlgorithm(key); err != nil || algorithm != ES256 {
		t.Errorf("algorithm %d, %v; want %d", algorithm, err, ES256)
	}
	key[len(key)-1] ^= 1 // off the curve
	if _, err := KeyAlgorithm(key); err == nil {
		t.Error("a point that is not on the curve is taken")
	}
}
