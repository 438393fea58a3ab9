package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func bindingVerb() verb[store.Binding] {
	return verb[store.Binding]{
		fresh: func(w *world) store.Binding { return w.binding(w.person()) },
		do: func(ctx context.Context, s store.Store, v store.Binding) error {
			return s.RecordBinding(ctx, v)
		},
		op:    func(v *store.Binding) *store.OpID { return &v.Op },
		spend: func(v *store.Binding) *store.Spend { return &v.Spend },
		event: func(v *store.Binding) *store.EventFunc { return &v.Event },
	}
}

// binding adds a credential to p by a stored ticket.
func (w *world) binding(p person) store.Binding {
	w.t.Helper()
	ticket := w.ticket(p.account.Key)
	w.must(w.s.PutTicket(w.ctx, ticket, w.event(p.account.Key)))
	permit := ref(ticket.Row)
	return store.Binding{
		Op:         w.op(),
		Spend:      w.spend(),
		Ticket:     &permit,
		Account:    ref(p.account),
		Next:       store.Row{Key: p.account.Key, Version: p.account.Version + 1, Body: w.body("with one more")},
		Credential: w.credential(p.account.Key),
		Session:    w.session(p.account.Key),
		Event:      w.event(p.account.Key),
	}
}

func testBinding(t *testing.T, open opener) {
	v := bindingVerb()
	v.refuses(t, open, bindingRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	t.Run("writes all of it", func(t *testing.T) {
		w := newWorld(t, open)
		p := w.person()
		v := w.binding(p)
		w.must(w.s.RecordBinding(w.ctx, v))
		d := w.dump()
		same(t, "accounts", d.Accounts, []store.Row{v.Next})
		same(t, "credentials", d.Credentials, []store.Credential{p.credential, v.Credential})
		same(t, "sessions", d.Sessions, []store.Session{*p.session, *v.Session})
		same(t, "tickets", d.Tickets, []store.Ticket(nil))
		w.spent(v.Spend)
		w.chained()
	})
	t.Run("writes the least", func(t *testing.T) {
		w := newWorld(t, open)
		p := w.person()
		v := w.binding(p)
		v.Ticket, v.Session = nil, nil
		before := w.dump()
		w.must(w.s.RecordBinding(w.ctx, v))
		d := w.dump()
		same(t, "sessions", d.Sessions, before.Sessions)
		same(t, "tickets", d.Tickets, before.Tickets)
		same(t, "credentials", d.Credentials, []store.Credential{p.credential, v.Credential})
	})
}

func bindingRefusals() []refusal[store.Binding] {
	type v = store.Binding
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
		}},
		{name: "spent before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
			x.Account.Version++
		}},
		{name: "ticket gone", want: store.ErrSpent, spoil: func(w *world, x *v) {
			x.Ticket = &store.Ref{Key: w.key(), Version: x.Ticket.Version}
		}},
		{name: "ticket in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) {
			x.Ticket = &store.Ref{Key: x.Ticket.Key, Version: x.Ticket.Version + 1}
		}},
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account gone", want: store.ErrConflict, spoil: func(w *world, x *v) {
			key := w.key()
			x.Account.Key, x.Next.Key, x.Credential.Account, x.Session = key, key, key, nil
		}},
		{name: "credential taken", want: store.ErrTaken, table: store.TableCredentials, spoil: func(w *world, x *v) {
			x.Credential.Key = w.person().credential.Key
		}},
		{name: "session taken", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			s := *x.Session
			s.Key = w.person().session.Key
			x.Session = &s
		}},
		{name: "the account changes its key", spoil: func(w *world, x *v) { x.Next.Key = w.key() }},
		{name: "another's credential", spoil: func(w *world, x *v) { x.Credential.Account = w.person().account.Key }},
		{name: "another's session", spoil: func(w *world, x *v) { x.Session = w.session(w.person().account.Key) }},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) { x.Spend.Expires = time.Time{} }},
	}
}
