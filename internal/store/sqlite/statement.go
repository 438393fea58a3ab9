package sqlite

import (
	"errors"
	"time"

	"zombiezen.com/go/sqlite"
)

// scanRows runs a statement on conn, which keeps it prepared, calling scan for each row,
// and tells whether there was one. scan must not hold on to the statement.
//
// It stands where sqlitex.Execute would: that one looks at arguments by reflection and
// moves each of them to the heap, which was half of a sign-in's allocations here.
func scanRows(conn *sqlite.Conn, query string, scan func(*sqlite.Stmt), args ...any) (found bool, err error) {
	stmt, err := conn.Prepare(query)
	if err != nil {
		return false, err
	}
	if err := bind(stmt, args); err != nil {
		return false, err
	}
	for {
		row, err := stmt.Step()
		if err != nil {
			return found, err
		}
		if !row {
			return found, stmt.Reset()
		}
		found = true
		scan(stmt)
	}
}

// execute runs a statement for what it does.
func execute(conn *sqlite.Conn, query string, args ...any) error {
	_, err := scanRows(conn, query, func(*sqlite.Stmt) {}, args...)
	return err
}

// What a statement and its arguments can have wrong: mistakes of the program.
var (
	errArguments = errors.New("sqlite: a statement has not as many arguments as parameters")
	errKind      = errors.New("sqlite: an argument is of a kind that no column has")
)

// bind gives a statement its arguments. None may escape, or the caller pays for it.
func bind(stmt *sqlite.Stmt, args []any) error {
	if len(args) != stmt.BindParamCount() {
		return errArguments
	}
	for i, arg := range args {
		switch v := arg.(type) {
		case []byte:
			stmt.BindBytes(i+1, v)
		case int64:
			stmt.BindInt64(i+1, v)
		case uint64:
			stmt.BindInt64(i+1, int64(v))
		case uint32:
			stmt.BindInt64(i+1, int64(v))
		case int:
			stmt.BindInt64(i+1, int64(v))
		case string:
			stmt.BindText(i+1, v)
		default:
			return errKind
		}
	}
	return nil
}

// blob copies a column out; an empty one is nil.
func blob(stmt *sqlite.Stmt, column int) []byte {
	n := stmt.ColumnLen(column)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	stmt.ColumnBytes(column, b)
	return b
}

// unsigned reads a 64-bit number that the engine keeps as a signed one.
func unsigned(stmt *sqlite.Stmt, column int) uint64 { return uint64(stmt.ColumnInt64(column)) }

// millis is a time as the tables keep it; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(stmt *sqlite.Stmt, column int) time.Time {
	ms := stmt.ColumnInt64(column)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
