package storetest

import (
	"context"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// unspending says that a verb spends no ticket.
func unspending[V any](*V) *store.Spend { return nil }

func standingVerb() verb[store.Standing] {
	return verb[store.Standing]{
		fresh: func(w *world) store.Standing {
			v := w.standing(w.person())
			permit := w.stored(w.ticket(v.Account.Key))
			v.Ticket = &permit
			return v
		},
		do: func(ctx context.Context, s store.Store, v store.Standing) error {
			return s.RecordStanding(ctx, v)
		},
		op:    func(v *store.Standing) *store.OpID { return &v.Op },
		spend: unspending[store.Standing],
		event: func(v *store.Standing) *store.EventFunc { return &v.Event },
	}
}

// standing suspends the credential of p.
func (w *world) standing(p person) store.Standing {
	r := w.regression(p)
	return store.Standing{Op: r.Op, Account: r.Account, Next: *r.Next, Credential: r.Credential, Replace: r.Replace, Event: r.Event}
}

func unbindingVerb() verb[store.Unbinding] {
	return verb[store.Unbinding]{
		fresh: func(w *world) store.Unbinding {
			p := w.person()
			c := w.change(p)
			return store.Unbinding{Op: c.Op, Account: c.Account, Next: c.Next, Credential: p.credential.Key, Event: c.Event}
		},
		do: func(ctx context.Context, s store.Store, v store.Unbinding) error {
			return s.RecordUnbinding(ctx, v)
		},
		op:    func(v *store.Unbinding) *store.OpID { return &v.Op },
		spend: unspending[store.Unbinding],
		event: func(v *store.Unbinding) *store.EventFunc { return &v.Event },
	}
}

func renamingVerb() verb[store.Renaming] {
	return verb[store.Renaming]{
		fresh: func(w *world) store.Renaming {
			p := w.person()
			return store.Renaming{
				Op: w.op(), Account: ref(p.account), Credential: p.credential.Key,
				Name: w.body("renamed"), Event: w.event(p.account.Key),
			}
		},
		do: func(ctx context.Context, s store.Store, v store.Renaming) error {
			return s.RenameCredential(ctx, v)
		},
		op:    func(v *store.Renaming) *store.OpID { return &v.Op },
		spend: unspending[store.Renaming],
		event: func(v *store.Renaming) *store.EventFunc { return &v.Event },
	}
}

func deletionVerb() verb[store.Deletion] {
	return verb[store.Deletion]{
		fresh: func(w *world) store.Deletion {
			p := w.person()
			return store.Deletion{
				Op: w.op(), Account: ref(p.account),
				Credentials: [][]byte{p.credential.Key}, Identifiers: [][]byte{p.identifier.Key},
				Event: w.event(p.account.Key),
			}
		},
		do: func(ctx context.Context, s store.Store, v store.Deletion) error {
			return s.DeleteAccount(ctx, v)
		},
		op:    func(v *store.Deletion) *store.OpID { return &v.Op },
		spend: unspending[store.Deletion],
		event: func(v *store.Deletion) *store.EventFunc { return &v.Event },
	}
}

func testWays(t *testing.T, open opener) {
	t.Run("standing", func(t *testing.T) { testStanding(t, open) })
	t.Run("unbinding", func(t *testing.T) { testUnbinding(t, open) })
	t.Run("renaming", func(t *testing.T) { testRenaming(t, open) })
	t.Run("deletion", func(t *testing.T) { testDeletion(t, open) })
}

func testStanding(t *testing.T, open opener) {
	type v = store.Standing
	standing := standingVerb()
	standing.refuses(t, open, []refusal[v]{
		{name: "ticket gone", want: store.ErrSpent, spoil: func(w *world, x *v) { x.Ticket.Key = w.key() }},
		{name: "ticket in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) { x.Ticket.Version++ }},
		{name: "ticket gone before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			x.Ticket.Key = w.key()
			x.Account.Version++
		}},
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "credential in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Credential.Version++ }},
		{name: "credential gone", want: store.ErrConflict, spoil: func(w *world, x *v) {
			x.Credential.Key = w.key()
			x.Replace.Key = x.Credential.Key
		}},
		{name: "the account changes its key", spoil: func(w *world, x *v) { x.Next.Key = w.key() }},
		{name: "the credential changes its key", spoil: func(w *world, x *v) { x.Replace.Key = w.key() }},
		{name: "another's credential", spoil: func(w *world, x *v) { x.Replace.Account = w.person().account.Key }},
	})
	standing.repeats(t, open)
	standing.fails(t, open)
	standing.owes(t, open)
	standing.survives(t, open)
	t.Run("writes all of it", func(t *testing.T) {
		w := newWorld(t, open)
		x := standing.fresh(w)
		before := w.dump()
		w.must(w.s.RecordStanding(w.ctx, x))
		after := w.dump()
		want := before
		replaced := x.Replace
		kept := before.Credentials[0]
		replaced.Name, replaced.LastUsed, replaced.TimesUsed = kept.Name, kept.LastUsed, kept.TimesUsed
		want.Accounts, want.Credentials, want.Events = []store.Row{x.Next}, []store.Credential{replaced}, after.Events
		want.Tickets = nil
		same(t, "after the change", after, want)
		oneEvent(t, before, after)
		x.Op = w.op()
		wantError(t, w.s.RecordStanding(w.ctx, x), store.ErrSpent, "")
		same(t, "after another's use of the ticket", w.dump(), after)
	})
	t.Run("without a ticket", func(t *testing.T) {
		w := newWorld(t, open)
		x := standing.fresh(w)
		x.Ticket = nil
		before := w.dump()
		w.must(w.s.RecordStanding(w.ctx, x))
		after := w.dump()
		same(t, "accounts", after.Accounts, []store.Row{x.Next})
		same(t, "tickets", after.Tickets, before.Tickets)
		x.Op = w.op()
		wantError(t, w.s.RecordStanding(w.ctx, x), store.ErrConflict, "")
	})
}

func testUnbinding(t *testing.T, open opener) {
	type v = store.Unbinding
	unbinding := unbindingVerb()
	unbinding.refuses(t, open, []refusal[v]{
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "the account changes its key", spoil: func(w *world, x *v) { x.Next.Key = w.key() }},
		{name: "no credential", spoil: func(_ *world, x *v) { x.Credential = nil }},
	})
	unbinding.repeats(t, open)
	unbinding.fails(t, open)
	unbinding.owes(t, open)
	unbinding.survives(t, open)
	for name, spoil := range map[string]func(*world, *v){
		"its own":         func(*world, *v) {},
		"gone already":    func(w *world, x *v) { x.Credential = w.key() },
		"another account": func(w *world, x *v) { x.Credential = w.person().credential.Key },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, open)
			x := unbinding.fresh(w)
			spoil(w, &x)
			before := w.dump()
			w.must(w.s.RecordUnbinding(w.ctx, x))
			after := w.dump()
			want := before
			want.Accounts = append([]store.Row{x.Next}, before.Accounts[1:]...)
			want.Events = after.Events
			if name == "its own" {
				want.Credentials = nil
			}
			same(t, "after the change", after, want)
			oneEvent(t, before, after)
		})
	}
}

