package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	issuer   = "https://login.example.org"
	audience = "https://api.example.org"
	life     = 10 * time.Minute
)

func config(w *ceremonytest.World) token.Config {
	return token.Config{
		Door: ceremonytest.Door, Issuer: issuer, Audience: audience, Algorithm: "ES256", Life: life,
		Store: w.Store, Vault: w.Vault, Sessions: w.Sessions, Audit: w.Audit, Now: w.Clock.Now, Rand: rand.Reader,
	}
}

func newIssuer(t testing.TB, c token.Config) *token.Issuer {
	t.Helper()
	i, err := token.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// bearer is somebody's access token and the proof that earned it.
func bearer(t testing.TB, w *ceremonytest.World, i *token.Issuer, username string) (string, ceremony.Proof) {
	t.Helper()
	proof := w.SignUp(t, webauthntest.New(webauthntest.Phone()), username)
	answer, err := i.Issue(context.Background(), proof)
	if err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken, proof
}

// accepted fails unless text is a token of the person of p.
func accepted(t testing.TB, i *token.Issuer, text string, p ceremony.Proof) {
	t.Helper()
	c, err := i.Verify(context.Background(), text)
	if err != nil || c.Person().ID != p.Session().Person().ID || c.View().ID != p.Session().View().ID {
		t.Fatalf("verified as %+v, %v", c.Person(), err)
	}
}

// refused fails unless text is nobody's token.
func refused(t testing.TB, i *token.Issuer, why, text string) {
	t.Helper()
	c, err := i.Verify(context.Background(), text)
	if !errors.Is(err, session.ErrNone) || !c.IsZero() {
		t.Errorf("%s: accepted as %+v, %v: %.2000s", why, c.Person(), err, text)
	}
}

// parts decodes header and claims of a compact token.
func parts(t testing.TB, text string) (header, claims []byte) {
	t.Helper()
	split := strings.Split(text, ".")
	if len(split) != 3 {
		t.Fatalf("%d parts", len(split))
	}
	return decode(t, split[0]), decode(t, split[1])
}

func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// members reads a JSON object.
func members(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// signingKeys are the door's private keys, oldest first, as somebody has them who broke
// everything but the verifier.
func signingKeys(t testing.TB, w *ceremonytest.World) []crypto.Signer {
	t.Helper()
	rows, err := w.Store.Keys(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var keys []crypto.Signer
	for _, row := range rows {
		if row.Kind != record.SigningKind(ceremonytest.Door) {
			continue
		}
		stored, err := w.Vault.OpenSigningKey(row)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, parsed.(crypto.Signer))
	}
	return keys
}

// sign makes a compact token of any header and claims with an ES256 key.
func sign(t testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	t.Helper()
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	hash := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(signature)
}
