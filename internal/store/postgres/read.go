package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// readAll runs a query and reads every row. Each query sees one moment of the
// database, no earlier than now.
func readAll[V any](ctx context.Context, s *Store, scan pgx.RowToFunc[V], sql string, args ...any) (list []V, err error) {
	err = s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		list = nil
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return unread(conn, err)
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return unread(conn, err)
			}
			list = append(list, v)
		}
		return unread(conn, rows.Err())
	})
	return list, err
}

// readOne runs a query for one row; store.ErrNotFound when there is none.
func readOne[V any](ctx context.Context, s *Store, scan pgx.RowToFunc[V], sql string, args ...any) (v V, err error) {
	err = s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return unread(conn, err)
		}
		defer rows.Close()
		if !rows.Next() {
			if err := rows.Err(); err != nil {
				return unread(conn, err)
			}
			return store.ErrNotFound
		}
		if v, err = scan(rows); err != nil {
			return unread(conn, err)
		}
		rows.Close()
		return unread(conn, rows.Err())
	})
	return v, err
}

// readGathered reads with others, and where that fails alone: a read may always be tried
// again.
func readGathered[C any](ctx context.Context, g *gatherer[C], call C) (*gathered[C], error) {
	m, err := g.do(ctx, call)
	if !again(err) {
		return m, err
	}
	alone := &gathered[C]{call: call}
	err = g.store.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := g.run(ctx, conn, []*gathered[C]{alone}); err != nil {
			return err
		}
		return alone.err
	})
	return alone, err
}

// unread names an error of a read, which may always be tried again.
func unread(conn *pgx.Conn, err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return err
	}
	return unbegun(conn, fmt.Errorf("postgres: read: %w", err))
}

func scanRow(row pgx.CollectableRow) (r store.Row, err error) {
	err = row.Scan((*blob)(&r.Key), &r.Version, (*blob)(&r.Body))
	return r, err
}
