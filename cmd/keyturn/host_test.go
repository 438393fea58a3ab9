package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// running is a host under test.
type running struct {
	address string
	stop    context.CancelFunc
	ended   chan error
	log     *bytes.Buffer // read after ended
}

func start(t *testing.T, grace time.Duration, handler http.HandlerFunc, background func(context.Context) error) running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := running{listener.Addr().String(), stop, make(chan error, 1), new(bytes.Buffer)}
	h := host{handler, background, slog.New(slog.NewTextHandler(r.log, nil)), grace}
	go func() { r.ended <- h.serve(ctx, listener) }()
	return r
}

func untilDone(ctx context.Context) error { <-ctx.Done(); return nil }

func (r running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the host does not end")
		return nil
	}
}

// TestHostFinishesRequests: a request under way at the end is answered, a new one is
// not accepted, and the background ends last.
func TestHostFinishesRequests(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	stopped := make(chan struct{})
	r := start(t, time.Minute,
		func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-leave
			select {
			case <-stopped:
				http.Error(w, "the background has stopped", http.StatusInternalServerError)
			default:
				_, _ = io.WriteString(w, "done")
			}
		},
		func(ctx context.Context) error { <-ctx.Done(); close(stopped); return nil })

	answered := make(chan string, 1)
	go func() {
		answer, err := http.Get("http://" + r.address)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		answered <- string(body)
	}()
	<-entered
	r.stop()
	for {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			break // it has stopped accepting
		}
		_ = conn.Close()
	}
	close(leave)
	if got := <-answered; got != "done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	<-stopped
}

// TestHostCutsOff: a request that does not finish within the grace is cut off.
func TestHostCutsOff(t *testing.T) {
	entered := make(chan struct{})
	r := start(t, time.Millisecond, func(_ http.ResponseWriter, request *http.Request) {
		close(entered)
		<-request.Context().Done()
	}, untilDone)
	failed := make(chan error, 1)
	go func() {
		answer, err := http.Get("http://" + r.address)
		if err == nil {
			_ = answer.Body.Close()
		}
		failed <- err
	}()
	<-entered
	r.stop()
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	if !strings.Contains(r.log.String(), "requests were cut off") {
		t.Errorf("log: %s", r.log)
	}
}

// TestHostFailsWhole: a listener or a background that fails ends the host with its error.
func TestHostFailsWhole(t *testing.T) {
	t.Run("listener", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		h := host{http.NotFoundHandler(), untilDone, slog.New(slog.DiscardHandler), time.Second}
		if err := h.serve(t.Context(), listener); err == nil || !strings.Contains(err.Error(), "the listener failed") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("background", func(t *testing.T) {
		broken := errors.New("broken")
		r := start(t, time.Second, http.NotFound, func(context.Context) error { return broken })
		if err := r.end(t); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

// TestHostBounds: no connection may take for ever, or as much as it likes.
func TestHostBounds(t *testing.T) {
	web := host{log: slog.New(slog.DiscardHandler)}.web()
	for name, got := range map[string]time.Duration{
		"read header": web.ReadHeaderTimeout, "read": web.ReadTimeout, "write": web.WriteTimeout, "idle": web.IdleTimeout,
	} {
		if got <= 0 || got > time.Minute {
			t.Errorf("%s timeout is %v", name, got)
		}
	}
	r := start(t, time.Second, func(http.ResponseWriter, *http.Request) {}, untilDone)
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// No byte more than the server reads: one that it leaves would reset the connection,
	// and the answer with it.
	head := "GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: "
	const read = maxHeaderBytes + 4096 // net/http lets the first line be 4 KiB
	if _, err := io.WriteString(conn, head+strings.Repeat("x", read-len(head))); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d bytes of header answered %d", read, answer.StatusCode)
	}
	r.stop()
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}
