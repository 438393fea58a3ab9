package storetest

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func testSpend(t *testing.T, open opener) {
	t.Run("once, and again under its own OpID", func(t *testing.T) {
		w := newWorld(t, open)
		s, op := w.spend(), w.op()
		for range 3 {
			w.must(w.s.Spend(w.ctx, op, s))
		}
		w.spent(s)
		same(t, "the rest", w.dump(), dump{})
	})
	t.Run("a lost answer", func(t *testing.T) {
		w := newWorld(t, open)
		s, op := w.spend(), w.op()
		wantError(t, lossy{w.s}.Spend(w.ctx, op, s), errLost, "")
		w.spent(s)
		w.must(w.s.Spend(w.ctx, op, s))
	})
	t.Run("each ticket has its own", func(t *testing.T) {
		w := newWorld(t, open)
		s, op := w.spend(), w.op()
		w.must(w.s.Spend(w.ctx, op, s))
		w.must(w.s.Spend(w.ctx, op, w.spend())) // another ID
		later := s
		later.Expires = s.Expires.Add(time.Second) // another ticket that drew the same ID
		w.must(w.s.Spend(w.ctx, w.op(), later))
		w.spent(s)
		w.spent(later)
	})
	t.Run("malformed", func(t *testing.T) {
		w := newWorld(t, open)
		s := w.spend()
		wantError(t, w.s.Spend(w.ctx, store.OpID{}, s), nil, "")
		w.unspent(s)
		wantError(t, w.s.Spend(w.ctx, w.op(), store.Spend{ID: s.ID}), nil, "")
	})
}
