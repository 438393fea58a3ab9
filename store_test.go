package keyturn_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// sharedStore are settings of a server whose store others keep, at home.
func sharedStore(t *testing.T, h *host, store string) keyturn.Config {
	t.Helper()
	set := production(t, h.origin())
	set.Listen, set.Store = strings.TrimPrefix(h.URL, "http://"), store
	set.KeysKMS = "file:" + filepath.Join(t.TempDir(), "kms.key")
	return keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)}
}

// TestPostgreSQL: from an empty database to people who sign in, by two servers.
func TestPostgreSQL(t *testing.T) {
	h := newHost(t)
	cfg := sharedStore(t, h, postgrestest.Database(t))
	cfg.StoreMigrate = "manual"
	keys := []string{cfg.KeysServer, cfg.KeysKMS}
	if err := errors.Join(seal.CreateServerKeyFile(keys[0][len("file:"):]), seal.CreateKEKFile(keys[1][len("file:"):])); err != nil {
		t.Fatal(err)
	}
	if _, err := keyturn.New(t.Context(), cfg); !errors.Is(err, keyturn.ErrNotMigrated) {
		t.Fatalf("a database without tables was opened: %v", err)
	}
	if _, err := keyturn.CheckStore(t.Context(), cfg); !errors.Is(err, keyturn.ErrNotMigrated) {
		t.Fatalf("a database without tables was found good: %v", err)
	}
	if err := keyturn.MigrateStore(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if state, err := keyturn.CheckStore(t.Context(), cfg); err != nil || state.Founded || state.Backend != "postgres" {
		t.Fatalf("migrated: %+v, %v", state, err)
	}
	first := open(t, cfg)
	second := open(t, cfg)
	phone := webauthntest.New(webauthntest.Phone())
	h.handler = first
	h.signUp(t, phone, "ana")
	h.handler = second
	h.signIn(t, phone)
	if state, err := keyturn.CheckStore(t.Context(), cfg); err != nil || !state.Founded {
		t.Fatalf("in use: %+v, %v", state, err)
	}
	cfg.KeysServer = "file:" + filepath.Join(t.TempDir(), "other.key")
	if err := seal.CreateServerKeyFile(strings.TrimPrefix(cfg.KeysServer, "file:")); err != nil {
		t.Fatal(err)
	}
	if _, err := keyturn.CheckStore(t.Context(), cfg); err == nil {
		t.Error("another key opens it")
	}
}

// TestCreateStore: the store and its key files, once.
func TestCreateStore(t *testing.T) {
	h := newHost(t)
	for name, cfg := range map[string]keyturn.Config{
		"postgres": sharedStore(t, h, postgrestest.Database(t)),
		"sqlite":   {Settings: production(t, h.origin()), Log: slog.New(slog.DiscardHandler)},
	} {
		if cfg.Listen == "" {
			cfg.Listen = strings.TrimPrefix(h.URL, "http://")
		}
		for range 2 {
			if err := keyturn.CreateStore(t.Context(), cfg); err != nil {
				t.Fatal(name, err)
			}
			if state, err := keyturn.CheckStore(t.Context(), cfg); err != nil || state.Founded {
				t.Fatalf("%s: %+v, %v", name, state, err)
			}
		}
		open(t, cfg)
		cfg.KeysServer = "file:" + filepath.Join(t.TempDir(), "lost.key")
		if err := keyturn.CreateStore(t.Context(), cfg); err != nil {
			t.Fatal(name, err)
		}
		if _, err := keyturn.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "load the server key") {
			t.Errorf("%s: a key was made for a store in use: %v", name, err)
		}
	}
}

// TestStoreFaults: what is wrong with a store is said without its password, and a server
// key is never made for a store that others keep.
func TestStoreFaults(t *testing.T) {
	h := newHost(t)
	for _, store := range []string{
		"postgres://me:hunter2@127.0.0.1:1/keyturn?connect_timeout=1", "dynamodb://keyturn?region=eu-central-1&endpoint=http://127.0.0.1:1",
	} {
		t.Setenv("AWS_ACCESS_KEY_ID", "test")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
		cfg := sharedStore(t, h, store)
		for name, err := range map[string]error{
			"new":    second(keyturn.New(t.Context(), cfg)),
			"create": keyturn.CreateStore(t.Context(), cfg), "migrate": keyturn.MigrateStore(t.Context(), cfg),
			"check": second(keyturn.CheckStore(t.Context(), cfg)),
		} {
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s %s: %v", name, store, err)
			}
		}
		if _, err := keyturn.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "server key") || !strings.Contains(err.Error(), "keyturn store create") {
			t.Errorf("%s: without a key: %v", store, err)
		}
	}
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }
