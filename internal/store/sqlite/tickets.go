package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// PutTicket implements store.Tickets.
func (s *Store) PutTicket(ctx context.Context, ticket store.Ticket, event store.EventFunc) error {
	var f form
	f.event(event)
	f.key(ticket.Key, "the ticket")
	if f.err != nil {
		return f.err
	}
	chain := s.nextChain()
	return s.submit(ctx, func(t *tx) error {
		if t.exists("SELECT 1 FROM tickets WHERE key = ?", ticket.Key) {
			return &store.TakenError{Table: store.TableTickets}
		}
		made, err := t.event(chain, event)
		if err != nil {
			return err
		}
		t.write("INSERT INTO tickets (key, version, expires, account, body) VALUES (?, ?, ?, ?, ?)",
			ticket.Key, ticket.Version, millis(ticket.Expires), ticket.Account, ticket.Body)
		t.putEvent(made)
		return nil
	})
}

// Ticket implements store.Tickets.
func (s *Store) Ticket(ctx context.Context, key []byte) (store.Ticket, error) {
	var ticket store.Ticket
	err := s.readOne(ctx, "SELECT key, version, body, account, expires FROM tickets WHERE key = ?",
		func(stmt *sqlite.Stmt) {
			ticket = store.Ticket{Row: scanRow(stmt, 0), Account: blob(stmt, 3), Expires: moment(stmt, 4)}
		}, key)
	return ticket, err
}
