package dynamo

import (
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// PutTicket implements store.Tickets. It locks the ticket.
func (s *Store) PutTicket(ctx context.Context, ticket store.Ticket, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(ticket.Key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	at := single(inTickets, ticket.Key)
	return s.do(ctx, verb{needs: []place{at}, event: event, chain: s.nextChain(), judge: func(t *txn) (bool, error) {
		if !t.insert(at, ticketItem(ticket)) {
			return false, &store.TakenError{Table: store.TableTickets}
		}
		return false, nil
	}})
}

// RevokeTicket implements store.Tickets. It locks the ticket, so it is used or revoked.
func (s *Store) RevokeTicket(ctx context.Context, key []byte, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	f.Key(key, "the ticket")
	if f.Err() != nil {
		return f.Err()
	}
	at := single(inTickets, key)
	return s.do(ctx, verb{needs: []place{at}, event: event, chain: s.nextChain(), judge: func(t *txn) (bool, error) {
		if t.get(at) == nil {
			return true, nil
		}
		t.del(at)
		return false, nil
	}})
}

// Ticket implements store.Tickets.
func (s *Store) Ticket(ctx context.Context, key []byte) (store.Ticket, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return store.Ticket{}, err
	}
	defer leave()
	c, err := s.readOne(ctx, single(inTickets, key))
	switch {
	case err != nil:
		return store.Ticket{}, err
	case c.now == nil:
		return store.Ticket{}, store.ErrNotFound
	}
	return ticketOf(key, c.now), nil
}

// ListTickets implements store.Tickets. It finds them in an index, which may lag behind
// by a moment, and reads each strongly consistent.
func (s *Store) ListTickets(ctx context.Context, after []byte, limit int) ([]store.Ticket, error) {
	var list []store.Ticket
	err := s.walk(ctx, inTickets, window{after, limit}, func(key []byte, i item) {
		list = append(list, ticketOf(key, i))
	})
	return list, err
}
