package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// Expire implements store.Upkeep. It leaves out rows that somebody is busy with, so
// several processes may sweep at once, and holds up nobody.
func (s *Store) Expire(ctx context.Context, now time.Time, limit int) (int, error) {
	spent, past := now.Add(-store.SpendKept).UnixMilli(), now.UnixMilli()
	gone := 0
	for _, sweep := range []struct {
		table, key string
		before     int64
	}{
		{"spends", "id", spent},
		{"sessions", "key", past},
		{"tickets", "key", past},
		{"hits", "key", spent},
	} {
		sql := "WITH old AS (SELECT expires, " + sweep.key + " FROM " + sweep.table +
			" WHERE expires < $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED)" +
			" DELETE FROM " + sweep.table + " t USING old WHERE t.expires = old.expires AND t." + sweep.key + " = old." + sweep.key
		err := s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			tag, err := conn.Exec(ctx, sql, sweep.before, max(limit, 0))
			if err != nil {
				return fmt.Errorf("postgres: expire: %w", err)
			}
			gone += int(tag.RowsAffected())
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return gone, nil
}

// Clock implements store.Upkeep: the engine's clock, by which all processes are judged.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	return readOne(ctx, s, pgx.RowTo[time.Time], "SELECT clock_timestamp()")
}

// Ping implements store.Upkeep. It writes, for a standby and a full disk still read.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.set(ctx, "UPDATE pulse SET at = $1 WHERE id = 1", millis(s.now())); err != nil {
		return fmt.Errorf("postgres: ping: %w", err)
	}
	return nil
}
