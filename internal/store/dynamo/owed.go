package dynamo

import (
	"fmt"

	"github.com/keyturn/keyturn/internal/store"
)

// owe has what comes of an event written with it.
func (t *txn) owe(e store.Event) error {
	if len(e.Tickets)+len(e.Mails) == 0 {
		return nil
	}
	var f store.Form
	for _, k := range e.Tickets {
		f.Key(k.Key, "a right of the event")
	}
	for _, m := range e.Mails {
		f.Key(m.Key, "a mail of the event")
	}
	if f.Err() != nil {
		return f.Err()
	}
	places := make([]place, 0, len(e.Tickets)+len(e.Mails))
	for _, k := range e.Tickets {
		places = append(places, single(inTickets, k.Key))
	}
	for _, m := range e.Mails {
		places = append(places, single(inMails, m.Key))
	}
	t.load(places...)
	for _, k := range e.Tickets {
		if !t.insert(single(inTickets, k.Key), ticketItem(k)) {
			return &store.TakenError{Table: store.TableTickets}
		}
	}
	for _, m := range e.Mails {
		if !t.insert(single(inMails, m.Key), mailItem(m)) {
			return &store.TakenError{Table: store.TableMails}
		}
	}
	return nil
}

// insert puts a row that must not be there, nor be written by the verb already.
func (t *txn) insert(at place, what item) bool {
	if _, again := t.writes[at]; again || t.get(at) != nil {
		return false
	}
	t.put(at, what)
	return true
}

// makeEvent asks for the event that follows head.
func makeEvent(event store.EventFunc, head store.Head) (store.Event, error) {
	e, err := event(head)
	if err != nil {
		return store.Event{}, err
	}
	if e.Chain != head.Chain || e.Number != head.Number+1 {
		return store.Event{}, fmt.Errorf("%w: event %d/%d does not follow %d/%d",
			store.ErrMalformed, e.Chain, e.Number, head.Chain, head.Number)
	}
	return e, nil
}
