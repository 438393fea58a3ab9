package sqlite

import (
	"errors"
	"testing"

	"zombiezen.com/go/sqlite"
)

// TestArguments: what a statement is given must fit it, and comes back as it was.
func TestArguments(t *testing.T) {
	s := openTest(t, Config{})
	for _, c := range []struct {
		name  string
		query string
		args  []any
		want  error
	}{
		{
			"each kind", "SELECT ?1 = x'0102' AND ?2 = -1 AND ?3 = -1 AND ?4 = 3 AND ?5 = 4 AND ?6 = 'five' AND typeof(?7) = 'blob'",
			[]any{[]byte{1, 2}, int64(-1), ^uint64(0), uint32(3), 4, "five", []byte(nil)},
			nil,
		},
		{"one too few", "SELECT ?1 = ?2", []any{1}, errArguments},
		{"one too many", "SELECT ?1 = 1", []any{1, 1}, errArguments},
		{"a kind that no column has", "SELECT ?1", []any{1.5}, errKind},
	} {
		t.Run(c.name, func(t *testing.T) {
			same := false
			inWriter(t, s, func(conn *sqlite.Conn) error {
				_, err := scanRows(conn, c.query, func(stmt *sqlite.Stmt) { same = stmt.ColumnBool(0) }, c.args...)
				if !errors.Is(err, c.want) {
					t.Errorf("error is %v, want %v", err, c.want)
				}
				return nil
			})
			if same != (c.want == nil) {
				t.Error("the arguments did not come back")
			}
		})
	}
}
