package sqlite

import (
	"context"
	"math"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	eventColumns = "chain, number, at, account, link, body"
	findEventsOf = "SELECT " + eventColumns + " FROM events" +
		" WHERE account = ? AND account <> x'' AND (at, chain, number) < (?, ?, ?)" +
		" ORDER BY at DESC, chain DESC, number DESC LIMIT ?"
)

// Append implements store.Events.
func (s *Store) Append(ctx context.Context, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		made, err := t.event(event)
		if err != nil {
			return err
		}
		t.putEvent(made)
		return nil
	})
}

// Chain implements store.Events.
func (s *Store) Chain(ctx context.Context, chain uint32, after uint64, limit int) ([]store.Event, error) {
	if after > math.MaxInt64 {
		return nil, nil // the engine's numbers end there
	}
	var list []store.Event
	err := s.readAll(ctx, "SELECT "+eventColumns+" FROM events WHERE chain = ? AND number > ? ORDER BY number LIMIT ?",
		func(stmt *sqlite.Stmt) { list = append(list, scanEvent(stmt)) }, chain, after, max(limit, 0))
	return list, err
}

// EventsOf implements store.Events. The index leaves out events without an account,
// and the engine uses it only for a query that says the same.
func (s *Store) EventsOf(ctx context.Context, account []byte, before store.Position, limit int) ([]store.Event, error) {
	at, chain, number := int64(math.MaxInt64), uint32(0), uint64(0)
	if before.Number > 0 {
		at, chain, number = millis(before.At), before.Chain, min(before.Number, math.MaxInt64)
	}
	var list []store.Event
	err := s.readAll(ctx, findEventsOf, func(stmt *sqlite.Stmt) { list = append(list, scanEvent(stmt)) },
		account, at, chain, number, max(limit, 0))
	return list, err
}

func scanEvent(stmt *sqlite.Stmt) store.Event {
	return store.Event{
		Chain:   uint32(unsigned(stmt, 0)),
		Number:  unsigned(stmt, 1),
		At:      moment(stmt, 2),
		Account: blob(stmt, 3),
		Link:    blob(stmt, 4),
		Body:    blob(stmt, 5),
	}
}

// Chains implements store.Events.
func (s *Store) Chains() uint32 { return chains }
