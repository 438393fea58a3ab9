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
	"slices"
	"strconv"
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
	env    []string
	store  Store
	toll   *toll // nil: the store tells no capacity
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
	s.env = environment(dir, address, store.Address)
	if len(store.Create) > 0 {
		if err := s.aside(ctx, "make the store", store.Create...); err != nil {
			return nil, err
		}
	}
	if s.toll, err = newToll(ctx, store.Address); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.toll.close())
		}
	}()
	s.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	s.cmd.Dir, s.cmd.Env = dir, s.toll.environment(s.env)
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

// fill writes people into the store, beside the server, from number first on.
func (s *server) fill(ctx context.Context, command []string, seed Seed, first, count int) error {
	return s.aside(ctx, "fill the store", append(slices.Clone(command),
		"--seed", seed.String(), "--first", strconv.Itoa(first), "--count", strconv.Itoa(count))...)
}

// aside runs a command with the settings of the server, and waits for it.
func (s *server) aside(ctx context.Context, what string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = s.dir, s.env
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: %s: %w: %s", what, err, bytes.TrimSpace(said))
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

// spending is what the server, the store's engine and the processes that it started have
// spent so far.
func (s *server) spending() (spent spending) {
	spent.server, _ = processTime(s.cmd.Process.Pid)
	if s.store.Process != 0 {
		spent.engine = familyTime(s.store.Process)
	}
	spent.reads, spent.writes = s.toll.units()
	return spent
}

// memory is the physical memory that the server has, and the most that it has had.
func (s *server) memory() (now, peak int64) { return processMemory(s.cmd.Process.Pid) }

// stop ends the server and removes everything it wrote.
func (s *server) stop() error { return errors.Join(s.end(), s.toll.close(), os.RemoveAll(s.dir)) }

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
