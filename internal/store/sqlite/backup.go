package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Backup writes a copy of the database to path, with mode 0600, while the store goes on
// reading and writing. The copy is the store at one moment, no earlier than the call:
// every verb that was acknowledged before is in it, whole. It is a database of its own,
// which Open opens, and holds nothing of what was deleted. The write-ahead log grows
// for as long as the copy takes, since it cannot start over meanwhile.
//
// The file appears under its name when it is complete and on the disk. One that is there
// already is never overwritten: the error is fs.ErrExist. A process that dies leaves at
// most a hidden file beside it, whose name ends in .partial.
func (s *Store) Backup(ctx context.Context, path string) error {
	ctx, done, err := s.beginBackup(ctx)
	if err != nil {
		return err
	}
	defer done()
	return backUp(ctx, s.path, path)
}

// BackUp is Backup of a database that this process has not open, and another perhaps
// has: it neither brings the schema up to date nor starts anything. Further errors:
// fs.ErrNotExist, ErrForeign, and ErrDamaged where the copying finds damage.
func BackUp(ctx context.Context, from, path string) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("sqlite: backup of %s: %w", from, err)
	}
	return backUp(ctx, from, path)
}

func backUp(ctx context.Context, from, path string) error {
	err := backup(ctx, from, path)
	if err == nil {
		return nil
	}
	switch code := sqlite.ErrCode(err).ToPrimary(); {
	case code == sqlite.ResultInterrupt && ctx.Err() != nil:
		err = context.Cause(ctx)
	case code == sqlite.ResultNotADB:
		err = fmt.Errorf("%w: %w", ErrForeign, err)
	case code == sqlite.ResultCorrupt:
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("sqlite: backup to %s: %w", path, err)
}

// beginBackup makes Close wait for the backup, and the backup end when Close begins.
func (s *Store) beginBackup(ctx context.Context) (context.Context, func(), error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	s.backups.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		select {
		case <-s.gone:
			cancel(ErrClosed)
		case <-ended:
		}
	}()
	return ctx, func() {
		close(ended)
		cancel(nil)
		s.backups.Done()
	}, nil
}

func backup(ctx context.Context, from, path string) (err error) {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(path), ".keyturn-*.partial") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, partial.Close())
		if err != nil {
			_ = os.Remove(partial.Name()) // the error that led here is the one to report
		}
	}()
	if err := copyInto(ctx, from, partial.Name()); err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return err
	}
	return publish(partial.Name(), path)
}

// copyInto writes the database at from as of now to an empty file. It reads in one transaction,
// which in a write-ahead log keeps nobody from writing.
func copyInto(ctx context.Context, from, file string) error {
	conn, err := dial(from)
	if err != nil {
		return err
	}
	conn.SetInterrupt(ctx.Done())
	if err := recognise(conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	err = sqlitex.ExecuteTransient(conn, "VACUUM INTO ?", &sqlitex.ExecOptions{Args: []any{file}})
	return errors.Join(err, conn.Close())
}

// publish gives a complete file its name, which must be free: reserving it first keeps
// two backups from becoming one.
func publish(partial, path string) error {
	reserved, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(reserved.Close(), os.Rename(partial, path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a new name in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
