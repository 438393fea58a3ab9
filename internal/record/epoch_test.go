package record

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// TestNewEpoch: whoever opens the store afterwards has another epoch, and so refuses the
// refresh tokens of before; everything else stays.
func TestNewEpoch(t *testing.T) {
	c := config(t, openStore(t))
	before, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	rows := sealAll(t, before, 1)
	tag, err := before.RefreshTag(id(1), 1)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // the second has an edition before it
		if err := before.NewEpoch(t.Context()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	after, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before.Epoch(), after.Epoch()) || len(after.Epoch()) != epochSize {
		t.Errorf("the epoch is %x, and was %x", after.Epoch(), before.Epoch())
	}
	if err := after.VerifyRefresh(tag, id(1), 1); err == nil {
		t.Error("a refresh token of the epoch before is taken")
	}
	for kind, open := range openers(after) {
		if err := open(rows); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, ok, err := after.AwaitingAdministrator(t.Context()); !ok || err != nil {
		t.Errorf("the right to the first administrator is gone: %v", err)
	}
}

func TestNewEpochRefuses(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name string
		do   func(*meddler)
		want func(*testing.T, error)
	}{
		{"one that is not ours", func(m *meddler) {
			m.markers = func(list []store.Marker) []store.Marker { list[1].Body[50]++; return list }
		}, func(t *testing.T, err error) { wantTampered(t, err, codeMarker) }},
		{"one of an edition before", func(m *meddler) {
			m.markers = func(list []store.Marker) []store.Marker { list[1].Version++; return list }
		}, func(t *testing.T, err error) { wantTampered(t, err, codeMarker) }},
		{"none there", func(m *meddler) {
			m.markers = func(list []store.Marker) []store.Marker { return list[:1] }
		}, func(t *testing.T, err error) { wantKeyError(t, err, CodeEpochMissing) }},
		{"the store down", func(m *meddler) { m.fails = down }, func(t *testing.T, err error) {
			if !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
		}},
		{"never at peace", func(m *meddler) { m.refuses = epochTries }, func(t *testing.T, err error) {
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("got %v", err)
			}
		}},
		{"another was first", func(m *meddler) { m.refuses = epochTries - 1 }, func(t *testing.T, err error) {
			if err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := config(t, openStore(t))
			m := &meddler{intruder: intruder{inner: config.Store}}
			config.Store = m
			v, err := Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			c.do(m)
			c.want(t, v.NewEpoch(t.Context()))
		})
	}
}

// meddler is an intruder that also refuses to replace markers.
type meddler struct {
	intruder
	refuses int
}

func (m *meddler) ReplaceMarker(ctx context.Context, ref store.Ref, next store.Marker) error {
	if m.refuses > 0 {
		m.refuses--
		return store.ErrConflict
	}
	return m.intruder.ReplaceMarker(ctx, ref, next)
}
