package dynamo

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// What a lock does to its row when its slot is filled by its owner.
const (
	kindNew    = "new"
	kindSet    = "set"
	kindDelete = "del"
)

// cell is an item as it was read, and what it says.
type cell struct {
	at    place
	rev   []byte // of the item; nil: there is none
	lock  *lock  // nil: nobody is about to change it
	plain item   // what it said before the lock; nil: nothing
	now   item   // what it says; nil: nothing
}

// lock is the change of a row that a slot decides.
type lock struct {
	ref   ref
	kind  string
	next  item // the changes of kindSet
	since int64
	fate  fate
}

// settled tells whether the item says what it says by itself.
func (c *cell) settled() bool { return c.lock == nil }

// blocked tells whether the lock is still to be decided.
func (c *cell) blocked() bool { return c.lock != nil && c.lock.fate == pending }

// same tells whether nothing happened to the row between two reads.
func (c *cell) same(later *cell) bool {
	return bytes.Equal(c.rev, later.rev) && (c.lock == nil || c.lock.fate == later.lock.fate)
}

// parse reads an item but does not judge its lock.
func parse(at place, raw item) *cell {
	c := &cell{at: at}
	if raw == nil {
		return c
	}
	c.rev = raw.bytes(attrRev)
	if raw.has(attrLock) {
		c.lock = &lock{ref: parseRef(raw.text(attrLock)), kind: raw.text(attrKind), since: raw.millis(attrSince)}
		if next, ok := raw[attrNext].(*types.AttributeValueMemberM); ok {
			c.lock.next = next.Value
		}
	}
	c.plain = maps.Clone(raw)
	for _, name := range []string{attrPart, attrSort, attrRev, attrLock, attrKind, attrNext, attrSince} {
		delete(c.plain, name)
	}
	if c.lock != nil && c.lock.kind == kindNew && strings.HasPrefix(raw.text(attrLane), dueUnfinished) {
		delete(c.plain, attrLane)
		delete(c.plain, attrDue)
	}
	return c
}

// judge says what the item says, once the fate of its lock is known.
func (c *cell) judge(f fate) {
	c.now = c.plain
	if c.lock == nil {
		return
	}
	c.lock.fate = f
	placed := c.plain
	if c.lock.kind == kindNew {
		c.plain, c.now = nil, nil
	}
	if f != committed {
		return
	}
	switch c.lock.kind {
	case kindNew:
		c.now = placed
	case kindSet:
		c.now = c.plain.changed(c.lock.next)
	case kindDelete:
		c.now = nil
	}
}

// read reads items, strongly consistent, and the slots of those that are locked. What a
// cell says held at a moment during the call; different cells may tell of different
// moments.
func (s *Store) read(ctx context.Context, places ...place) (map[place]*cell, error) {
	raw, err := s.fetch(ctx, places)
	if err != nil {
		return nil, err
	}
	cells := make(map[place]*cell, len(places))
	list := make([]*cell, 0, len(places))
	for _, at := range places {
		if cells[at] == nil {
			cells[at] = parse(at, raw[at])
			list = append(list, cells[at])
		}
	}
	return cells, s.judge(ctx, list)
}

// readOne reads one item.
func (s *Store) readOne(ctx context.Context, at place) (*cell, error) {
	cells, err := s.read(ctx, at)
	if err != nil {
		return nil, err
	}
	return cells[at], nil
}

// judge finds out the fates of all locks of cells.
func (s *Store) judge(ctx context.Context, cells []*cell) error {
	var slots []place
	for _, c := range cells {
		if c.lock != nil {
			slots = append(slots, c.lock.ref.slot)
		}
	}
	found, err := s.fetch(ctx, slots)
	if err != nil {
		return err
	}
	for _, c := range cells {
		if c.lock == nil {
			c.judge(committed)
		} else {
			c.judge(c.lock.ref.judge(found[c.lock.ref.slot]))
		}
	}
	return nil
}

// fetch reads items as they are stored, strongly consistent. What is not there is not in
// the answer.
func (s *Store) fetch(ctx context.Context, places []place) (map[place]item, error) {
	found := make(map[place]item, len(places))
	var wanted []item
	seen := make(map[place]bool, len(places))
	for _, at := range places {
		if !seen[at] {
			seen[at] = true
			wanted = append(wanted, at.key())
		}
	}
	if len(wanted) == 0 {
		return found, nil
	}
	if len(wanted) == 1 {
		i, err := s.fetchOne(ctx, places[0])
		if i != nil {
			found[places[0]] = i
		}
		return found, err
	}
	const most = 100 // of DynamoDB, in one request
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for from := 0; from < len(wanted); from += most {
		part := wanted[from:min(from+most, len(wanted))]
		group.Go(func() error {
			return s.fetchBatch(ctx, part, func(i item) {
				mu.Lock()
				defer mu.Unlock()
				found[placeOf(i)] = i
			})
		})
	}
	return found, group.Wait()
}

func (s *Store) fetchOne(ctx context.Context, at place) (item, error) {
	r, err := s.db.do(ctx, ask{operation: opGet, key: at.key(), consistent: true})
	if err != nil {
		return nil, s.failed(ctx, "read", err)
	}
	return r.item, nil
}

// fetchBatch reads at most a hundred items. The server may answer for some of them only;
// the others are asked for again.
func (s *Store) fetchBatch(ctx context.Context, keys []item, each func(item)) error {
	for attempt := 0; len(keys) > 0; attempt++ {
		r, err := s.db.do(ctx, ask{operation: opGetBatch, batch: keys, consistent: true})
		if err != nil {
			return s.failed(ctx, "read", err)
		}
		for _, i := range r.items {
			each(i)
		}
		keys = r.unread
		if len(keys) > 0 {
			if err := pause(ctx, jitter(attempt)); err != nil {
				return err
			}
		}
	}
	return nil
}
