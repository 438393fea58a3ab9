package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func linkVerb() verb[store.Link] {
	return verb[store.Link]{
		fresh: func(w *world) store.Link { return w.linkOf(w.person()) },
		do: func(ctx context.Context, s store.Store, v store.Link) error {
			return s.RecordLink(ctx, v)
		},
		op:    func(v *store.Link) *store.OpID { return &v.Op },
		spend: func(v *store.Link) *store.Spend { return &v.Spend },
		event: func(v *store.Link) *store.EventFunc { return &v.Event },
	}
}

// linkOf returns an honoured link of p that uses every part of the verb.
func (w *world) linkOf(p person) store.Link {
	w.t.Helper()
	code, account, gives := w.stored(w.ticket(nil)), ref(p.account), w.ticket(nil)
	return store.Link{
		Op:      w.op(),
		Spend:   w.spend(),
		Ticket:  &code,
		Account: &account,
		Session: w.session(p.account.Key),
		Ends:    p.session.Key,
		Gives:   &gives,
		Event:   w.event(p.account.Key),
	}
}

// stored puts a ticket and names it.
func (w *world) stored(ticket store.Ticket) store.Ref {
	w.t.Helper()
	w.must(w.s.PutTicket(w.ctx, ticket, w.event(ticket.Account)))
	return ref(ticket.Row)
}

func testLink(t *testing.T, open opener) {
	v := linkVerb()
	v.refuses(t, open, linkRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	t.Run("writes all of it", func(t *testing.T) {
		w := newWorld(t, open)
		p, other := w.person(), w.person()
		v := w.linkOf(p)
		before := w.dump()
		w.must(w.s.RecordLink(w.ctx, v))
		after := w.dump()
		want := before
		want.Sessions = []store.Session{*v.Session, *other.session}
		want.Tickets, want.Events = []store.Ticket{*v.Gives}, after.Events
		same(t, "after the link", after, want)
		oneEvent(t, before, after)
		w.spent(v.Spend)
		w.usableOnce(*v.Gives)
		w.chained()
	})
	t.Run("writes the least", func(t *testing.T) {
		w := newWorld(t, open)
		w.person()
		v := store.Link{Op: w.op(), Spend: w.spend(), Ends: w.key(), Event: w.event(nil)}
		before := w.dump()
		w.must(w.s.RecordLink(w.ctx, v))
		after := w.dump()
		want := before
		want.Events = after.Events
		same(t, "after the link", after, want)
		oneEvent(t, before, after)
		w.spent(v.Spend)
	})
	t.Run("gives what its event gives", func(t *testing.T) {
		w := newWorld(t, open)
		v := w.linkOf(w.person())
		v.Event = owe(v.Event, owed{tickets: []store.Ticket{*v.Gives}})
		before := w.dump()
		wantError(t, w.s.RecordLink(w.ctx, v), store.ErrTaken, store.TableTickets)
		same(t, "after the refusal", w.dump(), before)
		w.unspent(v.Spend)
	})
}

func linkRefusals() []refusal[store.Link] {
	type v = store.Link
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
		}},
		{name: "spent before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
			x.Account.Version++
		}},
		{name: "code gone", want: store.ErrSpent, spoil: func(w *world, x *v) { x.Ticket.Key = w.key() }},
		{name: "code in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) { x.Ticket.Version++ }},
		{name: "code gone before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			x.Ticket.Key = w.key()
			x.Account.Version++
		}},
		{name: "account in a later edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version-- }},
		{name: "account in an earlier edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account gone", want: store.ErrConflict, spoil: func(w *world, x *v) { x.Account.Key, x.Session = w.key(), nil }},
		{name: "conflict before taken", want: store.ErrConflict, spoil: func(w *world, x *v) {
			x.Account.Version++
			x.Session.Key = w.person().session.Key
		}},
		{name: "session taken", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			x.Session.Key = w.person().session.Key
		}},
		{name: "right taken", want: store.ErrTaken, table: store.TableTickets, spoil: func(w *world, x *v) {
			w.stored(*x.Gives)
		}},
		{name: "session before right", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			w.stored(*x.Gives)
			x.Session.Key = w.person().session.Key
		}},
		{name: "right without a key", spoil: func(_ *world, x *v) { x.Gives.Key = nil }},
		{name: "account without a key", spoil: func(_ *world, x *v) { x.Account.Key, x.Session = nil, nil }},
		{name: "another's session", spoil: func(w *world, x *v) { x.Session = w.session(w.person().account.Key) }},
		{name: "a session of nobody", spoil: func(_ *world, x *v) { x.Account = nil }},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) { x.Spend.Expires = time.Time{} }},
	}
}
