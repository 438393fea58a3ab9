package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// rivals draws what people want who want each other's things.
type rivals struct {
	random *rand.Rand
	there  []store.SignUp // those who may sign in
}

const coveted = 8 // things of a kind that are wanted in one round

// call is the n-th call, in a round.
func (r rivals) call(n, round int) func(context.Context, *Store) error {
	drawn := round*coveted + r.random.IntN(coveted)
	if r.random.IntN(3) > 0 {
		up := r.there[r.random.IntN(len(r.there))]
		v := signIn(up, n)
		v.Spend = signIn(up, drawn).Spend // whoever else signs in by it
		if r.random.IntN(3) == 0 {
			v.Ends = up.Session.Key
		}
		return func(ctx context.Context, s *Store) error { return s.RecordSignIn(ctx, v) }
	}
	v, theirs := signUp(n), signUp(5000+drawn)
	switch r.random.IntN(3) {
	case 0:
		v.Spend = theirs.Spend
	case 1:
		v.Identifiers[0].Key = theirs.Identifiers[0].Key
	case 2:
		v.Credential.Key = theirs.Credential.Key
	}
	return func(ctx context.Context, s *Store) error { return s.RecordSignUp(ctx, v) }
}

// TestRivals has two processes sign people up and in at once who want each other's
// tickets, names and passkeys, while some of them leave in the middle. Each thing goes to
// one; who won is there whole, with one event; of the others there is nothing.
func TestRivals(t *testing.T) {
	address := migrated(t)
	patient := Config{URL: address, StatementTimeout: patience, LockTimeout: patience}
	processes := []*Store{openTest(t, patient), openTest(t, patient)}
	const callers, rounds, people = 24, 12, 6
	var there []store.SignUp
	for n := range people {
		there = append(there, signedUp(t, processes[0], n))
	}
	var won atomic.Int64
	var wait sync.WaitGroup
	for caller := range callers {
		r := rivals{rand.New(rand.NewPCG(1, uint64(caller))), there}
		wait.Go(func() {
			for round := range rounds {
				n := 1000 + round*callers + caller
				do := r.call(n, round)
				ctx, leave := context.WithCancel(t.Context())
				if r.random.IntN(4) == 0 {
					go leave()
				}
				switch err := do(ctx, processes[n%2]); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, store.ErrSpent), errors.Is(err, store.ErrTaken), errors.Is(err, context.Canceled):
				default:
					t.Errorf("caller %d: %v", caller, err)
				}
				leave()
			}
		})
	}
	wait.Wait()
	wantWhole(t, dial(t, address), people+int(won.Load()))
	wantChained(t, processes[0], people+int(won.Load()))
}

// wantWhole demands what so many sign-ups and sign-ins leave, and no part of another.
func wantWhole(t *testing.T, conn *pgx.Conn, done int) {
	t.Helper()
	accounts := value[int](t, conn, "SELECT count(*) FROM accounts")
	for sql, want := range map[string]int{
		"SELECT count(*) FROM events":                                             done,
		"SELECT count(*) FROM spends":                                             done,
		"SELECT sum(times_used)::integer FROM credentials":                        done - accounts,
		"SELECT count(*) FROM identifiers":                                        accounts,
		"SELECT count(*) FROM credentials":                                        accounts,
		"SELECT count(*) FROM identifiers i JOIN accounts a ON a.key = i.account": accounts,
		"SELECT count(*) FROM credentials c JOIN accounts a ON a.key = c.account": accounts,
	} {
		if n := value[int](t, conn, sql); n != want {
			t.Errorf("%d, want %d: %s", n, want, sql)
		}
	}
}
