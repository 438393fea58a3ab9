package storetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// A broken store wins a single race most of the time; many rounds, each let loose
// at one gate, find it out.
const (
	rounds     = 50
	slowRounds = 15
	racers     = 8
)

func (b Backend) rounds() int {
	if b.Slow {
		return slowRounds
	}
	return rounds
}

// race runs one call per racer, all let loose at once, and returns their errors.
func race(call func(racer int) error) []error { return crowd(racers, call) }

// crowd is a race of so many.
func crowd(many int, call func(racer int) error) []error {
	gate := make(chan struct{})
	errs := make([]error, many)
	var ready, done sync.WaitGroup
	ready.Add(many)
	for i := range many {
		done.Go(func() {
			ready.Done()
			<-gate
			errs[i] = call(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return errs
}

// oneWins demands that one racer succeeded and the others got want, and returns
// the winner.
func oneWins(t *testing.T, errs []error, want error) (winner int) {
	t.Helper()
	winner = -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("racers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, want):
			t.Fatalf("a loser got %v, want %v", err, want)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

func testRaces(t *testing.T, b Backend) {
	for _, r := range []struct {
		name  string
		round func(*testing.T, *world)
	}{
		{"one spend", raceSpend},
		{"one sign-in by one ticket", raceSignIn},
		{"one sign-up by one ticket", raceStoredTicket},
		{"one owner of an identifier", raceIdentifier},
		{"one owner of a changed name", raceRename},
		{"one record of a credential", raceCredential},
		{"compare-and-set of a credential", raceCounter},
		{"store if greater", raceGreater},
		{"compare-and-set of an account", raceAccount},
		{"compare-and-set of a session", raceTouch},
		{"one successor of a session", raceSuccessor},
		{"one first key", raceKeys},
		{"events of all", raceEvents},
		{"one operation repeated", raceRepeat},
		{"one use of a link", raceLink},
		{"one use of a mailed code", raceCode},
		{"one use of a right that an event gave", raceRight},
		{"one change of an account by one ticket", raceAccountTicket},
		{"a right used or revoked", raceRevoke},
		{"one mail of a key", raceMail},
		{"each mail taken by one", raceTakers},
		{"one answer to a lease", raceLease},
		{"so many hits and no more", raceHits},
		{"hits of two keys, crosswise", raceCrossing},
	} {
		t.Run(r.name, func(t *testing.T) {
			b.besides(t)
			w := newWorld(t, b.Open)
			w.slow = b.Slow
			for range b.rounds() {
				r.round(t, w)
				if t.Failed() {
					return
				}
			}
			w.chained()
		})
	}
}

func raceSpend(t *testing.T, w *world) {
	s := w.spend()
	oneWins(t, race(func(int) error { return w.s.Spend(w.ctx, w.op(), s) }), store.ErrSpent)
}

// raceSignIn: two people want the same ticket, each several times.
func raceSignIn(t *testing.T, w *world) {
	people := []person{w.person(), w.person()}
	s := w.spend()
	oneWins(t, race(func(n int) error {
		v := w.signIn(people[n%len(people)])
		v.Spend, v.Ends = s, nil
		v.Use.Within, v.Use.Next = 1000, 0
		return w.s.RecordSignIn(w.ctx, v)
	}), store.ErrSpent)
	opened, uses := 0, uint64(0)
	for _, p := range people {
		sessions, err := w.s.SessionsOf(w.ctx, p.account.Key, nil, everything)
		w.must(err)
		c, _, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
		w.must(err)
		opened += len(sessions) - 1
		uses += c.TimesUsed - p.credential.TimesUsed
	}
	if opened != 1 || uses != 1 {
		t.Errorf("%d sessions and %d uses, want one of each", opened, uses)
	}
}

func raceStoredTicket(t *testing.T, w *world) {
	v := w.signUp()
	oneWins(t, race(func(int) error {
		mine := w.bareSignUp()
		mine.Ticket = v.Ticket
		return w.s.RecordSignUp(w.ctx, mine)
	}), store.ErrSpent)
	oneWins(t, race(func(int) error {
		mine := w.bareSignUp()
		mine.Marker = v.Marker
		return w.s.RecordSignUp(w.ctx, mine)
	}), store.ErrSpent)
}

// bareSignUp opens an account that asks for nothing that another could have.
func (w *world) bareSignUp() store.SignUp {
	a, s := w.account(), w.spend()
	return store.SignUp{Op: w.op(), Spend: &s, Account: a, Event: w.event(a.Key)}
}

func raceIdentifier(t *testing.T, w *world) {
	name := w.identifier(nil)
	var owners [racers][]byte
	winner := oneWins(t, race(func(i int) error {
		v := w.bareSignUp()
		owners[i] = v.Account.Key
		v.Identifiers = []store.Identifier{w.rival(name, v.Account.Key)}
		err := w.s.RecordSignUp(w.ctx, v)
		if err != nil {
			w.unspent(*v.Spend)
		}
		return err
	}), store.ErrTaken)
	got, err := w.s.Identifier(w.ctx, name.Key)
	w.must(err)
	same(t, "owner", got.Account, owners[winner])
}

func raceRename(t *testing.T, w *world) {
	name := w.identifier(nil)
	var people [racers]person
	for i := range people {
		people[i] = w.person()
	}
	winner := oneWins(t, race(func(i int) error {
		v := w.change(people[i])
		v.Add = []store.Identifier{w.rival(name, people[i].account.Key)}
		return w.s.ReplaceAccount(w.ctx, v)
	}), store.ErrTaken)
	got, err := w.s.Identifier(w.ctx, name.Key)
	w.must(err)
	same(t, "owner", got.Account, people[winner].account.Key)
}

func raceCredential(t *testing.T, w *world) {
	key := w.credential(nil).Key
	oneWins(t, race(func(int) error {
		v := w.bareSignUp()
		c := w.credential(v.Account.Key)
		c.Key = key
		v.Credential = &c
		return w.s.RecordSignUp(w.ctx, v)
	}), store.ErrTaken)
}

func raceCounter(t *testing.T, w *world) {
	p := w.person()
	oneWins(t, race(func(int) error { return w.s.RecordSignIn(w.ctx, w.signIn(p)) }), store.ErrConflict)
	c, _, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
	w.must(err)
	same(t, "version", c.Version, p.credential.Version+1)
}

// raceGreater: parallel uses of a key whose counter is not compared all succeed,
// and the highest stays, in whatever order they came.
func raceGreater(t *testing.T, w *world) {
	p := w.person()
	var bodies [racers][]byte
	for i, err := range race(func(i int) error {
		v := w.signIn(p)
		bodies[i] = v.Use.Body
		v.Use.Within, v.Use.Next = 1000, uint64(2+(i*3)%racers)
		return w.s.RecordSignIn(w.ctx, v)
	}) {
		if err != nil {
			t.Fatalf("racer %d: %v", i, err)
		}
	}
	c, _, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
	w.must(err)
	same(t, "version", c.Version, uint64(racers+1))
	same(t, "uses", c.TimesUsed, p.credential.TimesUsed+racers)
	for i, body := range bodies {
		if 2+(i*3)%racers == racers+1 {
			same(t, "body", c.Body, body)
		}
	}
}

func raceAccount(t *testing.T, w *world) {
	p := w.person()
	var changes [racers]store.AccountChange
	var bindings [racers]store.Binding
	var bodies [racers][]byte
	for i := range racers {
		changes[i], bindings[i] = w.change(p), w.binding(p)
		bodies[i] = changes[i].Next.Body
		if i%2 == 0 {
			bodies[i] = bindings[i].Next.Body
		}
	}
	winner := oneWins(t, race(func(i int) error {
		if i%2 == 0 {
			return w.s.RecordBinding(w.ctx, bindings[i])
		}
		return w.s.ReplaceAccount(w.ctx, changes[i])
	}), store.ErrConflict)
	a, err := w.s.Account(w.ctx, p.account.Key)
	w.must(err)
	same(t, "account", a, store.Row{Key: p.account.Key, Version: p.account.Version + 1, Body: bodies[winner]})
}

func raceTouch(t *testing.T, w *world) {
	p := w.person()
	oneWins(t, race(func(int) error {
		next := *p.session
		next.Version, next.Body = 2, w.body("touched")
		return w.s.TouchSession(w.ctx, ref(p.session.Row), next)
	}), store.ErrConflict)
}

func raceSuccessor(t *testing.T, w *world) {
	p := w.person()
	oneWins(t, race(func(int) error {
		return w.s.ReplaceSession(w.ctx, store.SessionChange{
			Op: w.op(), Old: p.session.Key, New: w.session(p.account.Key), Event: w.event(p.account.Key),
		})
	}), store.ErrConflict)
	sessions, err := w.s.SessionsOf(w.ctx, p.account.Key, nil, everything)
	w.must(err)
	if len(sessions) != 1 {
		t.Errorf("%d sessions, want 1", len(sessions))
	}
}

func raceKeys(t *testing.T, w *world) {
	number := uint32(w.count.Add(1))
	oneWins(t, race(func(int) error {
		return w.s.PutKeys(w.ctx, []store.Key{w.wrappedKey("root", number)}, nil)
	}), store.ErrTaken)
}

func raceEvents(t *testing.T, w *world) {
	before := len(w.events())
	for _, err := range race(func(int) error { return w.s.Append(w.ctx, w.event(nil)) }) {
		w.must(err)
	}
	if got := len(w.events()); got != before+racers {
		t.Errorf("%d events, want %d", got, before+racers)
	}
}

// raceRepeat: an operation repeated while its first try is under way happens once.
func raceRepeat(t *testing.T, w *world) {
	p := w.person()
	v := w.signIn(p)
	for _, err := range race(func(int) error { return w.s.RecordSignIn(w.ctx, v) }) {
		w.must(err)
	}
	c, _, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
	w.must(err)
	same(t, "uses", c.TimesUsed, p.credential.TimesUsed+1)
}
