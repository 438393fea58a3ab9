package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func sessionVerb() verb[store.SessionChange] {
	return verb[store.SessionChange]{
		fresh: func(w *world) store.SessionChange {
			p := w.person()
			return store.SessionChange{
				Op:    w.op(),
				Old:   p.session.Key,
				New:   w.session(p.account.Key),
				Event: w.event(p.account.Key),
			}
		},
		do: func(ctx context.Context, s store.Store, v store.SessionChange) error {
			return s.ReplaceSession(ctx, v)
		},
		op:    func(v *store.SessionChange) *store.OpID { return &v.Op },
		spend: func(*store.SessionChange) *store.Spend { return nil },
		event: func(v *store.SessionChange) *store.EventFunc { return &v.Event },
	}
}

func testSessions(t *testing.T, open opener) {
	type v = store.SessionChange
	replace := sessionVerb()
	replace.refuses(t, open, []refusal[v]{
		{name: "gone", want: store.ErrConflict, spoil: func(w *world, x *v) { x.Old = w.key() }},
		{name: "successor taken", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			s := *x.New
			s.Key = w.person().session.Key
			x.New = &s
		}},
		{name: "no session", spoil: func(_ *world, x *v) { x.Old = nil }},
		{name: "successor without a key", spoil: func(_ *world, x *v) {
			s := *x.New
			s.Key = nil
			x.New = &s
		}},
	})
	replace.repeats(t, open)
	replace.fails(t, open)
	replace.owes(t, open)
	replace.survives(t, open)

	end := sessionVerb()
	end.fresh = func(w *world) v {
		x := sessionVerb().fresh(w)
		x.New = nil
		return x
	}
	end.repeats(t, open)
	end.fails(t, open)
	end.owes(t, open)
	end.survives(t, open)

	t.Run("replace", func(t *testing.T) {
		w := newWorld(t, open)
		x, other := replace.fresh(w), w.person()
		before := w.dump()
		w.must(w.s.ReplaceSession(w.ctx, x))
		after := w.dump()
		same(t, "sessions", after.Sessions, []store.Session{*x.New, *other.session})
		oneEvent(t, before, after)
		w.chained()
	})
	t.Run("end", func(t *testing.T) {
		w := newWorld(t, open)
		x, other := end.fresh(w), w.person()
		before := w.dump()
		w.must(w.s.ReplaceSession(w.ctx, x))
		after := w.dump()
		same(t, "sessions", after.Sessions, []store.Session{*other.session})
		oneEvent(t, before, after)
		x.Op = w.op()
		w.must(w.s.ReplaceSession(w.ctx, x))
		same(t, "after ending what is gone", w.dump(), after)
	})
	t.Run("touch", func(t *testing.T) { touchSession(t, open) })
	t.Run("list", func(t *testing.T) { listSessions(t, open) })
}

func oneEvent(t *testing.T, before, after dump) {
	t.Helper()
	if len(after.Events) != len(before.Events)+1 {
		t.Errorf("%d events, want one more than %d", len(after.Events), len(before.Events))
	}
}

func touchSession(t *testing.T, open opener) {
	w := newWorld(t, open)
	p, other := w.person(), w.person()
	next := *p.session
	next.Version, next.Body, next.Expires = 2, w.body("touched"), dawn.Add(2*time.Hour)
	before := w.dump()

	for _, c := range []struct {
		name string
		ref  store.Ref
		next store.Session
		want error
	}{
		{"a later edition", store.Ref{Key: p.session.Key, Version: 0}, next, store.ErrConflict},
		{"an earlier edition", store.Ref{Key: p.session.Key, Version: 2}, next, store.ErrConflict},
		{"gone", store.Ref{Key: []byte("gone"), Version: 1}, store.Session{Row: store.Row{Key: []byte("gone"), Version: 2}}, store.ErrConflict},
		{"another key", ref(other.session.Row), next, nil},
		{"no key", store.Ref{Version: 1}, store.Session{}, nil},
	} {
		wantError(t, w.s.TouchSession(w.ctx, c.ref, c.next), c.want, "")
		same(t, "after "+c.name, w.dump(), before)
	}

	w.must(w.s.TouchSession(w.ctx, ref(p.session.Row), next))
	after := w.dump()
	want := before
	want.Sessions = []store.Session{next, *other.session}
	same(t, "after the touch", after, want)
	wantError(t, w.s.TouchSession(w.ctx, ref(p.session.Row), next), store.ErrConflict, "")
}

func listSessions(t *testing.T, open opener) {
	w := newWorld(t, open)
	p, other := w.person(), w.person()
	all := []store.Session{*p.session}
	for range 7 {
		v := w.signIn(p)
		v.Ends, v.Use.Next = nil, 0
		w.must(w.s.RecordSignIn(w.ctx, v))
		all = append(all, *v.Session)
	}
	pages(t, all, func(after []byte, limit int) ([]store.Session, error) {
		return w.s.SessionsOf(w.ctx, p.account.Key, after, limit)
	}, func(s store.Session) []byte { return s.Key })

	theirs, err := w.s.SessionsOf(w.ctx, other.account.Key, nil, 10)
	w.must(err)
	same(t, "another's", theirs, []store.Session{*other.session})
	nobodys, err := w.s.SessionsOf(w.ctx, w.key(), nil, 10)
	w.must(err)
	same(t, "nobody's", nobodys, []store.Session(nil))
}
