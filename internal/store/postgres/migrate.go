package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// migrationFiles holds migrations/NNNN_name.sql, numbered from 1 without gaps.
// One that has been released never changes. Its first line says from which number
// on a program can work with the schema that it makes:
//
//	-- readable from: N
//
// A migration expands the schema so that programs of the number before still run on
// it; a later one, when those are gone, contracts it and raises N.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the key of the advisory lock that one migrates under: "Keyturn1".
const migrationLock = 0x4b65797475726e31

// migrationPatience bounds one migration, and the wait for another process's.
const migrationPatience = 10 * time.Minute

// migration is one step of the schema.
type migration struct {
	script       string
	readableFrom int
}

// edition is what a database says of its schema: the last migration that was applied,
// and the lowest number of a program that can read it. Zero: it is empty.
type edition struct{ number, readableFrom int }

// ready makes the schema of a database what this program needs, or says why not.
func ready(ctx context.Context, pool *pgxpool.Pool, c Config) error {
	steps, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return migrate(ctx, conn.Conn(), steps, c)
}

// migrate applies the steps that a database lacks. The look without a lock lets a
// role that may change no schema open a database that needs no change.
func migrate(ctx context.Context, conn *pgx.Conn, steps []migration, c Config) error {
	for {
		at, err := look(ctx, conn)
		if err != nil {
			return err
		}
		switch {
		case at.number > len(steps) && at.readableFrom > len(steps):
			return fmt.Errorf("%w: its schema is number %d, for programs from %d on, and this program knows up to %d; start the newer program, or restore an older database",
				ErrNewer, at.number, at.readableFrom, len(steps))
		case at.number >= len(steps):
			return nil
		case c.ManualMigrations:
			return fmt.Errorf("%w: its schema is number %d, and this program needs %d; migrate it first", ErrOlder, at.number, len(steps))
		}
		if err := migrateOnce(ctx, conn, at.number, steps, c.Now()); err != nil {
			return fmt.Errorf("migration %d: %w", at.number+1, err)
		}
	}
}

// look reads the edition of a database, and refuses one that is somebody else's. Both
// tables come with one commit, so whoever has seen the one sees the other in the next statement.
func look(ctx context.Context, conn *pgx.Conn) (at edition, err error) {
	accounts, err := exists(ctx, conn, "accounts")
	if err != nil {
		return edition{}, err
	}
	versions, err := exists(ctx, conn, "schema_versions")
	switch {
	case err != nil:
		return edition{}, err
	case accounts && !versions:
		return edition{}, fmt.Errorf("%w: it has a table accounts and none named schema_versions; give Keyturn a database or a schema of its own", ErrForeign)
	case !versions:
		return edition{}, nil
	}
	const last = "SELECT number, readable_from FROM schema_versions ORDER BY number DESC LIMIT 1"
	err = conn.QueryRow(ctx, last).Scan(&at.number, &at.readableFrom)
	if errors.Is(err, pgx.ErrNoRows) {
		return edition{}, nil
	}
	return at, err
}

func exists(ctx context.Context, conn *pgx.Conn, table string) (there bool, err error) {
	err = conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there)
	return there, err
}

// migrateOnce applies the step after the one that was seen, in one transaction with
// the row that records it. Others who migrate wait at the lock, and find the step
// taken. Where an engine has no such lock, the row's key or the tables' names are
// taken twice, and whoever lost looks again.
func migrateOnce(ctx context.Context, conn *pgx.Conn, seen int, steps []migration, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, migrationPatience)
	defer cancel()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
	patience := fmt.Sprintf("SET LOCAL statement_timeout = %[1]d; SET LOCAL lock_timeout = %[1]d; SET LOCAL idle_in_transaction_session_timeout = %[1]d",
		migrationPatience.Milliseconds())
	if _, err := tx.Exec(ctx, patience, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	at, err := look(ctx, conn)
	if err != nil || at.number != seen {
		return err
	}
	if seen == 0 {
		if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (
			number        bigint NOT NULL,
			readable_from bigint NOT NULL,
			applied       bigint NOT NULL,
			CONSTRAINT schema_versions_pkey PRIMARY KEY (number)
		)`); err != nil {
			return err
		}
	}
	step := steps[seen]
	if _, err := tx.Exec(ctx, "INSERT INTO schema_versions (number, readable_from, applied) VALUES ($1, $2, $3)",
		seen+1, step.readableFrom, millis(now)); err != nil {
		return lostStep(err)
	}
	if _, err := tx.Exec(ctx, step.script, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	return lostStep(tx.Commit(ctx))
}

// lostStep forgives a step that another process took at the same time.
func lostStep(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case uniqueViolation, serializationFailure, deadlockDetected:
		return nil
	}
	return err
}

var readableLine = regexp.MustCompile(`\A-- readable from: ([0-9]{1,6})\n`)

// loadMigrations reads the scripts in order of their numbers.
func loadMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	steps := make([]migration, len(names))
	for i, name := range names {
		prefix, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(prefix); err != nil || n != i+1 {
			return nil, fmt.Errorf("migrations: %s stands where number %d belongs", name, i+1)
		}
		script, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		line := readableLine.FindSubmatch(script)
		if line == nil {
			return nil, fmt.Errorf("migrations: %s does not say from which number on it is readable", name)
		}
		from, err := strconv.Atoi(string(line[1]))
		if err != nil || from < 1 || from > i+1 {
			return nil, fmt.Errorf("migrations: %s is readable from %s on, which cannot be", name, line[1])
		}
		steps[i] = migration{script: string(script), readableFrom: from}
	}
	return steps, nil
}
