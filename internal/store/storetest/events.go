package storetest

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"testing"
	"time"

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

// appending is a call of Append.
type appending struct{ event store.EventFunc }

func appendVerb() verb[appending] {
	return verb[appending]{
		fresh: func(w *world) appending { return appending{w.event(nil)} },
		do:    func(ctx context.Context, s store.Store, v appending) error { return s.Append(ctx, v.event) },
		event: func(v *appending) *store.EventFunc { return &v.event },
	}
}

func testEvents(t *testing.T, open opener) {
	appendVerb().owes(t, open)
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
	t.Run("of an account", func(t *testing.T) { readEventsOf(t, open) })
	t.Run("of nobody", func(t *testing.T) { readEventsOfNobody(t, open) })
	t.Run("of an account that is gone", func(t *testing.T) { readEventsOfDeleted(t, open) })
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

// happened appends an event that concerns account and happened after dawn.
func (w *world) happened(account []byte, after time.Duration) {
	w.t.Helper()
	w.must(w.s.Append(w.ctx, func(head store.Head) (store.Event, error) {
		e, err := w.event(account)(head)
		e.At = dawn.Add(after)
		return e, err
	}))
}

// position is just after an event.
func position(e store.Event) store.Position {
	return store.Position{At: e.At, Chain: e.Chain, Number: e.Number}
}

// readEventsOf: those of one account alone, newest first whatever the order in which
// they were appended, each once, those of one millisecond in one order.
func readEventsOf(t *testing.T, open opener) {
	w := newWorld(t, open)
	account, other := w.key(), w.key()
	for _, after := range []time.Duration{3, 1, 1, 1, 2, 1, 0, 1, 3} {
		for _, who := range [][]byte{account, other, nil, account} {
			w.happened(who, after*time.Millisecond)
		}
	}
	var want []store.Event
	for _, e := range w.events() {
		if bytes.Equal(e.Account, account) {
			want = append(want, e)
		}
	}
	slices.SortFunc(want, func(a, b store.Event) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Chain, a.Chain), cmp.Compare(b.Number, a.Number))
	})
	all, err := w.s.EventsOf(w.ctx, account, store.Position{}, everything)
	w.must(err)
	same(t, "all", all, want)
	for from := range len(all) + 1 {
		var before store.Position
		if from > 0 {
			before = position(all[from-1])
		}
		for limit := range 4 {
			page, err := w.s.EventsOf(w.ctx, account, before, limit)
			w.must(err)
			if want := all[from:min(from+limit, len(all))]; len(page) != 0 || len(want) != 0 {
				same(t, "page", page, want)
			}
		}
	}
	ends := store.Position{At: dawn.Add(-time.Millisecond), Chain: math.MaxUint32, Number: math.MaxUint64}
	for what, before := range map[string]store.Position{"before the first": position(all[len(all)-1]), "before all": ends} {
		none, err := w.s.EventsOf(w.ctx, account, before, everything)
		w.must(err)
		same(t, what, none, []store.Event(nil))
	}
	ends.At = dawn.Add(time.Hour)
	after, err := w.s.EventsOf(w.ctx, account, ends, everything)
	w.must(err)
	same(t, "after the last", after, all)
}

func readEventsOfNobody(t *testing.T, open opener) {
	w := newWorld(t, open)
	w.happened(nil, 0)
	w.happened(w.key(), 0)
	for what, account := range map[string][]byte{"nil": nil, "empty": {}, "a stranger": w.key()} {
		none, err := w.s.EventsOf(w.ctx, account, store.Position{}, everything)
		w.must(err)
		same(t, what, none, []store.Event(nil))
	}
}

// readEventsOfDeleted: what happened stays told, its end included.
func readEventsOfDeleted(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	w.must(w.s.DeleteAccount(w.ctx, store.Deletion{
		Op: w.op(), Account: ref(p.account), Credentials: [][]byte{p.credential.Key},
		Identifiers: [][]byte{p.identifier.Key}, Event: w.event(p.account.Key),
	}))
	list, err := w.s.EventsOf(w.ctx, p.account.Key, store.Position{}, everything)
	w.must(err)
	if len(list) != 2 {
		t.Errorf("%d events, want sign-up and deletion", len(list))
	}
}
