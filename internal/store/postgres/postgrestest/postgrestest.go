// Package postgrestest starts a private PostgreSQL for tests and hands out databases.
//
// It owns one cluster per test binary: made on first use in a folder of its own under
// the temporary folder, reached by a socket in that folder and by nothing else, and
// gone with the process that asked for it, however that ends. Nothing in it is durable:
// it tests what is written, not whether disks keep it. An Engine is for tests that ask
// just that: it is durable, belongs to one test, and crashes when it is told to.
//
// The engine must be installed. Where it is not, a test is skipped, or fails when
// KEYTURN_TEST_REQUIRE (a comma separated list) names postgres.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds what a test waits for the cluster.
const patience = 3 * time.Minute

// shared is the cluster of this process.
var shared = sync.OnceValues(start)

// Database returns the address of a new, empty database, which is dropped when t ends.
func Database(t testing.TB) string {
	t.Helper()
	c := need(t)
	name := c.make(t, "template1")
	t.Cleanup(func() { c.drop(t, name) })
	return c.address(name)
}

// Kind is how databases of a kind are made, and made like new.
type Kind struct {
	// Prepare fills an empty database. It must have closed its connections when it
	// returns.
	Prepare func(address string) error
	// Clean are the statements that undo what a test may have written.
	Clean string
}

// Copy returns the address of a database of a kind, which is t's alone until it ends.
// All that is asked for in one process is of the kind that was asked for first. Making
// a database takes longer than most tests, so one that a test has left in good order is
// cleaned and given to another: who changes its tables asks for Database.
func Copy(t testing.TB, k Kind) string {
	t.Helper()
	c := need(t)
	c.template.Do(func() { c.templateFailed = c.prepare(k.Prepare) })
	if c.templateFailed != nil {
		t.Fatalf("prepare a database: %v", c.templateFailed)
	}
	var name string
	select {
	case name = <-c.free:
	default:
		name = c.make(t, templateName)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			if err := c.run(context.WithoutCancel(t.Context()), name, k.Clean); err != nil {
				t.Errorf("clean a database: %v", err)
			}
		}
		c.leave(t, name)
	})
	return c.address(name)
}

// Run runs statements as superuser in the database at address.
func Run(t testing.TB, address, sql string) {
	t.Helper()
	c := need(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(context.WithoutCancel(t.Context()), strings.TrimPrefix(u.Path, "/"), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// need returns the cluster, or ends t.
func need(t testing.TB) *cluster {
	t.Helper()
	c, err := shared()
	found(t, err)
	return c
}

// found ends t when there is no engine, or it does not start.
func found(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errMissing) && !slices.Contains(strings.Split(os.Getenv("KEYTURN_TEST_REQUIRE"), ","), "postgres"):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

const templateName = "keyturn_template"

// cluster is a running engine.
type cluster struct {
	dir    string // holds the data, the log and the socket
	ended  <-chan struct{}
	number atomic.Uint64 // of the last database

	free chan string // databases that are clean

	template       sync.Once
	templateFailed error
}

// address is where a database of the cluster is.
func (c *cluster) address(database string) string {
	return "postgres://postgres@/" + database + "?host=" + url.QueryEscape(c.dir)
}

// make makes a database and returns its name.
func (c *cluster) make(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("keyturn_%d", c.number.Add(1))
	if err := c.admin(context.WithoutCancel(t.Context()), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	return name
}

func (c *cluster) drop(t testing.TB, name string) {
	t.Helper()
	if err := c.admin(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		t.Errorf("drop a database: %v", err)
	}
}

// leave keeps a clean database for the next test.
func (c *cluster) leave(t testing.TB, name string) {
	t.Helper()
	if !t.Failed() {
		select {
		case c.free <- name:
			return
		default:
		}
	}
	c.drop(t, name)
}

func (c *cluster) prepare(prepare func(string) error) error {
	if err := c.admin(context.Background(), "CREATE DATABASE "+templateName); err != nil {
		return err
	}
	return prepare(c.address(templateName))
}

func (c *cluster) admin(ctx context.Context, sql string) error { return c.run(ctx, "postgres", sql) }

// run runs statements as superuser in a database.
func (c *cluster) run(ctx context.Context, database, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.address(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	return errors.Join(err, conn.Close(ctx))
}
