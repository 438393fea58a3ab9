package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const writePulse = "INSERT INTO pulse (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at"

// Expire implements store.Upkeep. It holds up every other writer: keep limit to
// what goes in milliseconds.
func (s *Store) Expire(ctx context.Context, now time.Time, limit int) (int, error) {
	gone := 0
	spent, past := now.Add(-store.SpendKept).UnixMilli(), now.UnixMilli()
	err := s.submit(ctx, func(t *tx) error {
		for _, sweep := range []struct {
			table, key string
			before     int64
		}{
			{"spends", "expires, id", spent},
			{"sessions", "key", past},
			{"tickets", "key", past},
			{"hits", "key", spent},
		} {
			gone += t.sweep(sweep.table, sweep.key, sweep.before, max(limit, 0))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return gone, nil
}

// sweep deletes up to limit rows that expire before a time, those that expired first,
// and tells how many. It writes nothing when there is none.
func (t *tx) sweep(table, key string, before int64, limit int) (n int) {
	t.read("SELECT count(*) FROM (SELECT 1 FROM "+table+" WHERE expires < ? LIMIT ?)",
		func(stmt *sqlite.Stmt) { n = stmt.ColumnInt(0) }, before, limit)
	if n > 0 {
		t.write("DELETE FROM "+table+" WHERE ("+key+") IN (SELECT "+key+" FROM "+table+
			" WHERE expires < ? ORDER BY expires LIMIT ?)", before, n)
	}
	return n
}

// Clock implements store.Upkeep: the clock of a file is its machine's.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, abandoned(err)
	}
	return s.now(), nil
}

// Ping implements store.Upkeep. It reads, and it goes through the writer's queue
// and lock. It writes only after a write has failed, to find out whether writing
// works again; asking often costs no disk.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.readAll(ctx, "SELECT 1 FROM pulse", func(*sqlite.Stmt) {}); err != nil {
		return fmt.Errorf("sqlite: ping: %w", err)
	}
	now := millis(s.now())
	err := s.submit(ctx, func(t *tx) error {
		if t.suspect {
			t.write(writePulse, now)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sqlite: ping: %w", err)
	}
	return nil
}
