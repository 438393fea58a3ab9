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

// The bounds of store.Hits and store.Rate. A row remembers as many hits as the
// largest rate can look at.
const (
	maxHits  = 4
	maxRates = 4
	maxCount = 64
	maxPer   = 31 * 24 * time.Hour
)

// Hit implements store.Limits. It locks the rows of its keys, after making those that
// are missing, so that whoever counts the same waits.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := checkHits(v); err != nil {
		return 0, err
	}
	var uses map[string]usage
	var wait time.Duration
	err := s.perform(ctx, change{
		ask: func(j *judge) {
			j.mailsFree(v.Mails)
			j.usages(v.Hits, func(found map[string]usage) error {
				uses, wait = found, 0
				for _, h := range v.Hits {
					wait = max(wait, uses[string(h.Key)].wait(v.At, h.Rates))
				}
				if wait > 0 {
					return errFull
				}
				return nil
			})
		},
		write: func(w *writes) {
			for _, h := range v.Hits {
				u := uses[string(h.Key)].with(v.At, h.Rates)
				w.add("UPDATE hits SET expires = $2, at = $3 WHERE key = $1", h.Key, u.expires, u.at)
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

func checkHits(v store.Hits) error {
	var f form
	f.need(!v.At.IsZero(), "the hits have no time")
	f.need(len(v.Hits) > 0 && len(v.Hits) <= maxHits, "too few hits or too many")
	for n, h := range v.Hits {
		f.key(h.Key, "a hit")
		f.need(len(h.Rates) > 0 && len(h.Rates) <= maxRates, "a hit has too few rates or too many")
		for _, r := range h.Rates {
			f.need(r.Count > 0 && r.Count <= maxCount, "the count of a rate is out of bounds")
			f.need(r.Per >= time.Millisecond && r.Per <= maxPer, "the span of a rate is out of bounds")
		}
		for _, earlier := range v.Hits[:n] {
			f.need(!bytes.Equal(earlier.Key, h.Key), "two hits have one key")
		}
	}
	for _, m := range v.Mails {
		f.key(m.Key, "a mail")
	}
	return f.err
}

// usage is what is remembered of one key: when it was hit last, at most maxCount
// times, in order, and until when any rate looks at that. All in milliseconds.
type usage struct {
	at      []int64
	expires int64
}

// wait tells how long after now each rate would have had room; 0: it has.
func (u usage) wait(now time.Time, rates []store.Rate) time.Duration {
	var longest int64
	for _, r := range rates {
		if len(u.at) < r.Count {
			continue
		}
		// Room is there when the hit that is Count before the next has left the span.
		oldest := u.at[len(u.at)-r.Count]
		longest = max(longest, oldest+span(r)-now.UnixMilli())
	}
	return time.Duration(longest) * time.Millisecond
}

// with adds a hit. One that is earlier than those there finds its place among them,
// for the clock that gave its time may be behind.
func (u usage) with(now time.Time, rates []store.Rate) usage {
	place, _ := slices.BinarySearch(u.at, now.UnixMilli())
	u.at = slices.Insert(slices.Clone(u.at), place, now.UnixMilli())
	u.at = u.at[max(0, len(u.at)-maxCount):]
	for _, r := range rates {
		u.expires = max(u.expires, u.at[len(u.at)-1]+span(r))
	}
	return u
}

// span is the length of a rate in whole milliseconds, never shorter than asked.
func span(r store.Rate) int64 {
	return int64((r.Per + time.Millisecond - 1) / time.Millisecond)
}

// usages makes the rows of the hits that are missing, locks all of them in order, and
// hands them to answer.
func (j *judge) usages(hits []store.Hit, answer func(map[string]usage) error) {
	keys := make([][]byte, len(hits))
	for n, h := range hits {
		keys[n] = h.Key
	}
	slices.SortFunc(keys, bytes.Compare)
	j.ask(unheard, `INSERT INTO hits (key, expires, at)
		SELECT key, 0, '{}'::bigint[] FROM unnest($1::bytea[]) AS new (key) ORDER BY key
		ON CONFLICT DO NOTHING`, keys)
	j.ask(func(rows pgx.Rows) error {
		found := make(map[string]usage, len(keys))
		for rows.Next() {
			var key []byte
			var u usage
			if rows.Scan(&key, &u.expires, &u.at) == nil {
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
