package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// TestDeadlock: of two that wait for each other one is undone by the engine, and tried
// again.
func TestDeadlock(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	up := signUp(1)
	if err := s.RecordSignUp(t.Context(), up); err != nil {
		t.Fatal(err)
	}
	// The verb locks the account and then the credential; another does so the other way.
	standing := store.Standing{
		Op: store.OpID(id("standing")), Account: store.Ref{Key: up.Account.Key, Version: 1},
		Next:       store.Row{Key: up.Account.Key, Version: 2},
		Credential: store.Ref{Key: up.Credential.Key, Version: 1}, Replace: *up.Credential, Event: anyEvent,
	}
	conn := dial(t, address)
	other := dial(t, address)
	for _, sql := range []string{"SET deadlock_timeout = '1h'", "BEGIN", "UPDATE credentials SET name = ''"} {
		if _, err := other.Exec(t.Context(), sql); err != nil { // so that the verb is the one undone
			t.Fatal(err)
		}
	}
	answer := make(chan error, 1)
	go func() { answer <- s.RecordStanding(t.Context(), standing) }()
	blocked(t, conn, 1)
	if _, err := other.Exec(t.Context(), "UPDATE accounts SET body = ''"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("the verb that was undone: %v", err)
	}
	wantChained(t, s, 2)
}

