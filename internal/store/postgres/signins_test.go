package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// inGroup settles sign-ins in one group, whatever waits elsewhere, and returns what each
// was told.
func inGroup(t *testing.T, s *Store, calls ...store.SignIn) []error {
	t.Helper()
	group := make([]*gathered[store.SignIn], len(calls))
	for n, v := range calls {
		group[n] = &gathered[store.SignIn]{call: v}
	}
	told := make([]error, len(calls))
	err := s.lend(t.Context(), func(ctx context.Context, conn *pgx.Conn) error { return s.signingIn.run(ctx, conn, group) })
	for n, m := range group {
		if told[n] = m.err; err != nil {
			told[n] = err
		}
	}
	return told
}

// signedUp is person n, signed up.
func signedUp(t *testing.T, s *Store, n int) store.SignUp {
	t.Helper()
	up := signUp(n)
	if err := s.RecordSignUp(t.Context(), up); err != nil {
		t.Fatal(err)
	}
	return up
}

// TestGroup: sign-ins of a group happen, each whole, also where the engine is to keep no
// statements.
func TestGroup(t *testing.T) {
	for name, parameters := range map[string]string{"prepared": "", "not prepared": "&default_query_exec_mode=exec"} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{URL: migrated(t) + parameters})
			var calls []store.SignIn
			for n := range 5 {
				calls = append(calls, signIn(signedUp(t, s, n), n))
			}
			calls[1].Session = nil
			calls[2].Ends = signUp(2).Session.Key
			calls[3].Use.Next, calls[3].Use.Body = 7, key("moved")
			calls[4].Use.At = dawn.AddDate(-1, 0, 0)
			for n, err := range inGroup(t, s, calls...) {
				if err != nil {
					t.Errorf("sign-in %d: %v", n, err)
				}
			}
			wantChained(t, s, 5+5)
			for n, v := range calls {
				c, a, err := s.CredentialAndAccount(t.Context(), v.Use.Key)
				if err != nil || c.TimesUsed != 1 || string(a.Key) != string(v.Account.Key) {
					t.Errorf("credential %d was used %d times (%v), its account is %x", n, c.TimesUsed, err, a.Key)
				}
				if moved := c.Version == 7 && string(c.Body) == string(key("moved")); moved != (n == 3) || !moved && c.Version != 1 {
					t.Errorf("credential %d has edition %d", n, c.Version)
				}
				if n < 4 && !c.LastUsed.Equal(dawn) || n == 4 && !c.LastUsed.Equal(v.Use.At) {
					t.Errorf("credential %d was used last at %v", n, c.LastUsed)
				}
				if v.Session != nil {
					if got, _, err := s.SessionAndAccount(t.Context(), v.Session.Key); err != nil || !got.Expires.Equal(v.Session.Expires) {
						t.Errorf("session %d: %v, %v", n, got, err)
					}
				}
				if err := s.RecordSignIn(t.Context(), v); err != nil {
					t.Errorf("sign-in %d, repeated: %v", n, err)
				}
			}
			if _, _, err := s.SessionAndAccount(t.Context(), calls[2].Ends); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the session that was replaced: %v", err)
			}
			wantChained(t, s, 5+5)
		})
	}
}

