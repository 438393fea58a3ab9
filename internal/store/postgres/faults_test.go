package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// TestConnectionsKilled ends the connections of a store again and again while it
// works: what was acknowledged is there, what was not is whole or absent, and a repeat
// under the same OpID settles it.
func TestConnectionsKilled(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	const callers, each = 8, 60
	var failed, settled atomic.Int64
	work, stop := context.WithCancel(t.Context())
	var killer, workers sync.WaitGroup
	kills := 0
	conn := dial(t, address)
	killer.Go(func() {
		for work.Err() == nil {
			// One at a time, in the middle of something where there is one.
			kills += value[int](t, conn, `SELECT count(pg_terminate_backend(pid)) FROM (
				SELECT pid FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' LIMIT 1) busy`)
		}
	})
	for caller := range callers {
		workers.Go(func() {
			for i := range each {
				n := caller*each + i
				v := signUp(n)
				in := signIn(v, n)
				in.Ends = v.Session.Key
				for _, do := range []func() error{
					func() error { return s.RecordSignUp(t.Context(), v) },
					func() error { return s.RecordSignIn(t.Context(), in) },
				} {
					if err := insist(do, &failed); err != nil {
						t.Errorf("caller %d: %v", caller, err)
						return
					}
					settled.Add(1)
				}
			}
		})
	}
	workers.Wait()
	stop()
	killer.Wait()
	t.Logf("%d connections killed, %d verbs failed and were repeated, %d settled", kills, failed.Load(), settled.Load())
	if kills == 0 {
		t.Error("nothing was killed")
	}
	const verbs = callers * each
	for table, want := range map[string]int{
		"accounts": verbs, "identifiers": verbs, "credentials": verbs, "sessions": verbs, "spends": 2 * verbs, "events": 2 * verbs,
	} {
		if n := value[int](t, conn, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	if n := value[int](t, conn, "SELECT count(*) FROM credentials WHERE times_used <> 1"); n != 0 {
		t.Errorf("%d credentials were used more or less than once", n)
	}
	wantChained(t, s, 2*verbs)
}

// insist repeats a verb whose outcome is unknown, as a caller would.
func insist(do func() error, failed *atomic.Int64) error {
	for range 100 {
		err := do()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrSpent), errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("a repeat under its own OpID was refused: %w", err)
		}
		failed.Add(1)
	}
	return errors.New("it never succeeded")
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
