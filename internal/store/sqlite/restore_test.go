package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// backedUp is a backup of a store with some people, made by another process's eyes.
func backedUp(t *testing.T, people int) string {
	t.Helper()
	s := openTest(t, Config{})
	for n := range people {
		if err := s.RecordSignUp(t.Context(), signUp(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "backup.db")
	if err := BackUp(t.Context(), s.path, path); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	return path
}

// TestRestore: a backup takes its place, whole, and what stood there is kept and opens.
func TestRestore(t *testing.T) {
	backup, path := backedUp(t, 3), filepath.Join(t.TempDir(), "data", "keyturn.db")
	restore := func(backup string, aside bool) string {
		t.Helper()
		staged, err := Stage(t.Context(), backup, path)
		if err != nil {
			t.Fatal(err)
		}
		wantMode(t, staged, 0o600)
		kept, err := Place(staged, path, aside, noon)
		if err != nil {
			t.Fatal(err)
		}
		wantMode(t, path, 0o600)
		return kept
	}
	if kept := restore(backup, false); kept != "" {
		t.Errorf("%s was kept, and nothing was there", kept)
	}
	first, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	wantAccounts(t, first, 0, 1, 2)
	if err := errors.Join(first.RecordSignUp(t.Context(), signUp(7)), first.Close()); err != nil {
		t.Fatal(err)
	}
	kept := restore(backedUp(t, 1), true)
	if want := path + ".20260504T120000Z"; kept != want {
		t.Errorf("kept as %q, want %q", kept, want)
	}
	wantAccounts(t, openTest(t, Config{Path: path}), 0)
	wantAccounts(t, openTest(t, Config{Path: kept}), 0, 1, 2, 7)
}

// TestRestoreAfterACrash: what a crash left is kept with its log, and the log is not
// taken for that of the new database.
func TestRestoreAfterACrash(t *testing.T) {
	path := crash(t, openTest(t, Config{}), 6)
	staged, err := Stage(t.Context(), backedUp(t, 2), path)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := Place(staged, path, true, noon)
	if err != nil {
		t.Fatal(err)
	}
	wantAccounts(t, openTest(t, Config{Path: path}), 0, 1)
	wantAccounts(t, openTest(t, Config{Path: kept}), 0, 1, 2, 3, 4, 5)
}

func TestRestoreRefuses(t *testing.T) {
	backup := backedUp(t, 1)
	live := openTest(t, Config{})
	lone := filepath.Join(t.TempDir(), "keyturn.db")
	if err := os.WriteFile(lone+"-wal", []byte("a log"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path  string
		aside bool
		want  error
	}{
		"a database that is there": {live.path, false, fs.ErrExist},
		"one that is open":         {live.path, true, ErrInUse},
		"a log that was left":      {lone, true, fs.ErrExist},
	} {
		t.Run(name, func(t *testing.T) {
			staged, err := Stage(t.Context(), backup, c.path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Place(staged, c.path, c.aside, noon); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			Discard(staged)
			if _, err := os.Lstat(staged); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the staged file is still there: %v", err)
			}
		})
	}
	if err := live.RecordSignUp(t.Context(), signUp(9)); err != nil {
		t.Errorf("the store that was open does not go on: %v", err)
	}
}

// TestRestoreOverDamage: a file that nobody can open any more is what a backup is for.
func TestRestoreOverDamage(t *testing.T) {
	for name, text := range map[string]string{"no database": "diary, by no means a database", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyturn.db")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			staged, err := Stage(t.Context(), backedUp(t, 1), path)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := Place(staged, path, true, noon)
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := os.ReadFile(kept); err != nil || string(raw) != text {
				t.Errorf("what was there is now %q (%v)", raw, err)
			}
		})
	}
}

func TestStageRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyturn.db")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		backup string
		want   error
	}{
		"a database that was not closed": {t.Context(), crash(t, openTest(t, Config{}), 2), ErrUnfinished},
		"no file":                        {t.Context(), filepath.Join(t.TempDir(), "none"), fs.ErrNotExist},
		"a folder":                       {t.Context(), t.TempDir(), nil},
		"a context that ended":           {ended, backedUp(t, 1), context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			staged, err := Stage(c.ctx, c.backup, path)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v (%s)", err, c.want, staged)
			}
		})
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("refusals left something behind: %v %v", left, err)
	}
}

func TestBackUpRefuses(t *testing.T) {
	dir := t.TempDir()
	foreign, hurt := filepath.Join(dir, "foreign.db"), backedUp(t, 50)
	conn := create(t, foreign)
	if err := executef(conn, "CREATE TABLE diary (day)"); err != nil {
		t.Fatal(err)
	}
	closeConn(t, conn)
	s := openTest(t, Config{Path: hurt})
	page := root(t, s, "accounts")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, hurt, page)
	for from, want := range map[string]error{
		filepath.Join(dir, "none"): fs.ErrNotExist, foreign: ErrForeign, hurt: ErrDamaged,
	} {
		if err := BackUp(t.Context(), from, filepath.Join(dir, "copy.db")); !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want %v", filepath.Base(from), err, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("refused backups left something behind: %v %v", left, err)
	}
}

// TestCheck: damage is found where opening does not look.
func TestCheck(t *testing.T) {
	path := backedUp(t, 50)
	s := openTest(t, Config{Path: path})
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("a sound database: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Check(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v", err)
	}
	page := root(t, s, "accounts")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the close: %v", err)
	}
	damage(t, path, page)
	if err := openTest(t, Config{Path: path}).Check(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged database: %v", err)
	}
}

// TestWaiting: whoever waits for the writer is counted.
func TestWaiting(t *testing.T) {
	s := openTest(t, Config{})
	release := hold(t, s)
	answers := later(t, s, func() error { return s.RecordSignUp(t.Context(), signUp(1)) })
	until(t, "an operation in the queue", func() bool { return s.Waiting() == 1 })
	release()
	if err := <-answers[0]; err != nil || s.Waiting() != 0 {
		t.Errorf("%v, and %d wait", err, s.Waiting())
	}
}
