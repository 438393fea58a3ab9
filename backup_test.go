package keyturn_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// backedUp is a host with a person who is signed in by tokens, and a backup of it.
type backedUp struct {
	*host
	cfg     keyturn.Config
	server  *keyturn.Server
	phone   *webauthntest.Authenticator
	session tokens
	file    string
}

func newBackedUp(t *testing.T) *backedUp {
	t.Helper()
	b := &backedUp{host: newHost(t), phone: webauthntest.New(webauthntest.Phone())}
	set := production(t, b.origin())
	set.Listen = strings.TrimPrefix(b.URL, "http://")
	b.cfg = keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)}
	b.start(t)
	b.session = b.signUp(t, b.phone, "ana")
	b.file = filepath.Join(t.TempDir(), "copy.db")
	if err := keyturn.BackUp(t.Context(), b.cfg, b.file); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *backedUp) start(t *testing.T) {
	t.Helper()
	b.server = open(t, b.cfg)
	b.handler = b.server
}

// TestRestore: who was there signs in; what was made before is refused, once and for all.
func TestRestore(t *testing.T) {
	b := newBackedUp(t)
	challenge := b.post(t, "/v1/sign-in/passkey/options", "", map[string]any{})["publicKey"]
	answer, err := b.phone.Get(challenge, webauthntest.Client{Origin: b.origin()})
	if err != nil {
		t.Fatal(err)
	}
	b.signUp(t, webauthntest.New(webauthntest.Phone()), "ben") // is not in the copy
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := keyturn.Restore(t.Context(), b.cfg, keyturn.Restoration{Backup: b.file, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if done.Accounts != 1 || done.Kept == "" {
		t.Errorf("restored: %+v", done)
	}
	b.start(t)
	if got := b.ask(t, "/v1/sign-in/passkey", "application/json", `{"credential":`+string(answer)+`}`); got != http.StatusUnauthorized {
		t.Errorf("a challenge of before the restore answers %d", got)
	}
	form := "grant_type=refresh_token&refresh_token=" + b.session.refresh
	if got := b.ask(t, "/v1/token", "application/x-www-form-urlencoded", form); got != http.StatusBadRequest {
		t.Errorf("a refresh token of before the restore answers %d", got)
	}
	b.signIn(t, b.phone)
}

// ask posts, and gives the status.
func (b *backedUp) ask(t *testing.T, path, media, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.origin()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	request.Header.Set("Origin", b.origin())
	response, err := b.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// TestRestoreJudges: what is not this deployment's, whole, is not restored, and the
// database stays as it is.
func TestRestoreJudges(t *testing.T) {
	b := newBackedUp(t)
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	edited := func(statement string) string {
		t.Helper()
		raw, err := os.ReadFile(b.file)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "edited.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(sqlitex.ExecuteScript(conn, statement, nil), conn.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	moved := b.cfg
	moved.PublicURL = "https://login.example.com"
	for name, c := range map[string]struct {
		cfg  keyturn.Config
		file string
		want string
	}{
		"an account that was edited": {b.cfg, edited("UPDATE accounts SET version = version + 1"), "open account 1 of the backup"},
		"an epoch that was edited":   {b.cfg, edited("UPDATE markers SET version = version + 1"), "marker_record_tampered"},
		"without keys":               {b.cfg, edited("DELETE FROM keys"), "holds no keys"},
		"without an epoch":           {b.cfg, edited("DELETE FROM markers WHERE name = 'store_epoch'"), "store_epoch_missing"},
		"of a newer program":         {b.cfg, edited("PRAGMA user_version = 9999"), "newer"},
		"of another RP ID":           {moved, b.file, "this store is for localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keyturn.Restore(t.Context(), c.cfg, keyturn.Restoration{Backup: c.file, Force: true})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
		})
	}
	if left, err := os.ReadDir(b.cfg.DataDir); err != nil || len(left) != 1 {
		t.Errorf("refused restores left something behind: %v %v", left, err)
	}
	b.start(t)
	b.signIn(t, b.phone)
}
