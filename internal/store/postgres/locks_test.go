package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// hold runs sql in a transaction of its own and leaves it open; end ends it as told.
func hold(t *testing.T, address, sql string, args ...any) (end func(how string)) {
	t.Helper()
	conn := dial(t, address)
	if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
	return func(how string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), how); err != nil {
			t.Fatal(err)
		}
	}
}

// blocked waits until so many statements wait for a lock.
func blocked(t *testing.T, conn *pgx.Conn, want int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for value[int](t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") < want {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %d statements to wait", want)
		}
	}
}

// TestSignInWaits: what moves between the two round trips of a sign-in is found out by
// the second, which writes nothing then.
func TestSignInWaits(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		ends      bool
		want      error
	}{
		{name: "the account moves", sql: "UPDATE accounts SET version = 2 WHERE key = $1", want: store.ErrConflict},
		{name: "the account goes", sql: "DELETE FROM accounts WHERE key = $1", want: store.ErrConflict},
		{name: "the credential moves", sql: "UPDATE credentials SET version = 2 WHERE account = $1", want: store.ErrConflict},
		{name: "the credential changes its state", sql: "UPDATE credentials SET state = 2 WHERE account = $1", want: store.ErrConflict},
		{name: "the credential goes", sql: "DELETE FROM credentials WHERE account = $1", want: store.ErrConflict},
		{name: "the credential is used", sql: "UPDATE credentials SET times_used = 5 WHERE account = $1"},
		{name: "the account is looked at", sql: "SELECT 1 FROM accounts WHERE key = $1 FOR UPDATE"},
		{name: "the account moves, a session would end", ends: true, sql: "UPDATE accounts SET version = 2 WHERE key = $1", want: store.ErrConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := migrated(t)
			s := openTest(t, Config{URL: address})
			up := signUp(1)
			if err := s.RecordSignUp(t.Context(), up); err != nil {
				t.Fatal(err)
			}
			v := signIn(up, 1)
			if c.ends {
				v.Ends = up.Session.Key
			}
			end := hold(t, address, c.sql, up.Account.Key)
			answer := make(chan error, 1)
			go func() { answer <- s.RecordSignIn(t.Context(), v) }()
			conn := dial(t, address)
			blocked(t, conn, 1)
			end("COMMIT")
			if err := <-answer; !errors.Is(err, c.want) {
				t.Fatalf("the sign-in: %v, want %v", err, c.want)
			}
			wantSpends, wantSessions := 2, 2
			if c.want != nil {
				wantSpends, wantSessions = 1, 1
			}
			if n := value[int](t, conn, "SELECT count(*) FROM spends"); n != wantSpends {
				t.Errorf("%d spends, want %d", n, wantSpends)
			}
			if n := value[int](t, conn, "SELECT count(*) FROM sessions"); n != wantSessions {
				t.Errorf("%d sessions, want %d", n, wantSessions)
			}
			wantChained(t, s, wantSpends)
		})
	}
}

// TestTimeouts: a lock that does not come free is an error, whichever bound ends the
// wait, and nothing is written.
func TestTimeouts(t *testing.T) {
	for name, c := range map[string]Config{
		"of a lock":      {LockTimeout: 50 * time.Millisecond},
		"of a statement": {LockTimeout: time.Minute, StatementTimeout: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			c.URL = migrated(t)
			s := openTest(t, c)
			up := signUp(1)
			if err := s.RecordSignUp(t.Context(), up); err != nil {
				t.Fatal(err)
			}
			end := hold(t, c.URL, "SELECT 1 FROM accounts WHERE key = $1 FOR UPDATE", up.Account.Key)
			v := signIn(up, 1)
			for verb, do := range map[string]func() error{
				"sign-in": func() error { return s.RecordSignIn(t.Context(), v) },
				"change":  func() error { return s.ReplaceAccount(t.Context(), changeOf(up, 1)) },
			} {
				if err := do(); err == nil || known(err) || errors.Is(err, ErrContended) {
					t.Errorf("%s under a lock: %v", verb, err)
				}
			}
			end("ROLLBACK")
			if err := s.RecordSignIn(t.Context(), v); err != nil {
				t.Error(err)
			}
			wantChained(t, s, 2)
		})
	}
}

