package sqlite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

func TestGroup(t *testing.T) {
	s := openTest(t, Config{})
	if err := s.RecordSignUp(t.Context(), signUp(0)); err != nil {
		t.Fatal(err)
	}
	commits, writes := s.Commits(), s.Writes()
	refused := signUp(2)
	refused.Credential.Key = signUp(0).Credential.Key
	neighbour := signUp(4)
	neighbour.Identifiers[0].Key = signUp(3).Identifiers[0].Key // taken by one in the same group
	release := hold(t, s)
	answers := later(t, s,
		func() error { return s.RecordSignUp(t.Context(), signUp(1)) },
		func() error { return s.RecordSignUp(t.Context(), refused) },
		func() error { return s.RecordSignUp(t.Context(), signUp(3)) },
		func() error { return s.RecordSignUp(t.Context(), neighbour) },
		func() error { return s.RecordSignUp(t.Context(), signUp(3)) }, // its repeat
	)
	release()
	for i, want := range []error{nil, store.ErrTaken, nil, store.ErrTaken, nil} {
		if err := <-answers[i]; !errors.Is(err, want) {
			t.Errorf("operation %d: %v, want %v", i, err, want)
		}
	}
	if s.Commits() != commits+1 || s.Writes() != writes+2 {
		t.Errorf("%d commits and %d writes, want 1 and 2", s.Commits()-commits, s.Writes()-writes)
	}
	wantAccounts(t, s, 0, 1, 3)
	wantChained(t, s, 3)
}

