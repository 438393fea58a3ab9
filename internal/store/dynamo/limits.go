package dynamo

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// The bounds of store.Hits and store.Rate. A row remembers as many hits as the largest
// rate can look at.
const (
	maxHits  = 4
	maxRates = 4
	maxCount = 64
	maxPer   = 31 * 24 * time.Hour
)

// Hit implements store.Limits. It locks the hits, in one order for all; the mails. A single hit that owes no mail is one conditional write;
// several rows are there in one moment, that of their journal.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := checkHits(v); err != nil {
		return 0, err
	}
	hits := slices.Clone(v.Hits)
	// In one order, so that callers who hit the same keys meet at the first of them.
	slices.SortFunc(hits, func(a, b store.Hit) int { return bytes.Compare(a.Key, b.Key) })
	var needs []place
	for _, h := range hits {
		needs = append(needs, single(inHits, h.Key))
	}
	for _, m := range v.Mails {
		needs = append(needs, single(inMails, m.Key))
	}
	var wait time.Duration
	err := s.do(ctx, verb{needs: needs, judge: func(t *txn) (bool, error) {
		wait = 0
		uses := make([]usage, len(hits))
		for n, h := range hits {
			uses[n] = usageOf(t.get(single(inHits, h.Key)))
			wait = max(wait, uses[n].wait(v.At, h.Rates))
			t.put(single(inHits, h.Key), uses[n].with(v.At, h.Rates).item(h.Key))
		}
		for _, m := range v.Mails {
			if !t.insert(single(inMails, m.Key), mailItem(m)) {
				return false, &store.TakenError{Table: store.TableMails}
			}
		}
		return wait > 0, nil
	}})
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

// usage is what is remembered of one key: when it was hit last, at most maxCount times,
// in order, and until when any rate looks at that. All in milliseconds.
type usage struct {
	at      []int64
	expires int64
}

func usageOf(i item) (u usage) {
	for body := i.bytes(attrBody); len(body) >= 8; body = body[8:] {
		u.at = append(u.at, int64(binary.BigEndian.Uint64(body)))
	}
	u.expires = i.millis(attrExpires)
	return u
}

func (u usage) item(key []byte) item {
	body := make([]byte, 0, 8*maxCount)
	for _, at := range u.at {
		body = binary.BigEndian.AppendUint64(body, uint64(at))
	}
	i := item{}
	i.putBytes(attrBody, body)
	end := time.UnixMilli(u.expires).Add(store.SpendKept)
	i.putTime(attrExpires, time.UnixMilli(u.expires))
	i.expires(dueHits, key, end)
	return i
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

// with adds a hit. One that is earlier than those there finds its place among them, for
// the clock that gave its time may be behind.
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
