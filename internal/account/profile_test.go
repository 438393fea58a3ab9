package account_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// edit changes the profile of who is signed in.
func edit(t *testing.T, w *ceremonytest.World, p ceremony.Proof, profile account.Profile) (session.Person, error) {
	t.Helper()
	return w.Accounts.EditProfile(t.Context(), p.Session(), profile, caller())
}

// found is whom a name finds; uuid.Nil for nobody.
func found(t *testing.T, w *ceremonytest.World, name string) uuid.UUID {
	t.Helper()
	a, ok, err := w.Accounts.Find(t.Context(), name)
	must(t, err)
	if !ok {
		return uuid.Nil
	}
	return a.ID()
}

// TestUsernameChanges: the new name finds the account, the old one nobody, until
// somebody takes it; what was begun by the old one ends.
func TestUsernameChanges(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	id := proof.Session().Person().ID
	begun, nameless := w.Assert(t, a, "ana"), w.Assert(t, a, "")
	given := "ANNA"
	before := w.Store.Writes()
	p, err := edit(t, w, proof, account.Profile{Username: &given})
	if err != nil || p.Username != "anna" || p.ID != id || given != "ANNA" || w.Store.Writes() != before+1 {
		t.Fatalf("became %+v, %v, %d writes", p, err, w.Store.Writes()-before)
	}
	if e := happened(t, w, audit.AccountChanged); len(e) != 1 || e[0].Account != id || e[0].Session != proof.Session().View().ID {
		t.Fatalf("events %+v", e)
	}
	if found(t, w, "anna") != id || found(t, w, "ana") != uuid.Nil || current(t, w, proof).Person().Username != "anna" {
		t.Fatal("the names resolve to something else")
	}
	var refusal *ceremony.Error
	if _, err := w.Finish(t, begun); !errors.As(err, &refusal) || refusal.Code != webauthn.CodeCredentialNotAllowed {
		t.Fatalf("begun under the old name: %v", err)
	}
	if _, err := w.Finish(t, nameless); err != nil {
		t.Fatalf("begun without a name: %v", err)
	}
	if in, err := w.Finish(t, w.Assert(t, a, "Anna")); err != nil || in.Session().Person().ID != id {
		t.Fatalf("by the new name: %v", err)
	}
	_, other := resident(t, w, "ana")
	if found(t, w, "ana") != other.Session().Person().ID {
		t.Fatal("the old name is not free")
	}
	if _, err := edit(t, w, proof, account.Profile{Username: ptr("ana")}); !errors.Is(err, account.ErrTaken) {
		t.Fatalf("back to a name that is taken: %v", err)
	}
}

