package dynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/store"
)

// interfere makes a store on a seeded table, and another that does something right before
// the n-th request of an operation of the first.
func interfere(t *testing.T, operation string, n int, do func(other *Store) error) *Store {
	t.Helper()
	first := openTest(t, testConfig(t))
	seed(t, first)
	s, config := worldAgain(t, items(t, first))
	config.Transport = nil
	other := openTest(t, config)
	done := false
	t.Cleanup(func() {
		if !done {
			t.Error("nobody interfered")
		}
	})
	s.wire.spoil = func(r request) outcome {
		if r.operation == operation {
			n--
		}
		if n == 0 && !done {
			done = true
			if err := do(other); err != nil {
				t.Errorf("the other: %v", err)
			}
		}
		return passes
	}
	return s.Store
}

// TestRefusalIsJudgedTwice: a ticket that is spent while a verb finds something else
// against it is what the verb is told of.
func TestRefusalIsJudgedTwice(t *testing.T) {
	v := signIn(0, 1)
	s := interfere(t, "BatchGetItem", 2, func(other *Store) error {
		return other.Spend(t.Context(), store.OpID{1}, v.Spend)
	})
	v.Account.Version++
	if err := s.RecordSignIn(t.Context(), v); !errors.Is(err, store.ErrSpent) {
		t.Errorf("error is %v, want %v", err, store.ErrSpent)
	}
}

// TestFirstRefusalStands: what the second look finds beside is not what is told.
func TestFirstRefusalStands(t *testing.T) {
	v := signIn(0, 1)
	taken := signIn(1, 9)
	taken.Session.Key = v.Session.Key
	s := interfere(t, "BatchGetItem", 2, func(other *Store) error {
		if err := other.RecordSignIn(t.Context(), taken); err != nil {
			return err
		}
		return other.ReplaceAccount(t.Context(), store.AccountChange{
			Op: store.OpID{2}, Account: v.Account, Event: telling(v.Account.Key, dawn),
			Next: store.Row{Key: v.Account.Key, Version: 2},
		})
	})
	v.Session = &store.Session{Row: store.Row{Key: session(v.Account.Key, 0, 0).Key}, Account: v.Account.Key}
	if err := s.RecordSignIn(t.Context(), v); !errors.Is(err, store.ErrTaken) {
		t.Errorf("error is %v, want %v", err, store.ErrTaken)
	}
}

// TestLoserLeavesNothing: who finds a row moved when it is to be locked takes back what it
// has locked already, the ticket first of all.
func TestLoserLeavesNothing(t *testing.T) {
	v, quicker := signIn(0, 1), signIn(0, 2)
	v.Use.Next, quicker.Use.Next = 2, 2
	s := interfere(t, "PutItem", 2, func(other *Store) error { return other.RecordSignIn(t.Context(), quicker) })
	if err := s.RecordSignIn(t.Context(), v); !errors.Is(err, store.ErrConflict) {
		t.Errorf("error is %v, want %v", err, store.ErrConflict)
	}
	if left := locked(t, s); len(left) > 0 {
		t.Errorf("locks are left: %v", left)
	}
	for _, at := range []place{spendPlace(v.Spend), single(inSessions, v.Session.Key)} {
		c, err := s.readOne(t.Context(), at)
		must(t, err)
		if c.rev != nil {
			t.Errorf("%v is left", at)
		}
	}
}

// TestLostNumber: whoever loses a number to another takes the next one, links to the
// winner, and happens once.
func TestLostNumber(t *testing.T) {
	v := signIn(0, 1)
	s := interfere(t, "PutItem", 4, func(other *Store) error {
		nothing := func(*txn) (bool, error) { return false, nil }
		return other.run(t.Context(), verb{event: telling(nil, dawn), chain: other.chainOf(v.Op), judge: nothing})
	})
	asked, event := 0, v.Event
	v.Event = func(head store.Head) (store.Event, error) {
		asked++
		return event(head)
	}
	must(t, s.RecordSignIn(t.Context(), v))
	if asked != 2 {
		t.Errorf("asked %d times for the event, want 2", asked)
	}
	list, err := s.Chain(t.Context(), s.chainOf(v.Op), 0, 10)
	must(t, err)
	for n, e := range list {
		if e.Number != uint64(n+1) {
			t.Errorf("number %d stands at %d", e.Number, n+1)
		}
	}
	c, _, err := s.CredentialAndAccount(t.Context(), v.Use.Key)
	must(t, err)
	if c.TimesUsed != 1 {
		t.Errorf("used %d times, want once", c.TimesUsed)
	}
}

