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
	err := s.submit(ctx, func(t *tx) error {
		spends := t.count("SELECT count(*) FROM (SELECT 1 FROM spends WHERE expires < ? LIMIT ?)",
			now.Add(-store.SpendKept).UnixMilli(), max(limit, 0))
		sessions := t.count("SELECT count(*) FROM (SELECT 1 FROM sessions WHERE expires < ? LIMIT ?)",
			now.UnixMilli(), max(limit, 0))
		tickets := t.count("SELECT count(*) FROM (SELECT 1 FROM tickets WHERE expires < ? LIMIT ?)",
			now.UnixMilli(), max(limit, 0))
		if spends > 0 {
			t.write(`DELETE FROM spends WHERE (expires, id) IN
				(SELECT expires, id FROM spends WHERE expires < ? ORDER BY expires LIMIT ?)`,
				now.Add(-store.SpendKept).UnixMilli(), spends)
		}
		if sessions > 0 {
			t.write("DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE expires < ? ORDER BY expires LIMIT ?)",
				now.UnixMilli(), sessions)
		}
		if tickets > 0 {
			t.write("DELETE FROM tickets WHERE key IN (SELECT key FROM tickets WHERE expires < ? ORDER BY expires LIMIT ?)",
				now.UnixMilli(), tickets)
		}
		gone = spends + sessions + tickets
		return nil
	})
	if err != nil {
		return 0, err
	}
	return gone, nil
}

func (t *tx) count(query string, args ...any) (n int) {
	t.read(query, func(stmt *sqlite.Stmt) { n = stmt.ColumnInt(0) }, args...)
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
