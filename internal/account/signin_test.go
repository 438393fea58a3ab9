package account_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// watched notes what is read of a store and what comes of it.
type watched struct {
	account.Store

	mu     sync.Mutex
	reads  []string
	looks  int   // lists of accounts
	broken error // what reads of accounts answer
}

func (s *watched) note(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, store.ErrNotFound) {
		what += " missed"
	}
	s.reads = append(s.reads, what)
}

func (s *watched) Identifier(ctx context.Context, key []byte) (store.Identifier, error) {
	row, err := s.Store.Identifier(ctx, key)
	s.note("identifier", err)
	return row, err
}

func (s *watched) Account(ctx context.Context, key []byte) (store.Row, error) {
	if s.broken != nil {
		return store.Row{}, s.broken
	}
	row, err := s.Store.Account(ctx, key)
	s.note("account", err)
	return row, err
}

func (s *watched) Credentials(ctx context.Context, keys [][]byte) ([]store.Credential, error) {
	rows, err := s.Store.Credentials(ctx, keys)
	s.note(fmt.Sprintf("credentials %d of %d", len(rows), len(keys)), err)
	return rows, err
}

func (s *watched) ListAccounts(ctx context.Context, after []byte, limit int) ([]store.Row, error) {
	s.mu.Lock()
	s.looks++
	s.mu.Unlock()
	return s.Store.ListAccounts(ctx, after, limit)
}

// since tells what do reads, sorted: a hit before a miss costs what it costs after one.
func (s *watched) since(do func()) string {
	s.mu.Lock()
	s.reads = nil
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(s.reads)), ", ")
}

// village is a world with people of all kinds.
type village struct {
	*ceremonytest.World
	t         *testing.T
	store     *watched
	directory *account.Directory
}

func newVillage(t *testing.T) *village {
	t.Helper()
	w := ceremonytest.New(t)
	s := &watched{Store: w.Store}
	return &village{w, t, s, account.New(account.Config{
		Store: s, Vault: w.Vault, Tickets: w.Tickets, Audit: w.Audit, RPID: ceremonytest.RPID, Now: w.Clock.Now, Rand: rand.Reader,
	})}
}

func (v *village) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// person signs up and makes n passkeys in all, each on an authenticator of its own.
func (v *village) person(name string, n int) {
	v.t.Helper()
	first := webauthntest.New(webauthntest.Phone())
	v.SignUp(v.t, first, name)
	in, err := v.Finish(v.t, v.Assert(v.t, first, ""))
	v.must(err)
	for range n - 1 {
		options, err := v.RP.BeginBinding(v.t.Context(), ceremonytest.Request(), in.Session(), "")
		v.must(err)
		answer, err := webauthntest.New(webauthntest.Phone()).Create(ceremonytest.JSON(v.t, options), ceremonytest.Page())
		v.must(err)
		_, err = v.RP.FinishBinding(v.t.Context(), ceremonytest.Request(), in.Session(), ceremony.Finish{Credential: answer})
		v.must(err)
		v.Clock.Advance(time.Second)
		in, err = v.Finish(v.t, v.Assert(v.t, first, "")) // the session knows its account as it is now
		v.must(err)
	}
}

func (v *village) edit(name string, edit func(*record.AccountFacts)) {
	v.t.Helper()
	a, ok, err := v.Accounts.Find(v.t.Context(), name)
	if err != nil || !ok {
		v.t.Fatal(ok, err)
	}
	replace(v.t, v.World, a, edit)
}

// ask looks a name up, and tells how many passkeys are listed and what was read.
func (v *village) ask(name string, alike int) (listed int, reads string) {
	v.t.Helper()
	reads = v.store.since(func() {
		a, list, err := v.directory.SignInBy(v.t.Context(), name, alike)
		v.must(err)
		if len(list) == 0 && a.ID() != (record.ID{}) {
			v.t.Errorf("%s: an account got out and no passkey of it", name)
		}
		listed = len(list)
	})
	return listed, reads
}

