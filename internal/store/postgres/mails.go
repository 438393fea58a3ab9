package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// takeMails leaves out what another is just taking, so that nobody waits, and nobody
// takes what another takes.
const takeMails = `WITH due AS (
		SELECT key, due FROM mails WHERE due <= $1 ORDER BY due, key LIMIT $2 FOR UPDATE SKIP LOCKED
	), taken AS (
		UPDATE mails m SET due = $3, taken = m.taken + 1 FROM due WHERE m.key = due.key
		RETURNING m.key, m.body, m.taken, due.due
	) SELECT key, body, taken FROM taken ORDER BY due, key`

// TakeMails implements store.Outbox.
func (s *Store) TakeMails(ctx context.Context, now, until time.Time, limit int) ([]store.Mail, error) {
	var f store.Form
	f.Need(millis(until) > millis(now), "the lease of the mails has ended before it begins")
	if f.Err() != nil {
		return nil, f.Err()
	}
	var taken []store.Mail
	err := s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, takeMails, millis(now), max(limit, 0), millis(until))
		if err != nil {
			return fmt.Errorf("postgres: take mails: %w", err)
		}
		taken, err = pgx.AppendRows(taken[:0], rows, func(row pgx.CollectableRow) (m store.Mail, err error) {
			err = row.Scan((*blob)(&m.Key), (*blob)(&m.Body), &m.Taken)
			m.Due = time.UnixMilli(until.UnixMilli()).UTC()
			return m, err
		})
		if err != nil {
			return fmt.Errorf("postgres: take mails: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// SettleMail implements store.Outbox.
func (s *Store) SettleMail(ctx context.Context, key []byte, taken uint32) error {
	if err := checkLease(key); err != nil {
		return err
	}
	return s.set(ctx, "DELETE FROM mails WHERE key = $1 AND taken = $2", key, int64(taken))
}

// PostponeMail implements store.Outbox.
func (s *Store) PostponeMail(ctx context.Context, key []byte, taken uint32, due time.Time) error {
	if err := checkLease(key); err != nil {
		return err
	}
	return s.set(ctx, "UPDATE mails SET due = $3 WHERE key = $1 AND taken = $2", key, int64(taken), millis(due))
}

func checkLease(key []byte) error {
	var f store.Form
	f.Key(key, "the mail")
	return f.Err()
}
