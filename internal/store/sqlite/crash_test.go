package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"zombiezen.com/go/sqlite"
)

// crashEnv tells a copy of this test binary to write to the database it names
// until it is killed; crashFrom is the number of the first person to sign up.
const (
	crashEnv  = "KEYTURN_SQLITE_CRASH_PATH"
	crashFrom = "KEYTURN_SQLITE_CRASH_FROM"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled prints the number of each person whose sign-up was acknowledged.
func writeUntilKilled(path string) error {
	from, err := strconv.Atoi(os.Getenv(crashFrom))
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(int64(from))
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				n := int(next.Add(1))
				if err := s.RecordSignUp(context.Background(), signUp(n)); err != nil {
					failed <- err
				}
				if _, err := fmt.Printf("%d\n", n); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// TestKilled kills a process in the middle of its writes, again and again: every
// acknowledged verb is there, whole, and so is any other that is there at all.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	var acknowledged []int
	for round := range 10 {
		acknowledged = append(acknowledged, writeAndKill(t, path, round*1_000_000, 20+round*37)...)
		s := openTest(t, Config{Path: path})
		for _, n := range acknowledged {
			v := signUp(n)
			_, account, err := s.SessionAndAccount(t.Context(), v.Session.Key)
			if err != nil || account.Version != 1 {
				t.Fatalf("round %d: the acknowledged sign-up %d is lost: %v", round, n, err)
			}
		}
		wantWhole(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeAndKill runs a child until it has acknowledged so many, kills it, and
// returns all that it acknowledged.
func writeAndKill(t *testing.T, path string, from, enough int) (acknowledged []int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path, crashFrom+"="+strconv.Itoa(from))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // the last line may be cut off: nobody was told
			break
		}
		n, err := strconv.Atoi(line[:len(line)-1])
		if err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, n)
		if len(acknowledged) == enough {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < enough {
		t.Fatalf("the child ended by itself after %d: %v", len(acknowledged), err)
	}
	return acknowledged
}

// wantWhole demands that each sign-up wrote all of its rows or none, and that the
// engine finds the file sound.
func wantWhole(t *testing.T, s *Store) {
	t.Helper()
	inWriter(t, s, func(conn *sqlite.Conn) error {
		accounts, err := number(conn, "SELECT count(*) FROM accounts")
		if err != nil {
			return err
		}
		for _, table := range []string{"identifiers", "credentials", "sessions", "spends", "events"} {
			rows, err := number(conn, "SELECT count(*) FROM "+table)
			if err != nil {
				return err
			}
			if rows != accounts {
				t.Errorf("%d rows in %s beside %d accounts", rows, table, accounts)
			}
		}
		sound, err := number(conn, "SELECT integrity_check = 'ok' FROM pragma_integrity_check")
		if sound != 1 {
			t.Error("the file is not sound")
		}
		return err
	})
}
