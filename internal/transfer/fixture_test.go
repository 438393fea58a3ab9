package transfer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/sqlite"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const rpID = "login.example.org"

func clock() time.Time { return start }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deployment is a store with keys of its own.
type deployment struct {
	Config
	path   string // of a SQLite database
	store  store.Store
	server seal.ServerKey

	mu      sync.Mutex
	left    []LeftOut
	alarmed []string
}

func openSQLite(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: path, Now: clock})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// found makes a deployment in a new SQLite database.
func found(t testing.TB) *deployment {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyturn.db")
	d := foundIn(t, openSQLite(t, path))
	d.path = path
	return d
}

// foundIn makes a deployment in a store.
func foundIn(t testing.TB, s store.Store) *deployment {
	t.Helper()
	key := filepath.Join(t.TempDir(), "server.key")
	must(t, seal.CreateServerKeyFile(key))
	server, err := seal.LoadServerKey("file:" + key)
	must(t, err)
	d := &deployment{store: s, server: server}
	d.Config = Config{
		Vault: d.vault(t), Store: s, RPID: rpID, Now: clock,
		LeftOut: func(l LeftOut) { d.left = append(d.left, l) },
	}
	d.Audit = audit.New(audit.Config{
		Vault: d.Vault, Store: s, Log: slog.New(slog.DiscardHandler), Now: clock,
		Alarmed: func(code string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.alarmed = append(d.alarmed, code)
		},
	})
	return d
}

// vault opens the keys of the store anew.
func (d *deployment) vault(t testing.TB) *record.Vault {
	t.Helper()
	v, err := record.Open(t.Context(), record.Config{
		Store: d.store, Server: d.server, KMS: seal.NoKMS(d.server), Now: clock, Rand: rand.Reader,
	})
	must(t, err)
	return v
}

// list is a Source in memory.
type list []record.Moving

func (l list) Each(_ context.Context, take func(record.Moving) error, _ func(LeftOut)) error {
	for _, m := range l {
		if err := take(m); err != nil {
			return err
		}
	}
	return nil
}

// person is somebody with so many passkeys, who follows from n.
func person(n, passkeys int) record.Moving {
	id := uuid.UUID{6: 0x70, 8: 0x80, 14: byte(n >> 8), 15: byte(n)}
	id[3], id[4] = byte(n>>16), byte(n>>24)
	m := record.Moving{Account: record.AccountFacts{
		ID: id, UserHandle: fmt.Appendf(nil, "handle-%d", n), State: record.StateActive, Role: record.RoleMember,
		TicketEpoch: 3, SessionEpoch: 5, Username: fmt.Sprintf("person%dx", n), DisplayName: "Somebody",
		Emails: []string{fmt.Sprintf("person%d@example.org", n)}, PendingEmail: "claimed@example.org",
		Created: start.Add(-time.Hour),
	}}
	for i := range passkeys {
		name := fmt.Sprintf("%d-%d", n, i)
		m.Passkeys = append(m.Passkeys, record.MovingPasskey{
			Way: record.Way{Kind: record.WayPasskey, State: 4, Suspended: i == 1, Verified: true},
			Facts: record.CredentialFacts{
				Passkey: uuid.NewSHA1(uuid.Nil, []byte(name)), ID: []byte("credential " + name), RPID: rpID,
				PublicKey: []byte("key " + name), Algorithm: -7, AAGUID: [16]byte{1, 2}, Transports: []string{"internal", "hybrid"},
				Attachment: "platform", BackupEligible: true, Format: "packed", Trust: "self",
				AttestationObject: bytes.Repeat([]byte{byte(n)}, 200), Created: start.Add(-time.Minute),
			},
			Use:  record.UseFacts{Edition: 7, SignCount: uint32(100 + n), BackupState: true, UVInitialized: true, RegressedAt: 12345},
			Name: "Passkey " + name, LastUsed: start.Add(-time.Second), TimesUsed: 42,
		})
	}
	return m
}

func people(n int) (all list) {
	for i := range n {
		all = append(all, person(i, i%4))
	}
	return all
}

var withRoles = Options{WithRoles: true, Limit: 20}

// takes imports a source.
func (d *deployment) takes(t testing.TB, from Source, o Options) Counts {
	t.Helper()
	counts, err := d.tries(t, from, o)
	must(t, err)
	return counts
}

func (d *deployment) tries(t testing.TB, from Source, o Options) (Counts, error) {
	t.Helper()
	im, err := NewImporter(d.Config, o)
	must(t, err)
	plan, err := im.Judge(t.Context(), from)
	must(t, err)
	return plan.Import(t.Context())
}

// export exports to an identity drawn for it.
func (d *deployment) export(t testing.TB) (file []byte, id *age.X25519Identity, done Exported) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	var b bytes.Buffer
	done, err = Export(t.Context(), d.Config, &b, id.Recipient())
	must(t, err)
	return b.Bytes(), id, done
}

// open opens an export that d made.
func (d *deployment) open(t testing.TB, file []byte, id age.Identity) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(file), d.Vault.ExportKey(), id)
	must(t, err)
	return f
}

// all reads everybody, as an export has them.
func (d *deployment) all(t testing.TB) (everybody list) {
	t.Helper()
	file, id, done := d.export(t)
	if done.Faults != 0 {
		t.Fatalf("%d faults", done.Faults)
	}
	must(t, read(t, bytes.NewReader(file), d.Vault.ExportKey(), id, &everybody))
	return everybody
}

// read reads a file to its end.
func read(t testing.TB, file *bytes.Reader, signer ed25519.PublicKey, id age.Identity, into *list) error {
	t.Helper()
	f, err := Open(file, signer, id)
	if err != nil {
		return err
	}
	return f.Each(t.Context(), func(m record.Moving) error {
		*into = append(*into, m)
		return nil
	}, nil)
}

// sorted is a list in the order of identifiers, as stores list accounts.
func sorted(l list) list {
	l = slices.Clone(l)
	slices.SortFunc(l, func(a, b record.Moving) int { return bytes.Compare(a.Account.ID[:], b.Account.ID[:]) })
	return l
}

func equal(t *testing.T, got, want list) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
