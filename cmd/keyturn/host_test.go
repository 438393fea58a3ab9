package main

import (
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
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Large", strings.Repeat("x", 32<<10))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("32 KiB of header answered %d", answer.StatusCode)
	}
	r.stop()
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}
