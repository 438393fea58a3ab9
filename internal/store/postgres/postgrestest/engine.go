package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// span is one life of an Engine, from a start to a crash or to the end of the process
// that asked for it.
const span = `
cd "$DIR" || exit 1
[ -d data ] || "$BIN/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || exit 1
"$BIN/postgres" -D data -k "$DIR" -c listen_addresses= -c max_connections=100 -c log_min_messages=fatal \
	</dev/null >>log 2>&1 &
engine=$!
read -r order
kill -QUIT "$engine"
wait "$engine"
[ "$order" = crash ] || { cd / && rm -rf "$DIR"; }
`

// Engine is a PostgreSQL of one test, durable as it comes, with one database.
type Engine struct {
	cluster
	bin        string
	order      io.WriteCloser // to the shell of this life
	postmaster int            // its first process
}

// NewEngine starts an engine that ends with t.
func NewEngine(t testing.TB) *Engine {
	t.Helper()
	return NewEngineOn(t, func(string) {})
}

// NewEngineOn is NewEngine whose folder is prepared, while it is empty, by mounting
// something there.
func NewEngineOn(t testing.TB, prepare func(dir string)) *Engine {
	t.Helper()
	bin, err := engine()
	found(t, err)
	dir, err := os.MkdirTemp("", "keyturn-pg-")
	if err != nil {
		t.Fatal(err)
	}
	prepare(dir)
	e := &Engine{cluster: cluster{dir: dir}, bin: bin}
	e.Start(t)
	t.Cleanup(func() {
		_ = e.order.Close()
		<-e.ended
	})
	return e
}

// Address is that of the database.
func (e *Engine) Address() string { return e.address("postgres") }

// Socket is the file of the socket that the engine listens at.
func (e *Engine) Socket() string { return e.dir + "/" + SocketName }

// SocketName is what PostgreSQL calls its socket.
const SocketName = ".s.PGSQL.5432"

// Start starts the engine and returns when it answers, recovered from a crash.
func (e *Engine) Start(t testing.TB) {
	t.Helper()
	command, err := shell(span, e.bin, e.dir)
	if err != nil {
		t.Fatal(err)
	}
	if e.order, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	e.ended = ended
	go func() {
		_ = command.Wait() // how it ended stands in the log
		close(ended)
	}()
	if err := e.await(); err != nil {
		t.Fatal(err)
	}
	if err := e.readPostmaster(); err != nil {
		t.Fatal(err)
	}
}

// Crash stops the engine at once (an immediate shutdown): it writes nothing more, and
// what it has promised must be in its log.
func (e *Engine) Crash(t testing.TB) {
	t.Helper()
	if _, err := fmt.Fprintln(e.order, "crash"); err != nil {
		t.Fatal(err)
	}
	<-e.ended
	_ = e.order.Close()
}

// Revive waits until an engine in trouble answers again, and starts it if it has ended
// by itself instead, as one does that cannot write its log.
func (e *Engine) Revive(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if e.admin(context.Background(), "SELECT 1") == nil {
			return
		}
		if errors.Is(syscall.Kill(e.postmaster, 0), syscall.ESRCH) {
			break
		}
	}
	e.Crash(t) // only the shell is left
	e.Start(t)
}

// Postmaster is the process that all others of the engine descend from.
func (e *Engine) Postmaster() (pid int) { return e.postmaster }

// readPostmaster learns which process the engine is now.
func (e *Engine) readPostmaster() error {
	text, err := os.ReadFile(e.dir + "/data/postmaster.pid")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	e.postmaster, err = strconv.Atoi(first)
	return err
}
