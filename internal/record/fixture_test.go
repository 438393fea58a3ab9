package record

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/sqlite"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 123_456_789, time.UTC)

// serverKey is a server key whose value follows from seed, in versions 1 to n.
func serverKey(t testing.TB, seed byte, n int) seal.ServerKey {
	t.Helper()
	var text []byte
	for v := 1; v <= n; v++ {
		key := bytes.Repeat([]byte{seed, byte(v)}, 16)
		text = fmt.Appendf(text, "keyturn-server-key v%d %s\n", v, base64.StdEncoding.EncodeToString(key))
	}
	s, err := seal.ParseServerKey(text, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fileKMS(t testing.TB) seal.KMS {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek")
	if err := seal.CreateKEKFile(path); err != nil {
		t.Fatal(err)
	}
	kms, err := seal.LoadKMS("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return kms
}

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(t.TempDir(), "keyturn.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func config(t testing.TB, s Keys) Config {
	server := serverKey(t, 1, 1)
	return Config{Store: s, Server: server, KMS: seal.NoKMS(server), Now: func() time.Time { return start }, Rand: rand.Reader}
}

func openVault(t testing.TB) *Vault {
	t.Helper()
	v, err := Open(context.Background(), config(t, openStore(t)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// inner is store.Keys under a name that does not hide its method Keys when embedded.
type inner interface{ store.Keys }

// intruder changes key rows and markers between the store and the vault, and
// counts reads of key rows.
type intruder struct {
	inner
	keys    func([]store.Key) []store.Key
	markers func([]store.Marker) []store.Marker
	fails   error
	reads   int
}

func (i *intruder) Keys(ctx context.Context) ([]store.Key, error) {
	i.reads++
	if i.fails != nil {
		return nil, i.fails
	}
	k, err := i.inner.Keys(ctx)
	if i.keys != nil {
		k = i.keys(k)
	}
	return k, err
}

func (i *intruder) Markers(ctx context.Context) ([]store.Marker, error) {
	if i.fails != nil {
		return nil, i.fails
	}
	m, err := i.inner.Markers(ctx)
	if i.markers != nil {
		m = i.markers(m)
	}
	return m, err
}

func id(n byte) ID { return uuid.UUID{6: 0x70, 8: 0x80, 15: n} }

// person is an account whose map names the test credential at state 7.
func person(v *Vault, n byte) AccountFacts {
	return AccountFacts{
		ID: id(n), UserHandle: []byte{'h', n}, State: StateActive, Role: RoleMember, TicketEpoch: 2, SessionEpoch: 3,
		Salt: bytes.Repeat([]byte{n}, saltSize), Username: "ada", DisplayName: "Ada ✓", Emails: []string{"ada@example.org"},
		PendingEmail: "a@example.org", Created: milli(start),
		Ways: []Way{{
			Credential: v.LookupCredential(passkey().RPID, passkey().ID), Kind: WayPasskey, State: 7, HeldUntil: 5,
		}},
	}
}

func passkey() CredentialFacts {
	return CredentialFacts{
		Passkey: id(50), ID: []byte("credential-id-16"), RPID: "example.org", PublicKey: []byte("cose"), Algorithm: -7,
		AAGUID: [16]byte{1, 2}, Transports: []string{"internal", "hybrid"}, Attachment: "platform", BackupEligible: true,
		Format: "none", Trust: "none", AttestationObject: []byte("object"), Created: milli(start),
	}
}

func visit() SessionFacts {
	return SessionFacts{
		ID: id(60), Account: id(1), Mode: ModeCookie, Door: "api", SecretHash: bytes.Repeat([]byte{3}, 32), SessionEpoch: 3,
		Credential: []byte("key"), State: 7, AuthTime: milli(start), ProvedAt: milli(start), AAL: 2, ACR: "aal2",
		AMR: []string{"pop", "user"}, Scope: "openid", Created: milli(start), LastSeen: milli(start), Idle: 3600,
		Expires: milli(start.Add(time.Hour)), UserAgent: "Firefox", Generation: 4, RotatedAt: milli(start),
	}
}

func sealed(t testing.TB, v *Vault, n NewCredential) store.Credential {
	t.Helper()
	row, err := v.SealCredential(n)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func account(t testing.TB, v *Vault, f AccountFacts) Account {
	t.Helper()
	row, err := v.SealAccount(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wantTampered fails unless err is *Tampered with code.
func wantTampered(t *testing.T, err error, code string) {
	t.Helper()
	var e *Tampered
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}
