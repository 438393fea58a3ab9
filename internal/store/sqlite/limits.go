package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

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

// Hit implements store.Limits.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := checkHits(v); err != nil {
		return 0, err
	}
	var wait time.Duration
	err := s.submit(ctx, func(t *tx) error {
		if t.mailsTaken(v.Mails) {
			return &store.TakenError{Table: store.TableMails}
		}
		uses := make([]usage, len(v.Hits))
		for i, h := range v.Hits {
			uses[i] = t.usage(h.Key)
			wait = max(wait, uses[i].wait(v.At, h.Rates))
		}
		if wait > 0 {
			return nil
		}
		for i, h := range v.Hits {
			t.putUsage(h.Key, uses[i].with(v.At, h.Rates))
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
	u.at = slices.Insert(u.at, place, now.UnixMilli())
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

func (t *tx) usage(key []byte) (u usage) {
	t.read("SELECT body, expires FROM hits WHERE key = ?", func(stmt *sqlite.Stmt) {
		for body := blob(stmt, 0); len(body) >= 8; body = body[8:] {
			u.at = append(u.at, int64(binary.BigEndian.Uint64(body)))
		}
		u.expires = stmt.ColumnInt64(1)
	}, key)
	return u
}

func (t *tx) putUsage(key []byte, u usage) {
	body := make([]byte, 0, 8*maxCount)
	for _, at := range u.at {
		body = binary.BigEndian.AppendUint64(body, uint64(at))
	}
	t.write(`INSERT INTO hits (key, expires, body) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET expires = excluded.expires, body = excluded.body`,
		key, u.expires, body)
}
