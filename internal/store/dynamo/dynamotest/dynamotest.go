// Package dynamotest starts a server that speaks DynamoDB for tests.
//
// It owns the servers of a test binary: dynalite, pinned in testdata/dynalite, in memory,
// each on a free port of the loopback, started on first use and gone with the process that
// asked for it. It knows nothing of what is kept in it. What such a server cannot show is
// in docs/dynamodb.md.
//
// Node and dynalite must be installed (.ci/need dynamodb). Where they are not, a test is
// skipped, or fails when KEYTURN_TEST_REQUIRE (a comma separated list) names dynamodb.
package dynamotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// errMissing: there is no server to start.
var errMissing = errors.New("no DynamoDB-compatible server: run .ci/need dynamodb")

// servers are those of this process. One is one thread: tests that ask for a table each
// are the sooner done the more there are, up to the processors.
var servers = [...]func() (*server, error){sync.OnceValues(start), sync.OnceValues(start)}

var (
	tables atomic.Uint64 // named
	turns  atomic.Uint64 // of AnyEndpoint
)

type server struct {
	endpoint string
	life     io.Closer // its standard input, kept open by being kept
}

// Endpoint returns the URL of a server, always the same, or ends t.
func Endpoint(t testing.TB) string {
	t.Helper()
	return need(t, 0).endpoint
}

// AnyEndpoint returns the URL of one server after the other, or ends t.
func AnyEndpoint(t testing.TB) string {
	t.Helper()
	return need(t, int(turns.Add(1)%uint64(len(servers)))).endpoint
}

// Table returns a name that no other call of this process returns, whatever the server.
func Table(t testing.TB) string {
	t.Helper()
	need(t, 0)
	return fmt.Sprintf("keyturn-%d", tables.Add(1))
}

func need(t testing.TB, number int) *server {
	t.Helper()
	s, err := servers[number]()
	switch {
	case errors.Is(err, errMissing) && !slices.Contains(strings.Split(os.Getenv("KEYTURN_TEST_REQUIRE"), ","), "dynamodb"):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

// start starts the server. It ends when its standard input does, and that is a pipe whose
// other end closes with this process.
func start() (*server, error) {
	folder, err := find()
	if err != nil {
		return nil, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMissing, err)
	}
	// What it makes for a request is soon garbage: with room for it, less is copied.
	command := exec.Command(node, "--max-semi-space-size=32", "serve.js")
	command.Dir = folder
	command.Stderr = os.Stderr
	life, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(io.LimitReader(out, 64)).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server did not say its port: %w", err)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the server did not say its port: %w", err)
	}
	return &server{endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), life: life}, nil
}

// find looks for the installed server in the module that the test is part of.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		folder := filepath.Join(dir, "internal", "store", "dynamo", "dynamotest", "testdata", "dynalite")
		if _, err := os.Stat(filepath.Join(folder, "package.json")); err == nil {
			if _, err := os.Stat(filepath.Join(folder, "node_modules", "dynalite")); err != nil {
				return "", errMissing
			}
			return folder, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errMissing
		}
		dir = parent
	}
}
