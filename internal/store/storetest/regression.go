package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func regressionVerb() verb[store.Regression] {
	return verb[store.Regression]{
		fresh: func(w *world) store.Regression { return w.regression(w.person()) },
		do: func(ctx context.Context, s store.Store, v store.Regression) error {
			return s.RecordRegression(ctx, v)
		},
		op:    func(v *store.Regression) *store.OpID { return &v.Op },
		spend: func(v *store.Regression) *store.Spend { return &v.Spend },
		event: func(v *store.Regression) *store.EventFunc { return &v.Event },
	}
}

// regression suspends the credential of p.
func (w *world) regression(p person) store.Regression {
	next := store.Row{Key: p.account.Key, Version: p.account.Version + 1, Body: w.body("suspending")}
	replace := p.credential
	replace.Version, replace.State = replace.Version+1, replace.State+1
	replace.Body, replace.Sealed, replace.Name = w.body("regressed"), w.body("sealed again"), w.body("another name")
	replace.LastUsed, replace.TimesUsed = dawn.Add(time.Hour), 99
	return store.Regression{
		Op:         w.op(),
		Spend:      w.spend(),
		Account:    ref(p.account),
		Next:       &next,
		Credential: ref(p.credential.Row),
		Replace:    replace,
		Event:      w.event(p.account.Key),
	}
}

func testRegression(t *testing.T, open opener) {
	v := regressionVerb()
	v.refuses(t, open, regressionRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	for _, suspends := range []bool{true, false} {
		name := "leaves the account"
		if suspends {
			name = "writes all of it"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, open)
			p := w.person()
			v := w.regression(p)
			account := *v.Next
			if !suspends {
				v.Next, account = nil, p.account
			}
			w.must(w.s.RecordRegression(w.ctx, v))
			d := w.dump()
			same(t, "accounts", d.Accounts, []store.Row{account})
			want := v.Replace
			want.Name, want.LastUsed, want.TimesUsed = p.credential.Name, p.credential.LastUsed, p.credential.TimesUsed
			same(t, "credentials", d.Credentials, []store.Credential{want})
			same(t, "sessions", d.Sessions, []store.Session{*p.session})
			w.spent(v.Spend)
			w.chained()
		})
	}
}

func regressionRefusals() []refusal[store.Regression] {
	type v = store.Regression
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
		}},
		{name: "spent before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
			x.Account.Version++
		}},
		{name: "account in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account in another edition, left alone", want: store.ErrConflict, spoil: func(_ *world, x *v) {
			x.Account.Version++
			x.Next = nil
		}},
		{name: "credential in another edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Credential.Version++ }},
		{name: "credential gone", want: store.ErrConflict, spoil: func(w *world, x *v) {
			x.Credential.Key = w.key()
			x.Replace.Key = x.Credential.Key
		}},
		{name: "the credential changes its key", spoil: func(w *world, x *v) { x.Replace.Key = w.key() }},
		{name: "the account changes its key", spoil: func(w *world, x *v) {
			x.Next = &store.Row{Key: w.key(), Version: 2, Body: x.Next.Body}
		}},
		{name: "another's credential", spoil: func(w *world, x *v) { x.Replace.Account = w.person().account.Key }},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) { x.Spend.Expires = time.Time{} }},
	}
}
