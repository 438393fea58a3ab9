package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// putting is a call of PutTicket.
type putting struct {
	ticket store.Ticket
	event  store.EventFunc
}

// revoking is a call of RevokeTicket.
type revoking struct {
	key   []byte
	event store.EventFunc
}

func puttingVerb() verb[putting] {
	return verb[putting]{
		fresh: func(w *world) putting { return putting{w.ticket(nil), w.event(nil)} },
		do: func(ctx context.Context, s store.Store, v putting) error {
			return s.PutTicket(ctx, v.ticket, v.event)
		},
		event: func(v *putting) *store.EventFunc { return &v.event },
	}
}

func revokingVerb() verb[revoking] {
	return verb[revoking]{
		fresh: func(w *world) revoking { return revoking{w.stored(w.ticket(nil)).Key, w.event(nil)} },
		do: func(ctx context.Context, s store.Store, v revoking) error {
			return s.RevokeTicket(ctx, v.key, v.event)
		},
		event: func(v *revoking) *store.EventFunc { return &v.event },
	}
}

func testTickets(t *testing.T, open opener) {
	t.Run("put", func(t *testing.T) { putTickets(t, open) })
	puttingVerb().owes(t, open)
	t.Run("puts what its event gives", func(t *testing.T) {
		w := newWorld(t, open)
		ticket := w.ticket(nil)
		before := w.dump()
		event := owe(w.event(nil), owed{tickets: []store.Ticket{ticket}})
		wantError(t, w.s.PutTicket(w.ctx, ticket, event), store.ErrTaken, store.TableTickets)
		same(t, "after the refusal", w.dump(), before)
	})
	t.Run("list", func(t *testing.T) { listTickets(t, open) })
	t.Run("revoke", func(t *testing.T) {
		revokeTickets(t, open)
		revokingVerb().owes(t, open)
	})
}

func putTickets(t *testing.T, open opener) {
	w := newWorld(t, open)
	named, anybodys := w.ticket(w.person().account.Key), w.ticket(nil)
	before := w.dump()
	w.must(w.s.PutTicket(w.ctx, named, w.event(named.Account)))
	oneEvent(t, before, w.dump())
	w.must(w.s.PutTicket(w.ctx, anybodys, w.event(nil)))
	w.chained()
	after := w.dump()
	same(t, "tickets", after.Tickets, []store.Ticket{named, anybodys})
	for _, ticket := range after.Tickets {
		stored, err := w.s.Ticket(w.ctx, ticket.Key)
		w.must(err)
		same(t, "one by one", stored, ticket)
	}

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
			if errors.Is(c.want, store.ErrTaken) {
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

// listTickets: in pages, though the ticket that a page ended with is gone by then.
func listTickets(t *testing.T, open opener) {
	w := newWorld(t, open)
	var all []store.Ticket
	for range 7 {
		ticket := w.ticket(w.key())
		w.stored(ticket)
		all = append(all, ticket)
	}
	pages(t, all, func(after []byte, limit int) ([]store.Ticket, error) {
		return w.s.ListTickets(w.ctx, after, limit)
	}, func(k store.Ticket) []byte { return k.Key })

	w.must(w.s.RevokeTicket(w.ctx, all[2].Key, w.event(nil)))
	rest, err := w.s.ListTickets(w.ctx, all[2].Key, 10)
	w.must(err)
	same(t, "after one that is gone", rest, all[3:])
}

// revokeTickets: a revoked ticket permits nothing; one that is gone is nobody's news.
func revokeTickets(t *testing.T, open opener) {
	w := newWorld(t, open)
	revoked, kept := w.ticket(w.key()), w.ticket(nil)
	permit := w.stored(revoked)
	w.stored(kept)
	before := w.dump()
	for name, err := range map[string]error{
		"no key":            w.s.RevokeTicket(w.ctx, nil, w.event(nil)),
		"no event":          w.s.RevokeTicket(w.ctx, revoked.Key, nil),
		"gone and no event": w.s.RevokeTicket(w.ctx, w.key(), nil),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, err, nil, "")
			same(t, "after the refusal", w.dump(), before)
		})
	}
	fails := func(store.Head) (store.Event, error) { return store.Event{}, errNoRecord }
	wantError(t, w.s.RevokeTicket(w.ctx, revoked.Key, fails), errNoRecord, "")
	same(t, "after the failure", w.dump(), before)

	w.must(w.s.RevokeTicket(w.ctx, revoked.Key, w.event(nil)))
	after := w.dump()
	same(t, "tickets", after.Tickets, []store.Ticket{kept})
	oneEvent(t, before, after)
	w.must(w.s.RevokeTicket(w.ctx, revoked.Key, fails)) // gone: it asks for no event
	w.must(w.s.RevokeTicket(w.ctx, w.key(), fails))
	same(t, "after revoking what is gone", w.dump(), after)
	v := w.bareSignUp()
	v.Ticket = &permit
	wantError(t, w.s.RecordSignUp(w.ctx, v), store.ErrSpent, "")
	w.chained()
}
