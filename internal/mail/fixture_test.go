package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/sqlite"
)

var start = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// buffer is a log that several goroutines write to.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// world is an outbox on a real store.
type world struct {
	clock  *clock
	store  *sqlite.Store
	vault  *record.Vault
	office *Office
	audit  *audit.Log
	log    *buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: &clock{now: start}, log: &buffer{}}
	var err error
	w.store, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "keyturn.db"), Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	text := "keyturn-server-key v1 " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n"
	server, err := seal.ParseServerKey([]byte(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	w.vault, err = record.Open(t.Context(), record.Config{
		Store: w.store, Server: server, KMS: seal.NoKMS(server), Now: w.clock.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.audit = audit.New(audit.Config{Vault: w.vault, Store: w.store, Log: w.logger(), Now: w.clock.Now})
	w.office = NewOffice(OfficeConfig{Vault: w.vault, Now: w.clock.Now, Rand: rand.Reader})
	return w
}

// authorFunc is an Author.
type authorFunc func(ctx context.Context, f record.MailFacts) (Letter, error)

func (a authorFunc) Letter(ctx context.Context, f record.MailFacts) (Letter, error) { return a(ctx, f) }

// plainAuthor writes every mail as it was owed, with a link of ten minutes.
func plainAuthor(_ context.Context, f record.MailFacts) (Letter, error) {
	return Letter{
		Kind: Kind(f.Kind), Language: f.Language, To: f.Address, Link: site + "/link#token", Expires: f.Created.Add(10 * time.Minute),
		About: f.About, Subject: f.Subject, Network: f.Network, Agent: f.Agent, At: f.Created,
	}, nil
}

func (w *world) config(transport Transport) PostConfig {
	return PostConfig{
		Store: w.store, Vault: w.vault, Author: authorFunc(plainAuthor), Transport: transport, From: "login@example.com",
		Look: exampleLook(), Audit: w.audit, Log: w.logger(), Now: w.clock.Now, Rate: 1000,
	}
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (w *world) post(t *testing.T, cfg PostConfig) *Post {
	t.Helper()
	p, err := NewPost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// owe puts a mail into the outbox, with an event, as every verb does.
func (w *world) owe(t *testing.T, f record.MailFacts) store.Mail {
	t.Helper()
	row, err := w.office.Owe(f)
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, audit.Owed{Mails: []store.Mail{row}})
	return row
}

func (w *world) put(t *testing.T, owed audit.Owed) {
	t.Helper()
	if err := w.store.Append(t.Context(), w.audit.Event(audit.Entry{Name: audit.EmailAsked}, owed)); err != nil {
		t.Fatal(err)
	}
}

func signInFacts(to string) record.MailFacts {
	return record.MailFacts{Kind: string(KindSignIn), Language: "en", Address: to, Network: "192.0.2.17/32", Agent: "Firefox/1 Linux"}
}

func noticeFacts(to string) record.MailFacts {
	return record.MailFacts{Kind: string(KindNotice), Language: "en", Address: to, About: "passkey.added", Account: uuid.UUID{15: 1}}
}

func (w *world) drain(t *testing.T, p *Post) {
	t.Helper()
	if err := p.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// left takes the mails that are still owed, due or not: the end of a test.
func (w *world) left(t *testing.T) []store.Mail {
	t.Helper()
	far := w.clock.Now().Add(1000 * time.Hour)
	rows, err := w.store.TakeMails(t.Context(), far, far.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// counts are the failures of the last minute, as the event says them.
func (w *world) counts(t *testing.T) map[string]uint64 {
	t.Helper()
	if err := w.audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	for chain := range w.store.Chains() {
		err := w.audit.Walk(t.Context(), chain, func(r audit.Record) error {
			for k, n := range r.Counts {
				out[k] += n
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// transportFunc is a Transport for faults that no server makes on request.
type transportFunc func(ctx context.Context, m Message) error

func (f transportFunc) Send(ctx context.Context, m Message) error { return f(ctx, m) }
