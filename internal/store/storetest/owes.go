package storetest

import (
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// owed is what comes of a verb beside its event.
type owed struct {
	mails   []store.Mail
	tickets []store.Ticket
}

func (w *world) owed() owed {
	return owed{mails: []store.Mail{w.mail(), w.mail()}, tickets: []store.Ticket{w.ticket(nil), w.ticket(w.key())}}
}

// owe makes an event bring what is owed with it.
func owe(event store.EventFunc, o owed) store.EventFunc {
	if event == nil {
		return nil
	}
	return func(head store.Head) (store.Event, error) {
		e, err := event(head)
		e.Mails, e.Tickets = o.mails, o.tickets
		return e, err
	}
}

// owing makes the event of a verb bring something with it.
func (v verb[V]) owing(w *world, x *V) owed {
	o := w.owed()
	*v.event(x) = owe(*v.event(x), o)
	return o
}

// owes checks that what an event owes is written with it, whole, or that nothing of
// the verb is.
func (v verb[V]) owes(t *testing.T, open opener) {
	t.Run("owes/written", func(t *testing.T) {
		w := newWorld(t, open)
		x := v.fresh(w)
		o := v.owing(w, &x)
		before := w.dump()
		w.must(v.do(w.ctx, w.s, x))
		after := w.dump()
		oneEvent(t, before, after)
		w.chained()
		for i := range o.mails {
			same(t, "mail", after.Mails[i], store.Mail{Key: o.mails[i].Key, Body: o.mails[i].Body})
		}
		same(t, "mails", len(after.Mails), len(o.mails))
		for _, ticket := range o.tickets {
			w.usableOnce(ticket)
		}
	})
	for _, c := range owedRefusals() {
		t.Run("owes/"+c.name, func(t *testing.T) {
			w := newWorld(t, open)
			x, o := v.fresh(w), w.owed()
			c.spoil(w, &o)
			right := *v.event(&x)
			*v.event(&x) = owe(right, o)
			before := w.dump()
			wantError(t, v.do(w.ctx, w.s, x), c.want, c.table)
			same(t, "after the refusal", w.dump(), before)
			*v.event(&x) = right
			w.must(v.do(w.ctx, w.s, x)) // neither ticket nor number is lost
			w.chained()
		})
	}
}

func owedRefusals() []refusal[owed] {
	return []refusal[owed]{
		{name: "mail taken", want: store.ErrTaken, table: store.TableMails, spoil: func(w *world, o *owed) {
			w.must(w.s.Append(w.ctx, owe(w.event(nil), owed{mails: o.mails[1:]})))
		}},
		{name: "mail twice", want: store.ErrTaken, table: store.TableMails, spoil: func(_ *world, o *owed) {
			o.mails[1].Key = o.mails[0].Key
		}},
		{name: "ticket taken", want: store.ErrTaken, table: store.TableTickets, spoil: func(w *world, o *owed) {
			w.must(w.s.PutTicket(w.ctx, o.tickets[1], w.event(nil)))
		}},
		{name: "ticket twice", want: store.ErrTaken, table: store.TableTickets, spoil: func(_ *world, o *owed) {
			o.tickets[1].Key = o.tickets[0].Key
		}},
		{name: "ticket before mail", want: store.ErrTaken, table: store.TableTickets, spoil: func(_ *world, o *owed) {
			o.tickets[1].Key, o.mails[1].Key = o.tickets[0].Key, o.mails[0].Key
		}},
		{name: "mail without a key", spoil: func(_ *world, o *owed) { o.mails[1].Key = nil }},
		{name: "ticket without a key", spoil: func(_ *world, o *owed) { o.tickets[1].Key = nil }},
	}
}

// usableOnce demands that a stored right is there as it was written, and gives what
// it gives to one.
func (w *world) usableOnce(ticket store.Ticket) {
	w.t.Helper()
	stored, err := w.s.Ticket(w.ctx, ticket.Key)
	w.must(err)
	same(w.t, "ticket", stored, ticket)
	permit := ref(ticket.Row)
	for _, want := range []error{nil, store.ErrSpent} {
		v := w.bareSignUp()
		v.Ticket = &permit
		if err := w.s.RecordSignUp(w.ctx, v); !errors.Is(err, want) {
			w.t.Errorf("use of a stored right: %v, want %v", err, want)
		}
	}
}
