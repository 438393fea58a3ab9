package drills

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// eye looks at a deployment's database from outside, without writing.
type eye struct {
	d    *drill
	path string
	conn *sqlite.Conn
}

func watch(d *drill, path string) *eye {
	d.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	d.must(err)
	d.Cleanup(func() { _ = conn.Close() })
	return &eye{d: d, path: path, conn: conn}
}

// trace is what any write leaves behind.
type trace struct {
	version int64    // PRAGMA data_version: moves when another connection commits
	commits uint32   // transactions that were ever committed
	files   [32]byte // hash of database and log
}

// trace takes the trace of a database that a server has open.
func (e *eye) trace() trace {
	e.d.Helper()
	return trace{version: e.number("PRAGMA data_version"), commits: e.commits(), files: e.files()}
}

// sight is every row of every table, by table, with how often it is there.
type sight map[string]map[string]int

// look takes all rows in.
func (e *eye) look() sight {
	e.d.Helper()
	s := sight{}
	var names []string
	e.query("SELECT name FROM sqlite_schema WHERE type = 'table'", func(stmt *sqlite.Stmt) {
		names = append(names, stmt.ColumnText(0))
	})
	for _, name := range names {
		rows := map[string]int{}
		e.query("SELECT * FROM "+name, func(stmt *sqlite.Stmt) { rows[rowText(stmt)]++ })
		s[name] = rows
	}
	return s
}

func rowText(stmt *sqlite.Stmt) string {
	var text []byte
	for i := range stmt.ColumnCount() {
		cell := make([]byte, stmt.ColumnLen(i))
		stmt.ColumnBytes(i, cell)
		text = fmt.Appendf(text, "%d:%x ", stmt.ColumnType(i), cell)
	}
	return string(text)
}

// differ names the tables in which two sights differ.
func (s sight) differ(other sight) (tables []string) {
	for name := range s {
		if !maps.Equal(s[name], other[name]) {
			tables = append(tables, name)
		}
	}
	return tables
}

func (e *eye) query(query string, row func(*sqlite.Stmt)) {
	e.d.Helper()
	e.d.must(sqlitex.ExecuteTransient(e.conn, query, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		row(stmt)
		return nil
	}}))
}

func (e *eye) number(query string) (n int64) {
	e.d.Helper()
	e.query(query, func(stmt *sqlite.Stmt) { n = stmt.ColumnInt64(0) })
	return n
}

// commits reads the change counter of the log's index: bytes 8 to 11 of the file
// beside the database, in the machine's order, +1 for each transaction that wrote
// (sqlite.org/walformat.html §2.1).
func (e *eye) commits() uint32 {
	e.d.Helper()
	index, err := os.ReadFile(e.path + "-shm")
	e.d.must(err)
	if len(index) < 12 {
		e.d.Fatalf("the log's index has %d bytes", len(index))
	}
	return binary.NativeEndian.Uint32(index[8:12])
}

// files is a hash over the database and its log as they lie on the disk.
func (e *eye) files() [32]byte {
	e.d.Helper()
	hash := sha256.New()
	for _, path := range []string{e.path, e.path + "-wal"} {
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.d.Fatal(err)
		}
		_, _ = fmt.Fprintf(hash, "%d:", len(content))
		_, _ = hash.Write(content)
	}
	return [32]byte(hash.Sum(nil))
}

// settle moves the log into the database by a connection of its own, so that the
// server's next checkpoint has nothing to copy and leaves the files as they are.
func settle(d *drill, path string) {
	d.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	d.must(err)
	defer func() { d.must(conn.Close()) }()
	frames, moved := int64(0), int64(-1)
	d.must(sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(PASSIVE)", &sqlitex.ExecOptions{
		ResultFunc: func(stmt *sqlite.Stmt) error {
			frames, moved = stmt.ColumnInt64(1), stmt.ColumnInt64(2)
			return nil
		},
	}))
	if frames != moved {
		d.Fatalf("%d of the log's %d frames were moved", moved, frames)
	}
}
