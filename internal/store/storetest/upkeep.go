package storetest

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func testUpkeep(t *testing.T, open opener) {
	t.Run("expire spends", func(t *testing.T) {
		w := newWorld(t, open)
		s := w.spend()
		w.must(w.s.Spend(w.ctx, w.op(), s))
		w.expire(s.Expires.Add(store.SpendKept), 10, 0)
		w.spent(s)
		w.expire(s.Expires.Add(store.SpendKept+time.Second), 10, 1)
		w.unspent(s)
	})
	t.Run("expire sessions and tickets", func(t *testing.T) { expireRows(t, open) })
	t.Run("expire at most so many", func(t *testing.T) { expireSome(t, open) })
	t.Run("clock and ping", func(t *testing.T) {
		w := newWorld(t, open)
		now, err := w.s.Clock(w.ctx)
		w.must(err)
		if now.IsZero() {
			t.Error("the clock stands at zero")
		}
		before := w.dump()
		w.must(w.s.Ping(w.ctx))
		same(t, "after a ping", w.dump(), before)
	})
}

// expire sweeps and demands how many rows go.
func (w *world) expire(now time.Time, limit, want int) {
	w.t.Helper()
	n, err := w.s.Expire(w.ctx, now, limit)
	w.must(err)
	if n != want {
		w.t.Errorf("%d rows went at %v, want %d", n, now, want)
	}
}

// expireRows: a row goes after its end and not at it, by the end it has now.
func expireRows(t *testing.T, open opener) {
	w := newWorld(t, open)
	p, later := w.person(), w.person()
	prolonged := *later.session
	prolonged.Version, prolonged.Expires = 2, dawn.Add(72*time.Hour)
	w.must(w.s.TouchSession(w.ctx, ref(later.session.Row), prolonged))
	ticket := w.ticket(nil)
	w.must(w.s.PutTicket(w.ctx, ticket, w.event(nil)))
	w.expire(dawn.Add(30*time.Minute), 10, 2) // the spends of the sign-ups

	before := w.dump()
	w.expire(p.session.Expires, 10, 0)
	same(t, "at the session's end", w.dump(), before)
	w.expire(p.session.Expires.Add(time.Second), 10, 1)
	want := before
	want.Sessions = []store.Session{prolonged}
	same(t, "after the session's end", w.dump(), want)

	w.expire(ticket.Expires, 10, 0)
	w.expire(ticket.Expires.Add(time.Second), 10, 1)
	want.Tickets = nil
	same(t, "after the ticket's end", w.dump(), want)
}

func expireSome(t *testing.T, open opener) {
	w := newWorld(t, open)
	for range 5 {
		w.person() // a spend and a session each
		w.must(w.s.PutTicket(w.ctx, w.ticket(nil), w.event(nil)))
	}
	end := dawn.Add(48 * time.Hour)
	w.expire(end, 0, 0)
	w.expire(end, -1, 0)
	w.expire(end, 2, 6)
	w.expire(end, 2, 6)
	w.expire(end, 2, 3)
	w.expire(end, 2, 0)
	d := w.dump()
	same(t, "sessions", d.Sessions, []store.Session(nil))
	same(t, "tickets", d.Tickets, []store.Ticket(nil))
	if len(d.Accounts) != 5 || len(d.Credentials) != 5 || len(d.Identifiers) != 5 || len(d.Events) != 10 {
		t.Error("more went than what expires")
	}
}
