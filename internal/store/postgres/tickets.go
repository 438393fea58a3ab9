package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

const ticketColumns = "key, version, body, account, expires"

// PutTicket implements store.Tickets.
func (s *Store) PutTicket(ctx context.Context, ticket store.Ticket, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(ticket.Key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	return s.perform(ctx, change{
		chain: s.nextChain(), event: giving(event, &ticket),
		ask:   func(j *judge) { j.free(store.TableTickets, ticket.Key) },
		write: func(*writes) {},
	})
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

// Ticket implements store.Tickets.
func (s *Store) Ticket(ctx context.Context, key []byte) (store.Ticket, error) {
	return readOne(ctx, s, scanTicket, "SELECT "+ticketColumns+" FROM tickets WHERE key = $1", full(key))
}

// ListTickets implements store.Tickets.
func (s *Store) ListTickets(ctx context.Context, after []byte, limit int) ([]store.Ticket, error) {
	return readAll(ctx, s, scanTicket,
		"SELECT "+ticketColumns+" FROM tickets WHERE key > $1 ORDER BY key LIMIT $2", full(after), max(limit, 0))
}

// RevokeTicket implements store.Tickets.
func (s *Store) RevokeTicket(ctx context.Context, key []byte, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	return s.perform(ctx, change{
		chain: s.nextChain(), event: event,
		ask: func(j *judge) {
			j.ask(func(rows pgx.Rows) error {
				if !rows.Next() {
					return errDone
				}
				return nil
			}, "SELECT 1 FROM tickets WHERE key = $1 FOR UPDATE", key)
		},
		write: func(w *writes) { w.consume(&store.Ref{Key: key}, nil) },
	})
}

func scanTicket(row pgx.CollectableRow) (t store.Ticket, err error) {
	err = row.Scan((*blob)(&t.Key), &t.Version, (*blob)(&t.Body), (*blob)(&t.Account), (*instant)(&t.Expires))
	return t, err
}
