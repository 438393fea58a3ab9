package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// upInGroup settles sign-ups in one group, and returns what each was told.
func upInGroup(t *testing.T, s *Store, calls ...store.SignUp) []error {
	t.Helper()
	group := make([]*gathered[store.SignUp], len(calls))
	for n, v := range calls {
		group[n] = &gathered[store.SignUp]{call: v}
	}
	told := make([]error, len(calls))
	err := s.lend(t.Context(), func(ctx context.Context, conn *pgx.Conn) error { return s.signingUp.run(ctx, conn, group) })
	for n, m := range group {
		if told[n] = m.err; err != nil {
			told[n] = err
		}
	}
	return told
}

// TestGroupSignUps: sign-ups of a group happen, each whole, also where the engine is to
// keep no statements.
func TestGroupSignUps(t *testing.T) {
	for name, parameters := range map[string]string{"prepared": "", "not prepared": "&default_query_exec_mode=exec"} {
		t.Run(name, func(t *testing.T) {
			address := migrated(t)
			s := openTest(t, Config{URL: address + parameters})
			calls := []store.SignUp{signUp(0), signUp(1), signUp(2)}
			calls[1].Credential, calls[1].Session, calls[1].Identifiers = nil, nil, nil
			more := *calls[2].Credential
			more.Key, more.LastUsed, more.TimesUsed = key("more"), dawn, 9
			calls[2].More = []store.Credential{more}
			calls[2].Identifiers = append(calls[2].Identifiers, store.Identifier{Key: key("second name"), Account: calls[2].Account.Key})
			for n, err := range upInGroup(t, s, calls...) {
				if err != nil {
					t.Errorf("sign-up %d: %v", n, err)
				}
			}
			wantChained(t, s, 3)
			for n, v := range calls {
				a, err := s.Account(t.Context(), v.Account.Key)
				if err != nil || a.Version != v.Account.Version || string(a.Body) != string(v.Account.Body) {
					t.Errorf("account %d: %v, %v", n, a, err)
				}
				for _, i := range v.Identifiers {
					if got, err := s.Identifier(t.Context(), i.Key); err != nil || string(got.Account) != string(i.Account) || string(got.Body) != string(i.Body) {
						t.Errorf("an identifier of account %d: %v, %v", n, got, err)
					}
				}
				for _, c := range v.Credentials() {
					got, _, err := s.CredentialAndAccount(t.Context(), c.Key)
					if err != nil || string(got.Account) != string(c.Account) || string(got.Sealed) != string(c.Sealed) ||
						string(got.Name) != string(c.Name) || string(got.Body) != string(c.Body) || got.Version != c.Version ||
						got.State != c.State || !got.LastUsed.Equal(c.LastUsed) || got.TimesUsed != c.TimesUsed {
						t.Errorf("a credential of account %d: %v, %v", n, got, err)
					}
				}
				if v.Session != nil {
					if got, _, err := s.SessionAndAccount(t.Context(), v.Session.Key); err != nil || !got.Expires.Equal(v.Session.Expires) {
						t.Errorf("session %d: %v, %v", n, got, err)
					}
				}
				if err := s.RecordSignUp(t.Context(), v); err != nil {
					t.Errorf("sign-up %d, repeated: %v", n, err)
				}
			}
			wantChained(t, s, 3)
		})
	}
}

// TestGroupSignUpsPassOver: what speaks against one sign-up of a group sends it alone, and
// costs the others nothing.
func TestGroupSignUpsPassOver(t *testing.T) {
	for name, spoil := range map[string]func(there store.SignUp, v *store.SignUp){
		"a ticket that is spent":         func(there store.SignUp, v *store.SignUp) { v.Spend = there.Spend },
		"an account that is there":       func(there store.SignUp, v *store.SignUp) { v.Account.Key = there.Account.Key },
		"a session that is there":        func(there store.SignUp, v *store.SignUp) { v.Session = there.Session },
		"a name that somebody has":       func(there store.SignUp, v *store.SignUp) { v.Identifiers = there.Identifiers },
		"a passkey that somebody has":    func(there store.SignUp, v *store.SignUp) { v.Credential = there.Credential },
		"an event that owes something":   func(_ store.SignUp, v *store.SignUp) { v.Event = owing(1) },
		"a name of another of the group": func(_ store.SignUp, v *store.SignUp) { v.Identifiers = signUp(1).Identifiers },
		"a passkey of another":           func(_ store.SignUp, v *store.SignUp) { v.Credential = signUp(1).Credential },
		"the ticket of another":          func(_ store.SignUp, v *store.SignUp) { v.Spend = signUp(1).Spend },
		"the session of another":         func(_ store.SignUp, v *store.SignUp) { v.Session = signUp(1).Session },
		"a name twice": func(_ store.SignUp, v *store.SignUp) {
			v.Identifiers = append(v.Identifiers, v.Identifiers[0])
		},
		"the account of another":          func(_ store.SignUp, v *store.SignUp) { v.Account = signUp(1).Account },
		"a second passkey of the group's": func(_ store.SignUp, v *store.SignUp) { v.More = []store.Credential{*signUp(1).Credential} },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{})
			there := signedUp(t, s, 0)
			calls := []store.SignUp{signUp(1), signUp(2), signUp(3)}
			spoil(there, &calls[1])
			told := upInGroup(t, s, calls...)
			if told[0] != nil || told[2] != nil || !errors.Is(told[1], errAlone) {
				t.Errorf("the group was told %v, want that the second goes by itself", told)
			}
			wantChained(t, s, 3)
		})
	}
}

// TestPlainSignUp: what consumes a stored right, or needs none, goes alone.
func TestPlainSignUp(t *testing.T) {
	beyond := uint64(1) << 63
	for name, spoil := range map[string]func(v *store.SignUp){
		"no spend":                 func(v *store.SignUp) { v.Spend = nil },
		"a ticket":                 func(v *store.SignUp) { v.Ticket = &store.Ref{} },
		"a marker":                 func(v *store.SignUp) { v.Marker = &store.Ref{} },
		"an account beyond":        func(v *store.SignUp) { v.Account.Version = beyond },
		"a session beyond":         func(v *store.SignUp) { v.Session.Version = beyond },
		"a passkey beyond":         func(v *store.SignUp) { v.Credential.Version = beyond },
		"a passkey's state beyond": func(v *store.SignUp) { v.Credential.State = beyond },
		"uses beyond":              func(v *store.SignUp) { v.Credential.TimesUsed = beyond },
	} {
		v := signUp(1)
		if spoil(&v); plainSignUp(v) {
			t.Errorf("%s goes in a group", name)
		}
	}
	if v := signUp(1); !plainSignUp(v) || !slices.ContainsFunc(signUpKeys(&v), func(k []byte) bool { return string(k) == string(v.Account.Key) }) {
		t.Error("a plain sign-up goes alone")
	}
}
