package sqlite

import (
	"bytes"
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

// TestMigratedMeanwhile: statements that are kept prepared outlive a migration by another
// process, as it comes with a newer program beside this one.
func TestMigratedMeanwhile(t *testing.T) {
	s := openTest(t, Config{Readers: 1})
	work := func(n int) {
		t.Helper()
		up := signUp(n)
		if err := s.RecordSignUp(t.Context(), up); err != nil {
			t.Error(err)
		}
		if err := s.RecordSignIn(t.Context(), signIn(up, n)); err != nil {
			t.Error(err)
		}
		c, a, err := s.CredentialAndAccount(t.Context(), up.Credential.Key)
		if err != nil || c.TimesUsed != 1 || !bytes.Equal(a.Body, up.Account.Body) || !bytes.Equal(c.Sealed, up.Credential.Sealed) {
			t.Errorf("person %d: %v, %v, %v", n, c, a, err)
		}
	}
	work(1)
	other := create(t, s.path)
	for _, sql := range []string{
		"ALTER TABLE credentials ADD COLUMN more BLOB NOT NULL DEFAULT x''",
		"CREATE INDEX accounts_op ON accounts (op)",
		"CREATE TABLE news (key BLOB NOT NULL PRIMARY KEY) STRICT",
		"ANALYZE",
	} {
		if err := execute(other, sql); err != nil {
			t.Fatal(err)
		}
	}
	closeConn(t, other)
	work(2)
	wantChained(t, s, 4)
}
