package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// migrationFiles holds migrations/NNNN_name.sql, numbered from 1 without gaps.
// One that has been released never changes.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate applies what the file lacks, each migration in one transaction that
// also moves the version in the file's header, so that a crash leaves the schema
// of some version and never one in between.
func migrate(conn *sqlite.Conn, files fs.FS) error {
	migrations, err := loadMigrations(files)
	if err != nil {
		return err
	}
	for {
		done, err := migrateOnce(conn, migrations)
		if done || err != nil {
			return err
		}
	}
}

// migrateOnce applies the next migration. The version is read under the write
// lock: another process may be migrating the same file.
func migrateOnce(conn *sqlite.Conn, migrations []string) (done bool, err error) {
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return false, fmt.Errorf("migrate: %w", err)
	}
	defer end(&err)
	version, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return false, fmt.Errorf("migrate: %w", err)
	}
	switch {
	case version < 0 || version > int64(len(migrations)):
		return false, fmt.Errorf("%w: its schema is number %d, and this program knows up to %d; start the newer program, or restore an older database",
			ErrNewer, version, len(migrations))
	case version == int64(len(migrations)):
		return true, nil
	}
	next := version + 1
	script := migrations[version] + fmt.Sprintf(";\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", applicationID, next)
	if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
		return false, fmt.Errorf("migration %d: %w", next, err)
	}
	return false, nil
}

// loadMigrations reads the scripts in order of their numbers.
func loadMigrations(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	scripts := make([]string, len(names))
	for i, name := range names {
		prefix, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(prefix); err != nil || n != i+1 {
			return nil, fmt.Errorf("migrations: %s stands where number %d belongs", name, i+1)
		}
		script, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		scripts[i] = string(script)
	}
	return scripts, nil
}
