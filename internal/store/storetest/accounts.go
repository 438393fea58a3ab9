package storetest

import (
	"bytes"
	"context"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

func accountVerb() verb[store.AccountChange] {
	return verb[store.AccountChange]{
		fresh: func(w *world) store.AccountChange { return w.change(w.person()) },
		do: func(ctx context.Context, s store.Store, v store.AccountChange) error {
			return s.ReplaceAccount(ctx, v)
		},
		op:    func(v *store.AccountChange) *store.OpID { return &v.Op },
		spend: func(v *store.AccountChange) *store.Spend { return v.Spend },
		event: func(v *store.AccountChange) *store.EventFunc { return &v.Event },
	}
}

// permittedVerb is a change that a ticket and a stored right permit.
func permittedVerb() verb[store.AccountChange] {
	v := accountVerb()
	v.fresh = func(w *world) store.AccountChange {
		x := w.change(w.person())
		spend, permit := w.spend(), w.stored(w.ticket(x.Account.Key))
		x.Spend, x.Ticket = &spend, &permit
		return x
	}
	return v
}

// change gives p another name for the one it has.
func (w *world) change(p person) store.AccountChange {
	return store.AccountChange{
		Op:      w.op(),
		Account: ref(p.account),
		Next:    store.Row{Key: p.account.Key, Version: p.account.Version + 1, Body: w.body("changed")},
		Add:     []store.Identifier{w.identifier(p.account.Key)},
		Drop:    [][]byte{p.identifier.Key},
		Event:   w.event(p.account.Key),
	}
}

func testAccounts(t *testing.T, open opener) {
	v := accountVerb()
	v.refuses(t, open, accountRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	permitted := permittedVerb()
	t.Run("permitted", func(t *testing.T) {
		permitted.refuses(t, open, permittedRefusals())
		permitted.repeats(t, open)
		permitted.fails(t, open)
		permitted.owes(t, open)
		permitted.survives(t, open)
		t.Run("writes all of it", func(t *testing.T) { permittedWritesAll(t, open) })
	})
	t.Run("writes all of it", func(t *testing.T) {
		w := newWorld(t, open)
		p := w.person()
		v := w.change(p)
		before := w.dump()
		w.must(w.s.ReplaceAccount(w.ctx, v))
		after := w.dump()
		want := before
		want.Accounts, want.Identifiers, want.Events = []store.Row{v.Next}, v.Add, after.Events
		same(t, "after the change", after, want)
		if len(after.Events) != len(before.Events)+1 {
			t.Errorf("%d events, want one more than %d", len(after.Events), len(before.Events))
		}
		w.chained()
	})
	t.Run("another's change is no repeat", func(t *testing.T) {
		w := newWorld(t, open)
		v := w.change(w.person())
		w.must(w.s.ReplaceAccount(w.ctx, v))
		after := w.dump()
		v.Op = w.op()
		wantError(t, w.s.ReplaceAccount(w.ctx, v), store.ErrConflict, "")
		same(t, "after the refusal", w.dump(), after)
	})
	t.Run("names", func(t *testing.T) { accountNames(t, open) })
	t.Run("list", func(t *testing.T) { listAccounts(t, open) })
}

func accountRefusals() []refusal[store.AccountChange] {
	type v = store.AccountChange
	return []refusal[v]{
		{name: "account in a later edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version-- }},
		{name: "account in an earlier edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account gone", want: store.ErrConflict, spoil: func(w *world, x *v) {
			x.Account.Key = w.key()
			x.Next.Key, x.Add = x.Account.Key, nil
		}},
		{name: "identifier taken", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(w *world, x *v) {
			x.Add = []store.Identifier{x.Add[0], w.rival(w.person().identifier, x.Account.Key)}
		}},
		{name: "identifier twice", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(_ *world, x *v) {
			x.Add = []store.Identifier{x.Add[0], x.Add[0]}
		}},
		{name: "taken before conflict", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(w *world, x *v) {
			x.Add = []store.Identifier{w.rival(w.person().identifier, x.Account.Key)}
			x.Account.Version++
		}},
		{name: "the account changes its key", spoil: func(w *world, x *v) { x.Next.Key = w.key() }},
		{name: "no account", spoil: func(_ *world, x *v) { x.Account.Key, x.Next.Key, x.Add = nil, nil, nil }},
		{name: "another's identifier", spoil: func(w *world, x *v) {
			x.Add = []store.Identifier{w.identifier(w.person().account.Key)}
		}},
	}
}

func permittedRefusals() []refusal[store.AccountChange] {
	type v = store.AccountChange
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), *x.Spend))
		}},
		{name: "spent before taken and conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), *x.Spend))
			x.Add = []store.Identifier{w.rival(w.person().identifier, x.Account.Key)}
			x.Account.Version++
		}},
		{name: "ticket gone", want: store.ErrSpent, spoil: func(w *world, x *v) { x.Ticket.Key = w.key() }},
		{name: "ticket in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) { x.Ticket.Version++ }},
		{name: "ticket gone before taken and conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			x.Ticket.Key = w.key()
			x.Add = []store.Identifier{w.rival(w.person().identifier, x.Account.Key)}
			x.Account.Version++
		}},
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "identifier taken", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(w *world, x *v) {
			x.Add = []store.Identifier{w.rival(w.person().identifier, x.Account.Key)}
		}},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) { x.Spend = &store.Spend{ID: x.Spend.ID} }},
	}
}

