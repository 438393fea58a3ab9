package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
)

// What stands in the way of a restore.
var (
	// ErrInUse: another process has the database open.
	ErrInUse = errors.New("sqlite: another process has the database open")
	// ErrUnfinished: the file has a write-ahead log beside it, so it is not a whole
	// database but one that is open, or was when it was copied.
	ErrUnfinished = errors.New("sqlite: the file has a write-ahead log beside it: it is a database that was not closed, and no backup")
)

// Stage copies a backup to a hidden file in the folder of the database at path, mode
// 0600, and returns its name. Open it, judge it, close it, and give it to Place; or
// remove it. The backup itself is only read. Errors: ErrUnfinished, or the file system's.
func Stage(ctx context.Context, backup, path string) (_ string, err error) {
	if logLeft(backup) {
		return "", fmt.Errorf("%w: %s-wal", ErrUnfinished, backup)
	}
	source, err := os.Open(backup)
	if err != nil {
		return "", fmt.Errorf("sqlite: restore: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if info, err := source.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("sqlite: restore: %s is not a file", backup), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("sqlite: restore: make the directory: %w", err)
	}
	staged, err := os.CreateTemp(filepath.Dir(path), ".keyturn-*.partial") // mode 0600
	if err != nil {
		return "", fmt.Errorf("sqlite: restore: %w", err)
	}
	_, err = io.Copy(staged, whileOpen{ctx, source})
	if err = errors.Join(err, staged.Sync(), staged.Close()); err != nil {
		Discard(staged.Name())
		return "", fmt.Errorf("sqlite: restore: copy: %w", err)
	}
	return staged.Name(), nil
}

// whileOpen reads until its context ends.
type whileOpen struct {
	ctx    context.Context
	source io.Reader
}

func (r whileOpen) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.source.Read(b)
}

// suffixes of the files that a database may have beside it.
func suffixes() []string { return []string{"", "-wal", "-shm", "-journal"} }

// Discard removes a staged file, with what stands beside it.
func Discard(staged string) {
	for _, suffix := range suffixes() {
		_ = os.Remove(staged + suffix) // what is left is hidden and of no use
	}
}

// Place gives a staged database, which is closed, the name path. Without aside nothing
// may be there: fs.ErrExist. With it, a database that is there is moved to path and the
// time, and its new name returned; ErrInUse when somebody has it open. One that is too
// damaged to be asked is moved as it is.
func Place(staged, path string, aside bool, now time.Time) (kept string, err error) {
	if _, err := os.Lstat(path); err == nil {
		if !aside {
			return "", fmt.Errorf("sqlite: restore to %s: %w", path, fs.ErrExist)
		}
		if kept, err = setAside(path, now); err != nil {
			return "", fmt.Errorf("sqlite: restore to %s: %w", path, err)
		}
	}
	// A log of another database that was left behind would be taken for this one's.
	for _, suffix := range suffixes()[1:] {
		if _, err := os.Lstat(path + suffix); err == nil {
			return kept, fmt.Errorf("sqlite: restore to %s: %s is in the way: %w", path, path+suffix, fs.ErrExist)
		}
	}
	if err := publish(staged, path); err != nil {
		return kept, fmt.Errorf("sqlite: restore to %s: %w", path, err)
	}
	return kept, nil
}

// setAside renames a database that nobody has open.
func setAside(path string, now time.Time) (kept string, err error) {
	if err := standAlone(path); err != nil {
		return "", err
	}
	kept = path + now.UTC().Format(".20060102T150405Z")
	if _, err := os.Lstat(kept); err == nil {
		return "", fmt.Errorf("%s: %w", kept, fs.ErrExist)
	}
	for _, suffix := range suffixes() {
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return kept, syncDirectory(filepath.Dir(path))
}

// standAlone moves the write-ahead log into the file. Leaving that mode takes a lock
// which nobody gets while another connection is open: so it also tells whether one is.
// What cannot be asked, because it is damaged or no database at all, nobody uses.
func standAlone(path string) error {
	conn, err := dial(path)
	if err == nil {
		conn.SetBusyTimeout(time.Second)
		err = pragmas(conn, "journal_mode = DELETE")
		_ = conn.Close() // what it has to say was said
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return ErrInUse
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return nil
	}
	return err
}

// Check reads the whole database and demands that it is sound: its structure, and that
// indexes agree with their tables. Readers and the writer go on meanwhile. ErrDamaged
// says what it found.
func (s *Store) Check(ctx context.Context) error {
	ctx, done, err := s.beginBackup(ctx)
	if err != nil {
		return err
	}
	defer done()
	conn, err := dial(s.path)
	if err != nil {
		return fmt.Errorf("sqlite: check: %w", err)
	}
	conn.SetInterrupt(ctx.Done())
	finding := ""
	_, err = scanRows(conn, "PRAGMA integrity_check(1)", func(stmt *sqlite.Stmt) { finding = stmt.ColumnText(0) })
	err = errors.Join(err, conn.Close())
	switch {
	case sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil:
		return fmt.Errorf("sqlite: check: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case finding != "ok":
		return fmt.Errorf("%w: %s", ErrDamaged, finding)
	}
	return nil
}
