package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		Open: func(t *testing.T) store.Store { return openTest(t, Config{}) },
	})
}

// openTest opens the database of c, by default a new one, for the length of t. Unless c
// says so nothing in it runs out of time, however slow the machine.
func openTest(t testing.TB, c Config) *Store {
	t.Helper()
	if c.StatementTimeout == 0 {
		c.StatementTimeout = patience
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = patience
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = patience
	}
	if c.URL == "" {
		c.URL = migrated(t)
	}
	s, err := Open(t.Context(), c)
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

// tables are all that verbs write to.
func tables() []string {
	return []string{
		"accounts", "identifiers", "credentials", "sessions", "tickets", "spends", "events", "keys", "markers", "mails", "hits",
	}
}

// migrated returns the address of an empty database with our tables.
func migrated(t testing.TB) string {
	t.Helper()
	return postgrestest.Copy(t, postgrestest.Kind{
		Prepare: func(address string) error { return Migrate(context.Background(), Config{URL: address}) },
		Clean:   "DELETE FROM " + strings.Join(tables(), "; DELETE FROM "),
	})
}
