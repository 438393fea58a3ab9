package sqlite

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/internal/store"
)

var dawn = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// id is 16 bytes that stand for a kind of thing and its numbers.
func id(kind string, numbers ...int) [16]byte {
	sum := sha256.Sum256(fmt.Append(nil, kind, numbers))
	return [16]byte(sum[:16])
}

func key(kind string, numbers ...int) []byte {
	k := id(kind, numbers...)
	return k[:]
}

func anyEvent(head store.Head) (store.Event, error) {
	return eventOf(key("account"), dawn)(head)
}

// eventOf makes an event that concerns account, about as large as a real one.
func eventOf(account []byte, at time.Time) store.EventFunc {
	return func(head store.Head) (store.Event, error) {
		link := sha256.Sum256(append([]byte("event"), head.Link...))
		return store.Event{
			Chain: head.Chain, Number: head.Number + 1, At: at,
			Account: account, Link: link[:], Body: make([]byte, 300),
		}, nil
	}
}

// signUp is the sign-up of person n, with rows about as large as real ones.
func signUp(n int) store.SignUp {
	account := store.Row{Key: key("account", n), Version: 1, Body: make([]byte, 500)}
	return store.SignUp{
		Op:          store.OpID(id("op", n)),
		Spend:       &store.Spend{ID: id("spend", n), Expires: dawn},
		Account:     account,
		Identifiers: []store.Identifier{{Key: key("identifier", n), Account: account.Key, Body: make([]byte, 100)}},
		Credential: &store.Credential{
			Row:     store.Row{Key: key("credential", n), Version: 1, Body: make([]byte, 100)},
			Account: account.Key, State: 1, Sealed: make([]byte, 300), Name: make([]byte, 60),
		},
		Session: &store.Session{
			Row:     store.Row{Key: key("session", n), Version: 1, Body: make([]byte, 200)},
			Account: account.Key, Expires: dawn.Add(time.Hour),
		},
		Event: anyEvent,
	}
}

// signIn is the n-th sign-in of who signed up by v. Its session's key starts with
// the time, as a UUIDv7 does.
func signIn(v store.SignUp, n int) store.SignIn {
	session := *v.Session
	session.Key = append(fmt.Appendf(nil, "%08x", n), v.Account.Key[:8]...)
	session.Expires = dawn.Add(48*time.Hour + time.Duration(n)*time.Millisecond)
	return store.SignIn{
		Op:      store.OpID(id("sign-in", n)),
		Spend:   store.Spend{ID: id("sign-in", n), Expires: dawn.Add(time.Duration(n) * time.Millisecond)},
		Account: store.Ref{Key: v.Account.Key, Version: 1},
		Use:     store.CredentialUse{Key: v.Credential.Key, State: 1, Version: 1, Within: 1, At: dawn},
		Session: &session,
		Event:   eventOf(v.Account.Key, dawn.Add(time.Duration(n)*time.Millisecond)),
	}
}

// wantChained demands that the chains hold so many events in all, without gaps.
func wantChained(t *testing.T, s *Store, want int) {
	t.Helper()
	total := 0
	for chain := range s.Chains() {
		list, err := s.Chain(t.Context(), chain, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range list {
			if e.Number != uint64(i+1) {
				t.Fatalf("chain %d: number %d stands at %d", chain, e.Number, i+1)
			}
		}
		total += len(list)
	}
	if total != want {
		t.Errorf("%d events, want %d", total, want)
	}
}

// hold keeps the writer busy until release is called; what is queued meanwhile
// becomes one group.
func hold(t testing.TB, s *Store) (release func()) {
	t.Helper()
	begun, end := make(chan struct{}), make(chan struct{})
	op := &operation{ctx: t.Context(), answer: make(chan error, 1), run: func(*tx) error {
		close(begun)
		<-end
		return nil
	}}
	if err := s.enqueue(op); err != nil {
		t.Fatal(err)
	}
	<-begun
	return func() { close(end) }
}

// until waits for what another goroutine is about to bring about.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		runtime.Gosched()
	}
}

// later starts calls that will be queued, in that order, behind a writer that is
// held, and returns where their errors will come.
func later(t *testing.T, s *Store, calls ...func() error) []chan error {
	t.Helper()
	answers := make([]chan error, len(calls))
	for i, call := range calls {
		answers[i] = make(chan error, 1)
		queued := len(s.writer.queue)
		go func() { answers[i] <- call() }()
		until(t, "the queue", func() bool { return len(s.writer.queue) > queued })
	}
	return answers
}

func create(t *testing.T, path string) *sqlite.Conn {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func closeConn(t *testing.T, conn *sqlite.Conn) {
	t.Helper()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func executef(conn *sqlite.Conn, format string, args ...any) error {
	return sqlitex.ExecuteTransient(conn, fmt.Sprintf(format, args...), nil)
}
