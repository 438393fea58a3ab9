package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// applicationID stands in the header of the file: "Keyt".
const applicationID = 0x4b657974

// lockPatience bounds how long a connection waits for another process.
const lockPatience = 5 * time.Second

// logPages is the length of the write-ahead log, in pages, at which the writer
// itself checkpoints after a commit. The checkpointer normally keeps it far below;
// this bounds the log when writing never pauses long enough for it to start over.
const logPages = 16384

// What the page caches may hold, in KiB: 3 MiB in all with the default number of readers.
// A commit empties a reader's cache when it next reads, so that it needs only the pages of
// a few reads, of some eight each. A larger one for the writer (8 and 32 MiB were tried)
// did not pay among 100,000 people, whose pages are in the system's cache anyway.
const (
	writerCache = 2 << 10
	readerCache = 256 // 1 MiB takes 9 MiB more of the resident set among 300,000 people, and is no faster
)

// makeFile makes the directory and the file with narrow modes before SQLite can
// make them with wide ones (the log beside the file inherits the file's), and
// returns the absolute path, which no special name such as ":memory:" survives.
func makeFile(path string) (string, error) {
	if path == "" {
		return "", errors.New("sqlite: no path")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("sqlite: make the directory: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("sqlite: make the file: %w", err)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("sqlite: make the file: %w", err)
	}
	return path, nil
}

// connections are all that a store holds open.
type connections struct {
	writer, checks *sqlite.Conn
	readers        []*sqlite.Conn
}

func (c *connections) close() {
	for _, conn := range append([]*sqlite.Conn{c.writer, c.checks}, c.readers...) {
		if conn != nil {
			_ = conn.Close() // the error that led here is the one to report
		}
	}
}

// connect opens every connection to the file at path. The writer's comes first:
// it judges the file and brings it up to date before anything else touches it.
func connect(ctx context.Context, path string, c Config) (_ *connections, err error) {
	all := &connections{}
	defer func() {
		if err != nil {
			all.close()
			switch sqlite.ErrCode(err).ToPrimary() {
			case sqlite.ResultNotADB:
				err = fmt.Errorf("%w: %w", ErrForeign, err)
			case sqlite.ResultCorrupt:
				err = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			err = fmt.Errorf("sqlite: open %s: %w", path, err)
		}
	}()
	distrust, err := crashed(ctx, path)
	if err != nil {
		return nil, err
	}
	if all.writer, err = dial(path); err != nil {
		return nil, err
	}
	all.writer.SetInterrupt(ctx.Done())
	if distrust {
		c.Log.Warn("sqlite: the database was not closed; checking it", "path", path)
		if err := inspect(all.writer); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(prepare(all.writer, c.Now()), cache(all.writer, writerCache)); err != nil {
		return nil, err
	}
	all.writer.SetInterrupt(nil)
	if all.checks, err = dial(path); err != nil {
		return nil, err
	}
	for range c.Readers {
		conn, err := dial(path)
		if err != nil {
			return nil, err
		}
		all.readers = append(all.readers, conn)
		if err := errors.Join(pragmas(conn, "query_only = ON"), cache(conn, readerCache)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// cache bounds the pages that a connection keeps; a negative size is one in KiB.
func cache(conn *sqlite.Conn, kib int) error {
	return pragmas(conn, fmt.Sprintf("cache_size = %d", -kib))
}

// dial opens one connection. The schema of a file that others may write to is not
// trusted to call functions, and damaged cells are found on reading.
func dial(path string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(lockPatience)
	if err := errors.Join(conn.SetDefensive(true), pragmas(conn,
		"trusted_schema = OFF",
		"cell_size_check = ON",
		"synchronous = FULL",
		"fullfsync = ON", // without it macOS acknowledges before the disk has it
		"checkpoint_fullfsync = ON",
		"wal_autocheckpoint = 0",
	)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// prepare makes the writer's connection ready: it refuses a file that is not
// ours, turns on the write-ahead log, migrates, and proves that writing works.
func prepare(conn *sqlite.Conn, now time.Time) error {
	if err := recognise(conn); err != nil {
		return err
	}
	if err := logAhead(conn); err != nil {
		return err
	}
	if err := migrate(conn, migrationFiles); err != nil {
		return err
	}
	return execute(conn, writePulse, millis(now))
}

// logAhead turns on the write-ahead log. The engine answers with the mode it is
// in and calls it no error when it could not change it.
func logAhead(conn *sqlite.Conn) error {
	var mode string
	_, err := scanRows(conn, "PRAGMA journal_mode = WAL", func(stmt *sqlite.Stmt) { mode = stmt.ColumnText(0) })
	if err != nil {
		return fmt.Errorf("turn on the write-ahead log: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("the file system under the database does not let it keep a write-ahead log (mode %q)", mode)
	}
	return pragmas(conn, fmt.Sprintf("wal_autocheckpoint = %d", logPages))
}

// recognise accepts an empty file and one that carries our application ID. It
// only reads, so a foreign file stays as it was.
func recognise(conn *sqlite.Conn) error {
	id, err := number(conn, "PRAGMA application_id")
	if err != nil || id == applicationID {
		return err
	}
	things, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	version, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	if id != 0 || things != 0 || version != 0 {
		return ErrForeign
	}
	return nil
}

func pragmas(conn *sqlite.Conn, settings ...string) error {
	for _, s := range settings {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA "+s, nil); err != nil {
			return fmt.Errorf("PRAGMA %s: %w", s, err)
		}
	}
	return nil
}

// number runs a query that answers one integer.
func number(conn *sqlite.Conn, query string) (n int64, err error) {
	err = sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{
		ResultFunc: func(stmt *sqlite.Stmt) error {
			n = stmt.ColumnInt64(0)
			return nil
		},
	})
	return n, err
}
