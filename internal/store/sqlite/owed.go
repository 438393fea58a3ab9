package sqlite

import (
	"bytes"

	"github.com/keyturn/keyturn/internal/store"
)

// owed demands that there is room for what comes with an event. Most events owe
// nothing, and ask nothing of the engine here.
func (t *tx) owed(e store.Event) error {
	if len(e.Tickets) == 0 && len(e.Mails) == 0 {
		return nil
	}
	var f store.Form
	for _, ticket := range e.Tickets {
		f.Key(ticket.Key, "a ticket of the event")
	}
	for _, m := range e.Mails {
		f.Key(m.Key, "a mail of the event")
	}
	if f.Err() != nil {
		return f.Err()
	}
	if t.ticketsTaken(e.Tickets) {
		return &store.TakenError{Table: store.TableTickets}
	}
	if t.mailsTaken(e.Mails) {
		return &store.TakenError{Table: store.TableMails}
	}
	return nil
}

// ticketsTaken tells whether one of list exists, or list names one twice.
func (t *tx) ticketsTaken(list []store.Ticket) bool {
	for n, ticket := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, ticket.Key) {
				return true
			}
		}
		if t.exists(findTicket, ticket.Key) {
			return true
		}
	}
	return false
}

// mailsTaken tells whether one of list exists, or list names one twice.
func (t *tx) mailsTaken(list []store.Mail) bool {
	for n, m := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, m.Key) {
				return true
			}
		}
		if t.exists(findMail, m.Key) {
			return true
		}
	}
	return false
}
