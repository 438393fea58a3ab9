package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func signInVerb() verb[store.SignIn] {
	return verb[store.SignIn]{
		fresh: func(w *world) store.SignIn { return w.signIn(w.person()) },
		do: func(ctx context.Context, s store.Store, v store.SignIn) error {
			return s.RecordSignIn(ctx, v)
		},
		op:    func(v *store.SignIn) *store.OpID { return &v.Op },
		spend: func(v *store.SignIn) *store.Spend { return &v.Spend },
		event: func(v *store.SignIn) *store.EventFunc { return &v.Event },
	}
}

// signIn returns a sign-in of p that uses every part of the verb.
func (w *world) signIn(p person) store.SignIn {
	return store.SignIn{
		Op:      w.op(),
		Spend:   w.spend(),
		Account: ref(p.account),
		Use:     w.use(p.credential),
		Session: w.session(p.account.Key),
		Ends:    p.session.Key,
		Event:   w.event(p.account.Key),
	}
}

// use is a compare-and-set use of c in its present edition.
func (w *world) use(c store.Credential) store.CredentialUse {
	return store.CredentialUse{
		Key:     c.Key,
		State:   c.State,
		Version: c.Version,
		Within:  c.Version,
		Next:    c.Version + 1,
		Body:    w.body("used"),
		At:      dawn.Add(time.Minute),
	}
}

func testSignIn(t *testing.T, open opener) {
	v := signInVerb()
	v.refuses(t, open, signInRefusals())
	v.repeats(t, open)
	v.fails(t, open)
	v.owes(t, open)
	v.survives(t, open)
	t.Run("writes all of it", func(t *testing.T) { signInWritesAll(t, open) })
	t.Run("writes the least", func(t *testing.T) { signInWritesLeast(t, open) })
	t.Run("another account's rows stay", func(t *testing.T) {
		w := newWorld(t, open)
		other := w.person()
		w.must(w.s.RecordSignIn(w.ctx, w.signIn(w.person())))
		d := w.dump()
		same(t, "account", d.Accounts[0], other.account)
		same(t, "credential", d.Credentials[0], other.credential)
		same(t, "session", d.Sessions[0], *other.session)
	})
}

func signInRefusals() []refusal[store.SignIn] {
	type v = store.SignIn
	return []refusal[v]{
		{name: "spent by another", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
		}},
		{name: "spent before conflict", want: store.ErrSpent, spoil: func(w *world, x *v) {
			w.must(w.s.Spend(w.ctx, w.op(), x.Spend))
			x.Account.Version++
			x.Use.State++
		}},
		{name: "account in a later edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version-- }},
		{name: "account in an earlier edition", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Account.Version++ }},
		{name: "account gone", want: store.ErrConflict, spoil: func(w *world, x *v) {
			x.Account.Key = w.key()
			x.Session = nil
		}},
		{name: "credential gone", want: store.ErrConflict, spoil: func(w *world, x *v) { x.Use.Key = w.key() }},
		{name: "credential in a later state", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Use.State-- }},
		{name: "credential in an earlier state", want: store.ErrConflict, spoil: func(_ *world, x *v) { x.Use.State++ }},
		{name: "credential in a later edition", want: store.ErrConflict, spoil: func(_ *world, x *v) {
			x.Use.Version, x.Use.Within = x.Use.Version-1, x.Use.Within-1
		}},
		{name: "credential in an earlier edition", want: store.ErrConflict, spoil: func(_ *world, x *v) {
			x.Use.Version, x.Use.Within, x.Use.Next = x.Use.Version+1, x.Use.Within+10, x.Use.Next+1
		}},
		{name: "session taken", want: store.ErrTaken, table: store.TableSessions, spoil: func(w *world, x *v) {
			s := *x.Session
			s.Key = w.person().session.Key
			x.Session = &s
		}},
		{name: "another's session", spoil: func(w *world, x *v) { x.Session = w.session(w.person().account.Key) }},
		{name: "no account", spoil: func(_ *world, x *v) { x.Account, x.Session = store.Ref{}, nil }},
		{name: "no credential", spoil: func(_ *world, x *v) { x.Use.Key = nil }},
		{name: "a spend that never expires", spoil: func(_ *world, x *v) { x.Spend.Expires = time.Time{} }},
	}
}