// permittedWritesAll: the ticket is spent and the stored right consumed, each of which
// alone keeps another from using them.
func permittedWritesAll(t *testing.T, open opener) {
	w := newWorld(t, open)
	v := permittedVerb().fresh(w)
	before := w.dump()
	w.must(w.s.ReplaceAccount(w.ctx, v))
	after := w.dump()
	want := before
	want.Accounts, want.Identifiers, want.Events = []store.Row{v.Next}, v.Add, after.Events
	want.Tickets = nil
	same(t, "after the change", after, want)
	oneEvent(t, before, after)
	w.spent(*v.Spend)

	again := w.change(person{account: v.Next, identifier: v.Add[0]})
	again.Ticket = v.Ticket
	wantError(t, w.s.ReplaceAccount(w.ctx, again), store.ErrSpent, "")
	again.Spend, again.Ticket = v.Spend, nil
	wantError(t, w.s.ReplaceAccount(w.ctx, again), store.ErrSpent, "")
	same(t, "after others' uses of them", w.dump(), after)
	again.Spend = nil
	w.must(w.s.ReplaceAccount(w.ctx, again))
	w.chained()
}

// accountNames: what is the account's own may be added again, what is gone may be
// dropped, and what is another's is not touched.
func accountNames(t *testing.T, open opener) {
	w := newWorld(t, open)
	p, other := w.person(), w.person()
	again := p.identifier
	again.Body = w.body("its own, written again")
	v := w.change(p)
	v.Add = []store.Identifier{again}
	v.Drop = [][]byte{w.key(), other.identifier.Key}
	w.must(w.s.ReplaceAccount(w.ctx, v))
	same(t, "names", w.dump().Identifiers, []store.Identifier{again, other.identifier})

	moved := w.change(person{account: v.Next, identifier: again})
	moved.Add = nil
	w.must(w.s.ReplaceAccount(w.ctx, moved))
	same(t, "after the drop", w.dump().Identifiers, []store.Identifier{other.identifier})

	taken := w.change(other)
	taken.Add = []store.Identifier{w.rival(again, other.account.Key)}
	taken.Drop = nil
	w.must(w.s.ReplaceAccount(w.ctx, taken)) // a dropped name is free
	same(t, "after it found a new owner", w.dump().Identifiers, []store.Identifier{taken.Add[0], other.identifier})
}

func listAccounts(t *testing.T, open opener) {
	w := newWorld(t, open)
	var all []store.Row
	for range 7 {
		all = append(all, w.person().account)
	}
	pages(t, all, func(after []byte, limit int) ([]store.Row, error) {
		return w.s.ListAccounts(w.ctx, after, limit)
	}, func(r store.Row) []byte { return r.Key })
}

// pages reads a list of at least seven in pages and demands its order, its
// bounds, and nothing twice.
func pages[V any](t *testing.T, all []V, read func(after []byte, limit int) ([]V, error), key func(V) []byte) {
	t.Helper()
	var joined []V
	var after []byte
	for {
		page, err := read(after, 3)
		if err != nil {
			t.Fatalf("read a page: %v", err)
		}
		if len(page) > 3 {
			t.Fatalf("%d rows in a page of 3", len(page))
		}
		if len(page) == 0 {
			break
		}
		joined = append(joined, page...)
		last := key(page[len(page)-1])
		if bytes.Compare(last, after) <= 0 {
			t.Fatalf("a page ends at %x, after %x", last, after)
		}
		after = last
	}
	same(t, "all pages", joined, all)
	for _, limit := range []int{0, -1} {
		if none, err := read(nil, limit); err != nil || len(none) != 0 {
			t.Errorf("limit %d: %d rows, %v", limit, len(none), err)
		}
	}
}