// TestUsernameTaken: somebody else's name is refused, with all that was asked for along
// with it; one's own in another spelling is no change of hands.
func TestUsernameTaken(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	_, other := resident(t, w, "bob")
	before := w.Store.Writes()
	for _, name := range []string{"bob", "BOB", "ｂｏｂ"} {
		_, err := edit(t, w, proof, account.Profile{Username: &name, DisplayName: ptr("Bob"), Email: ptr("")})
		if !errors.Is(err, account.ErrTaken) || w.Store.Writes() != before {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if p := current(t, w, proof).Person(); !reflect.DeepEqual(p, proof.Session().Person()) || found(t, w, "bob") != other.Session().Person().ID {
		t.Fatalf("reads %+v", p)
	}
	begun := w.Assert(t, a, "ana")
	if p, err := edit(t, w, proof, account.Profile{Username: ptr("ANA")}); err != nil || p.Username != "ana" {
		t.Fatalf("became %+v, %v", p, err)
	}
	if _, err := w.Finish(t, begun); err != nil {
		t.Fatalf("the same name called a ticket back: %v", err)
	}
}

// TestUsernameRace: of many who want a name at once, one has it, and the others keep
// theirs.
func TestUsernameRace(t *testing.T) {
	w := ceremonytest.New(t)
	proofs := make([]ceremony.Proof, 4)
	names := []string{"ana", "bob", "carl", "dora"}
	for i, name := range names {
		_, proofs[i] = resident(t, w, name)
	}
	for round := range 20 {
		wanted := "wanted" + strings.Repeat("x", round)
		gate, results := make(chan struct{}), make([]chan error, len(proofs))
		for i, p := range proofs {
			results[i] = make(chan error, 1)
			go func() {
				<-gate
				_, err := w.Accounts.EditProfile(t.Context(), p.Session(), account.Profile{Username: &wanted}, caller())
				results[i] <- err
			}()
		}
		close(gate)
		wins := 0
		for i, result := range results {
			switch err := <-result; {
			case err == nil:
				wins++
				if found(t, w, names[i]) != uuid.Nil {
					t.Fatalf("round %d: %s still resolves", round, names[i])
				}
				names[i] = wanted
			case !errors.Is(err, account.ErrTaken):
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if wins != 1 {
			t.Fatalf("round %d: %d won", round, wins)
		}
		for i, p := range proofs {
			if found(t, w, names[i]) != p.Session().Person().ID {
				t.Fatalf("round %d: %s finds somebody else", round, names[i])
			}
		}
	}
}

// TestPendingAddress: an address that is only claimed resolves nothing, reserves
// nothing and can be withdrawn.
func TestPendingAddress(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, other := resident(t, w, "bob")
	const address = "ana@example.org"
	for _, p := range []ceremony.Proof{proof, other} {
		w.Clock.Advance(account.MailAgain)
		if got, err := edit(t, w, p, account.Profile{Email: ptr(address)}); err != nil || got.PendingEmail != address || got.Email != "" {
			t.Fatalf("became %+v, %v", got, err)
		}
	}
	if found(t, w, address) != uuid.Nil {
		t.Fatal("a claimed address resolves")
	}
	if got, err := edit(t, w, proof, account.Profile{Email: ptr("")}); err != nil || got.PendingEmail != "" {
		t.Fatalf("became %+v, %v", got, err)
	}
	if got := current(t, w, other).Person(); got.PendingEmail != address {
		t.Fatalf("somebody else's claim reads %+v", got)
	}
}

// TestDisplayNameChanges: what a person is greeted by takes no fresh proof, calls nothing back
// and can be withdrawn.
func TestDisplayNameChanges(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	w.Clock.Advance(account.FreshProof * 2)
	begun := w.Assert(t, a, "ana")
	for given, want := range map[string]string{"  Ana B. ": "Ana B.", "": ""} {
		if p, err := edit(t, w, proof, account.Profile{DisplayName: &given}); err != nil || p.DisplayName != want || p.Username != "ana" {
			t.Fatalf("became %+v, %v", p, err)
		}
	}
	if _, err := w.Finish(t, begun); err != nil {
		t.Fatal(err)
	}
}

// TestNamesAreJudged: a name that cannot be is refused before a proof is asked for, and
// nothing of the call is done.
func TestNamesAreJudged(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	before := w.Store.Writes()
	for _, c := range []struct {
		p           account.Profile
		field, code string
	}{
		{account.Profile{Username: ptr("")}, "username", account.NameTooShort},
		{account.Profile{Username: ptr("an")}, "username", account.NameTooShort},
		{account.Profile{Username: ptr("a@b.c")}, "username", account.NameShape},
		{account.Profile{Username: ptr("12345")}, "username", account.NameShape},
		{account.Profile{Email: ptr("ana")}, "email", account.NameMalformed},
		{account.Profile{Email: ptr("Ana <ana@example.org>")}, "email", account.NameMalformed},
		{account.Profile{DisplayName: ptr("A\nB")}, "display_name", account.NameCharacters},
		{account.Profile{DisplayName: ptr("Ana"), Username: ptr("x")}, "username", account.NameTooShort},
	} {
		_, err := edit(t, w, proof, c.p)
		refused(t, err, c.field, c.code)
	}
	if w.Store.Writes() != before {
		t.Fatal("a refused name made the store write")
	}
}

// TestDelete: the account goes with its passkeys, names and sessions, in one commit;
// the events that tell of it stay, and its name and passkeys are free.
func TestDelete(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	b, second := bind(t, w, proof)
	_, err := standing(t, w, proof, second, true)
	must(t, err)
	bobs, other := resident(t, w, "bob")
	another := by(t, w, a)
	nameless, begun := w.Assert(t, a, ""), w.Assert(t, a, "ana")
	_, err = w.Finish(t, w.Assert(t, b, ""))
	if err == nil {
		t.Fatal("a suspended passkey signed in")
	}
	id := proof.Session().Person().ID
	before := w.Store.Writes()
	must(t, w.Accounts.Delete(t.Context(), proof.Session(), caller()))
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes", wrote)
	}
	for _, p := range []ceremony.Proof{proof, another} {
		dead(t, w, p, "deleted")
		if err := w.Accounts.Delete(t.Context(), p.Session(), caller()); !errors.Is(err, session.ErrNone) {
			t.Fatalf("a second time: %v", err)
		}
	}
	if _, ok, err := w.Accounts.Get(t.Context(), id); ok || err != nil || found(t, w, "ana") != uuid.Nil {
		t.Fatalf("the account is there: %v, %v", ok, err)
	}
	for _, answer := range [][]byte{nameless, begun} {
		if _, err := w.Finish(t, answer); err == nil {
			t.Fatal("a deleted account signed in")
		}
	}
	i := w.Intrude(t)
	for _, table := range []string{"sessions", "credentials", "accounts", "identifiers"} {
		want := int64(1) // bob's
		if table == "sessions" {
			want = 2
		}
		if n := i.Row("SELECT count(*) FROM " + table)[0].(int64); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	for name, want := range map[audit.Name]int{audit.AccountSignedUp: 2, audit.SignedIn: 3, audit.AccountDeleted: 1} {
		if e := happened(t, w, name); len(e) != want {
			t.Errorf("%d events %s, want %d", len(e), name, want)
		}
	}
	by(t, w, bobs)
	current(t, w, other)

	// The same name, and the very same credential, may come again, as somebody new.
	fresh := webauthntest.New(webauthntest.Phone())
	answer := w.Register(t, fresh, ceremony.SignUp{Username: "ana"}, webauthntest.UseCredentialID(a.Credentials()[0].ID))
	again, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
	if err != nil || again.Session().Person().ID == id || bytes.Equal(fresh.Credentials()[0].UserHandle, a.Credentials()[0].UserHandle) {
		t.Fatalf("signed up again as %+v, %v", again.Session().Person(), err)
	}
	dead(t, w, proof, "somebody else has the name")
	if _, err := w.Finish(t, w.Assert(t, a, "")); err == nil {
		t.Fatal("the old key signs in to the new account")
	}
}

// TestDeleteRace: however many sessions ask at once, the account is deleted once.
func TestDeleteRace(t *testing.T) {
	w := ceremonytest.New(t)
	for range 20 {
		a, one := resident(t, w, "ana")
		proofs := []ceremony.Proof{one, by(t, w, a), by(t, w, a), by(t, w, a)}
		before := len(happened(t, w, audit.AccountDeleted))
		results := make(chan error, len(proofs))
		gate := make(chan struct{})
		for _, p := range proofs {
			go func() {
				<-gate
				results <- w.Accounts.Delete(t.Context(), p.Session(), caller())
			}()
		}
		close(gate)
		for range proofs {
			if err := <-results; err != nil && !errors.Is(err, session.ErrNone) {
				t.Fatal(err)
			}
		}
		if n := len(happened(t, w, audit.AccountDeleted)) - before; n != 1 || found(t, w, "ana") != uuid.Nil {
			t.Fatalf("%d deletions", n)
		}
	}
}
