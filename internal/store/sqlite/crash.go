package sqlite

import (
	"context"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"
)

// crashed tells whether whoever had the file at path open last did not close it, and
// nobody has it open now. The engine's own habit says so: the last connection to close
// moves the write-ahead log into the file and removes it. So a log that is there and
// goes when we come and leave belonged to nobody any more.
func crashed(ctx context.Context, path string) (bool, error) {
	if !logLeft(path) {
		return false, nil
	}
	conn, err := dial(path)
	if err != nil {
		return false, err
	}
	conn.SetInterrupt(ctx.Done())
	if err := recognise(conn); err != nil {
		_ = conn.Close() // the error that led here is the one to report
		return false, err
	}
	if err := conn.Close(); err != nil {
		return false, err
	}
	return !logLeft(path), nil
}

func logLeft(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

// inspect reads the whole file and demands that its structure is sound. It does not
// compare indexes with their tables, which would take many times as long.
func inspect(conn *sqlite.Conn) error {
	finding := ""
	_, err := scanRows(conn, "PRAGMA quick_check(1)", func(stmt *sqlite.Stmt) { finding = stmt.ColumnText(0) })
	if err != nil {
		return err
	}
	if finding != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, finding)
	}
	return nil
}
