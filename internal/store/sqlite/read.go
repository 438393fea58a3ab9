package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// with lends a reader to use. Each query that use runs sees one moment of the
// database, no earlier than now.
func (s *Store) with(ctx context.Context, use func(*sqlite.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return abandoned(err)
	}
	conn, err := s.readers.take(ctx, s.gone)
	if err != nil {
		return err
	}
	defer s.readers.put(conn)
	return use(conn)
}

// readAll runs a query, calling scan for each row.
func (s *Store) readAll(ctx context.Context, query string, scan func(*sqlite.Stmt), args ...any) error {
	return s.with(ctx, func(conn *sqlite.Conn) error {
		if _, err := scanRows(conn, query, scan, args...); err != nil {
			return fmt.Errorf("sqlite: read: %w", err)
		}
		return nil
	})
}

// readOne runs a query for one row; store.ErrNotFound when there is none.
func (s *Store) readOne(ctx context.Context, query string, scan func(*sqlite.Stmt), args ...any) error {
	return s.with(ctx, func(conn *sqlite.Conn) error {
		found, err := scanRows(conn, query, scan, args...)
		switch {
		case err != nil:
			return fmt.Errorf("sqlite: read: %w", err)
		case !found:
			return store.ErrNotFound
		}
		return nil
	})
}

// scanRow reads key, version and body from three columns.
func scanRow(stmt *sqlite.Stmt, from int) store.Row {
	return store.Row{
		Key:     blob(stmt, from),
		Version: unsigned(stmt, from+1),
		Body:    blob(stmt, from+2),
	}
}
