package account_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestRename: a name takes no fresh proof, is written once, and moves nothing else.
func TestRename(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	passkey := own(t, w, proof)
	w.Clock.Advance(time.Hour)
	rename := func(name string) (account.Passkey, error) {
		return w.Accounts.EditPasskey(t.Context(), proof.Session(), passkey.ID, account.Edit{Name: &name}, caller())
	}
	before := w.Store.Writes()
	for range 2 { // the second time there is nothing to write
		got, err := rename("  Blue phone ")
		want := passkey
		want.Name = "Blue phone"
		if err != nil || got.Name != want.Name || got.ID != want.ID || got.TimesUsed != want.TimesUsed || !got.ThisSession || got.Suspended {
			t.Fatalf("renamed to %+v, %v", got, err)
		}
	}
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes", wrote)
	}
	if e := happened(t, w, audit.PasskeyRenamed); len(e) != 1 || e[0].Passkey != passkey.ID || e[0].Session != proof.Session().View().ID {
		t.Fatalf("events %+v", e)
	}
	for name, code := range map[string]string{
		"": account.NameTooShort, "   ": account.NameTooShort, strings.Repeat("é", 65): account.NameTooLong,
		"a\nb": account.NameCharacters, "a\u202eb": account.NameCharacters, "\xff": account.NameCharacters,
	} {
		_, err := rename(name)
		refused(t, err, "name", code)
	}
	if _, err := rename(strings.Repeat("é", 64)); err != nil {
		t.Fatal(err)
	}
	by(t, w, a)
}

// TestSuspendAndRestore: suspending takes no proof and ends what the passkey proved, in
// one commit; restoring takes one, and revives nothing.
func TestSuspendAndRestore(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	b, second := bind(t, w, proof)
	theirs := by(t, w, b)
	refresh, err := w.Sessions.Refresh(theirs.Session())
	must(t, err)
	w.Clock.Advance(time.Hour) // nobody's proof is fresh
	begun := w.Assert(t, a, "ana")
	before := w.Store.Writes()
	for range 2 {
		got, err := standing(t, w, proof, second, true)
		if err != nil || !got.Suspended || got.ThisSession {
			t.Fatalf("suspended as %+v, %v", got, err)
		}
	}
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes", wrote)
	}
	if e := happened(t, w, audit.PasskeySuspended); len(e) != 1 || e[0].Passkey != second.ID || e[0].Code != "by_person" {
		t.Fatalf("events %+v", e)
	}
	dead(t, w, theirs, "suspended")
	current(t, w, proof)
	if _, err := w.Finish(t, begun); err == nil {
		t.Fatal("what was begun with the account as it was goes on")
	}
	if _, err := w.Finish(t, w.Assert(t, b, "")); err == nil {
		t.Fatal("a suspended passkey signed in")
	}

	if _, err := standing(t, w, proof, second, false); !errors.Is(err, account.ErrStepUp) {
		t.Fatalf("restored without a fresh proof: %v", err)
	}
	fresh := by(t, w, a)
	w.Clock.Advance(account.FreshProof)
	if got, err := standing(t, w, fresh, second, false); err != nil || got.Suspended {
		t.Fatalf("restored as %+v, %v", got, err)
	}
	if e := happened(t, w, audit.PasskeyRestored); len(e) != 1 || e[0].Passkey != second.ID {
		t.Fatalf("events %+v", e)
	}
	dead(t, w, theirs, "restored")
	_, _, err = w.Sessions.Rotate(t.Context(), session.Rotation{
		Door: ceremonytest.Door, Token: refresh, Accept: func(session.View) error { return nil },
	})
	if !errors.Is(err, session.ErrNone) {
		t.Fatalf("a refresh token came back with the passkey: %v", err)
	}
	by(t, w, b)
}

