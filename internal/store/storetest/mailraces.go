package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func raceLink(t *testing.T, w *world) {
	p := w.person()
	var links [racers]store.Link
	spend := w.spend()
	for i := range links {
		links[i] = w.linkOf(p)
		links[i].Spend, links[i].Ends = spend, nil
	}
	winner := oneWins(t, race(func(i int) error { return w.s.RecordLink(w.ctx, links[i]) }), store.ErrSpent)
	sessions, err := w.s.SessionsOf(w.ctx, p.account.Key, nil, everything)
	w.must(err)
	same(t, "sessions", sessions, []store.Session{*p.session, *links[winner].Session})
	for i, link := range links {
		_, err := w.s.Ticket(w.ctx, link.Gives.Key)
		if i != winner {
			wantError(t, err, store.ErrNotFound, "")
			continue
		}
		w.must(err)
	}
}

// raceCode: a code is one of the ways to honour a link, and goes with the first who
// shows it, whatever link they spend.
func raceCode(t *testing.T, w *world) {
	p := w.person()
	code := w.stored(w.ticket(nil))
	oneWins(t, race(func(int) error {
		account := ref(p.account)
		return w.s.RecordLink(w.ctx, store.Link{
			Op: w.op(), Spend: w.spend(), Ticket: &code, Account: &account,
			Session: w.session(p.account.Key), Event: w.event(p.account.Key),
		})
	}), store.ErrSpent)
}

// raceRight: the right that a notice gives undoes one thing, for one who asks, even
// when what they would change are different accounts.
func raceRight(t *testing.T, w *world) {
	right := w.ticket(nil)
	w.must(w.s.Append(w.ctx, owe(w.event(nil), owed{tickets: []store.Ticket{right}})))
	permit := ref(right.Row)
	var standings [racers]store.Standing
	var changes [racers]store.AccountChange
	for i := range racers {
		p := w.person()
		standings[i], changes[i] = w.standing(p), w.change(p)
		standings[i].Ticket, changes[i].Ticket = &permit, &permit
	}
	winner := oneWins(t, race(func(i int) error {
		if i%2 == 0 {
			return w.s.RecordStanding(w.ctx, standings[i])
		}
		return w.s.ReplaceAccount(w.ctx, changes[i])
	}), store.ErrSpent)
	for i := range racers {
		a, err := w.s.Account(w.ctx, changes[i].Account.Key)
		w.must(err)
		if moved := a.Version != changes[i].Account.Version; moved != (i == winner) {
			t.Errorf("racer %d moved its account: %v; the winner is %d", i, moved, winner)
		}
	}
}

func raceAccountTicket(t *testing.T, w *world) {
	spend := w.spend()
	var changes [racers]store.AccountChange
	for i := range racers {
		changes[i] = w.change(w.person())
		changes[i].Spend = &spend
	}
	oneWins(t, race(func(i int) error { return w.s.ReplaceAccount(w.ctx, changes[i]) }), store.ErrSpent)
}

// raceRevoke: a right is used by one or revoked once, never both.
func raceRevoke(t *testing.T, w *world) {
	permit := w.stored(w.ticket(nil))
	before := len(w.events())
	used := 0
	for i, err := range race(func(i int) error {
		if i%2 == 0 {
			return w.s.RevokeTicket(w.ctx, permit.Key, w.event(nil))
		}
		v := w.bareSignUp()
		v.Ticket = &permit
		return w.s.RecordSignUp(w.ctx, v)
	}) {
		switch {
		case i%2 == 0:
			w.must(err)
		case err == nil:
			used++
		default:
			wantError(t, err, store.ErrSpent, "")
		}
	}
	if used > 1 {
		t.Errorf("used %d times", used)
	}
	same(t, "events", len(w.events()), before+1)
}

func raceMail(t *testing.T, w *world) {
	m := w.mail()
	oneWins(t, race(func(i int) error {
		if i%2 == 0 {
			return w.s.Append(w.ctx, owe(w.event(nil), owed{mails: []store.Mail{m}}))
		}
		_, err := w.s.Hit(w.ctx, store.Hits{
			At: dawn, Mails: []store.Mail{m},
			Hits: []store.Hit{{Key: w.key(), Rates: []store.Rate{{Count: 1, Per: time.Hour}}}},
		})
		return err
	}), store.ErrTaken)
	w.settle(1)
}

// settle takes and settles all mails there are, and demands how many.
func (w *world) settle(want int) {
	w.t.Helper()
	list := w.takeAll()
	for _, m := range list {
		w.must(w.s.SettleMail(w.ctx, m.Key, m.Taken))
	}
	if len(list) != want {
		w.t.Errorf("%d mails are owed, want %d", len(list), want)
	}
}

