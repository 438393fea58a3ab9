package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// TestConnectionsKilled ends the connections of a store again and again while it
// works: what was acknowledged is there, what was not is whole or absent, and a repeat
// under the same OpID settles it.
//
// After each kill nothing else is killed until a verb was acknowledged, so the work goes
// on however slow the machine is, and it does so until enough was killed.
func TestConnectionsKilled(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	const callers, least, enough = 8, 20, 60
	var killed, failed atomic.Int64
	acknowledged := make(chan struct{}, 1)
	work, stop := context.WithCancel(t.Context())
	defer stop()
	var killer, workers sync.WaitGroup
	conn := dial(t, address)
	killer.Go(func() {
		for killed.Load() < enough && work.Err() == nil {
			killed.Add(killBusy(work, t, conn))
			select {
			case <-acknowledged: // one from before the kill, perhaps
			default:
			}
			select {
			case <-acknowledged:
			case <-work.Done():
			}
		}
	})
	var persons [callers]int
	for caller := range callers {
		workers.Go(func() {
			for i := 0; i < least || killed.Load() < enough; i++ {
				v := signUp(caller + i*callers)
				in := signIn(v, caller+i*callers)
				in.Ends = v.Session.Key
				for _, do := range []func() error{
					func() error { return s.RecordSignUp(t.Context(), v) },
					func() error { return s.RecordSignIn(t.Context(), in) },
				} {
					if err := insist(t.Context(), do, &failed); err != nil {
						t.Errorf("caller %d: %v", caller, err)
						return
					}
					select {
					case acknowledged <- struct{}{}:
					default:
					}
				}
				persons[caller]++
			}
		})
	}
	workers.Wait()
	stop()
	killer.Wait()
	if t.Failed() {
		return
	}
	all := 0
	for _, n := range persons {
		all += n
	}
	t.Logf("%d connections killed, %d verbs failed and were repeated, %d settled", killed.Load(), failed.Load(), 2*all)
	for table, want := range map[string]int{
		"accounts": all, "identifiers": all, "credentials": all, "sessions": all, "spends": 2 * all, "events": 2 * all,
	} {
		if n := value[int](t, conn, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	if n := value[int](t, conn, "SELECT count(*) FROM credentials WHERE times_used <> 1"); n != 0 {
		t.Errorf("%d credentials were used more or less than once", n)
	}
	wantChained(t, s, 2*all)
}

// killBusy ends one connection to the database of conn, in the middle of something
// where there is one, and tells how many that were. It returns early when work ends.
func killBusy(work context.Context, t *testing.T, conn *pgx.Conn) int64 {
	const kill = `SELECT count(pg_terminate_backend(pid)) FROM (
		SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
		LIMIT 1) busy`
	for work.Err() == nil {
		var n int64
		if err := conn.QueryRow(t.Context(), kill).Scan(&n); err != nil {
			t.Error(err)
			return 0
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// insist repeats a verb whose outcome is unknown, as a caller would.
func insist(ctx context.Context, do func() error, failed *atomic.Int64) error {
	for {
		err := do()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, store.ErrSpent), errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("a repeat under its own OpID was refused: %w", err)
		}
		failed.Add(1)
	}
}

// TestEngineRestarted: connections that died while nobody used them cost nobody a verb.
func TestEngineRestarted(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	conn := dial(t, address)
	for n := range 20 {
		var wait sync.WaitGroup
		for i := range 6 { // so that the pool holds several
			v := signUp(n*10 + i)
			verbs := []func() error{
				func() error { return s.RecordSignUp(t.Context(), v) },
				func() error { return s.RecordSignIn(t.Context(), signIn(v, n*10+i)) },
			}
			read := func() error { _, err := s.Keys(t.Context()); return err }
			if n%2 == 0 {
				verbs = append([]func() error{read}, verbs...)
			}
			wait.Go(func() {
				for _, do := range verbs {
					if err := do(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		value[int](t, conn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	}
}

// TestForgotten: statements that the engine has forgotten, or whose answers a migration
// has changed, are prepared anew.
func TestForgotten(t *testing.T) {
	s := openTest(t, Config{MaxConns: 1})
	up := signedUp(t, s, 1)
	ask := func() error { _, _, err := s.CredentialAndAccount(t.Context(), up.Credential.Key); return err }
	calls := []func() error{
		ask,
		func() error { _, _, err := s.SessionAndAccount(t.Context(), up.Session.Key); return err },
		func() error { return s.RecordSignIn(t.Context(), signIn(up, 1)) },
		func() error { return s.RecordSignIn(t.Context(), signIn(up, 2)) },
		func() error { return s.RecordSignUp(t.Context(), signUp(2)) },
	}
	for _, do := range calls[:3] {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	for n, do := range calls {
		if _, err := s.pool.Exec(t.Context(), "DEALLOCATE ALL"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := do(); err != nil {
				t.Errorf("call %d: %v", n, err)
			}
		}
	}
	if _, err := s.pool.Exec(t.Context(), "ALTER TABLE spends ALTER COLUMN verb TYPE bigint"); err != nil {
		t.Fatal(err)
	}
	for n, do := range calls {
		if err := do(); err != nil {
			t.Errorf("call %d after the migration: %v", n, err)
		}
	}
}
