package storetest

import (
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

func testTickets(t *testing.T, open opener) {
	w := newWorld(t, open)
	named, anybodys := w.ticket(w.person().account.Key), w.ticket(nil)
	before := w.dump()
	w.must(w.s.PutTicket(w.ctx, named, w.event(named.Account)))
	oneEvent(t, before, w.dump())
	w.must(w.s.PutTicket(w.ctx, anybodys, w.event(nil)))
	w.chained()
	after := w.dump()
	same(t, "tickets", after.Tickets, []store.Ticket{named, anybodys})

	asked := false
	asking := func(head store.Head) (store.Event, error) {
		asked = true
		return w.event(nil)(head)
	}
	fresh := w.ticket(nil)
	for _, c := range []struct {
		name   string
		ticket store.Ticket
		event  store.EventFunc
		want   error
	}{
		{"taken", store.Ticket{Row: store.Row{Key: named.Key, Version: 9, Body: w.body("another")}}, asking, store.ErrTaken},
		{"no key", store.Ticket{Row: store.Row{Version: 1}}, asking, nil},
		{"no event", fresh, nil, nil},
		{"the event's error", fresh, func(store.Head) (store.Event, error) { return store.Event{}, errNoRecord }, errNoRecord},
		{"no such number", fresh, func(h store.Head) (store.Event, error) { return store.Event{Chain: h.Chain}, nil }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := store.Table("")
			if c.want == store.ErrTaken {
				table = store.TableTickets
			}
			wantError(t, w.s.PutTicket(w.ctx, c.ticket, c.event), c.want, table)
			same(t, "after the refusal", w.dump(), after)
		})
	}
	if asked {
		t.Error("a refused ticket asked for its event")
	}
	_, err := w.s.Ticket(w.ctx, w.key())
	wantError(t, err, store.ErrNotFound, "")
}