// wantAccounts demands that just these people of signUp are there.
func wantAccounts(t *testing.T, s *Store, people ...int) {
	t.Helper()
	list, err := s.ListAccounts(t.Context(), nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(people) {
		t.Errorf("%d accounts, want %d", len(list), len(people))
	}
	for _, n := range people {
		v := signUp(n)
		_, account, err := s.CredentialAndAccount(t.Context(), v.Credential.Key)
		if err != nil || !bytes.Equal(account.Key, v.Account.Key) {
			t.Errorf("person %d is not whole: %v", n, err)
		}
	}
}

// TestGroupOfOneChain: the events of a group stand on one chain, and those of the next
// group on another, so that no chain is left behind.
func TestGroupOfOneChain(t *testing.T) {
	s := openTest(t, Config{})
	for group := range chains {
		release := hold(t, s)
		answers := later(t, s,
			func() error { return s.Append(t.Context(), anyEvent) },
			func() error { return s.RecordSignUp(t.Context(), signUp(group)) },
		)
		release()
		for _, answer := range answers {
			if err := <-answer; err != nil {
				t.Fatal(err)
			}
		}
	}
	for chain := range s.Chains() {
		list, err := s.Chain(t.Context(), chain, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 {
			t.Errorf("chain %d has %d events, want those of one group", chain, len(list))
		}
	}
}

func TestGroupLimit(t *testing.T) {
	s := openTest(t, Config{})
	release := hold(t, s)
	ops := make([]*operation, groupLimit+1)
	for i := range ops {
		op := signUp(i).Op
		spend := *signUp(i).Spend
		ops[i] = &operation{ctx: t.Context(), answer: make(chan error, 1), run: func(x *tx) error {
			x.putSpend(spend, op, verbSpend)
			return nil
		}}
		if err := s.enqueue(ops[i]); err != nil {
			t.Fatal(err)
		}
	}
	release()
	for _, op := range ops {
		if err := <-op.answer; err != nil {
			t.Fatal(err)
		}
	}
	if s.Commits() != 2 || s.Writes() != groupLimit+1 {
		t.Errorf("%d commits and %d writes, want 2 and %d", s.Commits(), s.Writes(), groupLimit+1)
	}
}

func TestQueueFull(t *testing.T) {
	s := openTest(t, Config{QueueLimit: 2})
	release := hold(t, s)
	answers := later(t, s,
		func() error { return s.RecordSignUp(t.Context(), signUp(1)) },
		func() error { return s.RecordSignUp(t.Context(), signUp(2)) },
	)
	if err := s.RecordSignUp(t.Context(), signUp(3)); !errors.Is(err, ErrBusy) {
		t.Errorf("with a full queue: %v, want %v", err, ErrBusy)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("ping with a full queue: %v, want %v", err, ErrBusy)
	}
	if _, err := s.Keys(t.Context()); err != nil {
		t.Errorf("reading beside a busy writer: %v", err)
	}
	release()
	for _, answer := range answers {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	wantAccounts(t, s, 1, 2)
	if err := s.RecordSignUp(t.Context(), signUp(3)); err != nil {
		t.Error(err)
	}
}

func TestEngineErrorUndoesTheGroup(t *testing.T) {
	var log bytes.Buffer
	s := openTest(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := s.RecordSignUp(t.Context(), signUp(0)); err != nil {
		t.Fatal(err)
	}
	commits, writes := s.Commits(), s.Writes()
	inWriter(t, s, func(conn *sqlite.Conn) error {
		pages, err := number(conn, "PRAGMA page_count")
		return errors.Join(err, executef(conn, "PRAGMA max_page_count = %d", pages+4))
	})
	large := signUp(2)
	large.Account.Body = make([]byte, 1<<20) // more than the disk has left
	taken := signUp(3)
	taken.Identifiers[0].Key = signUp(1).Identifiers[0].Key // of one that is undone with it
	release := hold(t, s)
	answers := later(t, s,
		func() error { return s.RecordSignUp(t.Context(), signUp(1)) },
		func() error { return s.RecordSignUp(t.Context(), taken) },
		func() error { return s.RecordSignUp(t.Context(), large) },
		func() error { return s.Append(t.Context(), anyEvent) },
	)
	release()
	for i, answer := range answers {
		if err := <-answer; sqlite.ErrCode(err) != sqlite.ResultFull {
			t.Errorf("operation %d: %v, want %v", i, err, sqlite.ResultFull)
		}
	}
	if s.Commits() != commits || s.Writes() != writes {
		t.Error("a group that was undone counts as written")
	}
	wantAccounts(t, s, 0)
	wantChained(t, s, 1)

	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping, for which there is space: %v", err)
	}
	inWriter(t, s, func(conn *sqlite.Conn) error { return executef(conn, "PRAGMA max_page_count = 100000") })
	for _, v := range []store.SignUp{signUp(1), large} {
		if err := s.RecordSignUp(t.Context(), v); err != nil {
			t.Errorf("the same operation once there is space: %v", err)
		}
	}
	wantChained(t, s, 3)
	if got := strings.Count(log.String(), "group rolled back"); got != 1 {
		t.Errorf("%d lines logged, want 1: %s", got, log.String())
	}
}

func TestHalfDoneUndoesTheGroup(t *testing.T) {
	s := openTest(t, Config{})
	v := signUp(1)
	err := s.submit(t.Context(), func(x *tx) error {
		x.putSpend(*v.Spend, v.Op, verbSpend)
		return store.ErrConflict
	})
	if !errors.Is(err, errHalfDone) {
		t.Errorf("error is %v, want %v", err, errHalfDone)
	}
	v.Op[0]++
	if err := s.Spend(t.Context(), v.Op, *v.Spend); err != nil {
		t.Errorf("half a verb was left: %v", err)
	}
}

func TestPanicInAnEvent(t *testing.T) {
	s := openTest(t, Config{})
	v := signUp(1)
	v.Event = func(store.Head) (store.Event, error) { panic("no") }
	if err := s.RecordSignUp(t.Context(), v); err == nil {
		t.Error("no error")
	}
	wantAccounts(t, s)
	if err := s.RecordSignUp(t.Context(), signUp(1)); err != nil {
		t.Error(err)
	}
}

func TestContextEndsInTheQueue(t *testing.T) {
	s := openTest(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	release := hold(t, s)
	answers := later(t, s,
		func() error { return s.RecordSignUp(ctx, signUp(1)) },
		func() error { return s.RecordSignUp(t.Context(), signUp(2)) },
	)
	cancel()
	if err := <-answers[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
	release()
	if err := <-answers[1]; err != nil {
		t.Error(err)
	}
	wantAccounts(t, s, 2)
}

// TestContextEndsUnderWay: the caller stops waiting for an operation that has
// begun, and finds out by its OpID that it happened.
func TestContextEndsUnderWay(t *testing.T) {
	s := openTest(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	begun, end := make(chan struct{}), make(chan struct{})
	v := signUp(1)
	v.Event = func(head store.Head) (store.Event, error) {
		close(begun)
		<-end
		return anyEvent(head)
	}
	answer := make(chan error, 1)
	go func() { answer <- s.RecordSignUp(ctx, v) }()
	<-begun
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
	close(end)
	if err := s.RecordSignUp(t.Context(), v); err != nil {
		t.Errorf("the repeat: %v", err)
	}
	if s.Writes() != 1 {
		t.Errorf("%d writes, want 1", s.Writes())
	}
	wantAccounts(t, s, 1)
}

func TestNothingWritten(t *testing.T) {
	s := openTest(t, Config{})
	if err := s.RecordSignUp(t.Context(), signUp(1)); err != nil {
		t.Fatal(err)
	}
	in := signIn(signUp(1), 1)
	in.Account.Version++
	for name, call := range map[string]func() error{
		"a repeat":         func() error { return s.RecordSignUp(t.Context(), signUp(1)) },
		"a refused verb":   func() error { return s.RecordSignIn(t.Context(), in) },
		"a malformed verb": func() error { return s.Spend(t.Context(), store.OpID{}, in.Spend) },
		"a ping":           func() error { return s.Ping(t.Context()) },
		"a sweep of nothing": func() error {
			_, err := s.Expire(t.Context(), dawn, 10)
			return err
		},
		"a session that is gone": func() error {
			return s.ReplaceSession(t.Context(), store.SessionChange{Op: in.Op, Old: key("gone"), Event: anyEvent})
		},
	} {
		if err := call(); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Writes() != 1 || s.Commits() != 1 {
			t.Errorf("%s wrote", name)
		}
	}
}

// TestPingProbes: after a failed write a ping writes, until writing works again.
func TestPingProbes(t *testing.T) {
	s := openTest(t, Config{})
	failed := errors.New("the disk is on fire")
	err := s.submit(t.Context(), func(x *tx) error {
		x.fault = failed
		return nil
	})
	if !errors.Is(err, failed) {
		t.Fatalf("error is %v, want %v", err, failed)
	}
	for range 2 {
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.Writes() != 1 {
			t.Errorf("%d writes by pings, want 1", s.Writes())
		}
	}
}

func TestCloseDrains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	s := openTest(t, Config{Path: path})
	release := hold(t, s)
	answers := later(t, s, func() error { return s.RecordSignUp(t.Context(), signUp(1)) })
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.gone
	if err := s.Append(t.Context(), anyEvent); !errors.Is(err, ErrClosed) {
		t.Errorf("a verb after Close has begun: %v", err)
	}
	release()
	if err := <-answers[0]; err != nil {
		t.Errorf("what was queued: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	if _, err := s.Keys(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	wantAccounts(t, openTest(t, Config{Path: path}), 1)
}

func TestCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	s := openTest(t, Config{Path: path})
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range checkpointCommits {
		if err := s.RecordSignUp(t.Context(), signUp(i)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a checkpoint", func() bool {
		after, err := os.Stat(path)
		return err == nil && after.Size() > before.Size()
	})
}
