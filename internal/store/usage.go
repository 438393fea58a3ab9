package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
)

// The bounds of Hits and Rate. A row remembers as many hits as the largest rate can look
// at.
const (
	maxHits  = 4
	maxRates = 4
	maxCount = 64
	maxPer   = 31 * 24 * time.Hour
)

// Check is ErrMalformed for a verb that no state makes right.
func (v Hits) Check() error {
	var f Form
	f.Need(!v.At.IsZero(), "the hits have no time")
	f.Need(len(v.Hits) > 0 && len(v.Hits) <= maxHits, "too few hits or too many")
	for n, h := range v.Hits {
		f.Key(h.Key, "a hit")
		f.Need(len(h.Rates) > 0 && len(h.Rates) <= maxRates, "a hit has too few rates or too many")
		for _, r := range h.Rates {
			f.Need(r.Count > 0 && r.Count <= maxCount, "the count of a rate is out of bounds")
			f.Need(r.Per >= time.Millisecond && r.Per <= maxPer, "the span of a rate is out of bounds")
		}
		for _, earlier := range v.Hits[:n] {
			f.Need(!bytes.Equal(earlier.Key, h.Key), "two hits have one key")
		}
	}
	for _, m := range v.Mails {
		f.Key(m.Key, "a mail")
	}
	return f.Err()
}

// Usage is what a backend remembers of one key that is limited: when it was hit last, in
// order, and until when any rate looks at that. All in milliseconds since 1970. The zero
// Usage is that of a key that was never hit.
type Usage struct {
	At      []int64
	Expires int64
}

// ParseUsage reads what Bytes wrote.
func ParseUsage(body []byte, expires int64) Usage {
	u := Usage{Expires: expires}
	for ; len(body) >= 8; body = body[8:] {
		u.At = append(u.At, int64(binary.BigEndian.Uint64(body)))
	}
	return u
}

// Bytes are the times of the hits, eight bytes each.
func (u Usage) Bytes() []byte {
	body := make([]byte, 0, 8*len(u.At))
	for _, at := range u.At {
		body = binary.BigEndian.AppendUint64(body, uint64(at))
	}
	return body
}

// Wait tells how long after now each rate would have had room; 0: it has.
func (u Usage) Wait(now time.Time, rates []Rate) time.Duration {
	var longest int64
	for _, r := range rates {
		if len(u.At) < r.Count {
			continue
		}
		// Room is there when the hit that is Count before the next has left the span.
		oldest := u.At[len(u.At)-r.Count]
		longest = max(longest, oldest+span(r)-now.UnixMilli())
	}
	return time.Duration(longest) * time.Millisecond
}

// With adds a hit. One that is earlier than those there finds its place among them, for
// the clock that gave its time may be behind.
func (u Usage) With(now time.Time, rates []Rate) Usage {
	place, _ := slices.BinarySearch(u.At, now.UnixMilli())
	u.At = slices.Insert(slices.Clone(u.At), place, now.UnixMilli())
	u.At = u.At[max(0, len(u.At)-maxCount):]
	for _, r := range rates {
		u.Expires = max(u.Expires, u.At[len(u.At)-1]+span(r))
	}
	return u
}

// span is the length of a rate in whole milliseconds, never shorter than asked.
func span(r Rate) int64 {
	return int64((r.Per + time.Millisecond - 1) / time.Millisecond)
}