func testRenaming(t *testing.T, open opener) {
	type v = store.Renaming
	renaming := renamingVerb()
	renaming.refuses(t, open, []refusal[v]{
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account gone", want: store.ErrConflict, spoil: func(w *world, x *v) { x.Account.Key = w.key() }},
		{name: "credential gone", want: store.ErrNotFound, spoil: func(w *world, x *v) { x.Credential = w.key() }},
		{name: "another's credential", want: store.ErrNotFound, spoil: func(w *world, x *v) { x.Credential = w.person().credential.Key }},
		{name: "no account", spoil: func(_ *world, x *v) { x.Account.Key = nil }},
		{name: "no credential", spoil: func(_ *world, x *v) { x.Credential = nil }},
	})
	renaming.fails(t, open)
	renaming.owes(t, open)
	t.Run("faults/lost answers", func(t *testing.T) {
		w := newWorld(t, open)
		x := renaming.fresh(w)
		wantError(t, lossy{w.s}.RenameCredential(w.ctx, x), errLost, "")
		w.must(w.s.RenameCredential(w.ctx, x))
		same(t, "name", w.dump().Credentials[0].Name, x.Name)
		w.chained()
	})
	t.Run("writes all of it", func(t *testing.T) {
		w := newWorld(t, open)
		x, other := renaming.fresh(w), w.person()
		before := w.dump()
		w.must(w.s.RenameCredential(w.ctx, x))
		after := w.dump()
		want := before
		renamed := before.Credentials[0]
		renamed.Name = x.Name
		want.Credentials, want.Events = []store.Credential{renamed, other.credential}, after.Events
		same(t, "after the change", after, want)
		oneEvent(t, before, after)
	})
}

func testDeletion(t *testing.T, open opener) {
	type v = store.Deletion
	deletion := deletionVerb()
	deletion.refuses(t, open, []refusal[v]{
		{name: "account in a later edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version-- }},
		{name: "account in an earlier edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "no account", spoil: func(_ *world, x *v) { x.Account.Key = nil }},
	})
	deletion.repeats(t, open)
	deletion.fails(t, open)
	deletion.owes(t, open)
	deletion.survives(t, open)
	t.Run("deletes its own and no more", func(t *testing.T) {
		w := newWorld(t, open)
		x, other := deletion.fresh(w), w.person()
		x.Credentials = append(x.Credentials, other.credential.Key, w.key())
		x.Identifiers = append(x.Identifiers, other.identifier.Key, w.key())
		before := w.dump()
		w.must(w.s.DeleteAccount(w.ctx, x))
		after := w.dump()
		same(t, "after the deletion", after, dump{
			Accounts:    []store.Row{other.account},
			Identifiers: []store.Identifier{other.identifier},
			Credentials: []store.Credential{other.credential},
			Sessions:    []store.Session{*other.session},
			Events:      after.Events,
		})
		oneEvent(t, before, after)
		x.Op = w.op()
		w.must(w.s.DeleteAccount(w.ctx, x))
		same(t, "after deleting what is gone", w.dump(), after)
		w.chained()
	})
}