// newSettled is a village whose stand-ins have been chosen.
func newSettled(t *testing.T) *village {
	t.Helper()
	v := newVillage(t)
	v.person("one-passkey", 1)
	v.person("two-passkeys", 2)
	v.person("four-passkeys", 4)
	v.person("is-disabled", 3)
	v.edit("is-disabled", func(f *record.AccountFacts) { f.State = record.StateDisabled })
	v.person("is-suspended", 1)
	v.edit("is-suspended", func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
	v.person("is-held", 1)
	v.edit("is-held", func(f *record.AccountFacts) { f.Ways[0].HeldUntil = v.Clock.Now().Add(time.Hour).UnixMilli() })
	v.person("three-left", 4)
	v.edit("three-left", func(f *record.AccountFacts) { f.Ways[1].Suspended = true })
	v.person("has-nothing", 1)
	v.edit("has-nothing", func(f *record.AccountFacts) { f.Ways = nil })
	v.ask("one-passkey", 1)
	return v
}

// TestNobodyReadsAlike: whoever cannot sign in by a name, for whatever reason, makes
// the store read what somebody makes it read who has as many passkeys as are shown
// instead.
func TestNobodyReadsAlike(t *testing.T) {
	v := newSettled(t)
	for name, n := range map[string]int{"one-passkey": 1, "two-passkeys": 2, "three-left": 3, "four-passkeys": 4} {
		listed, want := v.ask(name, 1)
		if listed != n {
			t.Fatalf("%s: %d passkeys are listed, want %d", name, listed, n)
		}
		for _, nobody := range []string{
			"unknown", "a name that nobody can have", "unknown@example.org",
			"is-disabled", "is-suspended", "is-held", "has-nothing",
		} {
			listed, got := v.ask(nobody, n)
			if listed != 0 {
				t.Errorf("%s: %d passkeys are listed", nobody, listed)
			}
			if got != want {
				t.Errorf("%s in place of %d passkeys:\nreads %s\nwant  %s", nobody, n, got, want)
			}
		}
	}
}

// TestNobodyCostsAlike counts allocations, which every opening makes and which no other
// load on the machine changes. An account's own map of passkeys, shown or not, and what
// is pooled make the few that differ: less than half of what one opening takes.
func TestNobodyCostsAlike(t *testing.T) {
	v := newSettled(t)
	cost := func(name string, alike int) float64 {
		return testing.AllocsPerRun(allocsRuns, func() {
			if _, _, err := v.directory.SignInBy(t.Context(), name, alike); err != nil {
				t.Error(err)
			}
		})
	}
	opening := cost("two-passkeys", 1) - cost("one-passkey", 1)
	for name, n := range map[string]int{"one-passkey": 1, "two-passkeys": 2, "three-left": 3, "four-passkeys": 4} {
		want := cost(name, 1)
		for _, nobody := range []string{"unknownname", "is-disabled", "is-suspended", "has-nothing"} {
			if got := cost(nobody, n); math.Abs(got-want) > opening/2 {
				t.Errorf("%s in place of %d passkeys: %.0f allocations, want %.0f; an opening takes %.0f", nobody, n, got, want, opening)
			}
		}
	}
}

// allocsRuns is how often allocations are counted: the race detector empties pools now
// and then, which the mean of so many runs does not show.
const allocsRuns = 100

// TestStandInsRunShort: where nobody has as many passkeys as are to be shown, those
// that there are are opened again.
func TestStandInsRunShort(t *testing.T) {
	v := newVillage(t)
	v.person("one-passkey", 1)
	cost := func(alike int) float64 {
		return testing.AllocsPerRun(allocsRuns, func() { v.ask("unknown", alike) })
	}
	if one, two, three := cost(1), cost(2), cost(3); three-two < 0.5*(two-one) || two-one < 10 {
		t.Errorf("%.0f, %.0f and %.0f allocations for one, two and three", one, two, three)
	}
}

// TestStandInsAreLookedFor: at most once a second while there is none, so that strangers
// cannot have it done as often as they like, and once a minute when there is one.
func TestStandInsAreLookedFor(t *testing.T) {
	v := newVillage(t)
	const nothing = "identifier missed"
	for step, c := range []struct {
		advance time.Duration
		edit    func()
		looks   int
		nothing bool // there is no stand-in
	}{
		{0, nil, 1, true},
		{0, func() { v.person("first", 1); v.person("second", 1) }, 1, true},
		{time.Second, nil, 2, false},
		{time.Minute - 1, func() {
			v.edit("first", func(f *record.AccountFacts) { f.State = record.StateDisabled })
			v.edit("second", func(f *record.AccountFacts) { f.State = record.StateDisabled })
		}, 2, false},
		{1, nil, 3, true},
		{-time.Hour, nil, 4, true},
	} {
		if c.edit != nil {
			c.edit()
		}
		v.Clock.Advance(c.advance)
		for range 3 {
			v.ask("unknown", 1)
		}
		if _, reads := v.ask("unknown", 1); (reads == nothing) != c.nothing || v.store.looks != c.looks {
			t.Fatalf("step %d: %d looks, want %d; reads %s", step, v.store.looks, c.looks, reads)
		}
	}
}

// TestStandInMoves: a stand-in whose passkey was suspended since it was chosen is
// replaced, and nobody is alarmed: its person may do that.
func TestStandInMoves(t *testing.T) {
	v := newVillage(t)
	v.person("has-two", 2)
	v.ask("has-two", 1)
	_, want := v.ask("has-two", 1)
	if _, reads := v.ask("unknown", 2); reads != want {
		t.Fatalf("reads %s, want %s", reads, want)
	}
	first := webauthntest.New(webauthntest.Phone())
	v.SignUp(t, first, "has-one")
	a, _, err := v.Accounts.Find(t.Context(), "has-two")
	v.must(err)
	suspend(t, v.World, a)
	v.ask("unknown", 2)
	v.Clock.Advance(time.Second)
	v.ask("unknown", 2)
	if _, reads := v.ask("unknown", 2); !strings.Contains(reads, "credentials 1 of 1") {
		t.Fatalf("reads %s", reads)
	}
	if _, reads := v.ask("has-two", 1); !strings.Contains(reads, "credentials 1 of 1") {
		t.Fatalf("of the one that is left: %s", reads)
	}
	if strings.Contains(v.Journal.String(), `"alarm"`) {
		t.Fatal("an alarm was raised")
	}
}

// suspend suspends the first passkey of an account, in its map and in its own seal.
func suspend(t *testing.T, w *ceremonytest.World, a record.Account) {
	t.Helper()
	credentials, err := w.Accounts.Credentials(t.Context(), a)
	if err != nil || len(credentials) == 0 {
		t.Fatal(len(credentials), err)
	}
	c, facts := credentials[0], a.Facts()
	i := slices.IndexFunc(facts.Ways, func(w record.Way) bool { return slices.Equal(w.Credential, c.Key()) })
	facts.Ways[i].Suspended = true
	facts.Ways[i].State++
	use := c.Use()
	use.Edition++
	next, err := w.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := w.Vault.SealCredential(record.NewCredential{
		Facts: c.Facts(), Use: use, State: facts.Ways[i].State, Name: c.Name(), Account: facts,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Store.RecordStanding(t.Context(), store.Standing{
		Op: store.OpID{8}, Account: a.Ref(), Next: next, Credential: c.Ref(), Replace: sealed,
		Event: w.Audit.Event(audit.Entry{Name: audit.PasskeySuspended, Account: a.ID()}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRemovedStandInIsReplaced: a stand-in of which a row is gone is missed at once.
func TestRemovedStandInIsReplaced(t *testing.T) {
	for gone, statements := range map[string][]string{
		"identifier":  {"DELETE FROM identifiers WHERE account = (SELECT min(key) FROM accounts)"},
		"credentials": {"DELETE FROM credentials WHERE account = (SELECT min(key) FROM accounts)"},
		"account":     {"DELETE FROM accounts WHERE key = (SELECT min(key) FROM accounts)"},
		"all": {
			"DELETE FROM identifiers WHERE account = (SELECT min(key) FROM accounts)",
			"DELETE FROM credentials WHERE account = (SELECT min(key) FROM accounts)",
			"DELETE FROM accounts WHERE key = (SELECT min(key) FROM accounts)",
		},
	} {
		t.Run(gone, func(t *testing.T) {
			v := newVillage(t)
			v.person("first", 1)
			v.person("second", 1)
			v.ask("unknown", 1)
			_, want := v.ask("second", 1)
			v.Clock.Advance(2 * time.Second)
			intruder := v.Intrude(t)
			for _, statement := range statements {
				if intruder.Do(statement) != 1 {
					t.Fatal(statement)
				}
			}
			for i := range 20 { // one of them finds out
				v.ask(fmt.Sprint("unknown-", i), 1)
			}
			v.ask("unknown", 1) // looks for others
			for i := range 20 {
				if _, reads := v.ask(fmt.Sprint("unknown-", i), 1); reads != want {
					t.Fatalf("reads %s, want %s", reads, want)
				}
			}
		})
	}
}

// TestStandInsAreFoundWhoeverGoesAway: the call that looks for one may be broken off.
func TestStandInsAreFoundWhoeverGoesAway(t *testing.T) {
	v := newVillage(t)
	v.person("first", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := v.directory.SignInBy(ctx, "unknown", 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, reads := v.ask("unknown", 1); !strings.Contains(reads, "credentials 1 of 1") {
		t.Fatalf("reads %s", reads)
	}
}

// TestPasskeysOfAnotherRPIDAreNotListed: nor does their account stand in for anybody.
func TestPasskeysOfAnotherRPIDAreNotListed(t *testing.T) {
	v := newVillage(t)
	v.person("first", 1)
	other := account.New(account.Config{
		Store: v.store, Vault: v.Vault, Tickets: v.Tickets, Audit: v.Audit, RPID: "example.net", Now: v.Clock.Now, Rand: rand.Reader,
	})
	if _, list, err := other.SignInBy(t.Context(), "first", 1); len(list) != 0 || err != nil {
		t.Fatalf("%v, %v", list, err)
	}
	if _, _, ok, err := other.StandIn(t.Context(), []byte("id")); ok || err != nil {
		t.Fatal(ok, err)
	}
}

// TestStoreFailsAlike: a store that answers badly must not tell who has an account.
func TestStoreFailsAlike(t *testing.T) {
	v := newSettled(t)
	v.store.broken = errors.New("the disk is gone")
	for _, name := range []string{"one-passkey", "unknown", "is-disabled"} {
		if _, _, err := v.directory.SignInBy(t.Context(), name, 1); !errors.Is(err, v.store.broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStandInsAreMany: names have different ones, and each name the same one again.
func TestStandInsAreMany(t *testing.T) {
	v := newVillage(t)
	for i := range 8 {
		v.person(fmt.Sprint("person-", i), 1)
	}
	had := map[record.ID]bool{}
	for i := range 100 {
		id := fmt.Append(nil, i)
		var accounts [2]record.ID
		for j := range accounts {
			a, _, ok, err := v.directory.StandIn(t.Context(), id)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			accounts[j] = a.ID()
		}
		if accounts[0] != accounts[1] {
			t.Fatal("the same ID has another stand-in")
		}
		had[accounts[0]] = true
	}
	if len(had) != 8 {
		t.Fatalf("%d of 8 people stand in", len(had))
	}
}

// TestStandIn: what it gives is a credential with its owner, read afresh.
func TestStandIn(t *testing.T) {
	v := newVillage(t)
	if _, _, ok, err := v.directory.StandIn(t.Context(), []byte("id")); ok || err != nil {
		t.Fatalf("of an empty store: %v, %v", ok, err)
	}
	v.person("first", 1)
	v.Clock.Advance(time.Second)
	a, c, ok, err := v.directory.StandIn(t.Context(), []byte("id"))
	if err != nil || !ok || len(c.Facts().PublicKey) == 0 {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, named := a.Way(c.Key()); !named {
		t.Fatal("the credential is not its account's")
	}
	v.Intrude(t).Do("DELETE FROM credentials")
	if _, _, ok, err := v.directory.StandIn(t.Context(), []byte("id")); ok || err != nil {
		t.Fatalf("of one that is gone: %v, %v", ok, err)
	}
	if err := v.directory.Miss(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}