// TestOneMoment: a credential that moves while its account is read is read again with it.
func TestOneMoment(t *testing.T) {
	r := store.Regression{
		Op: store.OpID{1}, Spend: store.Spend{Expires: dawn},
		Account: store.Ref{Key: key("account", 0), Version: 1}, Next: &store.Row{Key: key("account", 0), Version: 2},
		Credential: store.Ref{Key: key("credential", 0), Version: 1}, Event: telling(key("account", 0), dawn),
	}
	r.Replace = *signUp(0).Credential
	r.Replace.Version = 2
	s := interfere(t, "GetItem", 2, func(other *Store) error { return other.RecordRegression(t.Context(), r) })
	c, a, err := s.CredentialAndAccount(t.Context(), r.Credential.Key)
	must(t, err)
	if c.Version != 2 || a.Version != 2 {
		t.Errorf("credential at %d beside account at %d, want 2 and 2", c.Version, a.Version)
	}
}

// TestSessionGoesWithAccount: a session whose account is deleted while it is read is gone
// as well.
func TestSessionGoesWithAccount(t *testing.T) {
	s := interfere(t, "GetItem", 2, func(other *Store) error {
		return other.DeleteAccount(t.Context(), store.Deletion{
			Op: store.OpID{1}, Account: store.Ref{Key: key("account", 0), Version: 1}, Event: telling(nil, dawn),
		})
	})
	_, _, err := s.SessionAndAccount(t.Context(), session(key("account", 0), 0, 0).Key)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error is %v, want %v", err, store.ErrNotFound)
	}
}

// TestShutNumber: a number that was shut to somebody is nobody's event, and is taken by
// the next.
func TestShutNumber(t *testing.T) {
	s := openTest(t, testConfig(t))
	s.chains = 1
	must(t, s.Append(t.Context(), telling(key("account"), dawn)))
	f, err := s.shut(t.Context(), ref{eventPlace(0, 2), "a dead owner"})
	must(t, err)
	if f != aborted {
		t.Fatalf("fate %v, want %v", f, aborted)
	}
	list, err := s.Chain(t.Context(), 0, 0, 10)
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d events, want 1", len(list))
	}
	for _, late := range []string{"a dead owner", "another"} {
		f, err := s.fill(t.Context(), ref{eventPlace(0, 2), late}, eventItem(store.Event{At: dawn}))
		must(t, err)
		if want := map[string]fate{"a dead owner": aborted, "another": committed}[late]; f != want {
			t.Errorf("%s: fate %v, want %v", late, f, want)
		}
	}
	if f, err := s.shut(t.Context(), ref{eventPlace(0, 2), "another"}); err != nil || f != committed {
		t.Errorf("shut after it was filled: %v, %v", f, err)
	}
	must(t, s.Append(t.Context(), telling(key("account"), dawn)))
	head, err := s.head(t.Context(), 0)
	must(t, err)
	if head.Number != 3 {
		t.Errorf("head at %d, want 3", head.Number)
	}
}

// TestUndecided: when the one write that decides has no answer, the verb finds out what
// became of it, and sees to it that nothing of it comes later.
func TestUndecided(t *testing.T) {
	for _, c := range []struct {
		how  outcome
		want bool // it has happened
	}{{unsent, false}, {unheard, true}} {
		first := openTest(t, testConfig(t))
		seed(t, first)
		s, _ := worldAgain(t, items(t, first))
		calls := map[string]bool{}
		s.wire.spoil = func(r request) outcome {
			if r.writes {
				calls[r.call] = true
			}
			if r.operation == "PutItem" && len(calls) == 4 { // that of the event, each time it is sent
				return c.how
			}
			return passes
		}
		v := signIn(0, 1)
		err := s.RecordSignIn(t.Context(), v)
		s.wire.spoil = nil
		if (err == nil) != c.want {
			t.Errorf("outcome %v: answered %v", c.how, err)
		}
		if left := locked(t, s.Store); len(left) > 0 {
			t.Errorf("outcome %v: locks are left: %v", c.how, left)
		}
		slot := 0
		for _, i := range items(t, s.Store) {
			if i.has(attrShut) {
				slot++
			}
		}
		if (slot == 0) != c.want {
			t.Errorf("outcome %v: %d slots are shut", c.how, slot)
		}
		must(t, s.RecordSignIn(t.Context(), v))
		got, _, err := s.CredentialAndAccount(t.Context(), v.Use.Key)
		must(t, err)
		if got.TimesUsed != 1 {
			t.Errorf("outcome %v: used %d times, want once", c.how, got.TimesUsed)
		}
	}
}

// TestLateMail: a mail of a verb that is under way is not taken, and one of a verb that
// died goes when it is old, so that it is in nobody's way.
func TestLateMail(t *testing.T) {
	first := openTest(t, testConfig(t))
	dying, config := worldAgain(t, items(t, first))
	sent := 0
	dying.wire.spoil = func(r request) outcome {
		if r.writes {
			sent++
		}
		if sent > 2 { // the right and the mail are placed, the event is not
			return unsent
		}
		return passes
	}
	if err := dying.Append(t.Context(), owing(telling(nil, dawn), 1)); err == nil {
		t.Fatal("it was said to have happened")
	}
	config.Transport = nil
	for _, later := range []time.Duration{0, unfinished + time.Second} {
		config.Now = func() time.Time { return time.Now().Add(later) }
		s := openTest(t, config)
		list, err := s.TakeMails(t.Context(), dawn, dawn.Add(time.Hour), 10)
		must(t, err)
		if len(list) != 0 {
			t.Errorf("%v later: %d mails of what never happened", later, len(list))
		}
		c, err := s.readOne(t.Context(), single(inMails, key("mail", 1)))
		must(t, err)
		if gone := c.rev == nil; gone != (later > 0) {
			t.Errorf("%v later: gone is %v", later, gone)
		}
	}
}

