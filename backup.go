package keyturn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/keyturn/keyturn/internal/store/sqlite"
)

// What stands in the way of a backup or a restore.
var (
	// ErrNoBackup: the store is not one that Keyturn copies itself.
	ErrNoBackup = errors.New("keyturn: backup and restore are for SQLite; use what PostgreSQL (pg_dump, base backups) or DynamoDB (point-in-time recovery) has for it, and keyturn store epoch after it was set back")
	// ErrStoreThere: a database is where the restored one would go.
	ErrStoreThere = errors.New("keyturn: a database is there already")
	// ErrStoreInUse: a server or a command has the database open.
	ErrStoreInUse = sqlite.ErrInUse
)

// BackUp writes a copy of the store that cfg names to path, mode 0600: the store at one
// moment, whole. Servers may be running. A file that is there is never overwritten
// (fs.ErrExist), and the folder of a key file is refused: whoever copied that folder
// would have what is locked, and the key.
func BackUp(ctx context.Context, cfg Config, path string) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if cfg.Backend() != backendSQLite {
		return ErrNoBackup
	}
	if err := cfg.there(); err != nil {
		return err
	}
	for _, key := range []string{cfg.KeysServer, cfg.KeysKMS} {
		file, found := strings.CutPrefix(key, "file:")
		if found && sameFolder(file, path) {
			return fmt.Errorf("keyturn: %s stands in the folder of the key %s, so that whoever copies the folder has both; choose another", path, file)
		}
	}
	if err := sqlite.BackUp(ctx, cfg.SQLitePath(), path); err != nil {
		return fmt.Errorf("keyturn: %w", err)
	}
	return nil
}

// sameFolder tells whether two files stand in one folder, whatever way leads to it.
func sameFolder(a, b string) bool { return folder(a) == folder(b) }

func folder(file string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return filepath.Dir(file)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// Restoration is what to restore, and how.
type Restoration struct {
	Backup string // the file that BackUp wrote; it is only read
	// Force puts it in place of a database that is there and that nobody has open, which
	// is kept under another name. Without it that is ErrStoreThere.
	Force bool
}

// Restored is what a restore brought about.
type Restored struct {
	Path     string // the database
	Kept     string // what was there before, under its new name; empty: nothing was
	Accounts int
}

// Restore puts a backup where the store of cfg is. Before, it judges a copy of it: that
// it is a sound store of ours, of a schema that this program knows (an older one is
// brought up to date), that the keys of cfg open it and each of its accounts, and that
// its passkeys are for the RP ID of cfg. Then it draws a new store epoch: the copy has
// forgotten which links and challenges were used since, and all of before are refused,
// with every refresh token. On an error nothing is in place that was not.
func Restore(ctx context.Context, cfg Config, r Restoration) (done Restored, err error) {
	if cfg, err = cfg.complete(); err != nil {
		return done, err
	}
	if cfg.Backend() != backendSQLite {
		return done, ErrNoBackup
	}
	done.Path = cfg.SQLitePath()
	if !r.Force && !absent(done.Path) {
		return done, fmt.Errorf("%w: %s", ErrStoreThere, done.Path)
	}
	staged, err := sqlite.Stage(ctx, r.Backup, done.Path)
	if err != nil {
		return done, fmt.Errorf("keyturn: %w", err)
	}
	defer sqlite.Discard(staged)
	if done.Accounts, err = cfg.renew(ctx, staged); err != nil {
		return done, fmt.Errorf("%s cannot be restored: %w", r.Backup, err)
	}
	done.Kept, err = sqlite.Place(staged, done.Path, r.Force, cfg.Now())
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: %w", ErrStoreThere, err)
	}
	return done, err
}

// renew judges the staged database and makes a store of another epoch of it.
func (c Config) renew(ctx context.Context, staged string) (accounts int, err error) {
	c.Store = backendSQLite + ":" + staged
	opened, err := sqlite.Open(ctx, sqlite.Config{Path: staged, Now: c.Now, Log: c.Log})
	if err != nil {
		return 0, fmt.Errorf("keyturn: %w", err)
	}
	s := c.server()
	s.store = opened
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := opened.Check(ctx); err != nil {
		return 0, fmt.Errorf("keyturn: %w", err)
	}
	keys, err := opened.Keys(ctx)
	if err != nil {
		return 0, fmt.Errorf("keyturn: read the keys: %w", err)
	}
	if len(keys) == 0 {
		return 0, errors.New("keyturn: no server has ever used it, and it holds no keys")
	}
	outside, err := s.keys()
	if err == nil {
		err = s.unlock(ctx, outside)
	}
	if err != nil {
		return 0, err
	}
	if accounts, err = s.openAccounts(ctx); err != nil {
		return 0, err
	}
	return accounts, s.drawEpoch(ctx)
}

// accountsRead is how many accounts are read in one go.
const accountsRead = 500

// openAccounts opens every account and counts them. A key that opens the key rows and
// not the accounts belongs to a store that was put together from two.
func (s *Server) openAccounts(ctx context.Context) (n int, err error) {
	for after := []byte(nil); ; {
		rows, err := s.store.ListAccounts(ctx, after, accountsRead)
		if err != nil {
			return n, fmt.Errorf("keyturn: read the accounts: %w", err)
		}
		if len(rows) == 0 {
			return n, nil
		}
		for _, row := range rows {
			if _, err := s.vault.OpenAccount(row); err != nil {
				return n, fmt.Errorf("keyturn: open account %d of the backup: %w", n+1, err)
			}
			n++
			after = row.Key
		}
	}
}

// CheckIntegrity reads the whole database that cfg names and says whether it is sound.
// Servers may be running. It is for SQLite alone: ErrNoBackup.
func CheckIntegrity(ctx context.Context, cfg Config) (err error) {
	if cfg, err = cfg.complete(); err != nil {
		return err
	}
	if cfg.Backend() != backendSQLite {
		return ErrNoBackup
	}
	if err := cfg.there(); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: cfg.SQLitePath(), Now: cfg.Now, Log: cfg.Log})
	if err != nil {
		return fmt.Errorf("keyturn: %w", err)
	}
	if err = errors.Join(s.Check(ctx), s.Close()); err != nil {
		return fmt.Errorf("keyturn: %w", err)
	}
	return nil
}
