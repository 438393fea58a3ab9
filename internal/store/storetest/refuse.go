package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// verb is what the suite knows of a verb that takes one value.
type verb[V any] struct {
	fresh func(*world) V // a value that is right for the world as it stands after
	do    func(context.Context, store.Store, V) error
	op    func(*V) *store.OpID
	spend func(*V) *store.Spend // nil: the verb spends nothing, or this value does not
	event func(*V) *store.EventFunc
}

// refusal breaks one condition of a verb.
type refusal[V any] struct {
	name  string
	spoil func(*world, *V)
	want  error       // nil: the verb is malformed, which no error of package store says
	table store.Table // for ErrTaken
}

// refuses breaks each condition alone: the error is the named one, no event is
// taken, nothing is written, and the ticket can still be spent.
func (v verb[V]) refuses(t *testing.T, open opener, cases []refusal[V]) {
	cases = append(cases,
		refusal[V]{name: "zero OpID", spoil: func(_ *world, x *V) { *v.op(x) = store.OpID{} }},
		refusal[V]{name: "no event", spoil: func(_ *world, x *V) { *v.event(x) = nil }},
	)
	for _, c := range cases {
		t.Run("refused/"+c.name, func(t *testing.T) {
			w := newWorld(t, open)
			x := v.fresh(w)
			c.spoil(w, &x)
			v.owing(w, &x)
			asked := v.countEvents(&x)
			before := w.dump()
			err := v.do(w.ctx, w.s, x)
			wantError(t, err, c.want, c.table)
			same(t, "after the refusal", w.dump(), before)
			if *asked != 0 {
				t.Errorf("a refused verb asked for its event")
			}
			if spend := v.spend(&x); spend != nil && !errors.Is(c.want, store.ErrSpent) && !spend.Expires.IsZero() {
				w.unspent(*spend)
			}
		})
	}
}

// repeatRounds is how many operations are repeated while their first try is under way.
const repeatRounds = 5

// repeats checks that a verb under its own OpID happens once, and under another's
// is refused first of all for its ticket, though the rows have moved as well.
func (v verb[V]) repeats(t *testing.T, open opener) {
	t.Run("repeated", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		v.owing(w, &x)
		w.must(v.do(w.ctx, w.s, x))
		after := w.dump()
		w.chained()
		for range 3 {
			if err := v.do(w.ctx, w.s, x); err != nil {
				t.Fatalf("repeat under its own OpID: %v", err)
			}
		}
		same(t, "after the repeats", w.dump(), after)
		if v.spend(&x) == nil {
			return
		}
		*v.op(&x) = w.op()
		wantError(t, v.do(w.ctx, w.s, x), store.ErrSpent, "")
		same(t, "after another's repeat", w.dump(), after)
	})
	t.Run("repeated while it is under way", func(t *testing.T) {
		w := newWorld(t, open)
		for range repeatRounds {
			x := v.fresh(w)
			v.owing(w, &x)
			before := len(w.events())
			for i, err := range race(func(int) error { return v.do(w.ctx, w.s, x) }) {
				if err != nil {
					t.Fatalf("racer %d under one OpID: %v", i, err)
				}
			}
			after := w.dump()
			same(t, "events", len(w.events()), before+1)
			w.must(v.do(w.ctx, w.s, x))
			same(t, "after one more repeat", w.dump(), after)
		}
		w.chained()
	})
	t.Run("repeated after a bare spend of its own", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		spend := v.spend(&x)
		if spend == nil {
			return
		}
		w.must(w.s.Spend(w.ctx, *v.op(&x), *spend))
		before := w.dump()
		wantError(t, v.do(w.ctx, w.s, x), store.ErrSpent, "")
		same(t, "after the refusal", w.dump(), before)
	})
	t.Run("answers a bare spend of its own", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		spend := v.spend(&x)
		w.must(v.do(w.ctx, w.s, x))
		after := w.dump()
		if spend != nil {
			w.must(w.s.Spend(w.ctx, *v.op(&x), *spend))
		}
		same(t, "after the spend", w.dump(), after)
	})
}

var errNoRecord = errors.New("the event cannot be made")

// fails checks that an event that cannot be made, or is not the next of its
// chain, leaves nothing of the verb behind.
func (v verb[V]) fails(t *testing.T, open opener) {
	for _, c := range []struct {
		name  string
		spoil func(*store.Event) error
		want  error
	}{
		{"the event's error", func(*store.Event) error { return errNoRecord }, errNoRecord},
		{"a number that does not follow", func(e *store.Event) error { e.Number++; return nil }, nil},
		{"a number that is taken", func(e *store.Event) error { e.Number--; return nil }, nil},
		{"another chain", func(e *store.Event) error { e.Chain++; return nil }, nil},
	} {
		t.Run("fails/"+c.name, func(t *testing.T) {
			w := newWorld(t, open)
			x := v.fresh(w)
			v.owing(w, &x)
			right := *v.event(&x)
			*v.event(&x) = func(head store.Head) (store.Event, error) {
				e, err := right(head)
				if err != nil {
					return e, err
				}
				err = c.spoil(&e)
				return e, err
			}
			before := w.dump()
			wantError(t, v.do(w.ctx, w.s, x), c.want, "")
			same(t, "after the failure", w.dump(), before)
			*v.event(&x) = right
			w.must(v.do(w.ctx, w.s, x))
			w.chained()
		})
	}
}

// countEvents makes the verb count how often its event is asked for.
func (v verb[V]) countEvents(x *V) *int {
	asked := new(int)
	if right := *v.event(x); right != nil {
		*v.event(x) = func(head store.Head) (store.Event, error) {
			*asked++
			return right(head)
		}
	}
	return asked
}

// wantError demands an error: want (of table), or for nil one that is none of
// package store's, since a malformed verb must not look like the state's fault.
func wantError(t *testing.T, err, want error, table store.Table) {
	t.Helper()
	if want != nil {
		if !errors.Is(err, want) {
			t.Fatalf("error is %v, want %v", err, want)
		}
		var taken *store.TakenError
		if table != "" && (!errors.As(err, &taken) || taken.Table != table) {
			t.Fatalf("error is %v, want one that names %s", err, table)
		}
		return
	}
	if err == nil {
		t.Fatal("no error")
	}
	for _, known := range []error{store.ErrNotFound, store.ErrTaken, store.ErrConflict, store.ErrSpent} {
		if errors.Is(err, known) {
			t.Fatalf("a malformed verb answered %v", err)
		}
	}
}

// gone tells whether err says that a row is not there; other errors are fatal.
func gone(w *world, err error) bool {
	w.t.Helper()
	if errors.Is(err, store.ErrNotFound) {
		return true
	}
	w.must(err)
	return false
}

// unspent demands that nobody has spent the ticket, by spending it.
func (w *world) unspent(s store.Spend) {
	w.t.Helper()
	if err := w.s.Spend(w.ctx, w.op(), s); err != nil {
		w.t.Errorf("the ticket cannot be spent after a refused verb: %v", err)
	}
}

// spent demands that somebody has.
func (w *world) spent(s store.Spend) {
	w.t.Helper()
	if err := w.s.Spend(w.ctx, w.op(), s); !errors.Is(err, store.ErrSpent) {
		w.t.Errorf("spending a spent ticket: %v, want %v", err, store.ErrSpent)
	}
}
