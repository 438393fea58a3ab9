package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	findMail     = "SELECT taken FROM mails WHERE key = ?"
	findDueMails = "SELECT key, body, taken FROM mails WHERE due <= ? ORDER BY due, key LIMIT ?"
)

// TakeMails implements store.Outbox.
func (s *Store) TakeMails(ctx context.Context, now, until time.Time, limit int) ([]store.Mail, error) {
	var f store.Form
	f.Need(millis(until) > millis(now), "the lease of the mails has ended before it begins")
	if f.Err() != nil {
		return nil, f.Err()
	}
	var taken []store.Mail
	err := s.submit(ctx, func(t *tx) error {
		t.read(findDueMails,
			func(stmt *sqlite.Stmt) {
				taken = append(taken, store.Mail{
					Key: blob(stmt, 0), Body: blob(stmt, 1),
					Due: time.UnixMilli(until.UnixMilli()).UTC(), Taken: uint32(unsigned(stmt, 2)) + 1,
				})
			}, millis(now), max(limit, 0))
		for _, m := range taken {
			t.write("UPDATE mails SET due = ?, taken = ? WHERE key = ?", millis(until), m.Taken, m.Key)
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
	return s.leased(ctx, key, taken, func(t *tx) { t.write("DELETE FROM mails WHERE key = ?", key) })
}

// PostponeMail implements store.Outbox.
func (s *Store) PostponeMail(ctx context.Context, key []byte, taken uint32, due time.Time) error {
	return s.leased(ctx, key, taken, func(t *tx) {
		t.write("UPDATE mails SET due = ? WHERE key = ?", millis(due), key)
	})
}

// leased writes to a mail that nobody has taken since.
func (s *Store) leased(ctx context.Context, key []byte, taken uint32, write func(*tx)) error {
	var f store.Form
	f.Key(key, "the mail")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.stands(findMail, store.Ref{Key: key, Version: uint64(taken)}) {
			return store.ErrConflict
		}
		write(t)
		return nil
	})
}

func (t *tx) putMail(m store.Mail) {
	t.write("INSERT INTO mails (key, due, taken, body) VALUES (?, ?, ?, ?)",
		m.Key, millis(m.Due), m.Taken, m.Body)
}
