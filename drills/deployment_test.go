package drills

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
	"time"
)

// deployment is a server with data and keys of its own; its process comes and goes.
type deployment struct {
	d    *drill
	dir  string
	port int
	url  string // what people use: http://localhost:PORT
	env  []string
	log  *journal // of all its processes, one after the other

	cmd     *exec.Cmd // nil while it is stopped
	exited  chan error
	mu      sync.Mutex // guards clients: crowds make their own
	clients []*client  // whose connections are closed before the process is stopped
}

// journal is a log that can be read while it is written.
type journal struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{} // closed by the next write; nil while nobody waits
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.wrote != nil {
		close(j.wrote)
		j.wrote = nil
	}
	return j.buf.Write(b)
}

// more gives a channel that the next write closes.
func (j *journal) more() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.wrote == nil {
		j.wrote = make(chan struct{})
	}
	return j.wrote
}

// await tells whether a line that holds all of the words is there, or comes within a
// moment: what a process has written before it answers may reach us after the answer.
func (j *journal) await(words ...string) bool {
	deadline := time.After(10 * time.Second)
	for {
		more := j.more()
		if j.count(words...) > 0 {
			return true
		}
		select {
		case <-more:
		case <-deadline:
			return false
		}
	}
}

// count tells how many lines hold all of the words.
func (j *journal) count(words ...string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
lines:
	for line := range strings.Lines(j.buf.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		n++
	}
	return n
}

// tail is the end of the log.
func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.buf.String()
	return text[max(0, len(text)-4000):]
}

// deploy starts a server in an empty directory. A setting (NAME=value) given replaces
// one that the harness needs. It is stopped with the test.
func deploy(d *drill, settings ...string) *deployment {
	d.Helper()
	return deployAs(d, "", settings...)
}

// deployAs starts a server that takes itself for the one at url.
func deployAs(d *drill, url string, settings ...string) *deployment {
	d.Helper()
	s := prepare(d, url, settings...)
	s.start()
	return s
}

// prepare is deployAs without starting anything.
func prepare(d *drill, url string, settings ...string) *deployment {
	d.Helper()
	s := &deployment{d: d, dir: d.TempDir(), port: freePort(d), url: url, log: &journal{}}
	if s.url == "" {
		s.url = fmt.Sprintf("http://localhost:%d", s.port)
	}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "KEYTURN_") {
			s.env = append(s.env, entry)
		}
	}
	s.env = append(s.env,
		fmt.Sprintf("KEYTURN_LISTEN=127.0.0.1:%d", s.port),
		"KEYTURN_PUBLIC_URL="+s.url,
		"KEYTURN_DATA_DIR="+filepath.Join(s.dir, "data"),
	)
	s.env = append(s.env, settings...)
	d.Cleanup(func() {
		if s.cmd != nil {
			s.stop()
		}
		if d.Failed() {
			d.Logf("the end of the log:\n%s", s.log.tail())
		}
	})
	return s
}

// flooded are the settings that let one network ask as often as it likes.
func flooded(more ...string) []string {
	return append([]string{"KEYTURN_LIMITS_FLOOD_RATE=1000000", "KEYTURN_LIMITS_FLOOD_BURST=1000000"}, more...)
}

// Ports for servers are below those that systems give to outgoing connections (32768
// and up), of which a drill makes thousands: one of these could be taken between the look
// and the server's own.
const (
	firstPort = 20000
	ports     = 12000
)

// asked counts the ports given out, so that no two drills get the same.
var asked atomic.Int64

func freePort(d *drill) int {
	d.Helper()
	for range ports {
		// Another process begins elsewhere.
		port := firstPort + (os.Getpid()*101+int(asked.Add(1)))%ports
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	d.Fatal("no port is free")
	return 0
}

func (s *deployment) database() string { return filepath.Join(s.dir, "data", "keyturn.db") }

func (s *deployment) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// start runs the program and waits until it is ready.
func (s *deployment) start() {
	s.d.Helper()
	path, err := program()
	s.d.must(err)
	cmd := exec.Command(path, "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, s.log, s.log
	s.d.must(cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s.cmd, s.exited = cmd, exited
	s.awaitReady()
}

func (s *deployment) awaitReady() {
	s.d.Helper()
	c := s.client()
	defer c.close()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-s.exited:
			s.cmd = nil
			s.d.Fatalf("the server ended: %v\n%s", err, s.log.tail())
		case <-deadline:
			s.d.Fatalf("the server is not ready\n%s", s.log.tail())
		case <-tick.C:
			if a, err := c.send(http.MethodGet, "/readyz", nil); err == nil && a.status == http.StatusOK {
				return
			}
		}
	}
}

// stop ends the process as an operator would; it must end cleanly.
func (s *deployment) stop() {
	s.d.Helper()
	for _, c := range s.clients {
		c.close()
	}
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.d.Errorf("the server was gone before it was stopped: %v", err)
	}
	select {
	case err := <-s.exited:
		if err != nil {
			s.d.Errorf("the server did not stop cleanly: %v", err)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		<-s.exited
		s.d.Errorf("the server did not stop within 20 s of SIGTERM")
	}
}

// kill ends the process as a crash would: nothing more of it runs.
func (s *deployment) kill() {
	s.d.Helper()
	s.d.must(s.cmd.Process.Kill())
	<-s.exited
	s.cmd = nil
}

// alive demands that the process runs, is ready and has not panicked.
func (s *deployment) alive() {
	s.d.Helper()
	c := s.client()
	defer c.close()
	if a, err := c.send(http.MethodGet, "/readyz", nil); err != nil || a.status != http.StatusOK {
		s.d.Errorf("the server is not ready any more: status %d, %v", a.status, err)
	}
	if n := s.log.count("panic"); n > 0 {
		s.d.Errorf("%d lines of the log tell of a panic", n)
	}
}
