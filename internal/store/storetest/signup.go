package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func signUpVerb() verb[store.SignUp] {
	return verb[store.SignUp]{
		fresh: (*world).signUp,
		do: func(ctx context.Context, s store.Store, v store.SignUp) error {
			return s.RecordSignUp(ctx, v)
		},
		op:    func(v *store.SignUp) *store.OpID { return &v.Op },
		spend: func(v *store.SignUp) *store.Spend { return v.Spend },
		event: func(v *store.SignUp) *store.EventFunc { return &v.Event },
	}
}

// operatorVerb is a sign-up on the machine: no spend, no stored right.
func operatorVerb() verb[store.SignUp] {
	v := signUpVerb()
	v.fresh = func(w *world) store.SignUp {
		x := w.signUp()
		x.Spend, x.Ticket, x.Marker = nil, nil, nil
		return x
	}
	return v
}

// signUp returns a sign-up that uses every part of the verb.
func (w *world) signUp() store.SignUp {
	w.t.Helper()
	a := w.account()
	c := w.credential(a.Key)
	ticket := w.ticket(nil)
	w.must(w.s.PutTicket(w.ctx, ticket, w.event(nil)))
	name := fmt.Sprintf("right-%x", w.key())
	marker := store.Marker{Name: name, Row: store.Row{Key: []byte(name), Version: 2, Body: w.body("marker")}}
	w.must(w.s.PutKeys(w.ctx, nil, []store.Marker{marker}))
	spend := w.spend()
	ticketRef, markerRef := ref(ticket.Row), ref(marker.Row)
	return store.SignUp{
		Op:          w.op(),
		Spend:       &spend,
		Ticket:      &ticketRef,
		Marker:      &markerRef,
		Account:     a,
		Identifiers: []store.Identifier{w.identifier(a.Key), w.identifier(a.Key)},
		Credential:  &c,
		More:        []store.Credential{w.credential(a.Key), w.credential(a.Key)},
		Session:     w.session(a.Key),
		Event:       w.event(a.Key),
	}
}

func testSignUp(t *testing.T, open opener) {
	v := signUpVerb()
	v.refuses(t, open, signUpRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	operatorVerb().repeats(t, open)
	t.Run("writes all of it", func(t *testing.T) { signUpWritesAll(t, open) })
	t.Run("writes the least", func(t *testing.T) { signUpWritesLeast(t, open) })
	t.Run("an operator's repeat", func(t *testing.T) { operatorRepeats(t, open) })
}

func signUpRefusals() []refusal[store.SignUp] {
	type v = store.SignUp
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), *x.Spend))
		}},
		{name: "spent before taken", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), *x.Spend))
			x.Identifiers = []store.Identifier{w.rival(w.person().identifier, x.Account.Key)}
		}},
		{name: "ticket gone", want: store.ErrSpent, spoil: func(w *world, x *v) {
			x.Ticket = &store.Ref{Key: w.key(), Version: x.Ticket.Version}
		}},
		{name: "ticket in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) {
			x.Ticket = &store.Ref{Key: x.Ticket.Key, Version: x.Ticket.Version + 1}
		}},
		{name: "marker gone", want: store.ErrSpent, spoil: func(_ *world, x *v) {
			x.Marker = &store.Ref{Key: []byte("no such right"), Version: x.Marker.Version}
		}},
		{name: "marker in another edition", want: store.ErrSpent, spoil: func(_ *world, x *v) {
			x.Marker = &store.Ref{Key: x.Marker.Key, Version: x.Marker.Version - 1}
		}},
		{name: "identifier taken", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(w *world, x *v) {
			x.Identifiers = []store.Identifier{x.Identifiers[0], w.rival(w.person().identifier, x.Account.Key)}
		}},
		{name: "identifier twice", want: store.ErrTaken, table: store.TableIdentifiers, spoil: func(_ *world, x *v) {
			x.Identifiers = []store.Identifier{x.Identifiers[0], x.Identifiers[0]}
		}},
		{name: "credential taken", want: store.ErrTaken, table: store.TableCredentials, spoil: func(w *world, x *v) {
			c := *x.Credential
			c.Key = w.person().credential.Key
			x.Credential = &c
		}},
		{name: "a further credential taken", want: store.ErrTaken, table: store.TableCredentials, spoil: func(w *world, x *v) {
			x.More[1].Key = w.person().credential.Key
		}},
		{name: "credential twice", want: store.ErrTaken, table: store.TableCredentials, spoil: func(_ *world, x *v) {
			x.More[1].Key = x.Credential.Key
		}},
		{name: "account taken", want: store.ErrTaken, table: store.TableAccounts, spoil: func(w *world, x *v) {
			key := w.person().account.Key
			*x = store.SignUp{Op: x.Op, Spend: x.Spend, Event: x.Event, Account: store.Row{Key: key, Version: 1, Body: w.body("usurper")}}
		}},
		{name: "session taken", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			s := *x.Session
			s.Key = w.person().session.Key
			x.Session = &s
		}},
		{name: "account without a key", spoil: func(_ *world, x *v) {
			*x = store.SignUp{Op: x.Op, Spend: x.Spend, Event: x.Event, Account: store.Row{Version: 1, Body: x.Account.Body}}
		}},
		{name: "another's identifier", spoil: func(w *world, x *v) {
			x.Identifiers = []store.Identifier{w.identifier(w.person().account.Key)}
		}},
		{name: "another's credential", spoil: func(w *world, x *v) {
			c := w.credential(w.person().account.Key)
			x.Credential = &c
		}},
		{name: "another's further credential", spoil: func(w *world, x *v) {
			x.More[0].Account = w.person().account.Key
		}},
		{name: "another's session", spoil: func(w *world, x *v) {
			x.Session = w.session(w.person().account.Key)
		}},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) {
			x.Spend = &store.Spend{ID: x.Spend.ID, Expires: time.Time{}}
		}},
	}
}