// raceTakers: those who take mails at the same time share them out among themselves,
// and none is left.
func raceTakers(t *testing.T, w *world) {
	const owing = 2 * racers
	var o owed
	for range owing {
		o.mails = append(o.mails, w.mail())
	}
	w.must(w.s.Append(w.ctx, owe(w.event(nil), o)))
	var mu sync.Mutex
	takers := map[string]int{}
	for _, err := range race(func(int) error {
		for {
			list, err := w.s.TakeMails(w.ctx, dawn, dawn.Add(time.Hour), 2)
			if err != nil || len(list) == 0 {
				return err
			}
			mu.Lock()
			for _, m := range list {
				takers[string(m.Key)]++
			}
			mu.Unlock()
		}
	}) {
		w.must(err)
	}
	for _, m := range o.mails {
		if n := takers[string(m.Key)]; n != 1 {
			t.Errorf("a mail was taken by %d", n)
		}
	}
	same(t, "different mails taken", len(takers), owing)
	w.settle(owing)
}

// raceLease: when a lease has ended, one of those who ask has the next; and of those
// who answer for it, by sending or giving back, one is heard when it is sent.
func raceLease(t *testing.T, w *world) {
	m := w.dueAfter(0)
	w.take(0, time.Minute, 10, taken(m, 1, time.Minute))
	var mu sync.Mutex
	leases := 0
	for _, err := range race(func(int) error {
		list, err := w.s.TakeMails(w.ctx, dawn.Add(time.Minute), dawn.Add(time.Hour), 10)
		mu.Lock()
		defer mu.Unlock()
		leases += len(list)
		return err
	}) {
		w.must(err)
	}
	same(t, "leases", leases, 1)
	oneWins(t, race(func(int) error { return w.s.SettleMail(w.ctx, m.Key, 2) }), store.ErrConflict)
	w.settle(0)
}

// The crowd at one limit, and how many of them it lets through.
const (
	hitters     = 50
	slowHitters = 16
	through     = 7
)

// raceHits: so many get through and no more; a mail is owed for each of them alone.
func raceHits(t *testing.T, w *world) {
	many := hitters
	if w.slow {
		many = slowHitters
	}
	k := w.key()
	mails := make([]store.Mail, many)
	waits := make([]time.Duration, many)
	for i := range mails {
		mails[i] = w.mail()
	}
	for _, err := range crowd(many, func(i int) (err error) {
		waits[i], err = w.s.Hit(w.ctx, store.Hits{
			At: dawn, Mails: mails[i : i+1],
			Hits: []store.Hit{{Key: k, Rates: []store.Rate{{Count: through, Per: time.Hour}, {Count: 64, Per: day}}}},
		})
		return err
	}) {
		w.must(err)
	}
	passed := map[string]bool{}
	for i, wait := range waits {
		switch wait {
		case 0:
			passed[string(mails[i].Key)] = true
		case time.Hour:
		default:
			t.Errorf("wait %v, want an hour", wait)
		}
	}
	same(t, "let through", len(passed), through)
	for _, m := range w.takeAll() {
		if !passed[string(m.Key)] {
			t.Error("a mail is owed to one who had no room")
		}
		w.must(w.s.SettleMail(w.ctx, m.Key, m.Taken))
		delete(passed, string(m.Key))
	}
	same(t, "mails that are missing", len(passed), 0)
}

// raceCrossing: callers who hit two keys in either order neither block each other nor
// get through more often than one of the keys allows.
func raceCrossing(t *testing.T, w *world) {
	rates := []store.Rate{{Count: through, Per: time.Hour}}
	hits := []store.Hit{{Key: w.key(), Rates: rates}, {Key: w.key(), Rates: rates}}
	waits := make([]time.Duration, 2*racers)
	for _, err := range crowd(len(waits), func(i int) (err error) {
		waits[i], err = w.s.Hit(w.ctx, store.Hits{At: dawn, Hits: []store.Hit{hits[i%2], hits[1-i%2]}})
		return err
	}) {
		w.must(err)
	}
	passed := 0
	for _, wait := range waits {
		if wait == 0 {
			passed++
		}
	}
	if passed > through {
		t.Errorf("%d got through, want at most %d", passed, through)
	}
	for _, h := range hits {
		left := 0
		for w.hit(0, rates, h.Key) == 0 {
			left++
		}
		if left > through-passed {
			t.Errorf("%d got through and %d more had room, want %d in all", passed, left, through)
		}
	}
}
