package bench

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// Seed is what the people follow from who are written into the store: neither the load
// nor the server needs to remember a million keys.
type Seed [32]byte

// ParseSeed reads a Seed as String writes it.
func ParseSeed(text string) (s Seed, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(s) {
		return s, fmt.Errorf("%w: a seed is %d bytes in hex", ErrConfig, len(s))
	}
	return Seed(raw), nil
}

// String is the seed in hex.
func (s Seed) String() string { return hex.EncodeToString(s[:]) }

// Newcomer is a person who is written into the store, as the store has to know them: a
// synced passkey that has verified its user, and whose counter stays 0.
type Newcomer struct {
	Username          string
	UserHandle        []byte
	CredentialID      []byte
	PublicKey         []byte // COSE key
	AttestationObject []byte

	device *webauthntest.Authenticator
}

// Newcomer is number n of those who follow from the seed, always the same.
func (s Seed) Newcomer(n int) (Newcomer, error) {
	stream := rand.NewChaCha8(sha256.Sum256(binary.BigEndian.AppendUint64(s[:], uint64(n))))
	var raw [32]byte
	_, _ = stream.Read(raw[:]) // it never fails
	model := webauthntest.Phone()
	model.Random = stream
	who := Newcomer{
		Username:   fmt.Sprintf("newcomer%d", n),
		UserHandle: []byte(base64.RawURLEncoding.EncodeToString(raw[:])),
		device:     webauthntest.New(model),
	}
	made, object, err := who.device.Enrol(host, who.UserHandle, who.Username)
	if err != nil {
		return Newcomer{}, errors.Join(errors.New("bench: make a passkey"), err)
	}
	who.CredentialID, who.PublicKey, who.AttestationObject = made.ID, made.PublicKey, object
	return who, nil
}