// TestJournalGoes: when its rows are settled and nobody can be looking at it any more.
func TestJournalGoes(t *testing.T) {
	for _, later := range []time.Duration{journalKept - time.Minute, journalKept + 2*time.Minute} {
		c := testConfig(t)
		s := openTest(t, c)
		if _, err := s.Hit(t.Context(), twoHits()); err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return time.Now().Add(later) }
		_, err := s.Expire(t.Context(), dawn, 10)
		must(t, err)
		journals := 0
		for _, i := range items(t, s) {
			if strings.HasPrefix(i.text(attrPart), inJournal) {
				journals++
			}
		}
		if gone := journals == 0; gone != (later > journalKept) {
			t.Errorf("%v later there are %d journals", later, journals)
		}
	}
}

// TestJournalStays: as long as a row looks at it, and once more.
func TestJournalStays(t *testing.T) {
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	dying := openTest(t, c)
	w.take()
	w.spoil = func(request) outcome {
		if writes(w.seen) > 4 { // three rows and the journal
			return unsent
		}
		return passes
	}
	if _, err := dying.Hit(t.Context(), twoHits()); err != nil {
		t.Fatal(err) // it has happened
	}
	c.Transport = nil
	c.Now = func() time.Time { return time.Now().Add(2 * journalKept) }
	s := openTest(t, c)
	for sweeps, want := range [][2]int{{3, 1}, {0, 1}, {0, 0}} {
		journals := 0
		for _, i := range items(t, s) {
			if strings.HasPrefix(i.text(attrPart), inJournal) {
				journals++
			}
		}
		if got := [2]int{len(locked(t, s)), journals}; got != want {
			t.Errorf("after %d sweeps: locks and journals %v, want %v", sweeps, got, want)
		}
		_, err := s.Expire(t.Context(), dawn.Add(-time.Hour), 10)
		must(t, err)
	}
}

// TestGrace: what has just ended is left to the engine's own expiry for as long as said.
func TestGrace(t *testing.T) {
	c := testConfig(t)
	c.Grace = 72 * time.Hour
	s := openTest(t, c)
	spend := store.Spend{ID: id("spend"), Expires: dawn}
	must(t, s.Spend(t.Context(), store.OpID{1}, spend))
	for after, want := range map[time.Duration]int{c.Grace: 0, c.Grace + time.Second: 1} {
		if want == 1 {
			c, err := s.readOne(t.Context(), spendPlace(spend))
			must(t, err)
			if ttl := c.now.millis(attrTTL); ttl != dawn.Add(store.SpendKept+forgotten).Unix() {
				t.Errorf("the engine may forget it at %d", ttl)
			}
		}
		n, err := s.Expire(t.Context(), dawn.Add(store.SpendKept+after), 10)
		must(t, err)
		if n > want {
			t.Errorf("%v after its end %d rows went, want %d", after, n, want)
		}
	}
	if err := s.Spend(t.Context(), store.OpID{2}, spend); err != nil {
		t.Errorf("it was never forgotten: %v", err)
	}
	for _, c := range []struct {
		config Config
		want   time.Duration
	}{
		{Config{}, DefaultGrace},
		{Config{Endpoint: "http://localhost:8000"}, 0},
		{Config{Grace: -1}, -1},
		{Config{Grace: time.Hour, Endpoint: "http://localhost:8000"}, time.Hour},
	} {
		if got := withDefaults(c.config).Grace; got != c.want {
			t.Errorf("%+v: grace %v, want %v", c.config, got, c.want)
		}
	}
}

// TestGarbled: what somebody else has written into the table is read as nothing, and
// never ends the program.
func TestGarbled(t *testing.T) {
	s := openTest(t, testConfig(t))
	seed(t, s)
	for _, i := range items(t, s) {
		if strings.HasPrefix(i.text(attrPart), inMeta) {
			continue
		}
		for name := range i {
			switch name {
			case attrPart, attrSort, attrList, attrOrder, attrLane, attrDue:
				continue
			}
			i[name] = &types.AttributeValueMemberBOOL{Value: true}
		}
		i[attrLock] = &types.AttributeValueMemberS{Value: "no|such"}
		fill(t, s, []item{i})
	}
	for name, read := range reads() {
		if err := read(t.Context(), s); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Logf("%s: %v", name, err) // an error is fine, a panic is not
		}
	}
	_ = s.RecordSignIn(t.Context(), signIn(0, 1))
}
