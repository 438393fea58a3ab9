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
)

// crash copies the files of a store as a crash would leave them, some of its pages in the
// file and some in the log, and returns where.
func crash(t *testing.T, s *Store, people int) string {
	t.Helper()
	for n := range people {
		if n == people/2 {
			inWriter(t, s, func(*sqlite.Conn) error { return moveLog(s.path) })
		}
		if err := s.RecordSignUp(t.Context(), signUp(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "keyturn.db")
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// moveLog moves what the log holds so far into the file.
func moveLog(path string) error {
	conn, err := dial(path)
	if err != nil {
		return err
	}
	return errors.Join(checkpoint(conn, "PASSIVE"), conn.Close())
}

// damage overwrites the head of a page with what no engine writes there.
func damage(t *testing.T, path string, page int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const size = 4096
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xff}, 64), (page-1)*size); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// root is the page where a table begins.
func root(t *testing.T, s *Store, table string) (page int64) {
	t.Helper()
	inWriter(t, s, func(conn *sqlite.Conn) (err error) {
		page, err = number(conn, "SELECT rootpage FROM sqlite_schema WHERE name = '"+table+"'")
		return err
	})
	return page
}

func TestCrashIsInspected(t *testing.T) {
	var log bytes.Buffer
	path := crash(t, openTest(t, Config{}), 60)
	s := openTest(t, Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if n := strings.Count(log.String(), "was not closed"); n != 1 {
		t.Errorf("%d lines say that it was not closed: %s", n, log.String())
	}
	people := make([]int, 60)
	for n := range people {
		people[n] = n
	}
	wantAccounts(t, s, people...)
	wantWhole(t, s)
}

// TestDamageAfterACrash: a page that the engine cannot have written is found before
// anything is served from the file, and the error says where and what to do.
func TestDamageAfterACrash(t *testing.T) {
	s := openTest(t, Config{})
	page := root(t, s, "hits") // nothing that starts reads it
	path := crash(t, s, 60)
	damage(t, path, page)
	found, err := Open(t.Context(), Config{Path: path})
	if err == nil {
		_ = found.Close()
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore") {
		t.Errorf("error is %v, want %v, naming %s", err, ErrDamaged, path)
	}
}

// TestDamageFoundAnyway: what the start itself cannot read is told in the same words.
func TestDamageFoundAnyway(t *testing.T) {
	s := openTest(t, Config{})
	page := root(t, s, "pulse")
	path := crash(t, s, 2)
	if err := closeCleanly(t, path); err != nil {
		t.Fatal(err)
	}
	damage(t, path, page)
	found, err := Open(t.Context(), Config{Path: path})
	if err == nil {
		_ = found.Close()
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("error is %v, want %v", err, ErrDamaged)
	}
}

func closeCleanly(t *testing.T, path string) error {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		return err
	}
	return s.Close()
}

// TestNoInspection: neither after a clean end nor beside a live process is the whole
// file read, which takes long when it is large.
func TestNoInspection(t *testing.T) {
	var log bytes.Buffer
	c := Config{Path: filepath.Join(t.TempDir(), "keyturn.db"), Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), anyEvent); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	live := openTest(t, c)
	for range 2 {
		if err := live.Append(t.Context(), anyEvent); err != nil {
			t.Fatal(err)
		}
		beside, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(beside.Append(t.Context(), anyEvent), beside.Close()); err != nil {
			t.Fatal(err)
		}
	}
	wantChained(t, live, 6)
	if log.Len() > 0 {
		t.Errorf("it says %s", log.String())
	}
}

// TestInspectionIsInterrupted: whoever starts a large store may give up.
func TestInspectionIsInterrupted(t *testing.T) {
	path := crash(t, openTest(t, Config{}), 10)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Open(ended, Config{Path: path}); err == nil {
		_ = s.Close()
		t.Error("no error")
	} else if errors.Is(err, ErrDamaged) {
		t.Errorf("giving up looks like damage: %v", err)
	}
}
