package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// Hit implements store.Limits.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := v.Check(); err != nil {
		return 0, err
	}
	var wait time.Duration
	err := s.submit(ctx, func(t *tx) error {
		if t.mailsTaken(v.Mails) {
			return &store.TakenError{Table: store.TableMails}
		}
		uses := make([]store.Usage, len(v.Hits))
		for i, h := range v.Hits {
			uses[i] = t.usage(h.Key)
			wait = max(wait, uses[i].Wait(v.At, h.Rates))
		}
		if wait > 0 {
			return nil
		}
		for i, h := range v.Hits {
			t.putUsage(h.Key, uses[i].With(v.At, h.Rates))
		}
		for _, m := range v.Mails {
			t.putMail(m)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return wait, nil
}

func (t *tx) usage(key []byte) (u store.Usage) {
	t.read("SELECT body, expires FROM hits WHERE key = ?", func(stmt *sqlite.Stmt) {
		u = store.ParseUsage(blob(stmt, 0), stmt.ColumnInt64(1))
	}, key)
	return u
}

func (t *tx) putUsage(key []byte, u store.Usage) {
	t.write(`INSERT INTO hits (key, expires, body) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET expires = excluded.expires, body = excluded.body`,
		key, u.Expires, u.Bytes())
}
