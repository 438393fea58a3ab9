package dynamo

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// Hit implements store.Limits. It locks the hits, in one order for all, and the mails. A
// single hit that owes no mail is one conditional write; several rows are there in one
// moment, that of their journal.
func (s *Store) Hit(ctx context.Context, v store.Hits) (time.Duration, error) {
	if err := v.Check(); err != nil {
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
		uses := make([]store.Usage, len(hits))
		for n, h := range hits {
			uses[n] = usageOf(t.get(single(inHits, h.Key)))
			wait = max(wait, uses[n].Wait(v.At, h.Rates))
			t.put(single(inHits, h.Key), usageItem(h.Key, uses[n].With(v.At, h.Rates)))
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

func usageOf(i item) store.Usage {
	return store.ParseUsage(i.bytes(attrBody), i.millis(attrExpires))
}

func usageItem(key []byte, u store.Usage) item {
	i := item{}
	i.putBytes(attrBody, u.Bytes())
	end := time.UnixMilli(u.Expires).Add(store.SpendKept)
	i.putTime(attrExpires, time.UnixMilli(u.Expires))
	i.expires(dueHits, key, end)
	return i
}