// TestSeveralProcesses: stores that know nothing of each other share chains, rates and
// people, and every verb happens once, in a group or alone.
func TestSeveralProcesses(t *testing.T) {
	address := migrated(t)
	var stores [3]*Store
	for i := range stores {
		stores[i] = openTest(t, Config{URL: address})
	}
	const persons, each = 4, 40
	for n := range persons {
		if err := stores[0].RecordSignUp(t.Context(), signUp(n)); err != nil {
			t.Fatal(err)
		}
	}
	alone, cancel := context.WithTimeout(t.Context(), patience) // whose time is limited goes alone
	defer cancel()
	var wait sync.WaitGroup
	for p, s := range stores {
		for n := range persons {
			wait.Go(func() {
				for i := range each {
					v := signIn(signUp(n), (p*persons+n)*each+i)
					ctx := t.Context()
					if i%4 < 2 {
						ctx = alone
						v.Op[0] = byte(i % 2) // all of them at the heads of two chains
					}
					if err := s.RecordSignIn(ctx, v); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wait.Wait()
	wantChained(t, stores[0], persons+len(stores)*persons*each)
	c, _, err := stores[0].CredentialAndAccount(t.Context(), signUp(0).Credential.Key)
	if want := uint64(len(stores) * each); err != nil || c.TimesUsed != want {
		t.Errorf("%d uses, want %d: %v", c.TimesUsed, want, err)
	}
}

// TestRepeatedAtOnce: an operation that is repeated while its first try is under way
// happens once, also where no spend says so.
func TestRepeatedAtOnce(t *testing.T) {
	address := migrated(t)
	stores := []*Store{openTest(t, Config{URL: address}), openTest(t, Config{URL: address})}
	const rounds, racers = 20, 6
	for n := range rounds {
		up := signUp(n)
		up.Spend = nil
		change := changeOf(up, n)
		change.Ticket, change.Event = putTicket(t, stores[0], n), owing(n)
		atOnce(t, "sign-up", racers, stores, func(s *Store) error { return s.RecordSignUp(t.Context(), up) })
		atOnce(t, "change", racers, stores, func(s *Store) error { return s.ReplaceAccount(t.Context(), change) })
		spending := signUp(rounds + n)
		spending.Ticket = putTicket(t, stores[0], rounds+n)
		atOnce(t, "sign-up by a ticket", racers, stores, func(s *Store) error { return s.RecordSignUp(t.Context(), spending) })
		link := store.Link{
			Op: store.OpID(id("link", n)), Spend: store.Spend{ID: id("link", n), Expires: dawn},
			Ticket: putTicket(t, stores[0], 2*rounds+n), Account: &store.Ref{Key: spending.Account.Key, Version: 1},
			Ends: spending.Session.Key, Event: anyEvent,
		}
		atOnce(t, "link", racers, stores, func(s *Store) error { return s.RecordLink(t.Context(), link) })
		successor := *up.Session
		successor.Key = key("successor", n)
		atOnce(t, "session", racers, stores, func(s *Store) error {
			return s.ReplaceSession(t.Context(), store.SessionChange{
				Op: store.OpID(id("replace", n)), Old: up.Session.Key, New: &successor, Event: anyEvent,
			})
		})
	}
	wantChained(t, stores[0], 8*rounds)
	if n := value[int](t, dial(t, address), "SELECT count(*) FROM mails"); n != rounds {
		t.Errorf("%d mails, want %d", n, rounds)
	}
}

// putTicket stores the n-th ticket.
func putTicket(t *testing.T, s *Store, n int) *store.Ref {
	t.Helper()
	ticket := store.Ticket{Row: store.Row{Key: key("ticket", n), Version: 1}, Expires: dawn}
	if err := s.PutTicket(t.Context(), ticket, anyEvent); err != nil {
		t.Fatal(err)
	}
	return &store.Ref{Key: ticket.Key, Version: 1}
}

// owing makes an event that owes a mail, which is the same however often it is made.
func owing(n int) store.EventFunc {
	return func(head store.Head) (store.Event, error) {
		e, err := anyEvent(head)
		e.Mails = []store.Mail{{Key: key("mail", n), Due: dawn}}
		return e, err
	}
}

// atOnce lets racers do the same thing at once, and demands that all succeed.
func atOnce(t *testing.T, name string, racers int, stores []*Store, do func(*Store) error) {
	t.Helper()
	gate := make(chan struct{})
	errs := make([]error, racers)
	var wait sync.WaitGroup
	for i := range racers {
		wait.Go(func() {
			<-gate
			if err := do(stores[i%len(stores)]); err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	close(gate)
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestTurn: a verb does not take the number of another whose turn it is at the chain.
func TestTurn(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	conn := dial(t, address)
	for n, do := range []func(store.SignUp, int) error{
		func(up store.SignUp, n int) error { return s.RecordSignIn(t.Context(), signIn(up, n)) },
		func(up store.SignUp, n int) error { return s.ReplaceAccount(t.Context(), changeOf(up, n)) },
	} {
		up := signUp(n)
		if err := s.RecordSignUp(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		end := hold(t, address, "SELECT pg_advisory_xact_lock($1, chain) FROM generate_series(0, 63) chain", chainLocks)
		answer := make(chan error, 1)
		go func() { answer <- do(up, n) }()
		blocked(t, conn, 1)
		end("COMMIT")
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	wantChained(t, s, 4)
}

// TestStandsInLine: a verb that has lost a number waits for its turn, so that it does
// not lose again.
func TestStandsInLine(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	conn := dial(t, address)
	for n, do := range []func(store.SignUp, int) error{
		func(up store.SignUp, n int) error { return s.RecordSignIn(t.Context(), signIn(up, n)) },
		func(up store.SignUp, n int) error { return s.ReplaceAccount(t.Context(), changeOf(up, n)) },
	} {
		up := signUp(n)
		if err := s.RecordSignUp(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		// Another takes the next number of every chain, and has not committed yet.
		number := hold(t, address, `INSERT INTO events (chain, number, at, account, link, body)
			SELECT chain, coalesce((SELECT max(number) FROM events e WHERE e.chain = c.chain), 0) + 1, 0, '', '', ''
			FROM generate_series(0, 63) c (chain)`)
		others := hold(t, address, "SELECT pg_advisory_xact_lock_shared($1, chain) FROM generate_series(0, 63) chain", chainLocks)
		answer := make(chan error, 1)
		go func() { answer <- do(up, n) }()
		blocked(t, conn, 1)
		number("COMMIT")
		inLine := "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ExclusiveLock'"
		until(t, "the verb to stand in line", func() bool { return value[int](t, conn, inLine) == 1 })
		others("COMMIT")
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	wantChained(t, s, 4+2*chains)
}

// TestLanes: one at a time in each, and whoever goes away leaves the line.
func TestLanes(t *testing.T) {
	l := newLanes()
	leave, err := l.enter(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other()
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := l.enter(impatient, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lane that is taken: %v, want %v", err, context.DeadlineExceeded)
	}
	leave()
	again, err := l.enter(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
