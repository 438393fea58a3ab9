package sqlite

import (
	"context"
	"errors"
	"testing"
)

// TestReadersLastInFirstOut: the connection that came back last is lent next, and
// whoever finds none waits no longer than they may.
func TestReadersLastInFirstOut(t *testing.T) {
	s := openTest(t, Config{Readers: 2})
	first, err := s.readers.take(t.Context(), s.gone)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.readers.take(t.Context(), s.gone)
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Fatal("one connection lent twice")
	}

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.readers.take(ended, s.gone); !errors.Is(err, context.Canceled) {
		t.Errorf("take when the context has ended: %v", err)
	}
	gone := make(chan struct{})
	close(gone)
	if _, err := s.readers.take(t.Context(), gone); !errors.Is(err, ErrClosed) {
		t.Errorf("take when the store has gone: %v", err)
	}

	s.readers.put(first)
	s.readers.put(second)
	got, err := s.readers.take(t.Context(), s.gone)
	if err != nil {
		t.Fatal(err)
	}
	if got != second {
		t.Error("not the connection that came back last")
	}
	s.readers.put(got)
}
