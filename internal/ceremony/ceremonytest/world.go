// Package ceremonytest builds the heart on a real store in a temporary folder, with a
// clock that tests turn and a log that tests read. It fakes nothing else: it is how
// tests of ceremony, session, account and token stand on the real thing.
package ceremonytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store/sqlite"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The relying party of a World.
const (
	RPID   = "login.example.org"
	Origin = "https://login.example.org"
	URL    = Origin // the base of links in mails
	Door   = "rest"
)

// Clock is a clock that stands still until it is turned.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance turns the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Journal is a log that can be read while it is written.
type Journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// World is the heart on a store of its own.
type World struct {
	Path     string // of the database
	Clock    *Clock
	Journal  *Journal
	Store    *sqlite.Store
	Vault    *record.Vault
	Tickets  *ticket.Sealer
	Audit    *audit.Log
	Mail     *mail.Office
	Sessions *session.Keeper
	Accounts *account.Directory
	RP       *ceremony.RelyingParty
}

// New builds a World where anybody may sign up, under the policy that an operator gets
// who decides nothing else. edit may change the relying party before it is made.
func New(t testing.TB, edit ...func(*ceremony.Config)) *World {
	t.Helper()
	return NewUnder(t, Policy(), edit...)
}

// Policy is the policy of New.
func Policy() account.Policy {
	return account.Policy{
		SignUp: account.SignUpOpen, Mail: true, Links: account.LinksWithoutPasskey, Standard: true,
		Hold: 24 * time.Hour, NewBrowser: true,
	}
}

// NewUnder builds a World under a policy.
func NewUnder(t testing.TB, policy account.Policy, edit ...func(*ceremony.Config)) *World {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "keys", "server.key")
	must(t, seal.CreateServerKeyFile(key))
	server, err := seal.LoadServerKey("file:" + key)
	must(t, err)
	w := &World{
		Path:    filepath.Join(dir, "data", "keyturn.db"),
		Clock:   &Clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)},
		Journal: &Journal{},
	}
	log := slog.New(slog.NewJSONHandler(w.Journal, nil))
	ctx := context.Background()
	w.Store, err = sqlite.Open(ctx, sqlite.Config{Path: w.Path, Now: w.Clock.Now, Log: log})
	must(t, err)
	t.Cleanup(func() { _ = w.Store.Close() })
	w.Vault, err = record.Open(ctx, record.Config{
		Store: w.Store, Server: server, KMS: seal.NoKMS(server), Now: w.Clock.Now, Rand: rand.Reader,
	})
	must(t, err)
	w.Tickets, err = ticket.New(ticket.Config{
		Keys: w.Vault.TicketKeys(), Deployment: w.Vault.Deployment(), Epoch: w.Vault.Epoch(), Rand: rand.Reader,
	})
	must(t, err)
	w.Audit = audit.New(audit.Config{Vault: w.Vault, Store: w.Store, Log: log, Now: w.Clock.Now})
	w.Mail = mail.NewOffice(mail.OfficeConfig{Vault: w.Vault, Now: w.Clock.Now, Rand: rand.Reader})
	w.Sessions = session.New(session.Config{
		Store: w.Store, Vault: w.Vault, Audit: w.Audit, Mail: w.Mail, Profile: session.ProfileOf("standard"),
		Now: w.Clock.Now, Rand: rand.Reader,
	})
	w.heart(t, policy, edit...)
	return w
}

// Under is the same world after a restart with another policy: one store, one clock.
func (w *World) Under(t testing.TB, policy account.Policy) *World {
	t.Helper()
	after := *w
	after.heart(t, policy)
	return &after
}

// heart builds what decides by the policy.
func (w *World) heart(t testing.TB, policy account.Policy, edit ...func(*ceremony.Config)) {
	t.Helper()
	w.Accounts = account.New(account.Config{
		Store: w.Store, Vault: w.Vault, Tickets: w.Tickets, Audit: w.Audit, Mail: w.Mail, RPID: RPID,
		PublicURL: URL, Policy: policy, Now: w.Clock.Now, Rand: rand.Reader,
	})
	cfg := ceremony.Config{
		RPID: RPID, RPName: "Example", Origins: []string{Origin}, AllowList: true, PasskeysPerAccount: 20,
		Store: w.Store, Vault: w.Vault, Tickets: w.Tickets, Sessions: w.Sessions, Accounts: w.Accounts, Audit: w.Audit, Mail: w.Mail,
		Failures: limit.NewFailures(limit.FailuresConfig{PerNetwork: 1000, PerProcess: 100000, Now: w.Clock.Now}),
		Now:      w.Clock.Now, Rand: rand.Reader,
	}
	for _, e := range edit {
		e(&cfg)
	}
	rp, err := ceremony.New(cfg)
	must(t, err)
	w.RP = rp
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Request is a call by the page of Origin, in token mode.
func Request() ceremony.Request {
	return ceremony.Request{
		Door:   Door,
		Client: ceremony.Client{Mode: session.ModeToken, Origin: Origin, OriginSent: true},
		Caller: audit.Caller{RequestID: "test", Address: netip.MustParseAddr("192.0.2.1"), UserAgent: "test", Door: Door},
	}
}

// CookieRequest is a call by the page of Origin, in cookie mode.
func CookieRequest() ceremony.Request {
	r := Request()
	r.Client.Mode, r.Client.Secret = session.ModeCookie, bytes.Repeat([]byte{7}, 32)
	return r
}

// Page is the client of Origin.
func Page() webauthntest.Client { return webauthntest.Client{Origin: Origin} }

// JSON encodes options as a page gets them.
func JSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return text
}

// Register runs a sign-up up to the authenticator's answer.
func (w *World) Register(t testing.TB, a *webauthntest.Authenticator, in ceremony.SignUp, m ...webauthntest.Mutation) []byte {
	t.Helper()
	options, err := w.RP.BeginSignUp(t.Context(), Request(), in)
	must(t, err)
	answer, err := a.Create(JSON(t, options), Page(), m...)
	must(t, err)
	return answer
}

// SignUp opens an account with its first passkey on a.
func (w *World) SignUp(t testing.TB, a *webauthntest.Authenticator, username string) ceremony.Proof {
	t.Helper()
	answer := w.Register(t, a, ceremony.SignUp{Username: username})
	proof, err := w.RP.FinishSignUp(t.Context(), Request(), ceremony.Finish{Credential: answer})
	must(t, err)
	return proof
}

// Assert runs a sign-in up to the authenticator's answer. An empty username is a
// usernameless one.
func (w *World) Assert(t testing.TB, a *webauthntest.Authenticator, username string, m ...webauthntest.Mutation) []byte {
	t.Helper()
	options, err := w.RP.BeginSignIn(t.Context(), Request(), ceremony.SignIn{Username: username})
	must(t, err)
	answer, err := a.Get(JSON(t, options), Page(), m...)
	must(t, err)
	return answer
}

// Finish presents an assertion.
func (w *World) Finish(t testing.TB, answer []byte) (ceremony.Proof, error) {
	t.Helper()
	return w.RP.FinishSignIn(t.Context(), Request(), ceremony.Finish{Credential: answer})
}
