package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

const eventColumns = "chain, number, at, account, link, body"

// Append implements store.Events.
func (s *Store) Append(ctx context.Context, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	if f.Err() != nil {
		return f.Err()
	}
	return s.perform(ctx, change{
		chain: s.nextChain(), event: event,
		ask:   func(*judge) {},
		write: func(*writes) {},
	})
}

// Chain implements store.Events.
func (s *Store) Chain(ctx context.Context, chain uint32, after uint64, limit int) ([]store.Event, error) {
	return readAll(ctx, s, scanEvent,
		"SELECT "+eventColumns+" FROM events WHERE chain = $1 AND number > $2 ORDER BY number LIMIT $3",
		int64(chain), bounded(after), max(limit, 0))
}

// EventsOf implements store.Events. The index leaves out events without an account,
// and the engine uses it only for a query that says the same.
func (s *Store) EventsOf(ctx context.Context, account []byte, before store.Position, limit int) ([]store.Event, error) {
	at, chain, number := int64(math.MaxInt64), int64(0), int64(0)
	if before.Number > 0 {
		at, chain, number = millis(before.At), int64(before.Chain), bounded(before.Number)
	}
	return readAll(ctx, s, scanEvent, "SELECT "+eventColumns+` FROM events
		WHERE account = $1 AND account <> ''::bytea AND (at, chain, number) < ($2, $3, $4)
		ORDER BY at DESC, chain DESC, number DESC LIMIT $5`,
		full(account), at, chain, number, max(limit, 0))
}

func scanEvent(row pgx.CollectableRow) (e store.Event, err error) {
	err = row.Scan(&e.Chain, &e.Number, (*instant)(&e.At), (*blob)(&e.Account), (*blob)(&e.Link), (*blob)(&e.Body))
	return e, err
}

// Chains implements store.Events.
func (s *Store) Chains() uint32 { return chains }
