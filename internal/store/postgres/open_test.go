package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
)

// dial connects to a database beside the store.
func dial(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// value reads one value of a query.
func value[V any](t testing.TB, conn *pgx.Conn, sql string, args ...any) (v V) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestOpenEmpty(t *testing.T) {
	address := postgrestest.Database(t)
	openTest(t, Config{URL: address})
	conn := dial(t, address)
	if n := value[int](t, conn, "SELECT max(number) FROM schema_versions"); n != 1 {
		t.Errorf("the schema is number %d", n)
	}
	missing := value[int](t, conn, "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attnotnull")
	if missing != 0 {
		t.Errorf("%d columns take NULL, which no scan expects", missing)
	}
	names := value[[]string](t, conn, "SELECT array_agg(tablename::text ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'")
	if want := len(tables()) + 2; len(names) != want { // and pulse, and schema_versions
		t.Errorf("the tables are %q, want %d: say in tables what is to be cleaned", names, want)
	}
}

// TestOpenTogether opens an empty database from several processes at once.
func TestOpenTogether(t *testing.T) {
	for range 5 {
		address := postgrestest.Database(t)
		var wait sync.WaitGroup
		gate := make(chan struct{})
		errs := make([]error, 4)
		for i := range errs {
			wait.Go(func() {
				<-gate
				s, err := Open(t.Context(), Config{URL: address})
				if errs[i] = err; err == nil {
					errs[i] = errors.Join(s.RecordSignUp(t.Context(), signUp(i)), s.Close())
				}
			})
		}
		close(gate)
		wait.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := value[int](t, dial(t, address), "SELECT count(*) FROM schema_versions"); n != 1 {
			t.Errorf("%d migrations are recorded, want 1", n)
		}
	}
}

// TestEditions: which databases a program opens, migrates and refuses.
func TestEditions(t *testing.T) {
	record := func(number, from int) string {
		return fmt.Sprintf("INSERT INTO schema_versions (number, readable_from, applied) VALUES (%d, %d, 0)", number, from)
	}
	for _, c := range []struct {
		name   string
		sql    string // what happened to a migrated database; "": it is empty
		manual bool
		want   error
		says   string
	}{
		{name: "empty"},
		{name: "empty, by hand", manual: true, want: ErrOlder, says: "needs 1"},
		{name: "up to date, by hand", sql: "SELECT 1", manual: true},
		{name: "newer and readable", sql: record(2, 1)},
		{name: "newer and readable, by hand", sql: record(2, 1), manual: true},
		{name: "newer and not readable", sql: record(2, 1) + ";" + record(3, 2), want: ErrNewer, says: "number 3"},
		{name: "somebody else's", sql: "DROP TABLE schema_versions", want: ErrForeign, says: "accounts"},
		{name: "a step that broke off", sql: "DELETE FROM schema_versions", says: "migration 1", want: errAny},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := postgrestest.Database(t)
			if c.sql != "" {
				if err := Migrate(t.Context(), Config{URL: address}); err != nil {
					t.Fatal(err)
				}
				postgrestest.Run(t, address, c.sql)
			}
			s, err := Open(t.Context(), Config{URL: address, ManualMigrations: c.manual})
			if err == nil {
				err = errors.Join(s.RecordSignUp(t.Context(), signUp(1)), s.Ping(t.Context()), s.Close())
			}
			switch {
			case c.want == nil && err != nil, c.want != nil && err == nil:
				t.Fatalf("error is %v, want %v", err, c.want)
			case c.want != nil && !errors.Is(c.want, errAny) && !errors.Is(err, c.want):
				t.Errorf("error is %v, want %v", err, c.want)
			case c.want != nil && !strings.Contains(err.Error(), c.says):
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

var errAny = errors.New("any error")

// TestMigrateByStep: a database between two migrations gets what it lacks; one that
// fails leaves nothing, and what was there before it.
func TestMigrateByStep(t *testing.T) {
	address := postgrestest.Database(t)
	conn := dial(t, address)
	c := withDefaults(Config{URL: address})
	one := []migration{{script: "CREATE TABLE accounts (key bytea)", readableFrom: 1}}
	if err := migrate(t.Context(), conn, one, c); err != nil {
		t.Fatal(err)
	}
	broken := append(one[:1:1], migration{script: "CREATE TABLE later (key bytea); SELECT no_such_column FROM later", readableFrom: 1})
	if err := migrate(t.Context(), conn, broken, c); err == nil || !strings.Contains(err.Error(), "migration 2") {
		t.Errorf("error is %v, want one that names migration 2", err)
	}
	if value[bool](t, conn, "SELECT to_regclass('later') IS NOT NULL OR (SELECT max(number) FROM schema_versions) <> 1") {
		t.Error("a migration that failed left something behind")
	}
	two := append(one[:1:1], migration{script: "ALTER TABLE accounts ADD COLUMN more bigint NOT NULL DEFAULT 0", readableFrom: 1})
	three := append(two[:2:2], migration{script: "ALTER TABLE accounts DROP COLUMN key", readableFrom: 3})
	for _, steps := range [][]migration{two, two, three} {
		if err := migrate(t.Context(), conn, steps, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate(t.Context(), conn, two, c); !errors.Is(err, ErrNewer) {
		t.Errorf("a program of number 2 on schema 3, readable from 3: %v, want %v", err, ErrNewer)
	}
}

func TestLoadMigrations(t *testing.T) {
	const right = "-- readable from: 1\nSELECT 1"
	for _, c := range []struct {
		name  string
		files map[string]string
		says  string // "": it is right
	}{
		{"right", map[string]string{"0001_a.sql": right, "0002_b.sql": "-- readable from: 2\nSELECT 2"}, ""},
		{"a gap", map[string]string{"0001_a.sql": right, "0003_b.sql": right}, "0003_b.sql stands where number 2"},
		{"no number", map[string]string{"first.sql": right}, "first.sql stands where"},
		{"no line", map[string]string{"0001_a.sql": "SELECT 1"}, "does not say"},
		{"readable by nobody yet", map[string]string{"0001_a.sql": "-- readable from: 2\n"}, "cannot be"},
		{"readable by those before all", map[string]string{"0001_a.sql": "-- readable from: 0\n"}, "cannot be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range c.files {
				files["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
			steps, err := loadMigrations(files)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want one that says %q", err, c.says)
				}
				return
			}
			if err != nil || len(steps) != 2 || steps[1].readableFrom != 2 {
				t.Errorf("%v, %v", steps, err)
			}
		})
	}
}

// TestNarrowRole: a role that owns nothing and may only read and write rows is enough.
func TestNarrowRole(t *testing.T) {
	address := migratedAlone(t)
	const role = "keyturn_narrow"
	postgrestest.Run(t, address, "CREATE ROLE "+role+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"+
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	t.Cleanup(func() { postgrestest.Run(t, address, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	s := openTest(t, Config{URL: strings.Replace(address, "//postgres@", "//"+role+"@", 1)})
	v := signUp(1)
	if err := errors.Join(
		s.RecordSignUp(t.Context(), v), s.RecordSignIn(t.Context(), signIn(v, 1)), s.Ping(t.Context()),
	); err != nil {
		t.Error(err)
	}
}

// migratedAlone is a database with our tables that no other test will be given.
func migratedAlone(t testing.TB) string {
	t.Helper()
	address := postgrestest.Database(t)
	if err := Migrate(t.Context(), Config{URL: address}); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestOpenRefuses(t *testing.T) {
	const secret = "hunter2"
	for _, c := range []struct{ name, address string }{
		{"no address", "postgres://me:" + secret + "@db:notaport/keyturn"},
		{"an unknown parameter's value", "postgres://me:" + secret + "@127.0.0.1/keyturn?sslmode=maybe"},
		{"nobody there", "postgres://me:" + secret + "@127.0.0.1:1/keyturn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), Config{URL: c.address})
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// TestConnections: every connection is set up, whatever the database's own defaults.
func TestConnections(t *testing.T) {
	address := migratedAlone(t)
	postgrestest.Run(t, address, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$")
	s, err := Open(t.Context(), Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for setting, want := range map[string]string{
		"transaction_isolation":               "read committed",
		"statement_timeout":                   "2s",
		"lock_timeout":                        "1500ms",
		"idle_in_transaction_session_timeout": "2500ms",
		"enable_seqscan":                      "off",
		"jit":                                 "off",
	} {
		got, err := readOne(t.Context(), s, pgx.RowTo[string], "SELECT current_setting($1)", setting)
		if err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", setting, got, err, want)
		}
	}
	if n := s.pool.Config().MaxConns; n != DefaultMaxConns {
		t.Errorf("the pool holds %d, want %d", n, DefaultMaxConns)
	}
}

func TestClosed(t *testing.T) {
	s := openTest(t, Config{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.RecordSignUp(t.Context(), signUp(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("a verb after the close: %v, want %v", err, ErrClosed)
	}
}

// TestTwoVersionsMigrate: a program and its successor open an empty database at once.
func TestTwoVersionsMigrate(t *testing.T) {
	older, err := loadMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	newer := append(older[:len(older):len(older)], migration{
		script: "ALTER TABLE sessions ADD COLUMN more bigint NOT NULL DEFAULT 0", readableFrom: 1,
	})
	for range 5 {
		address := postgrestest.Database(t)
		var wait sync.WaitGroup
		var errs [6]error
		for i := range errs {
			conn, steps := dial(t, address), older
			if i%2 == 0 {
				steps = newer
			}
			wait.Go(func() { errs[i] = migrate(t.Context(), conn, steps, withDefaults(Config{URL: address})) })
		}
		wait.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		s := openTest(t, Config{URL: address}) // the older, on the newer's schema
		v := signUp(1)
		if err := errors.Join(s.RecordSignUp(t.Context(), v), s.RecordSignIn(t.Context(), signIn(v, 1))); err != nil {
			t.Error(err)
		}
		if n := value[int](t, dial(t, address), "SELECT max(number) FROM schema_versions"); n != len(newer) {
			t.Errorf("the schema is number %d, want %d", n, len(newer))
		}
	}
}

// TestAddresses: what docs/postgresql.md says of addresses holds.
func TestAddresses(t *testing.T) {
	for name, c := range map[string]struct{ sql, parameters string }{
		"a pooler that keeps no prepared statements": {"SELECT 1", "&default_query_exec_mode=exec"},
		"a schema of its own":                        {"CREATE SCHEMA keyturn; CREATE TABLE public.accounts (another bigint)", "&search_path=keyturn"},
		"the first host that writes":                 {"SELECT 1", "&target_session_attrs=read-write"},
	} {
		t.Run(name, func(t *testing.T) {
			address := postgrestest.Database(t)
			postgrestest.Run(t, address, c.sql)
			everyVerb(t, openTest(t, Config{URL: address + c.parameters}))
		})
	}
}
