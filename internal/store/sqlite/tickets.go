package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	ticketColumns = "key, version, body, account, expires"
	findTicket    = "SELECT version FROM tickets WHERE key = ?"
)

// PutTicket implements store.Tickets.
func (s *Store) PutTicket(ctx context.Context, ticket store.Ticket, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(ticket.Key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		if err := t.ticketFree(&ticket); err != nil {
			return err
		}
		made, err := t.event(giving(event, &ticket))
		if err != nil {
			return err
		}
		t.putEvent(made)
		return nil
	})
}

// Ticket implements store.Tickets.
func (s *Store) Ticket(ctx context.Context, key []byte) (store.Ticket, error) {
	var ticket store.Ticket
	err := s.readOne(ctx, "SELECT "+ticketColumns+" FROM tickets WHERE key = ?",
		func(stmt *sqlite.Stmt) { ticket = scanTicket(stmt) }, key)
	return ticket, err
}

// ListTickets implements store.Tickets.
func (s *Store) ListTickets(ctx context.Context, after []byte, limit int) ([]store.Ticket, error) {
	var list []store.Ticket
	err := s.readAll(ctx, "SELECT "+ticketColumns+" FROM tickets WHERE key > ? ORDER BY key LIMIT ?",
		func(stmt *sqlite.Stmt) { list = append(list, scanTicket(stmt)) }, after, max(limit, 0))
	return list, err
}

// RevokeTicket implements store.Tickets.
func (s *Store) RevokeTicket(ctx context.Context, key []byte, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.exists(findTicket, key) {
			return nil
		}
		made, err := t.event(event)
		if err != nil {
			return err
		}
		t.consume(&store.Ref{Key: key}, nil)
		t.putEvent(made)
		return nil
	})
}

func scanTicket(stmt *sqlite.Stmt) store.Ticket {
	return store.Ticket{Row: scanRow(stmt, 0), Account: blob(stmt, 3), Expires: moment(stmt, 4)}
}

// permitted demands the stored rights that a verb consumes.
func (t *tx) permitted(ticket, marker *store.Ref) error {
	if ticket != nil && !t.stands(findTicket, *ticket) {
		return store.ErrSpent
	}
	if marker != nil && !t.stands("SELECT version FROM markers WHERE name = CAST(? AS TEXT)", *marker) {
		return store.ErrSpent
	}
	return nil
}

func (t *tx) consume(ticket, marker *store.Ref) {
	if ticket != nil {
		t.write("DELETE FROM tickets WHERE key = ?", ticket.Key)
	}
	if marker != nil {
		t.write("DELETE FROM markers WHERE name = CAST(? AS TEXT)", marker.Key)
	}
}

// ticketFree refuses a ticket whose key is in use; nil is no ticket.
func (t *tx) ticketFree(ticket *store.Ticket) error {
	if ticket != nil && t.exists(findTicket, ticket.Key) {
		return &store.TakenError{Table: store.TableTickets}
	}
	return nil
}

// giving adds the right that a verb gives by itself to those of its event, so that
// the two cannot be the same one unnoticed. Nil gives none.
func giving(event store.EventFunc, right *store.Ticket) store.EventFunc {
	if right == nil {
		return event
	}
	return func(head store.Head) (store.Event, error) {
		e, err := event(head)
		e.Tickets = append([]store.Ticket{*right}, e.Tickets...)
		return e, err
	}
}

func (t *tx) putTicket(ticket store.Ticket) {
	t.write("INSERT INTO tickets (key, version, expires, account, body) VALUES (?, ?, ?, ?, ?)",
		ticket.Key, ticket.Version, millis(ticket.Expires), ticket.Account, ticket.Body)
}
