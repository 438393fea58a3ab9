package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
)

// TestAgain: only what has certainly not happened is tried again.
func TestAgain(t *testing.T) {
	code := func(code string) error { return fmt.Errorf("verb: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nothing wrong", nil, false},
		{"a serialization failure", code("40001"), true},
		{"a deadlock", code("40P01"), true},
		{"a commit whose outcome is unknown", code("40003"), false},
		{"a lock that did not come free", code("55P03"), false},
		{"a statement that took too long", code("57014"), false},
		{"a shutdown after the writes went out", code("57P01"), false},
		{"a shutdown before", &unbegunError{code("57P01")}, true},
		{"a connection lost after the writes went out", io.ErrUnexpectedEOF, false},
		{"a connection lost before", &unbegunError{io.ErrUnexpectedEOF}, true},
		{"a wait that was too long", &unbegunError{context.DeadlineExceeded}, false},
		{"a number lost", fmt.Errorf("%w: %w", errLost, code("23505")), true},
		{"another's spend", store.ErrSpent, false},
	} {
		if got := again(c.err); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestContended: a verb that never wins ends.
func TestContended(t *testing.T) {
	s := openTest(t, Config{})
	n := 0
	err := s.repeat(t.Context(), func(context.Context, *pgx.Conn) error {
		n++
		return errLost
	})
	if !errors.Is(err, ErrContended) || n != tries {
		t.Errorf("%v after %d tries, want %v after %d", err, n, ErrContended, tries)
	}
}

func TestPing(t *testing.T) {
	address := migratedAlone(t)
	s := openTest(t, Config{URL: address, Now: func() time.Time { return dawn }})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at := value[int64](t, dial(t, address), "SELECT at FROM pulse"); at != dawn.UnixMilli() {
		t.Errorf("the ping wrote %d, want %d", at, dawn.UnixMilli())
	}
	postgrestest.Run(t, address, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
	reader := openTest(t, Config{URL: address})
	if err := reader.Ping(t.Context()); err == nil {
		t.Error("a ping succeeded where nothing can be written")
	}
	if _, err := reader.Account(t.Context(), key("account")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a read where nothing can be written: %v", err)
	}
}

// TestClock: the clock is the engine's, not ours.
func TestClock(t *testing.T) {
	s := openTest(t, Config{Now: func() time.Time { return dawn }})
	before := time.Now()
	got, err := s.Clock(t.Context())
	if err != nil || got.Before(before.Add(-time.Second)) || got.After(time.Now().Add(time.Second)) {
		t.Errorf("the clock says %v (%v), want about %v", got, err, before)
	}
}

// TestPlans: no statement of any verb reads a whole table or a whole index, once there
// are so many rows that the engine can tell the difference.
func TestPlans(t *testing.T) {
	address := migratedAlone(t)
	s := openTest(t, Config{URL: address, MaxConns: 1})
	for n := range 200 {
		up := signUp(1000 + n)
		if err := errors.Join(s.RecordSignUp(t.Context(), up), s.RecordSignIn(t.Context(), signIn(up, 1000+n))); err != nil {
			t.Fatal(err)
		}
	}
	everyVerb(t, s)
	postgrestest.Run(t, address, "ANALYZE")
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	exec := func(sql string) string {
		rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return strings.Join(lines, "\n")
	}
	exec("SET plan_cache_mode = force_generic_plan")
	names := strings.Split(exec(`SELECT format('%s %s', name, cardinality(parameter_types)) FROM pg_prepared_statements
		WHERE statement ~ '^(SELECT|WITH|INSERT|UPDATE|DELETE)' AND statement ~ '(FROM|INTO|UPDATE) [a-z]'`), "\n")
	if len(names) < 50 {
		t.Errorf("%d statements, which cannot be all", len(names))
	}
	for _, line := range names {
		var name string
		var parameters int
		if _, err := fmt.Sscan(line, &name, &parameters); err != nil {
			t.Fatal(err)
		}
		execute := "EXPLAIN EXECUTE " + pgx.Identifier{name}.Sanitize()
		if parameters > 0 {
			execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", parameters), ",") + ")"
		}
		plan := exec(execute)
		whole := strings.Contains(plan, "sessions_account") && !strings.Contains(plan, "(account = ") // by its second column
		// What goes in groups joins what it is given with tables, row by row.
		whole = whole || strings.Contains(plan, "Function Scan") &&
			strings.Count(plan, " Scan using ") > strings.Count(plan, "Index Cond: ")
		if whole || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\n%s", exec("SELECT statement FROM pg_prepared_statements WHERE name = '"+name+"'"), plan)
		}
	}
}
