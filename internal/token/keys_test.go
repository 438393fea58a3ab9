package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/sqlite"
	"github.com/keyturn/keyturn/internal/token"
)

// TestJWKS: public members only, one algorithm and one use each, the identifier that
// anybody can recompute (RFC 7517 §4, RFC 7518 §6.2, RFC 7638).
func TestJWKS(t *testing.T) {
	for algorithm, want := range map[string]struct {
		members []string
		fixed   map[string]string
	}{
		"ES256": {[]string{"alg", "crv", "kid", "kty", "use", "x", "y"}, map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256"}},
		"EdDSA": {[]string{"alg", "crv", "kid", "kty", "use", "x"}, map[string]string{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}},
	} {
		t.Run(algorithm, func(t *testing.T) {
			w := ceremonytest.New(t)
			c := config(w)
			c.Algorithm = algorithm
			i := newIssuer(t, c)
			keys := jwks(t, i)
			if len(keys) != 1 {
				t.Fatalf("%d keys", len(keys))
			}
			if got := slices.Sorted(maps.Keys(keys[0])); !slices.Equal(got, want.members) {
				t.Fatalf("members %v", got)
			}
			for name, value := range want.fixed {
				if keys[0][name] != value {
					t.Errorf("%s is %q", name, keys[0][name])
				}
			}
			for _, coordinate := range []string{"x", "y"} {
				if text, ok := keys[0][coordinate]; ok && len(decode(t, text)) != 32 {
					t.Errorf("%s is not 32 bytes: %q", coordinate, text)
				}
			}
			if keys[0]["kid"] != thumbprint(t, i, 0) {
				t.Fatalf("kid %q, thumbprint %q", keys[0]["kid"], thumbprint(t, i, 0))
			}
			text, proof := bearer(t, w, i, "ana")
			accepted(t, i, text, proof)
		})
	}
}

// TestFoundingRace: processes that start at once on one store share one key, and each
// accepts what another signed.
func TestFoundingRace(t *testing.T) {
	for range 10 {
		w := ceremonytest.New(t)
		other := process(t, w)
		configs := make([]token.Config, 8)
		for n := range configs {
			configs[n] = config(w)
			if n%2 == 1 {
				configs[n].Store, configs[n].Vault = other.store, other.vault
			}
		}
		issuers := make([]*token.Issuer, len(configs))
		gate := make(chan struct{})
		var wait sync.WaitGroup
		for n := range configs {
			wait.Go(func() {
				<-gate
				i, err := token.New(context.Background(), configs[n])
				if err != nil {
					t.Error(err)
					return
				}
				issuers[n] = i
			})
		}
		close(gate)
		wait.Wait()
		if t.Failed() {
			return
		}
		if keys := signingKeys(t, w); len(keys) != 1 {
			t.Fatalf("%d keys were founded", len(keys))
		}
		text, proof := bearer(t, w, issuers[0], "ana")
		for _, i := range issuers {
			if thumbprint(t, i, 0) != thumbprint(t, issuers[0], 0) {
				t.Fatal("two processes sign with different keys")
			}
			accepted(t, i, text, proof)
		}
	}
}

// second is another process on the same database.
type second struct {
	store *sqlite.Store
	vault *record.Vault
}

func process(t *testing.T, w *ceremonytest.World) second {
	t.Helper()
	server, err := seal.LoadServerKey("file:" + filepath.Join(filepath.Dir(filepath.Dir(w.Path)), "keys", "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: w.Path, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	v, err := record.Open(t.Context(), record.Config{Store: s, Server: server, KMS: seal.NoKMS(server), Now: w.Clock.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return second{s, v}
}

// keys is store.Keys under a name that does not hide its method Keys when embedded.
type keys interface{ store.Keys }

// counted counts reads of the key rows.
type counted struct {
	keys
	reads atomic.Int64
}

func (c *counted) Keys(ctx context.Context) ([]store.Key, error) {
	c.reads.Add(1)
	return c.keys.Keys(ctx)
}

// TestUnknownKeysAreLookedUpSparingly: a key made elsewhere is found when it is first
// met; strangers who name keys at random make us read at most once a second.
func TestUnknownKeysAreLookedUpSparingly(t *testing.T) {
	w := ceremonytest.New(t)
	rows := &counted{keys: w.Store}
	c := config(w)
	c.Store = rows
	i := newIssuer(t, c)
	old, proof := bearer(t, w, i, "ana")
	w.Clock.Advance(time.Second)
	c = config(w)
	c.Algorithm = "EdDSA"
	newer := newIssuer(t, c)
	answer, err := newer.Issue(t.Context(), proof)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, i, answer.AccessToken, proof)
	accepted(t, newer, old, proof)
	if thumbprint(t, i, 0) != thumbprint(t, newer, 0) || thumbprint(t, i, 1) != thumbprint(t, newer, 1) {
		t.Fatal("two processes show different keys")
	}
	key := ecKey(t, w)
	_, claims := parts(t, old)
	before := rows.reads.Load()
	for range 2 {
		for n := range 100 {
			refused(t, i, "a key nobody has", sign(t, key, `{"alg":"ES256","kid":"`+strings.Repeat("x", n)+`","typ":"at+jwt"}`, string(claims)))
		}
		w.Clock.Advance(time.Second)
	}
	if reads := rows.reads.Load() - before; reads > 2 {
		t.Fatalf("%d reads for 200 unknown keys in two seconds", reads)
	}
}

// TestTamperedKeys: a signing key that we did not seal neither signs nor verifies.
func TestTamperedKeys(t *testing.T) {
	const columns = "kind, number, version, body"
	w, elsewhere := ceremonytest.New(t), ceremonytest.New(t)
	i := newIssuer(t, config(w))
	theirs := newIssuer(t, config(elsewhere))
	text, proof := bearer(t, w, i, "ana")
	// The attacker signs our people's claims with a key of his own deployment, and puts
	// that key's row into our database.
	_, claims := parts(t, text)
	forged := sign(t, ecKey(t, elsewhere), `{"alg":"ES256","kid":"`+thumbprint(t, theirs, 0)+`","typ":"at+jwt"}`, string(claims))
	row := elsewhere.Intrude(t).Row("SELECT " + columns + " FROM keys WHERE kind LIKE 'sign/%'")
	intruder := w.Intrude(t)
	row[1] = int64(2)
	intruder.Do("INSERT INTO keys ("+columns+") VALUES (?, ?, ?, ?)", row...)
	w.Clock.Advance(2 * time.Second)
	refused(t, i, "a key from another deployment", forged)
	if !strings.Contains(w.Journal.String(), `"alarm":"key_record_tampered"`) {
		t.Fatalf("no alarm; log %s", w.Journal)
	}
	if len(jwks(t, i)) != 1 {
		t.Fatal("the foreign key is in the key set")
	}
	accepted(t, i, text, proof)
	intruder.Do("UPDATE keys SET body = ? WHERE kind LIKE 'sign/%' AND number = 1", row[3])
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, i, "our key, replaced", forged)
	if _, err := i.Issue(t.Context(), proof); err == nil {
		t.Fatal("signed with a key that is not ours")
	}
}

// TestDoorsHaveTheirOwnKeys: what one door signed opens no other.
func TestDoorsHaveTheirOwnKeys(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	c := config(w)
	c.Door = "cognito"
	other := newIssuer(t, c)
	text, proof := bearer(t, w, i, "ana")
	if thumbprint(t, i, 0) == thumbprint(t, other, 0) {
		t.Fatal("two doors share a key")
	}
	accepted(t, i, text, proof)
	w.Clock.Advance(2 * time.Second)
	refused(t, other, "a token of another door, same issuer and audience", text)
}

// TestKeyOfAnotherAlgorithm: a key never signs as what it is not, even if its row says so.
func TestKeyOfAnotherAlgorithm(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		algorithm string
		key       any
		signs     bool
	}{
		"P-256": {"ES256", p256, true}, "Ed25519": {"EdDSA", ed, true},
		"P-384 for ES256": {"ES256", p384, false}, "Ed25519 for ES256": {"ES256", ed, false}, "P-256 for EdDSA": {"EdDSA", p256, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			der, err := x509.MarshalPKCS8PrivateKey(c.key)
			if err != nil {
				t.Fatal(err)
			}
			row, err := w.Vault.SealSigningKey(record.SigningKey{
				Number: 1, Issuer: ceremonytest.Door, Algorithm: c.algorithm, PKCS8: der, Life: record.KeyPrimary, Since: w.Clock.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Store.PutKeys(t.Context(), []store.Key{row}, nil); err != nil {
				t.Fatal(err)
			}
			made := config(w)
			made.Algorithm = c.algorithm
			i, err := token.New(t.Context(), made)
			if (err == nil) != c.signs {
				t.Fatalf("opened: %v", err)
			}
			if !c.signs {
				return
			}
			// So many that a signature begins with a zero now and then, which stands there too.
			_, proof := bearer(t, w, i, "ana")
			for range 200 {
				answer, err := i.Issue(t.Context(), proof)
				if err != nil {
					t.Fatal(err)
				}
				accepted(t, i, answer.AccessToken, proof)
			}
		})
	}
}
