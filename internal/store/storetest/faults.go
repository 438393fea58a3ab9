package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// errLost stands for an answer that did not arrive.
var errLost = errors.New("the answer is lost")

// lossy does what it is asked and loses the answer, for every verb with an OpID.
type lossy struct{ store.Store }

func lose(error) error { return errLost }

func (l lossy) RecordSignUp(ctx context.Context, v store.SignUp) error {
	return lose(l.Store.RecordSignUp(ctx, v))
}

func (l lossy) RecordSignIn(ctx context.Context, v store.SignIn) error {
	return lose(l.Store.RecordSignIn(ctx, v))
}

func (l lossy) RecordRegression(ctx context.Context, v store.Regression) error {
	return lose(l.Store.RecordRegression(ctx, v))
}

func (l lossy) RecordBinding(ctx context.Context, v store.Binding) error {
	return lose(l.Store.RecordBinding(ctx, v))
}

func (l lossy) RecordLink(ctx context.Context, v store.Link) error {
	return lose(l.Store.RecordLink(ctx, v))
}

func (l lossy) Spend(ctx context.Context, op store.OpID, v store.Spend) error {
	return lose(l.Store.Spend(ctx, op, v))
}

func (l lossy) RecordStanding(ctx context.Context, v store.Standing) error {
	return lose(l.Store.RecordStanding(ctx, v))
}

func (l lossy) RecordUnbinding(ctx context.Context, v store.Unbinding) error {
	return lose(l.Store.RecordUnbinding(ctx, v))
}

func (l lossy) RenameCredential(ctx context.Context, v store.Renaming) error {
	return lose(l.Store.RenameCredential(ctx, v))
}

func (l lossy) DeleteAccount(ctx context.Context, v store.Deletion) error {
	return lose(l.Store.DeleteAccount(ctx, v))
}

func (l lossy) ReplaceAccount(ctx context.Context, v store.AccountChange) error {
	return lose(l.Store.ReplaceAccount(ctx, v))
}

func (l lossy) ReplaceSession(ctx context.Context, v store.SessionChange) error {
	return lose(l.Store.ReplaceSession(ctx, v))
}

// survives checks that whoever does not know whether a verb happened finds out by its
// OpID, and that it happened once.
func (v verb[V]) survives(t *testing.T, open opener) {
	t.Run("faults/lost answers", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		v.owing(w, &x)
		before := w.dump()
		wantError(t, v.do(w.ctx, lossy{w.s}, x), errLost, "")
		after := w.dump()
		oneEvent(t, before, after)
		wantError(t, v.do(w.ctx, lossy{w.s}, x), errLost, "")
		w.must(v.do(w.ctx, w.s, x))
		same(t, "after the repeats", w.dump(), after)
	})
	t.Run("faults/given up under way", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		o := v.owing(w, &x)
		ctx, giveUp := context.WithCancel(w.ctx)
		right := *v.event(&x)
		*v.event(&x) = func(head store.Head) (store.Event, error) {
			giveUp()
			return right(head)
		}
		before := w.dump()
		// It may have happened, wholly or not at all.
		if err := v.do(ctx, w.s, x); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("given up under way: %v", err)
		}
		w.must(v.do(w.ctx, w.s, x))
		after := w.dump()
		oneEvent(t, before, after)
		same(t, "mails", len(after.Mails), len(o.mails))
		w.chained()
		w.must(v.do(w.ctx, w.s, x))
		same(t, "after another repeat", w.dump(), after)
	})
}