func signInWritesAll(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	v := w.signIn(p)
	before := w.dump()
	w.must(w.s.RecordSignIn(w.ctx, v))

	after := w.dump()
	want := before
	used := p.credential
	used.Version, used.Body, used.LastUsed = v.Use.Next, v.Use.Body, v.Use.At
	used.TimesUsed++
	want.Credentials = []store.Credential{used}
	want.Sessions = []store.Session{*v.Session}
	want.Events = after.Events
	same(t, "after the sign-in", after, want)
	if len(after.Events) != len(before.Events)+1 {
		t.Errorf("%d events, want one more than %d", len(after.Events), len(before.Events))
	}
	w.spent(v.Spend)
	w.chained()
}

// signInWritesLeast: no session, none to end, and one to end that is gone.
func signInWritesLeast(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	for _, ends := range [][]byte{nil, w.key()} {
		v := w.signIn(p)
		v.Session, v.Ends, v.Use.Next, v.Use.Body = nil, ends, 0, nil
		w.must(w.s.RecordSignIn(w.ctx, v))
	}
	after := w.dump()
	same(t, "sessions", after.Sessions, []store.Session{*p.session})
	used := p.credential
	used.LastUsed, used.TimesUsed = dawn.Add(time.Minute), used.TimesUsed+2
	same(t, "credentials", after.Credentials, []store.Credential{used})
}

// testCredentialUse is the table of what a use writes over which edition.
func testCredentialUse(t *testing.T, open opener) {
	for _, c := range []struct {
		name                  string
		stored                uint64
		version, within, next uint64
		want                  error
		left                  uint64 // the version afterwards
	}{
		{"compare-and-set", 5, 5, 5, 6, nil, 6},
		{"a jump", 5, 5, 5, 900, nil, 900},
		{"store if greater, greater", 5, 3, 100, 8, nil, 8},
		{"store if greater, equal", 5, 3, 100, 5, nil, 5},
		{"store if greater, less", 5, 3, 100, 4, nil, 5},
		{"no next edition", 5, 5, 5, 0, nil, 5},
		{"no next edition, within", 5, 1, 5, 0, nil, 5},
		{"just within", 5, 1, 5, 6, nil, 6},
		{"beyond within", 5, 1, 4, 6, store.ErrConflict, 5},
		{"before version", 5, 6, 9, 10, store.ErrConflict, 5},
		{"nothing within", 5, 5, 0, 6, store.ErrConflict, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, open)
			p := w.personWithVersion(c.stored)
			v := w.signIn(p)
			v.Use.Version, v.Use.Within, v.Use.Next = c.version, c.within, c.next
			err := w.s.RecordSignIn(w.ctx, v)
			want := p.credential
			if c.want != nil {
				wantError(t, err, c.want, "")
			} else {
				w.must(err)
				want.TimesUsed++
				want.LastUsed = v.Use.At
			}
			if c.left != c.stored {
				want.Version, want.Body = c.next, v.Use.Body
			}
			same(t, "credential", w.dump().Credentials, []store.Credential{want})
		})
	}
	t.Run("last use never goes back", func(t *testing.T) {
		w := newWorld(t, open)
		p := w.person()
		v := w.signIn(p)
		v.Use.At = dawn.Add(-time.Hour)
		w.must(w.s.RecordSignIn(w.ctx, v))
		c := w.dump().Credentials[0]
		same(t, "last use", c.LastUsed, dawn)
		same(t, "times used", c.TimesUsed, p.credential.TimesUsed+1)
	})
}

// personWithVersion signs somebody up whose credential stands at a version.
func (w *world) personWithVersion(version uint64) person {
	w.t.Helper()
	p := person{account: w.account()}
	p.credential = w.credential(p.account.Key)
	p.credential.Version = version
	p.session = w.session(p.account.Key)
	spend := w.spend()
	w.must(w.s.RecordSignUp(w.ctx, store.SignUp{
		Op: w.op(), Spend: &spend, Account: p.account, Credential: &p.credential,
		Session: p.session, Event: w.event(p.account.Key),
	}))
	return p
}