// TestProofToTheMillisecond: restoring, removing, renaming the account and deleting it
// take a proof of at most five minutes.
func TestProofToTheMillisecond(t *testing.T) {
	for name, call := range map[string]func(w *ceremonytest.World, c session.Current, passkey uuid.UUID) error{
		"restore": func(w *ceremonytest.World, c session.Current, passkey uuid.UUID) error {
			_, err := w.Accounts.EditPasskey(t.Context(), c, passkey, account.Edit{Suspended: ptr(false)}, caller())
			return err
		},
		"rename and restore": func(w *ceremonytest.World, c session.Current, passkey uuid.UUID) error {
			_, err := w.Accounts.EditPasskey(t.Context(), c, passkey, account.Edit{Name: ptr("New"), Suspended: ptr(false)}, caller())
			return err
		},
		"remove": func(w *ceremonytest.World, c session.Current, passkey uuid.UUID) error {
			return w.Accounts.RemovePasskey(t.Context(), c, passkey, caller())
		},
		"username": func(w *ceremonytest.World, c session.Current, _ uuid.UUID) error {
			_, err := w.Accounts.EditProfile(t.Context(), c, account.Profile{Username: ptr("anna")}, caller())
			return err
		},
		"address": func(w *ceremonytest.World, c session.Current, _ uuid.UUID) error {
			_, err := w.Accounts.EditProfile(t.Context(), c, account.Profile{Email: ptr("ana@example.org")}, caller())
			return err
		},
		"delete": func(w *ceremonytest.World, c session.Current, _ uuid.UUID) error {
			return w.Accounts.Delete(t.Context(), c, caller())
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, proof := resident(t, w, "ana")
			_, second := bind(t, w, proof)
			_, err := standing(t, w, proof, second, true)
			must(t, err)
			w.Clock.Advance(account.FreshProof + time.Millisecond)
			before := w.Store.Writes()
			for _, c := range []session.Current{proof.Session(), {}} {
				if err := call(w, c, second.ID); !errors.Is(err, account.ErrStepUp) || w.Store.Writes() != before {
					t.Fatalf("5 min and 1 ms later: %v, %d writes", err, w.Store.Writes()-before)
				}
			}
			w.Clock.Advance(-time.Millisecond)
			must(t, call(w, proof.Session(), second.ID))
		})
	}
}

// TestSuspendingOneself: the passkey that proved this session can be suspended by it,
// with a new name in the same call, and not restored by it.
func TestSuspendingOneself(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	b, _ := bind(t, w, proof)
	first := own(t, w, proof)
	got, err := w.Accounts.EditPasskey(t.Context(), proof.Session(), first.ID, account.Edit{Name: ptr("Lost phone"), Suspended: ptr(true)}, caller())
	if err != nil || got.Name != "Lost phone" || !got.Suspended {
		t.Fatalf("became %+v, %v", got, err)
	}
	dead(t, w, proof, "suspended by itself")
	for why, call := range map[string]func() error{
		"restore": func() error { _, err := standing(t, w, proof, first, false); return err },
		"rename": func() error {
			_, err := w.Accounts.EditPasskey(t.Context(), proof.Session(), first.ID, account.Edit{Name: ptr("x")}, caller())
			return err
		},
		"remove": func() error { return w.Accounts.RemovePasskey(t.Context(), proof.Session(), first.ID, caller()) },
		"profile": func() error {
			_, err := w.Accounts.EditProfile(t.Context(), proof.Session(), account.Profile{Username: ptr("eve")}, caller())
			return err
		},
		"delete": func() error { return w.Accounts.Delete(t.Context(), proof.Session(), caller()) },
	} {
		before := w.Store.Writes()
		if err := call(); !errors.Is(err, session.ErrNone) || w.Store.Writes() != before {
			t.Errorf("%s by a session that its own passkey ended: %v", why, err)
		}
	}
	other := by(t, w, b)
	got, err = w.Accounts.EditPasskey(t.Context(), other.Session(), first.ID, account.Edit{Name: ptr("Found phone"), Suspended: ptr(false)}, caller())
	if err != nil || got.Name != "Found phone" || got.Suspended {
		t.Fatalf("became %+v, %v", got, err)
	}
	dead(t, w, proof, "restored by another")
}

