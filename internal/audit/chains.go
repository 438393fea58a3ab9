package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Head is where a chain ends. Kept outside the database, an old one shows that what led
// to it is still there.
type Head struct {
	Chain  uint32
	Number uint64 // how many events the chain has
	Link   []byte // of the last; nil when there is none
}

// Fault is what is wrong with a chain.
type Fault string

// The faults. None is the empty one.
const (
	FaultTampered  Fault = "tampered"  // the event after the head does not verify
	FaultShortened Fault = "shortened" // it ends before a head that was kept
	FaultReplaced  Fault = "replaced"  // it leads to another head than the one that was kept
)

// Report is how far a chain verifies.
type Report struct {
	Head
	Fault Fault
}

// Verify walks every chain from its first event and compares it with the heads that were
// kept of an earlier walk, if any. A kept head of a chain that there is not is
// FaultShortened. Errors are the store's.
func (l *Log) Verify(ctx context.Context, kept []Head) ([]Report, error) {
	chains := l.cfg.Store.Chains()
	for _, k := range kept {
		chains = max(chains, k.Chain+1)
	}
	reports := make([]Report, 0, chains)
	for chain := range chains {
		var was Head
		if i := slices.IndexFunc(kept, func(k Head) bool { return k.Chain == chain }); i >= 0 {
			was = kept[i]
		}
		report, err := l.verify(ctx, chain, was)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func (l *Log) verify(ctx context.Context, chain uint32, was Head) (Report, error) {
	r := Report{Head: Head{Chain: chain}}
	err := l.Walk(ctx, chain, func(rec Record) error {
		r.Number, r.Link = rec.Number, rec.Link
		if rec.Number == was.Number && !slices.Equal(rec.Link, was.Link) {
			r.Fault = FaultReplaced
		}
		return nil
	})
	var t *record.Tampered
	switch {
	case errors.As(err, &t):
		l.Alarm(ctx, Caller{}, t.Code, t)
		r.Fault = FaultTampered
	case err != nil:
		return r, err
	case r.Number < was.Number:
		r.Fault = FaultShortened
	}
	return r, nil
}

// Part reads up to limit events of a chain, those after the number given, oldest first,
// each verified to follow the one before it. It ends before an event that does not verify;
// when that is the first, the error is *record.Tampered.
func (l *Log) Part(ctx context.Context, chain uint32, after uint64, limit int) ([]Record, error) {
	head := store.Head{Chain: chain}
	if after > 0 {
		before, err := l.cfg.Store.Chain(ctx, chain, after-1, 1)
		if err != nil {
			return nil, fmt.Errorf("audit: read chain %d: %w", chain, err)
		}
		if len(before) == 0 || before[0].Number != after {
			return nil, nil // the chain ends before it
		}
		head.Number, head.Link = after, before[0].Link
	}
	events, err := l.cfg.Store.Chain(ctx, chain, after, limit)
	if err != nil {
		return nil, fmt.Errorf("audit: read chain %d: %w", chain, err)
	}
	var list []Record
	for _, e := range events {
		rec, err := l.open(head, e)
		if err != nil {
			l.Alarm(ctx, Caller{}, "event_record_tampered", err)
			if len(list) == 0 {
				return nil, err
			}
			return list, nil
		}
		list = append(list, rec)
		head.Number, head.Link = e.Number, e.Link
	}
	return list, nil
}

// readersAtOnce bounds how many chains are read at the same time.
const readersAtOnce = 8

// Latest reads the events of all chains, newest first, up to limit (at least 1), those
// before a cursor (nil: from the newest). next is the cursor of those that follow, nil at
// the end. ErrCursor for a cursor that is none.
//
// Each is opened by itself. One that does not open is left out, with an alarm: it is
// Verify that tells what is missing.
func (l *Log) Latest(ctx context.Context, before []byte, limit int) (list []Record, next []byte, err error) {
	ends := make([]uint64, l.cfg.Store.Chains()) // of each chain, the number of the newest event asked for
	if before != nil {
		if len(before) != 8*len(ends) {
			return nil, nil, ErrCursor
		}
		for chain := range ends {
			ends[chain] = binary.BigEndian.Uint64(before[8*chain:])
		}
	}
	tails := make([][]store.Event, len(ends))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(readersAtOnce)
	for chain := range ends {
		group.Go(func() (err error) {
			if before == nil {
				if ends[chain], err = l.end(within, uint32(chain)); err != nil {
					return err
				}
			}
			tails[chain], err = l.tail(within, uint32(chain), ends[chain], limit)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for _, e := range newest(tails, limit) {
		ends[e.Chain] = e.Number - 1
		var account record.ID
		copy(account[:], e.Account)
		rec, err := l.openAlone(account, e)
		if err != nil {
			l.Alarm(ctx, Caller{}, "event_record_tampered", err)
			continue
		}
		list = append(list, rec)
	}
	for _, end := range ends {
		if end > 0 {
			for _, end := range ends {
				next = binary.BigEndian.AppendUint64(next, end)
			}
			break
		}
	}
	return list, next, nil
}

// newest merges events by time, and gives the newest of them. Those of one chain keep
// their order, whatever their times say.
func newest(tails [][]store.Event, limit int) []store.Event {
	var merged []store.Event
	for len(merged) < limit {
		best := -1
		for i, tail := range tails {
			if len(tail) > 0 && (best < 0 || cmp.Compare(tail[0].At.UnixMilli(), tails[best][0].At.UnixMilli()) > 0) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		merged = append(merged, tails[best][0])
		tails[best] = tails[best][1:]
	}
	return merged
}

// tail reads the newest events of a chain up to a number, newest first.
func (l *Log) tail(ctx context.Context, chain uint32, end uint64, limit int) ([]store.Event, error) {
	if end == 0 {
		return nil, nil
	}
	after := uint64(0)
	if end > uint64(limit) {
		after = end - uint64(limit)
	}
	events, err := l.cfg.Store.Chain(ctx, chain, after, int(end-after))
	if err != nil {
		return nil, fmt.Errorf("audit: read chain %d: %w", chain, err)
	}
	events = slices.DeleteFunc(events, func(e store.Event) bool { return e.Number > end })
	slices.Reverse(events)
	return events, nil
}

// end finds the number of a chain's last event: it gallops on from where the chain was
// known to reach, then closes in. Numbers leave no gap.
func (l *Log) end(ctx context.Context, chain uint32) (uint64, error) {
	l.mu.Lock()
	low := l.ends[chain] // the chain reaches it
	l.mu.Unlock()
	step := uint64(1)
	high := low + step // to be probed: the chain may not
	for {
		there, err := l.reaches(ctx, chain, high)
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		low, step = high, 2*step
		high = low + step
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		there, err := l.reaches(ctx, chain, middle)
		if err != nil {
			return 0, err
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	l.mu.Lock()
	l.ends[chain] = max(l.ends[chain], low)
	l.mu.Unlock()
	return low, nil
}

func (l *Log) reaches(ctx context.Context, chain uint32, number uint64) (bool, error) {
	events, err := l.cfg.Store.Chain(ctx, chain, number-1, 1)
	if err != nil {
		return false, fmt.Errorf("audit: read chain %d: %w", chain, err)
	}
	return len(events) > 0, nil
}