// rival is an identifier of the same name for another account.
func (w *world) rival(i store.Identifier, account []byte) store.Identifier {
	return store.Identifier{Key: i.Key, Account: account, Body: w.body("rival")}
}

func signUpWritesAll(t *testing.T, open opener) {
	w := newWorld(t, open)
	v := w.signUp()
	before := w.dump()
	w.must(w.s.RecordSignUp(w.ctx, v))
	after := w.dump()
	same(t, "accounts", after.Accounts, []store.Row{v.Account})
	same(t, "identifiers", after.Identifiers, v.Identifiers)
	same(t, "credentials", after.Credentials, append([]store.Credential{*v.Credential}, v.More...))
	same(t, "sessions", after.Sessions, []store.Session{*v.Session})
	same(t, "tickets", after.Tickets, []store.Ticket(nil))
	same(t, "markers", after.Markers, []store.Marker(nil))
	if len(after.Events) != len(before.Events)+1 {
		t.Errorf("%d events, want one more than %d", len(after.Events), len(before.Events))
	}
	w.spent(*v.Spend)
	w.chained()
}

func signUpWritesLeast(t *testing.T, open opener) {
	w := newWorld(t, open)
	v := store.SignUp{Op: w.op(), Account: w.account()}
	v.Event = w.event(v.Account.Key)
	w.must(w.s.RecordSignUp(w.ctx, v))
	after := w.dump()
	same(t, "accounts", after.Accounts, []store.Row{v.Account})
	if len(after.Events) != 1 {
		t.Errorf("%d events, want 1", len(after.Events))
	}
	after.Accounts, after.Events = nil, nil
	same(t, "the rest", after, dump{})
}

// operatorRepeats: without a spend the account itself says whether it happened.
func operatorRepeats(t *testing.T, open opener) {
	w := newWorld(t, open)
	v := operatorVerb().fresh(w)
	w.must(w.s.RecordSignUp(w.ctx, v))
	after := w.dump()

	resealed := v
	resealed.Account.Body = w.body("the same, sealed again")
	w.must(w.s.RecordSignUp(w.ctx, resealed))
	same(t, "after its own repeat, sealed again", w.dump(), after)

	again := v
	again.Op = w.op()
	w.must(w.s.RecordSignUp(w.ctx, again))
	same(t, "after the very same account by another", w.dump(), after)

	other := v
	other.Op = w.op()
	other.Account.Body = w.body("another account")
	other.Identifiers, other.Credential, other.More, other.Session = nil, nil, nil, nil
	wantError(t, w.s.RecordSignUp(w.ctx, other), store.ErrTaken, store.TableAccounts)
	same(t, "after another account under the same key", w.dump(), after)
}