// TestDisabledInBetween: an account that was disabled since the session was checked
// changes nothing any more.
func TestDisabledInBetween(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, second := bind(t, w, proof)
	a, _, err := w.Accounts.Find(t.Context(), "ana")
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
	before := w.Store.Writes()
	_, suspended := standing(t, w, proof, second, true)
	_, renamed := w.Accounts.EditProfile(t.Context(), proof.Session(), account.Profile{Username: ptr("eve")}, caller())
	for _, err := range []error{
		suspended, renamed, w.Accounts.RemovePasskey(t.Context(), proof.Session(), second.ID, caller()), w.Accounts.Delete(t.Context(), proof.Session(), caller()),
	} {
		if !errors.Is(err, session.ErrNone) || w.Store.Writes() != before {
			t.Fatalf("error %v, %d writes", err, w.Store.Writes()-before)
		}
	}
}

// TestLastWayIn: what could not sign in does not count as another way in.
func TestLastWayIn(t *testing.T) {
	for name, c := range map[string]struct {
		others func(t *testing.T, w *ceremonytest.World, p ceremony.Proof)
		last   bool
	}{
		"alone": {func(*testing.T, *ceremonytest.World, ceremony.Proof) {}, true},
		"beside a suspended one": {func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) {
			_, second := bind(t, w, p)
			_, err := standing(t, w, p, second, true)
			must(t, err)
		}, true},
		"beside a held one": {func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) {
			_, second := bind(t, w, p)
			hold(t, w, p, second, w.Clock.Now().Add(time.Millisecond).UnixMilli())
		}, true},
		"beside one that was held until now": {func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) {
			_, second := bind(t, w, p)
			hold(t, w, p, second, w.Clock.Now().UnixMilli())
		}, false},
		"beside one that never verified anybody": {func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) {
			options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), p.Session(), "conditional")
			must(t, err)
			answer, err := webauthntest.New(webauthntest.Phone()).Create(ceremonytest.JSON(t, options), ceremonytest.Page(),
				webauthntest.ClearFlags(webauthntest.FlagUP|webauthntest.FlagUV))
			must(t, err)
			_, err = w.RP.FinishBinding(t.Context(), ceremonytest.Request(), p.Session(), ceremony.Finish{Credential: answer})
			must(t, err)
		}, true},
		"beside somebody else's": {func(t *testing.T, w *ceremonytest.World, _ ceremony.Proof) { resident(t, w, "bob") }, true},
		"beside another":         {func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) { bind(t, w, p) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for call, lose := range map[string]func(w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey) error{
				"suspend": func(w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey) error {
					_, err := standing(t, w, p, passkey, true)
					return err
				},
				"rename and suspend": func(w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey) error {
					_, err := w.Accounts.EditPasskey(t.Context(), p.Session(), passkey.ID, account.Edit{Name: ptr("New"), Suspended: ptr(true)}, caller())
					return err
				},
				"remove": func(w *ceremonytest.World, p ceremony.Proof, passkey account.Passkey) error {
					return w.Accounts.RemovePasskey(t.Context(), p.Session(), passkey.ID, caller())
				},
			} {
				w := ceremonytest.New(t)
				a, proof := resident(t, w, "ana")
				c.others(t, w, proof)
				before := w.Store.Writes()
				err := lose(w, proof, own(t, w, proof))
				if !c.last {
					must(t, err)
					dead(t, w, proof, call)
					continue
				}
				if !errors.Is(err, account.ErrLastPasskey) || w.Store.Writes() != before {
					t.Fatalf("%s: %v, %d writes", call, err, w.Store.Writes()-before)
				}
				by(t, w, a)
			}
		})
	}
}

// TestRemove: a passkey that is removed is gone with what it proved, and once.
func TestRemove(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	b, second := bind(t, w, proof)
	theirs := by(t, w, b)
	before := w.Store.Writes()
	for range 2 {
		must(t, w.Accounts.RemovePasskey(t.Context(), proof.Session(), second.ID, caller()))
	}
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes", wrote)
	}
	if e := happened(t, w, audit.PasskeyRemoved); len(e) != 1 || e[0].Passkey != second.ID {
		t.Fatalf("events %+v", e)
	}
	dead(t, w, theirs, "removed")
	current(t, w, proof)
	if _, err := w.Finish(t, w.Assert(t, b, "")); err == nil {
		t.Fatal("a removed passkey signed in")
	}
	if _, err := standing(t, w, proof, second, true); !errors.Is(err, account.ErrPasskey) {
		t.Fatalf("suspending what is gone: %v", err)
	}
}

