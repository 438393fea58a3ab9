package sqlite

import (
	"context"
	"math"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// Append implements store.Events.
func (s *Store) Append(ctx context.Context, event store.EventFunc) error {
	var f form
	f.event(event)
	if f.err != nil {
		return f.err
	}
	chain := s.nextChain()
	return s.submit(ctx, func(t *tx) error {
		made, err := t.event(chain, event)
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
	err := s.readAll(ctx, "SELECT number, at, account, link, body FROM events WHERE chain = ? AND number > ? ORDER BY number LIMIT ?",
		func(stmt *sqlite.Stmt) {
			list = append(list, store.Event{
				Chain:   chain,
				Number:  unsigned(stmt, 0),
				At:      moment(stmt, 1),
				Account: blob(stmt, 2),
				Link:    blob(stmt, 3),
				Body:    blob(stmt, 4),
			})
		}, chain, after, max(limit, 0))
	return list, err
}

// Chains implements store.Events.
func (s *Store) Chains() uint32 { return chains }

// nextChain takes the chains in turn, for verbs that no OpID assigns to one.
func (s *Store) nextChain() uint32 { return s.turn.Add(1) % chains }
