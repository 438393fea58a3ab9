package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server is a running `keyturn serve`.
type server struct {
	url    string // where people find it: http://localhost:PORT
	output *output
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	err    error         // how it went; read after exited
}

// output collects what a process prints while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// withoutAssets leaves out the requests that say nothing.
func (o *output) withoutAssets() string {
	var kept strings.Builder
	for line := range strings.Lines(o.String()) {
		if !strings.Contains(line, "route=/assets/") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// startServer starts the program on a free port, in an empty directory, with no
// settings but those it needs to be there and those given (NAME=value). It is
// stopped with the test, and must stop cleanly.
func startServer(t *testing.T, settings ...string) *server {
	t.Helper()
	port := freePort(t)
	return startServerBehind(t, fmt.Sprintf("http://localhost:%d", port), port, settings...)
}

// startServerBehind is startServer on a given port, for people who come by another
// address: that of a proxy.
func startServerBehind(t *testing.T, url string, port int, settings ...string) *server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &server{
		url:    url,
		output: &output{},
		cmd:    exec.Command(path, "serve"),
		exited: make(chan struct{}),
	}
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.Env = append(environment(),
		fmt.Sprintf("KEYTURN_LISTEN=127.0.0.1:%d", port),
		"KEYTURN_PUBLIC_URL="+s.url,
		"KEYTURN_DATA_DIR="+filepath.Join(dir, "data"),
	)
	s.cmd.Env = append(s.cmd.Env, settings...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.stop(t) })
	s.awaitReady(t)
	return s
}

// environment is ours without what would set the server up.
func environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "KEYTURN_") {
			env = append(env, entry)
		}
	}
	return env
}

// Ports for servers are below those that systems give to outgoing connections (32768
// and up): one of these could be taken between the look and the server's own.
const (
	firstPort = 20000
	ports     = 12000
)

// asked counts the ports given out, so that no two tests get the same.
var asked atomic.Int64

func freePort(t *testing.T) int {
	t.Helper()
	for range ports {
		// Another process begins elsewhere.
		port := firstPort + (os.Getpid()*101+int(asked.Add(1)))%ports
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func (s *server) awaitReady(t *testing.T) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.exited:
			t.Fatalf("the server ended: %v\n%s", s.err, s.output)
		case <-deadline:
			t.Fatalf("the server is not ready\n%s", s.output)
		case <-tick.C:
			answer, err := http.Get(s.url + "/readyz")
			if err != nil {
				continue
			}
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

func (s *server) stop(t *testing.T) {
	if t.Failed() {
		t.Logf("server:\n%s", s.output.withoutAssets())
	}
	// An error here means that it ended before; then exited says so.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		if s.err != nil {
			t.Errorf("the server did not stop cleanly: %v\n%s", s.err, s.output)
		}
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
		t.Errorf("the server did not stop within 20 s of SIGTERM\n%s", s.output)
	}
}
