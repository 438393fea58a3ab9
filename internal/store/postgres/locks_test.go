package postgres

import (
	"context"
	"errors"
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

// patience is what a test grants to what must happen in the end: far more than the
// slowest machine takes.
const patience = 2 * time.Minute

// until waits for what another is about to bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// blocked waits until so many statements wait for a lock.
func blocked(t *testing.T, conn *pgx.Conn, want int) {
	t.Helper()
	until(t, "statements that wait", func() bool {
		return value[int](t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'") >= want
	})
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

// TestChangesWait: what a verb conditions on is locked before it is judged, so what
// moves meanwhile is found out.
func TestChangesWait(t *testing.T) {
	up := signUp(1)
	account := store.Ref{Key: up.Account.Key, Version: 1}
	next := store.Row{Key: up.Account.Key, Version: 2}
	credential := store.Ref{Key: up.Credential.Key, Version: 1}
	op := store.OpID(id("waits"))
	for _, c := range []struct {
		name, sql string
		do        func(s *Store) error
		want      error
	}{
		{"standing", "UPDATE credentials SET version = 2", func(s *Store) error {
			return s.RecordStanding(t.Context(), store.Standing{
				Op: op, Account: account, Next: next, Credential: credential, Replace: *up.Credential, Event: anyEvent,
			})
		}, store.ErrConflict},
		{"regression", "UPDATE credentials SET version = 2", func(s *Store) error {
			return s.RecordRegression(t.Context(), store.Regression{
				Op: op, Spend: store.Spend{Expires: dawn}, Account: account, Credential: credential, Replace: *up.Credential, Event: anyEvent,
			})
		}, store.ErrConflict},
		{"renaming", "DELETE FROM credentials", func(s *Store) error {
			return s.RenameCredential(t.Context(), store.Renaming{Op: op, Account: account, Credential: credential.Key, Event: anyEvent})
		}, store.ErrNotFound},
		{"deletion", "UPDATE accounts SET version = 2", func(s *Store) error {
			return s.DeleteAccount(t.Context(), store.Deletion{Op: op, Account: account, Event: anyEvent})
		}, store.ErrConflict},
		{"deletion of what goes", "DELETE FROM accounts", func(s *Store) error {
			return s.DeleteAccount(t.Context(), store.Deletion{Op: op, Account: account, Event: anyEvent})
		}, nil},
		{"revoking what goes", "DELETE FROM tickets", func(s *Store) error {
			return s.RevokeTicket(t.Context(), key("ticket", 1), anyEvent)
		}, nil},
		{"ending what goes", "DELETE FROM sessions", func(s *Store) error {
			return s.ReplaceSession(t.Context(), store.SessionChange{Op: op, Old: up.Session.Key, Event: anyEvent})
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := migrated(t)
			s := openTest(t, Config{URL: address})
			if err := s.RecordSignUp(t.Context(), up); err != nil {
				t.Fatal(err)
			}
			putTicket(t, s, 1)
			end := hold(t, address, c.sql)
			answer := make(chan error, 1)
			go func() { answer <- c.do(s) }()
			blocked(t, dial(t, address), 1)
			end("COMMIT")
			if err := <-answer; !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			wantChained(t, s, 2)
		})
	}
}

// TestPassesBy: what is swept or taken is what nobody is busy with.
func TestPassesBy(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	for n := range 3 {
		up := signUp(n)
		up.Event = owing(n)
		if err := s.RecordSignUp(t.Context(), up); err != nil {
			t.Fatal(err)
		}
	}
	end := hold(t, address, `WITH s AS (SELECT 1 FROM sessions LIMIT 1 FOR UPDATE), m AS (SELECT 1 FROM mails LIMIT 1 FOR UPDATE)
		SELECT (SELECT count(*) FROM s) + (SELECT count(*) FROM m)`)
	mails, err := s.TakeMails(t.Context(), dawn, dawn.Add(time.Hour), 10)
	if err != nil || len(mails) != 2 {
		t.Errorf("%d mails taken (%v), want 2", len(mails), err)
	}
	late := dawn.Add(24 * time.Hour)
	if n, err := s.Expire(t.Context(), late, 10); err != nil || n != 3+2 {
		t.Errorf("%d rows swept (%v), want 3 spends and 2 sessions", n, err)
	}
	end("COMMIT")
	if n, err := s.Expire(t.Context(), late, 10); err != nil || n != 1 {
		t.Errorf("%d rows swept (%v), want 1", n, err)
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
			s, patient := openTest(t, c), openTest(t, Config{URL: c.URL})
			up := signUp(1)
			if err := patient.RecordSignUp(t.Context(), up); err != nil {
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
			if err := patient.RecordSignIn(t.Context(), v); err != nil {
				t.Error(err)
			}
			wantChained(t, patient, 2)
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

// TestBusy: who finds no connection is told so in time, and whoever goes away meanwhile
// goes away.
func TestBusy(t *testing.T) {
	address := migrated(t)
	// taken is a store all of whose connections are taken, and how to give them back.
	taken := func(c Config) (*Store, func()) {
		c.URL, c.MaxConns = address, 1
		s := openTest(t, c)
		conn, err := s.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s, conn.Release
	}
	s, release := taken(Config{StatementTimeout: 200 * time.Millisecond})
	for name, do := range map[string]func() error{
		"a read":  func() error { _, err := s.Account(t.Context(), key("account")); return err },
		"a verb":  func() error { return s.RecordSignUp(t.Context(), signUp(1)) },
		"sign-in": func() error { return s.RecordSignIn(t.Context(), signIn(signUp(1), 1)) },
		"who":     func() error { _, _, err := s.CredentialAndAccount(t.Context(), key("credential")); return err },
	} {
		if err := do(); !errors.Is(err, ErrBusy) {
			t.Errorf("%s without a connection: %v, want %v", name, err, ErrBusy)
		}
	}
	release()
	until(t, "a connection that was given back", func() bool { return s.RecordSignUp(t.Context(), signUp(1)) == nil })

	s, release = taken(Config{})
	gone, leave := context.WithCancel(t.Context())
	answers := make(chan error, 4)
	go func() {
		_, err := s.Account(gone, key("account"))
		answers <- err
	}()
	go func() {
		_, _, err := s.CredentialAndAccount(gone, key("credential"))
		answers <- err
	}()
	go func() { answers <- s.RecordSignUp(gone, signUp(1)) }()
	go func() { answers <- s.RecordSignIn(gone, signIn(signUp(1), 1)) }()
	leave()
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("after its caller went away: %v, want %v", err, context.Canceled)
		}
	}
	release()
	if err := s.RecordSignIn(t.Context(), signIn(signUp(1), 1)); err != nil {
		t.Error(err)
	}
}