// TestCallerGone: a verb that is on its way arrives, though nobody waits for it any
// more, and its connection stays.
func TestCallerGone(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address, MaxConns: 1})
	up := signUp(1)
	if err := s.RecordSignUp(t.Context(), up); err != nil {
		t.Fatal(err)
	}
	const who = "SELECT pg_backend_pid()"
	before, err := readOne(t.Context(), s, pgx.RowTo[int], who)
	if err != nil {
		t.Fatal(err)
	}
	end := hold(t, address, "SELECT 1 FROM accounts WHERE key = $1 FOR UPDATE", up.Account.Key)
	ctx, leave := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() { answer <- s.RecordSignIn(ctx, signIn(up, 1)) }()
	blocked(t, dial(t, address), 1)
	leave()
	end("COMMIT")
	if err := <-answer; err != nil {
		t.Errorf("the verb: %v", err)
	}
	after, err := readOne(t.Context(), s, pgx.RowTo[int], who)
	if err != nil || after != before {
		t.Errorf("connection %d became %d: %v", before, after, err)
	}
	wantChained(t, s, 2)
}

// TestHitSwept: a hit whose row is swept while it is on its way to it counts.
func TestHitSwept(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	v := store.Hits{At: dawn, Hits: []store.Hit{{Key: key("hit"), Rates: []store.Rate{{Count: 1, Per: time.Minute}}}}}
	if wait, err := s.Hit(t.Context(), v); wait != 0 || err != nil {
		t.Fatal(wait, err)
	}
	conn, sweeper := dial(t, address), dial(t, address)
	for _, sql := range []string{"BEGIN", "SELECT 1 FROM hits FOR UPDATE"} {
		if _, err := sweeper.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	v.At = dawn.Add(time.Hour)
	answer := make(chan error, 1)
	go func() {
		_, err := s.Hit(t.Context(), v)
		answer <- err
	}()
	blocked(t, conn, 1)
	for _, sql := range []string{"DELETE FROM hits", "COMMIT"} {
		if _, err := sweeper.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	if wait, err := s.Hit(t.Context(), v); wait != time.Minute || err != nil {
		t.Errorf("the next has to wait %v (%v), want %v", wait, err, time.Minute)
	}
}

// known tells whether a caller of package store could act on err.
func known(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTaken) ||
		errors.Is(err, store.ErrSpent) || errors.Is(err, store.ErrNotFound)
}

// changeOf is the n-th change of the account that v opened.
func changeOf(v store.SignUp, n int) store.AccountChange {
	return store.AccountChange{
		Op:      store.OpID(id("change", n)),
		Account: store.Ref{Key: v.Account.Key, Version: 1},
		Next:    store.Row{Key: v.Account.Key, Version: 2, Body: key("changed", n)},
		Event:   anyEvent,
	}
}

// TestDeadlock: of two that wait for each other one is undone by the engine, and tried
// again.
func TestDeadlock(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address, LockTimeout: 30 * time.Second, StatementTimeout: 60 * time.Second})
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

// TestBusy: who finds no connection is told so in time, and whoever goes away meanwhile
// goes away.
func TestBusy(t *testing.T) {
	s := openTest(t, Config{MaxConns: 1, StatementTimeout: 200 * time.Millisecond})
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context(), key("account")); !errors.Is(err, ErrBusy) {
		t.Errorf("without a connection: %v, want %v", err, ErrBusy)
	}
	gone, leave := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	go func() {
		_, err := s.Account(gone, key("account"))
		answers <- err
	}()
	go func() { answers <- s.RecordSignUp(gone, signUp(1)) }()
	leave()
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("after its caller went away: %v, want %v", err, context.Canceled)
		}
	}
	conn.Release()
	if err := s.RecordSignUp(t.Context(), signUp(1)); err != nil {
		t.Error(err)
	}
}

// TestSeveralProcesses: stores that know nothing of each other share chains, rates and
// people, and every verb happens once.
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
	var wait sync.WaitGroup
	for p, s := range stores {
		for n := range persons {
			wait.Go(func() {
				for i := range each {
					v := signIn(signUp(n), (p*persons+n)*each+i)
					v.Op[0] = byte(i % 2) // all of them at the heads of two chains
					if err := s.RecordSignIn(t.Context(), v); err != nil {
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
