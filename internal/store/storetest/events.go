package storetest

import (
	"math"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// events reads all chains.
func (w *world) events() []store.Event {
	w.t.Helper()
	var all []store.Event
	for chain := range w.s.Chains() {
		list, err := w.s.Chain(w.ctx, chain, 0, everything)
		w.must(err)
		all = append(all, list...)
	}
	return all
}

// chained demands that each chain counts from one without gaps and that each
// event is linked to the one before.
func (w *world) chained() {
	w.t.Helper()
	heads := map[uint32]store.Head{}
	for _, e := range w.events() {
		head := heads[e.Chain]
		if e.Number != head.Number+1 {
			w.t.Fatalf("chain %d: number %d follows %d", e.Chain, e.Number, head.Number)
		}
		same(w.t, "link", e.Link, link(head.Link, e.Body))
		heads[e.Chain] = store.Head{Chain: e.Chain, Number: e.Number, Link: e.Link}
	}
}

func testEvents(t *testing.T, open opener) {
	t.Run("append", func(t *testing.T) {
		w := newWorld(t, open)
		if w.s.Chains() == 0 {
			t.Fatal("no chains")
		}
		account := w.key()
		n := int(w.s.Chains())*3 + 1
		for i := range n {
			if i%2 == 0 {
				w.must(w.s.Append(w.ctx, w.event(account)))
			} else {
				w.must(w.s.Append(w.ctx, w.event(nil)))
			}
		}
		w.chained()
		if got := len(w.events()); got != n {
			t.Errorf("%d events, want %d", got, n)
		}
	})
	t.Run("as it was made", func(t *testing.T) {
		w := newWorld(t, open)
		for _, account := range [][]byte{w.key(), nil} {
			var made store.Event
			w.must(w.s.Append(w.ctx, func(head store.Head) (e store.Event, err error) {
				made, err = w.event(account)(head)
				return made, err
			}))
			list, err := w.s.Chain(w.ctx, made.Chain, made.Number-1, 1)
			w.must(err)
			same(t, "event", list, []store.Event{made})
		}
	})
	t.Run("an empty chain", func(t *testing.T) {
		w := newWorld(t, open)
		var seen store.Head
		w.must(w.s.Append(w.ctx, func(head store.Head) (store.Event, error) {
			seen = head
			return w.event(nil)(head)
		}))
		same(t, "head", seen, store.Head{Chain: seen.Chain})
	})
	t.Run("refused", func(t *testing.T) { refuseEvents(t, open) })
	t.Run("read in pages", func(t *testing.T) { readChain(t, open) })
}

func refuseEvents(t *testing.T, open opener) {
	w := newWorld(t, open)
	w.must(w.s.Append(w.ctx, w.event(nil)))
	before := w.dump()
	for _, c := range []struct {
		name  string
		event store.EventFunc
		want  error
	}{
		{"no event", nil, nil},
		{"the event's error", func(store.Head) (store.Event, error) { return store.Event{}, errNoRecord }, errNoRecord},
		{"a gap", func(h store.Head) (store.Event, error) {
			return store.Event{Chain: h.Chain, Number: h.Number + 2}, nil
		}, nil},
		{"no progress", func(h store.Head) (store.Event, error) {
			return store.Event{Chain: h.Chain, Number: h.Number}, nil
		}, nil},
		{"another chain", func(h store.Head) (store.Event, error) {
			return store.Event{Chain: h.Chain + 1, Number: h.Number + 1}, nil
		}, nil},
	} {
		wantError(t, w.s.Append(w.ctx, c.event), c.want, "")
		same(t, "after "+c.name, w.dump(), before)
	}
	w.must(w.s.Append(w.ctx, w.event(nil)))
	w.chained()
}

func readChain(t *testing.T, open opener) {
	w := newWorld(t, open)
	for range 5 * w.s.Chains() {
		w.must(w.s.Append(w.ctx, w.event(nil)))
	}
	for chain := range w.s.Chains() {
		all, err := w.s.Chain(w.ctx, chain, 0, everything)
		w.must(err)
		for after := range len(all) + 2 {
			for limit := range 4 {
				want := all[min(after, len(all)):min(after+limit, len(all))]
				got, err := w.s.Chain(w.ctx, chain, uint64(after), limit)
				w.must(err)
				if len(got) != 0 || len(want) != 0 {
					same(t, "page", got, want)
				}
			}
		}
		beyond, err := w.s.Chain(w.ctx, chain, math.MaxUint64, 1)
		w.must(err)
		same(t, "beyond the last number there can be", beyond, []store.Event(nil))
	}
	none, err := w.s.Chain(w.ctx, w.s.Chains(), 0, 10)
	w.must(err)
	same(t, "a chain that is not there", none, []store.Event(nil))
}
