package ceremonytest

import (
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Intruder writes to the database beside the open store, as somebody would who has
// the file and no key.
type Intruder struct {
	t    testing.TB
	conn *sqlite.Conn
}

// Intrude opens a second connection to the world's database.
func (w *World) Intrude(t testing.TB) *Intruder {
	t.Helper()
	conn, err := sqlite.OpenConn(w.Path, sqlite.OpenReadWrite)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	return &Intruder{t, conn}
}

// Do runs a statement and tells how many rows it changed.
func (i *Intruder) Do(query string, args ...any) int {
	i.t.Helper()
	must(i.t, sqlitex.Execute(i.conn, query, &sqlitex.ExecOptions{Args: args}))
	return i.conn.Changes()
}

// Row reads the one row that a query answers: blobs as []byte, numbers as int64, text
// as string, so that it can be written back as it was.
func (i *Intruder) Row(query string, args ...any) []any {
	i.t.Helper()
	var row []any
	must(i.t, sqlitex.Execute(i.conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
		row = nil
		for c := range s.ColumnCount() {
			row = append(row, value(s, c))
		}
		return nil
	}}))
	if row == nil {
		i.t.Fatalf("no row: %s", query)
	}
	return row
}

func value(s *sqlite.Stmt, column int) any {
	switch s.ColumnType(column) {
	case sqlite.TypeInteger:
		return s.ColumnInt64(column)
	case sqlite.TypeText:
		return s.ColumnText(column)
	default:
		b := make([]byte, s.ColumnLen(column))
		s.ColumnBytes(column, b)
		return b
	}
}