// TestForeignPasskeys: an identifier of somebody else's passkey reaches nothing.
func TestForeignPasskeys(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	bind(t, w, proof)
	b, other := resident(t, w, "bob")
	bind(t, w, other)
	before := w.Store.Writes()
	for _, id := range []uuid.UUID{own(t, w, other).ID, uuid.New(), uuid.Nil} {
		for _, e := range []account.Edit{{}, {Name: ptr("Mine")}, {Suspended: ptr(true)}, {Suspended: ptr(false)}, {Name: ptr("Mine"), Suspended: ptr(true)}} {
			if got, err := w.Accounts.EditPasskey(t.Context(), proof.Session(), id, e, caller()); !errors.Is(err, account.ErrPasskey) || got.ID != uuid.Nil {
				t.Fatalf("edit %+v: %+v, %v", e, got, err)
			}
		}
		must(t, w.Accounts.RemovePasskey(t.Context(), proof.Session(), id, caller())) // as good as gone
	}
	if w.Store.Writes() != before {
		t.Fatal("somebody else's passkey made the store write")
	}
	by(t, w, b)
}

// TestLastTwoRace: of two calls that would take the last two ways in at once, one wins.
func TestLastTwoRace(t *testing.T) {
	for round := range 50 {
		w := ceremonytest.New(t)
		_, one := resident(t, w, "ana")
		b, second := bind(t, w, one)
		two, first := by(t, w, b), own(t, w, one)
		lose := func(p ceremony.Proof, passkey account.Passkey) error {
			if round%2 == 0 {
				return w.Accounts.RemovePasskey(t.Context(), p.Session(), passkey.ID, caller())
			}
			_, err := standing(t, w, p, passkey, true)
			return err
		}
		calls := []func() error{func() error { return lose(one, first) }, func() error { return lose(one, second) }}
		if round%4 >= 2 { // each the other's
			calls = []func() error{func() error { return lose(one, second) }, func() error { return lose(two, first) }}
		}
		gate, results := make(chan struct{}), make(chan error, len(calls))
		for _, call := range calls {
			go func() {
				<-gate
				results <- call()
			}()
		}
		close(gate)
		wins := 0
		for range calls {
			switch err := <-results; {
			case err == nil:
				wins++
			case !errors.Is(err, account.ErrLastPasskey) && !errors.Is(err, session.ErrNone):
				t.Fatalf("round %d: %v", round, err)
			}
		}
		list, _, err := w.Accounts.List(t.Context(), uuid.Nil, 10)
		must(t, err)
		lost := len(happened(t, w, audit.PasskeyRemoved)) + len(happened(t, w, audit.PasskeySuspended))
		if wins != 1 || lost != 1 || len(list) != 1 {
			t.Fatalf("round %d: %d won, %d lost, %d accounts", round, wins, lost, len(list))
		}
	}
}

// TestParallelEdits: calls that do not contradict each other all come through, however
// often the account moves under them.
func TestParallelEdits(t *testing.T) {
	for range 10 {
		editTogether(t)
	}
}

func editTogether(t *testing.T) {
	t.Helper()
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, second := bind(t, w, proof)
	first := own(t, w, proof)
	calls := []func() error{
		func() error { _, err := standing(t, w, proof, second, true); return err },
		func() error {
			_, err := w.Accounts.EditPasskey(t.Context(), proof.Session(), first.ID, account.Edit{Name: ptr("One")}, caller())
			return err
		},
		func() error {
			_, err := w.Accounts.EditPasskey(t.Context(), proof.Session(), second.ID, account.Edit{Name: ptr("Two")}, caller())
			return err
		},
		func() error {
			_, err := w.Accounts.EditProfile(t.Context(), proof.Session(), account.Profile{DisplayName: ptr("Ana B.")}, caller())
			return err
		},
		func() error {
			_, err := w.Accounts.EditProfile(t.Context(), proof.Session(), account.Profile{Email: ptr("ana@example.org")}, caller())
			return err
		},
	}
	results := make(chan error, len(calls))
	for _, call := range calls {
		go func() { results <- call() }()
	}
	for range calls {
		must(t, <-results)
	}
	c := current(t, w, proof)
	list, err := w.Accounts.Passkeys(t.Context(), c)
	must(t, err)
	if p := c.Person(); p.DisplayName != "Ana B." || p.PendingEmail != "ana@example.org" || len(list) != 2 ||
		list[0].Name != "One" || list[1].Name != "Two" || !list[1].Suspended {
		t.Fatalf("the account reads %+v, %+v", p, list)
	}
}

