package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// Hit implements store.Limits. It locks the rows of its keys, after making those that
// are missing, so that whoever counts the same waits.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := v.Check(); err != nil {
		return 0, err
	}
	var uses map[string]store.Usage
	var wait time.Duration
	err := s.perform(ctx, change{
		ask: func(j *judge) {
			j.mailsFree(v.Mails)
			j.usages(v.Hits, func(found map[string]store.Usage) error {
				uses, wait = found, 0
				for _, h := range v.Hits {
					wait = max(wait, uses[string(h.Key)].Wait(v.At, h.Rates))
				}
				if wait > 0 {
					return errFull
				}
				return nil
			})
		},
		write: func(w *writes) {
			for _, h := range v.Hits {
				u := uses[string(h.Key)].With(v.At, h.Rates)
				w.add("UPDATE hits SET expires = $2, at = $3 WHERE key = $1", h.Key, u.Expires, u.At)
			}
			for _, m := range v.Mails {
				w.mail(m)
			}
		},
	})
	if err != nil && !errors.Is(err, errFull) {
		return 0, err
	}
	return wait, nil
}

// errFull: a hit has no room.
var errFull = errors.New("postgres: no room")

// usages makes the rows of the hits that are missing, locks all of them in order, and
// hands them to answer.
func (j *judge) usages(hits []store.Hit, answer func(map[string]store.Usage) error) {
	keys := make([][]byte, len(hits))
	for n, h := range hits {
		keys[n] = h.Key
	}
	slices.SortFunc(keys, bytes.Compare)
	j.ask(unheard, `INSERT INTO hits (key, expires, at)
		SELECT key, 0, '{}'::bigint[] FROM unnest($1::bytea[]) AS new (key) ORDER BY key
		ON CONFLICT DO NOTHING`, keys)
	j.ask(func(rows pgx.Rows) error {
		found := make(map[string]store.Usage, len(keys))
		for rows.Next() {
			var key []byte
			var u store.Usage
			if rows.Scan(&key, &u.Expires, &u.At) == nil {
				found[string(key)] = u
			}
		}
		if len(found) < len(keys) { // one was swept in between
			return errLost
		}
		return answer(found)
	}, "SELECT key, expires, at FROM hits WHERE key = ANY($1) ORDER BY key FOR UPDATE", keys)
}

// mailsFree demands that no mail of list is there, and that list names none twice.
func (j *judge) mailsFree(list []store.Mail) {
	if len(list) == 0 {
		return
	}
	keys := make([][]byte, len(list))
	for n, m := range list {
		keys[n] = m.Key
	}
	twice := repeated(keys)
	j.ask(func(rows pgx.Rows) error {
		if rows.Next() || twice {
			return &store.TakenError{Table: store.TableMails}
		}
		return nil
	}, "SELECT 1 FROM mails WHERE key = ANY($1)", keys)
}