// TestGroupPassesOver: what speaks against one sign-in of a group, or only may, sends it
// alone, and costs the others nothing. Nothing of it is written.
func TestGroupPassesOver(t *testing.T) {
	errMade := errors.New("no event")
	type spoiling struct {
		t       *testing.T
		s       *Store
		address string
		up      store.SignUp
		v       *store.SignIn
	}
	for _, c := range []struct {
		name  string
		spoil func(spoiling)
		want  error // nil: errAlone
		holds string
	}{
		{name: "an account in another edition", spoil: func(x spoiling) { x.v.Account.Version = 2 }},
		{name: "an account that is gone", spoil: func(x spoiling) { x.v.Account.Key = key("nobody") }},
		{name: "a credential in an earlier edition", spoil: func(x spoiling) { x.v.Use.Version, x.v.Use.Within = 2, 3 }},
		{name: "a credential in a later edition", spoil: func(x spoiling) { x.v.Use.Version, x.v.Use.Within = 0, 0 }},
		{name: "a credential in another state", spoil: func(x spoiling) { x.v.Use.State = 2 }},
		{name: "a credential that is gone", spoil: func(x spoiling) { x.v.Use.Key = key("nothing") }},
		{name: "a ticket that is spent", spoil: func(x spoiling) {
			if err := x.s.Spend(x.t.Context(), store.OpID(id("another")), x.v.Spend); err != nil {
				x.t.Fatal(err)
			}
		}},
		{name: "a session's key in use", spoil: func(x spoiling) { x.v.Session = x.up.Session }},
		{name: "an account that is locked", spoil: func(spoiling) {}, holds: "UPDATE accounts SET body = '' WHERE key = $1"},
		{name: "a credential that is locked", spoil: func(spoiling) {}, holds: "UPDATE credentials SET name = '' WHERE account = $1"},
		{name: "an old session that is locked", spoil: func(x spoiling) { x.v.Ends = x.up.Session.Key }, holds: "DELETE FROM sessions WHERE account = $1"},
		{name: "an event that owes something", spoil: func(x spoiling) { x.v.Event = owing(1) }},
		{name: "an event that panics", spoil: func(x spoiling) {
			x.v.Event = func(store.Head) (store.Event, error) { panic("no event") }
		}},
		{name: "an event that fails", want: errMade, spoil: func(x spoiling) {
			x.v.Event = func(store.Head) (store.Event, error) { return store.Event{}, errMade }
		}},
		{name: "an event that does not follow", want: store.ErrMalformed, spoil: func(x spoiling) {
			x.v.Event = func(h store.Head) (store.Event, error) { return store.Event{Chain: h.Chain, Number: h.Number + 2}, nil }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := migrated(t)
			s := openTest(t, Config{URL: address})
			var calls []store.SignIn
			for n := range 3 {
				calls = append(calls, signIn(signedUp(t, s, n), n))
			}
			c.spoil(spoiling{t, s, address, signUp(1), &calls[1]})
			if c.holds != "" {
				end := hold(t, address, c.holds, calls[1].Account.Key)
				defer end("ROLLBACK")
			}
			conn := dial(t, address)
			spends := value[int](t, conn, "SELECT count(*) FROM spends")
			told := inGroup(t, s, calls...)
			want := c.want
			if want == nil {
				want = errAlone
			}
			if told[0] != nil || told[2] != nil || !errors.Is(told[1], want) {
				t.Errorf("the group was told %v, want that the second goes by itself with %v", told, want)
			}
			wantChained(t, s, 3+2)
			if n := value[int](t, conn, "SELECT count(*) FROM spends"); n != spends+2 {
				t.Errorf("%d tickets were spent, want 2", n-spends)
			}
			if n := value[int](t, conn, "SELECT count(*) FROM sessions"); n != 3+2 && c.holds == "" {
				t.Errorf("%d sessions, want 5", n)
			}
			if n := value[int](t, conn, "SELECT sum(times_used)::integer FROM credentials"); n != 2 {
				t.Errorf("%d uses, want 2", n)
			}
		})
	}
}

// TestGroupSamePerson: of two with one passkey in a group one goes alone, and both
// happen.
func TestGroupSamePerson(t *testing.T) {
	s := openTest(t, Config{})
	up := signedUp(t, s, 1)
	told := inGroup(t, s, signIn(up, 1), signIn(up, 2))
	if told[0] != nil || !errors.Is(told[1], errAlone) {
		t.Errorf("the group was told %v", told)
	}
	wantChained(t, s, 2)
}

// TestGroupLost: a group that another was faster than has written nothing, and all of it
// goes alone.
func TestGroupLost(t *testing.T) {
	address := migrated(t)
	s := openTest(t, Config{URL: address})
	calls := []store.SignIn{signIn(signedUp(t, s, 1), 1), signIn(signedUp(t, s, 2), 2)}
	end := hold(t, address, "INSERT INTO spends (expires, id, op, verb, issued) VALUES ($1, $2, $3, 1, '')",
		millis(calls[1].Spend.Expires), calls[1].Spend.ID[:], key("another"))
	told := make(chan []error, 1)
	go func() { told <- inGroup(t, s, calls...) }()
	blocked(t, dial(t, address), 1)
	end("COMMIT")
	for n, err := range <-told {
		if !errors.Is(err, errAlone) {
			t.Errorf("sign-in %d was told %v, want %v", n, err, errAlone)
		}
	}
	wantChained(t, s, 2)
	if err := s.RecordSignIn(t.Context(), calls[0]); err != nil {
		t.Errorf("alone: %v", err)
	}
	if err := s.RecordSignIn(t.Context(), calls[1]); !errors.Is(err, store.ErrSpent) {
		t.Errorf("the one whose ticket was spent: %v, want %v", err, store.ErrSpent)
	}
	wantChained(t, s, 3)
}

// TestGroupShares: two of a group that would write one key are not both in it, and cost
// the others nothing.
func TestGroupShares(t *testing.T) {
	for name, share := range map[string]func(a, b *store.SignIn){
		"a ticket":  func(a, b *store.SignIn) { b.Spend = a.Spend },
		"a session": func(a, b *store.SignIn) { b.Session.Key = a.Session.Key },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{})
			var calls []store.SignIn
			for n := range 3 {
				calls = append(calls, signIn(signedUp(t, s, n), n))
			}
			share(&calls[0], &calls[1])
			told := inGroup(t, s, calls...)
			if told[0] != nil || !errors.Is(told[1], errAlone) || told[2] != nil {
				t.Errorf("the group was told %v, want that the second goes by itself", told)
			}
			wantChained(t, s, 3+2)
		})
	}
}