// TestMovedIsNotTampered: a passkey that was suspended since the account was read is
// listed as it is now, and nobody cries wolf.
func TestMovedIsNotTampered(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, second := bind(t, w, proof)
	before := current(t, w, proof)
	_, err := standing(t, w, proof, second, true)
	must(t, err)
	list, err := w.Accounts.Passkeys(t.Context(), before)
	if err != nil || len(list) != 2 || !list[1].Suspended {
		t.Fatalf("listed %+v, %v", list, err)
	}
	if strings.Contains(w.Journal.String(), `"alarm"`) {
		t.Fatalf("alarm: %s", w.Journal)
	}
	w.Intrude(t).Do("UPDATE credentials SET state = state + 1")
	list, err = w.Accounts.Passkeys(t.Context(), before)
	if err != nil || len(list) != 0 || strings.Count(w.Journal.String(), `"alarm":"credential_record_tampered"`) != 2 {
		t.Fatalf("listed %+v, %v; log %s", list, err, w.Journal)
	}
}

// TestRemoveWhatDoesNotOpen: a passkey whose row was tampered with still stands in the
// account's map, so nobody is told that it is gone.
func TestRemoveWhatDoesNotOpen(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, second := bind(t, w, proof)
	w.Intrude(t).Do("UPDATE credentials SET state = state + 1 WHERE times_used = 0 AND key NOT IN (SELECT key FROM credentials ORDER BY rowid LIMIT 1)")
	if err := w.Accounts.RemovePasskey(t.Context(), proof.Session(), second.ID, caller()); !errors.Is(err, account.ErrPasskey) {
		t.Fatalf("removing what does not open: %v", err)
	}
	if err := w.Accounts.RemovePasskey(t.Context(), proof.Session(), uuid.New(), caller()); !errors.Is(err, account.ErrPasskey) {
		t.Fatalf("removing what may be what does not open: %v", err)
	}
}

// TestSignal: a browser is told of every passkey that could sign in again, of no other,
// and of the names as they are now (WebAuthn §5.1.10).
func TestSignal(t *testing.T) {
	w := ceremonytest.New(t)
	a, proof := resident(t, w, "ana")
	b, second := bind(t, w, proof)
	c, third := bind(t, w, proof)
	resident(t, w, "bob")
	_, err := standing(t, w, proof, second, true)
	must(t, err)
	must(t, w.Accounts.RemovePasskey(t.Context(), proof.Session(), third.ID, caller()))
	_, err = w.Accounts.EditProfile(t.Context(), proof.Session(), account.Profile{DisplayName: ptr("Ana B.")}, caller())
	must(t, err)
	got, err := w.Accounts.Signal(t.Context(), current(t, w, proof))
	must(t, err)
	id := func(i int) []byte {
		return [][]byte{a.Credentials()[0].ID, b.Credentials()[0].ID, c.Credentials()[0].ID}[i]
	}
	if got.RPID != ceremonytest.RPID || !bytes.Equal(got.UserHandle, a.Credentials()[0].UserHandle) || got.Name != "ana" || got.DisplayName != "Ana B." ||
		!slices.EqualFunc(got.Accepted, [][]byte{id(0), id(1)}, bytes.Equal) {
		t.Fatalf("signal %+v", got)
	}
	must(t, w.Accounts.RemovePasskey(t.Context(), proof.Session(), second.ID, caller()))
	if got, err = w.Accounts.Signal(t.Context(), current(t, w, proof)); err != nil || len(got.Accepted) != 1 {
		t.Fatalf("signal %+v, %v", got, err)
	}
}
