package sqlite

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// inWriter runs use on the writer's connection, in its goroutine.
func inWriter(t testing.TB, s *Store, use func(*sqlite.Conn) error) {
	t.Helper()
	err := s.submit(t.Context(), func(x *tx) error { return use(x.conn) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenEmpty(t *testing.T) {
	s := openTest(t, Config{})
	inWriter(t, s, func(conn *sqlite.Conn) error {
		for query, want := range map[string]int64{
			"PRAGMA application_id":                                     applicationID,
			"PRAGMA user_version":                                       3,
			"PRAGMA synchronous":                                        2,
			"PRAGMA trusted_schema":                                     0,
			"PRAGMA cell_size_check":                                    1,
			"PRAGMA wal_autocheckpoint":                                 logPages,
			"PRAGMA cache_size":                                         -writerCache,
			"SELECT count(*) FROM pulse":                                1,
			"SELECT journal_mode = 'wal' FROM pragma_journal_mode":      1,
			"SELECT integrity_check = 'ok' FROM pragma_integrity_check": 1,
		} {
			got, err := number(conn, query)
			if err != nil || got != want {
				t.Errorf("%s: %d (%v), want %d", query, got, err, want)
			}
		}
		return nil
	})
	if s.Commits() != 0 || s.Writes() != 0 {
		t.Errorf("%d commits and %d writes before the first verb", s.Commits(), s.Writes())
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := openTest(t, Config{Readers: 2})
	for range 2 {
		conn, err := s.readers.take(t.Context(), s.gone)
		if err != nil {
			t.Fatal(err)
		}
		defer s.readers.put(conn)
		if size, err := number(conn, "PRAGMA cache_size"); err != nil || size != -readerCache {
			t.Errorf("a reader's cache is %d (%v), want %d", size, err, -readerCache)
		}
		_, err = scanRows(conn, "DELETE FROM accounts", func(*sqlite.Stmt) {})
		if sqlite.ErrCode(err) != sqlite.ResultReadOnly {
			t.Errorf("a reader wrote: %v", err)
		}
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outer", "inner")
	s := openTest(t, Config{Path: filepath.Join(dir, "keyturn.db")})
	if err := s.Append(t.Context(), anyEvent); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(dir):                    0o700,
		dir:                                  0o700,
		filepath.Join(dir, "keyturn.db"):     0o600,
		filepath.Join(dir, "keyturn.db-wal"): 0o600,
		filepath.Join(dir, "keyturn.db-shm"): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestSpecialNamesAreFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{":memory:", "file:x?mode=memory"} {
		openTest(t, Config{Path: name})
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s is no file: %v", name, err)
		}
	}
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	first, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	v := signUp(1)
	if err := first.RecordSignUp(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log is left after Close: %v", err)
	}
	again := openTest(t, Config{Path: path})
	if _, err := again.Account(t.Context(), v.Account.Key); err != nil {
		t.Errorf("the account after opening again: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
		says string
	}{
		{"a newer schema", func(t *testing.T, path string) { writeHeader(t, path, applicationID, 4) }, ErrNewer, "schema is number 4"},
		{"a schema before the first", func(t *testing.T, path string) { writeHeader(t, path, applicationID, -1) }, ErrNewer, ""},
		{"another application's file", func(t *testing.T, path string) { writeHeader(t, path, 77, 1) }, ErrForeign, ""},
		{"another's file without an ID", func(t *testing.T, path string) { writeHeader(t, path, 0, 0) }, ErrForeign, ""},
		{"a version without an ID", func(t *testing.T, path string) { writeBareHeader(t, path, "user_version = 1") }, ErrForeign, ""},
		{"an ID without a table", func(t *testing.T, path string) { writeBareHeader(t, path, "application_id = 77") }, ErrForeign, ""},
		{"no database", func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("diary\n"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "found.db")
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), Config{Path: path})
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error is %v, want %v saying %q", err, c.want, c.says)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if errors.Is(c.want, ErrForeign) && !bytes.Equal(before, after) {
				t.Error("a foreign file was changed")
			}
		})
	}
}

// writeHeader makes a database with a table, an application ID and a version.
func writeHeader(t *testing.T, path string, id, version int) {
	t.Helper()
	conn := create(t, path)
	defer closeConn(t, conn)
	if err := errors.Join(
		executef(conn, "CREATE TABLE recipes (name TEXT)"),
		executef(conn, "PRAGMA application_id = %d", id),
		executef(conn, "PRAGMA user_version = %d", version),
	); err != nil {
		t.Fatal(err)
	}
}

// writeBareHeader makes a database without tables.
func writeBareHeader(t *testing.T, path, pragma string) {
	t.Helper()
	conn := create(t, path)
	defer closeConn(t, conn)
	if err := executef(conn, "PRAGMA %s", pragma); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFails(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		path string
	}{
		"no path":              {t.Context(), ""},
		"a directory":          {t.Context(), dir},
		"a file for directory": {t.Context(), filepath.Join(file, "keyturn.db")},
		"a context that ended": {ended, filepath.Join(dir, "keyturn.db")},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Open(c.ctx, Config{Path: c.path}); err == nil {
				_ = s.Close()
				t.Error("no error")
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	one := &fstest.MapFile{Data: []byte("CREATE TABLE a (x)")}
	two := &fstest.MapFile{Data: []byte("CREATE TABLE b (x);\n-- done\n")}
	broken := &fstest.MapFile{Data: []byte("CREATE TABLE c (x); CREATE TABLE nonsense")}
	for _, c := range []struct {
		name    string
		files   fstest.MapFS
		fails   bool
		version int64
		tables  int64
	}{
		{"none", fstest.MapFS{}, false, 0, 0},
		{"one", fstest.MapFS{"migrations/0001_a.sql": one}, false, 1, 1},
		{"two", fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0002_b.sql": two}, false, 2, 2},
		{"a broken one", fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0002_c.sql": broken}, true, 1, 1},
		{"a gap", fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0003_b.sql": two}, true, 0, 0},
		{"no number", fstest.MapFS{"migrations/first.sql": one}, true, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := create(t, filepath.Join(t.TempDir(), "x.db"))
			defer closeConn(t, conn)
			for range 2 { // the second time finds everything done, or fails alike
				if err := migrate(conn, c.files); (err != nil) != c.fails {
					t.Fatalf("error is %v", err)
				}
			}
			version, err := number(conn, "PRAGMA user_version")
			if err != nil || version != c.version {
				t.Errorf("version %d (%v), want %d", version, err, c.version)
			}
			tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
			if err != nil || tables != c.tables {
				t.Errorf("%d tables (%v), want %d", tables, err, c.tables)
			}
		})
	}
}

// TestTwoProcesses: a command beside the server must not fork a chain, nor spend
// a ticket twice.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	stores := []*Store{openTest(t, Config{Path: path}), openTest(t, Config{Path: path})}
	for i := range 40 {
		if err := stores[i%2].Append(t.Context(), anyEvent); err != nil {
			t.Fatal(err)
		}
	}
	wantChained(t, stores[0], 40)
	v := signIn(signUp(2), 1)
	if err := stores[0].Spend(t.Context(), v.Op, v.Spend); err != nil {
		t.Fatal(err)
	}
	v.Op[0]++
	if err := stores[1].Spend(t.Context(), v.Op, v.Spend); !errors.Is(err, store.ErrSpent) {
		t.Errorf("the other process spent it again: %v", err)
	}
}

// TestActivityByIndex: a person's events are found and ordered without reading
// anybody else's.
func TestActivityByIndex(t *testing.T) {
	s := openTest(t, Config{})
	var plan []string
	inWriter(t, s, func(conn *sqlite.Conn) error {
		_, err := scanRows(conn, "EXPLAIN QUERY PLAN "+findEventsOf, func(stmt *sqlite.Stmt) {
			plan = append(plan, stmt.ColumnText(3))
		}, key("account"), 0, 0, 0, 1)
		return err
	})
	if len(plan) != 1 || !strings.Contains(plan[0], "USING INDEX events_account (account=?") {
		t.Errorf("plan %q", plan)
	}
}
