package keyturn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/settings"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/dynamo"
	"github.com/keyturn/keyturn/internal/store/postgres"
	"github.com/keyturn/keyturn/internal/store/sqlite"
)

// The schemes of the setting store.
const (
	backendSQLite   = "sqlite"
	backendPostgres = "postgres"
	backendDynamo   = "dynamodb"
)

// ErrNotMigrated: the database lacks migrations, and store.migrate is manual.
var ErrNotMigrated = postgres.ErrOlder

// openStore opens the store that the settings name. A table of DynamoDB must be there;
// the others are made and brought up to date, unless they are to be left alone.
func (c Config) openStore(ctx context.Context) (store.Store, error) {
	switch backend := c.Backend(); backend {
	case backendSQLite:
		return opened(sqlite.Open(ctx, sqlite.Config{Path: c.SQLitePath(), Now: c.Now, Log: c.Log}))
	case backendPostgres:
		return opened(postgres.Open(ctx, c.postgres()))
	case backendDynamo:
		table, err := c.dynamo()
		if err != nil {
			return nil, err
		}
		return opened(dynamo.Open(ctx, table))
	default:
		return nil, fmt.Errorf("there is no store %s", backend) // the settings refuse it before
	}
}

// opened keeps a nil store of a backend from becoming a Store that is not nil.
func opened[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c Config) postgres() postgres.Config {
	return postgres.Config{
		URL: c.Store, ManualMigrations: c.StoreMigrate == settings.MigrateManual, Now: c.Now, Log: c.Log,
	}
}

func (c Config) dynamo() (dynamo.Config, error) {
	u, err := url.Parse(c.Store)
	if err != nil {
		return dynamo.Config{}, errors.New("the store's address cannot be read") // the settings refuse it before
	}
	query := u.Query()
	return dynamo.Config{
		Table: u.Host, Region: query.Get("region"), Endpoint: query.Get("endpoint"), Now: c.Now, Log: c.Log,
	}, nil
}

// CreateStore makes the store that cfg names, empty, and the key files that cfg names,
// where no server has used it yet. What is there is left as it is.
func CreateStore(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if cfg.Backend() == backendDynamo {
		table, err := cfg.dynamo()
		if err == nil {
			err = dynamo.Create(ctx, table)
		}
		if err != nil {
			return fmt.Errorf("keyturn: create the store: %w", err)
		}
	}
	cfg.StoreMigrate = settings.MigrateAuto
	s, err := cfg.openStore(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: create the store: %w", err)
	}
	keys, err := s.Keys(ctx)
	if err == nil && len(keys) == 0 {
		err = cfg.makeKeys()
	}
	return errors.Join(err, s.Close())
}

// makeKeys makes the key files that are not there. A store that was used would not open
// with them.
func (c Config) makeKeys() error {
	for _, file := range []struct {
		setting string
		create  func(string) error
	}{{c.KeysServer, seal.CreateServerKeyFile}, {c.KeysKMS, seal.CreateKEKFile}} {
		path, ok := strings.CutPrefix(file.setting, "file:")
		if !ok || !absent(path) {
			continue
		}
		if err := file.create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("keyturn: make a key file: %w", err)
		}
	}
	return nil
}

// MigrateStore brings the schema of a store that is there up to date. Programs of the
// edition before still run on it. Servers may be running.
func MigrateStore(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if err := cfg.there(); err != nil {
		return err
	}
	cfg.StoreMigrate = settings.MigrateAuto
	s, err := cfg.openStore(ctx)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return fmt.Errorf("keyturn: migrate the store: %w", err)
	}
	return nil
}

// there is an error when the store is a file that does not exist: opening would make it.
func (c Config) there() error {
	if c.Backend() != backendSQLite {
		return nil
	}
	if _, err := os.Stat(c.SQLitePath()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keyturn: there is no database at %s; check data_dir and store, or make it: keyturn store create", c.SQLitePath())
	}
	return nil
}

// StoreState is what a look at a store finds.
type StoreState struct {
	Backend string        // "sqlite", "postgres" or "dynamodb"
	Skew    time.Duration // how far this machine's clock is ahead of the store's; below zero: behind
	Founded bool          // a server has made its keys, and ours open them
}

// CheckStore looks whether the store that cfg names can be used with these settings: that
// it is there, of our edition, answers, and opens with our keys. It changes nothing.
func CheckStore(ctx context.Context, cfg Config) (state StoreState, err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return state, err
	}
	if err := cfg.there(); err != nil {
		return state, err
	}
	if cfg.Backend() == backendPostgres {
		cfg.StoreMigrate = settings.MigrateManual
	}
	s := cfg.server()
	outside, err := s.keys()
	if err != nil {
		return state, err
	}
	if s.store, err = cfg.openStore(ctx); err != nil {
		return state, fmt.Errorf("keyturn: open the store: %w", err)
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if err := s.ready(ctx); err != nil {
		return state, err
	}
	theirs, err := s.store.Clock(ctx)
	if err != nil {
		return state, fmt.Errorf("keyturn: read the store's clock: %w", err)
	}
	state = StoreState{Backend: cfg.Backend(), Skew: cfg.Now().Sub(theirs)}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return state, fmt.Errorf("keyturn: read the keys: %w", err)
	}
	if state.Founded = len(keys) > 0; state.Founded {
		err = s.unlock(ctx, outside)
	}
	return state, err
}
