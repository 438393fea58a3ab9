package keyturn_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// refusesRPID demands that New refuses the settings because the store is for another.
func refusesRPID(t *testing.T, set keyturn.Settings, theirs string) {
	t.Helper()
	server, err := keyturn.New(t.Context(), keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = server.Close()
		t.Fatalf("a store of another RP ID was opened: %v", err)
	}
	if !strings.Contains(err.Error(), "this store is for "+theirs+";") {
		t.Fatalf("refused, but with %v", err)
	}
}

// TestStoreRemembersRPID: from its first start on a store is for one RP ID, before
// anybody has an account.
func TestStoreRemembersRPID(t *testing.T) {
	set := production(t, "https://login.example.com")
	if err := open(t, keyturn.Config{Settings: set}).Close(); err != nil {
		t.Fatal(err)
	}
	bare := set
	bare.PublicURL, bare.Listen = "http://localhost:8080", "127.0.0.1:8080"
	refusesRPID(t, bare, "login.example.com")
	if _, err := keyturn.CheckStore(t.Context(), keyturn.Config{Settings: bare, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "this store is for login.example.com;") {
		t.Errorf("the check finds %v", err)
	}
	moved := set
	moved.PublicURL, moved.RPID = "https://id.login.example.com", "login.example.com"
	open(t, keyturn.Config{Settings: moved}) // the same RP ID at another address
}

// TestStoreOfAnotherRPID: a store that was used before it kept its RP ID is known by its
// passkeys, and keeps it from the first start that agrees with them.
func TestStoreOfAnotherRPID(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen = strings.TrimPrefix(h.URL, "http://")
	first := open(t, keyturn.Config{Settings: set})
	h.handler = first
	h.signUp(t, webauthntest.New(webauthntest.Phone()), "ana")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, set, "DELETE FROM markers WHERE name = 'rp_id'")
	moved := set
	moved.PublicURL = "https://login.example.com"
	refusesRPID(t, moved, "localhost")
	if err := open(t, keyturn.Config{Settings: set}).Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, set, "DELETE FROM credentials")
	refusesRPID(t, moved, "localhost")
}

// TestRPIDOfTheStoreIsSealed: what says for which RP ID a store is cannot be edited.
func TestRPIDOfTheStoreIsSealed(t *testing.T) {
	set := production(t, "https://login.example.com")
	if err := open(t, keyturn.Config{Settings: set}).Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, set, "UPDATE markers SET version = version + 1 WHERE name = 'rp_id'")
	if _, err := keyturn.New(t.Context(), keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "marker_record_tampered") {
		t.Fatalf("error %v", err)
	}
}

// edit changes a database that nobody has open.
func edit(t *testing.T, set keyturn.Settings, statement string) {
	t.Helper()
	conn, err := sqlite.OpenConn(set.DataDir+"/keyturn.db", sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteScript(conn, statement, nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
}
