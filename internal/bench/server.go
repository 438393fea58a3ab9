package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// publicURL is what the server is told that people use. A domain for examples
	// (RFC 2606): outside development an address must be https, and no localhost.
	publicURL = "https://keyturn.example"
	host      = "keyturn.example"

	readyPatience = 30 * time.Second
	stopPatience  = 20 * time.Second
)

// server is a Keyturn server that runs for the measurement alone.
type server struct {
	url    string // where it listens; it answers to host
	dir    string // everything that it writes
	store  Store
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	err    error         // how it went; read after exited
}

// start starts the server and waits until it answers. Whatever ends ctx ends it.
func start(ctx context.Context, command []string, store Store) (_ *server, err error) {
	dir, err := os.MkdirTemp("", "keyturn-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, fmt.Errorf("bench: find a free port: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("bench: make the log: %w", err)
	}
	defer func() { _ = log.Close() }() // the server has a handle of its own

	s := &server{url: "http://" + address, dir: dir, store: store, exited: make(chan struct{})}
	env := environment(dir, address, store.Address)
	if err := create(ctx, store.Create, dir, env); err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	s.cmd.Dir, s.cmd.Env = dir, env
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = stopPatience
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("bench: start the server: %w", err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	if err := s.ready(ctx); err != nil {
		said, _ := os.ReadFile(log.Name()) // without it the error still says what happened
		return nil, errors.Join(fmt.Errorf("%w: %s", err, bytes.TrimSpace(said)), s.end())
	}
	return s, nil
}

// create runs the command that makes the store, if there is one.
func create(ctx context.Context, command []string, dir string, env []string) error {
	if len(command) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, env
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: make the store: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// environment is ours, without the settings of another server, and with those of this
// one.
func environment(dir, address, store string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "KEYTURN_") {
			env = append(env, entry)
		}
	}
	if store != "" {
		env = append(env, "KEYTURN_STORE="+store, "KEYTURN_KEYS_KMS=file:"+filepath.Join(dir, "kms", "master.key"))
	}
	return append(env,
		"KEYTURN_LISTEN="+address,
		"KEYTURN_PUBLIC_URL="+publicURL,
		"KEYTURN_DATA_DIR="+filepath.Join(dir, "data"),
		"KEYTURN_KEYS_SERVER=file:"+filepath.Join(dir, "keys", "server.key"),
		"KEYTURN_SIGN_UP=open",
		"KEYTURN_LIMITS_FLOOD_RATE=1000000",
		"KEYTURN_LIMITS_FLOOD_BURST=1000000",
	)
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits until the server says that it is.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.exited:
			return errors.Join(errors.New("bench: the server ended at once"), s.err)
		case <-ctx.Done():
			return fmt.Errorf("bench: the server is not ready: %w", ctx.Err())
		case <-tick.C:
			if s.answers(ctx) {
				return nil
			}
		}
	}
}

func (s *server) answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return false
	}
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// spent is the CPU time that the server has taken so far; 0 for unknown.
func (s *server) spent() time.Duration {
	spent, _ := processTime(s.cmd.Process.Pid)
	return spent
}

// engine is the CPU time that the store's engine has taken so far, with the processes
// that it started; 0 for unknown.
func (s *server) engine() time.Duration {
	if s.store.Process == 0 {
		return 0
	}
	return familyTime(s.store.Process)
}

// peak is the most memory that the server has had, in bytes; 0 for unknown.
func (s *server) peak() int64 { return peakMemory(s.cmd.Process.Pid) }

// stop ends the server and removes everything it wrote.
func (s *server) stop() error { return errors.Join(s.end(), os.RemoveAll(s.dir)) }

// end asks the process to end, and ends it when it does not.
func (s *server) end() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-s.exited:
	case <-patience.C:
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	if s.err != nil {
		return fmt.Errorf("bench: the server: %w", s.err)
	}
	return nil
}
