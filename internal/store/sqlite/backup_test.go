package sqlite

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// TestBackupUnderLoad: each copy that is made while people sign up is a sound store,
// whole, with everybody whose sign-up was acknowledged before it began.
func TestBackupUnderLoad(t *testing.T) {
	s := openTest(t, Config{})
	var next, acknowledged atomic.Int64 // acknowledged: all up to it
	stop := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				failed <- nil
				return
			default:
			}
			n := next.Add(1)
			if err := s.RecordSignUp(t.Context(), signUp(int(n))); err != nil {
				failed <- err
				return
			}
			acknowledged.Store(n)
		}
	}()
	for _, many := range []int64{1, 50, 200} {
		until(t, "sign-ups", func() bool { return acknowledged.Load() >= many })
		before := acknowledged.Load()
		path := filepath.Join(t.TempDir(), "copy.db")
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		until(t, "more sign-ups", func() bool { return acknowledged.Load() > before })
		wantMode(t, path, 0o600)
		again := openTest(t, Config{Path: path})
		wantWhole(t, again)
		for n := range before {
			if _, _, err := again.SessionAndAccount(t.Context(), signUp(int(n+1)).Session.Key); err != nil {
				t.Fatalf("person %d of %d is not in the copy: %v", n+1, before, err)
			}
		}
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

// TestBackupIsAStore: the copy can be told from no store that it is, and goes its own way.
func TestBackupIsAStore(t *testing.T) {
	s := openTest(t, Config{})
	if err := s.RecordSignUp(t.Context(), signUp(1)); err != nil {
		t.Fatal(err)
	}
	gone := signUp(2)
	gone.Account.Body = bytes.Repeat([]byte("forget me "), 50)
	if err := s.RecordSignUp(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	ref := store.Ref{Key: gone.Account.Key, Version: 1}
	if err := s.DeleteAccount(t.Context(), store.Deletion{Op: store.OpID(id("deletion")), Account: ref, Event: anyEvent}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if leaves, err := os.ReadDir(filepath.Dir(path)); err != nil || len(leaves) != 1 {
		t.Errorf("beside the copy lies something else: %v %v", leaves, err)
	}
	if raw, err := os.ReadFile(path); err != nil || bytes.Contains(raw, []byte("forget me")) {
		t.Errorf("what was deleted is in the copy (%v)", err)
	}
	again := openTest(t, Config{Path: path})
	if err := again.RecordSignUp(t.Context(), signUp(3)); err != nil {
		t.Fatal(err)
	}
	wantAccounts(t, again, 1, 3)
	wantAccounts(t, s, 1)
	inWriter(t, again, func(conn *sqlite.Conn) error {
		version, err := number(conn, "PRAGMA user_version")
		if version != 3 {
			t.Errorf("schema %d", version)
		}
		return err
	})
}

func TestBackupRefuses(t *testing.T) {
	s := openTest(t, Config{})
	if err := s.RecordSignUp(t.Context(), signUp(1)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	there := filepath.Join(dir, "there.db")
	if err := os.WriteFile(there, []byte("diary"), 0o644); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(dir, "dangling.db")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		path string
		want error
	}{
		"a file that is there":   {t.Context(), there, fs.ErrExist},
		"a link to nowhere":      {t.Context(), dangling, fs.ErrExist},
		"a directory":            {t.Context(), dir, fs.ErrExist},
		"no such directory":      {t.Context(), filepath.Join(dir, "none", "copy.db"), fs.ErrNotExist},
		"a context that ended":   {ended, filepath.Join(dir, "copy.db"), context.Canceled},
		"before it copies":       {ended, there, fs.ErrExist},
		"itself":                 {t.Context(), s.path, fs.ErrExist},
		"a path below a file":    {t.Context(), filepath.Join(there, "copy.db"), syscall.ENOTDIR},
		"a name with no meaning": {t.Context(), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Backup(c.ctx, c.path)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
	if raw, err := os.ReadFile(there); err != nil || string(raw) != "diary" {
		t.Errorf("what was there is now %q (%v)", raw, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("refused backups left something behind: %v %v", left, err)
	}
}

// TestBackupRaces: of those who back up to one name at the same time, one does.
func TestBackupRaces(t *testing.T) {
	s := openTest(t, Config{})
	path := filepath.Join(t.TempDir(), "copy.db")
	const callers = 4
	answers := make(chan error, callers)
	for range callers {
		go func() { answers <- s.Backup(t.Context(), path) }()
	}
	made := 0
	for range callers {
		switch err := <-answers; {
		case err == nil:
			made++
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("error is %v, want %v", err, fs.ErrExist)
		}
	}
	if made != 1 {
		t.Errorf("%d made a backup", made)
	}
	wantAccounts(t, openTest(t, Config{Path: path}))
}

// TestCloseEndsBackups: Close neither waits for a long backup nor leaves one running.
func TestCloseEndsBackups(t *testing.T) {
	s := openTest(t, Config{})
	ctx, done, err := s.beginBackup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrClosed) {
		t.Errorf("it ended for %v, want %v", context.Cause(ctx), ErrClosed)
	}
	select {
	case err := <-closed:
		t.Fatalf("closed beside a backup: %v", err)
	case <-time.After(50 * time.Millisecond): // a close takes a few
	}
	if err := backup(ctx, s.path, filepath.Join(t.TempDir(), "copy.db")); err == nil {
		t.Error("a backup went on after Close had begun")
	}
	done()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, ErrClosed)
	}
}
