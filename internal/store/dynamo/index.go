package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// The indexes. Both hold keys alone, so that they are cheap to write; what is found is
// read from the table.
const (
	indexList = "list" // what belongs together, in order: events and sessions of an account, all accounts, all tickets
	indexDue  = "due"  // what upkeep has to do, by time
)

// page is how many entries are asked for at once.
const page = 1000

// query reads entries of a partition, of the table or of an index, until there are limit
// of them or no more.
func (s *Store) query(ctx context.Context, which ask, limit int) ([]item, error) {
	which.operation = opQuery
	var list []item
	for len(list) < limit {
		which.limit = min(limit-len(list), page)
		r, err := s.db.do(ctx, which)
		if err != nil {
			return nil, s.failed(ctx, "list", err)
		}
		list = append(list, r.items...)
		if len(r.last) == 0 {
			break
		}
		which.after = r.last
	}
	return list, nil
}

// orders reads the sort keys within w of a partition of the index "list", in order.
func (s *Store) orders(ctx context.Context, in string, w window) ([][]byte, error) {
	values := item{":g": &types.AttributeValueMemberS{Value: in}}
	names := map[string]string{"#g": attrList}
	condition := "#g = :g"
	if len(w.after) > 0 {
		values[":o"] = &types.AttributeValueMemberB{Value: w.after}
		names["#o"] = attrOrder
		condition += " AND #o > :o"
	}
	list, err := s.query(ctx, ask{
		index:  indexList,
		where:  condition,
		names:  names,
		values: values,
	}, w.limit)
	found := make([][]byte, len(list))
	for n, i := range list {
		found[n] = i.bytes(attrOrder)
	}
	return found, err
}

// spread asks all lanes at once.
func spread[V any](ctx context.Context, ask func(ctx context.Context, lane string) ([]V, error)) ([]V, error) {
	var found [lanes][]V
	group, ctx := errgroup.WithContext(ctx)
	for n := range lanes {
		group.Go(func() (err error) {
			found[n], err = ask(ctx, strconv.Itoa(n))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found[:]...), nil
}

// window is the part of a list that is asked for: so many with keys greater than after.
type window struct {
	after []byte
	limit int
}

// walk calls each for the rows of a kind within w, in order.
func (s *Store) walk(ctx context.Context, kind string, w window, each func(key []byte, i item)) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.pages(ctx, kind, w, func(w window) ([][]byte, error) {
		keys, err := spread(ctx, func(ctx context.Context, lane string) ([][]byte, error) {
			return s.orders(ctx, kind+lane, w)
		})
		slices.SortFunc(keys, bytes.Compare)
		return keys[:min(w.limit, len(keys))], err
	}, each)
}

// pages reads the rows whose keys list finds. Keys whose rows are not there, or not yet,
// do not count.
func (s *Store) pages(ctx context.Context, kind string, w window, list func(window) ([][]byte, error), each func([]byte, item)) error {
	for w.limit > 0 {
		keys, err := list(w)
		if err != nil || len(keys) == 0 {
			return err
		}
		places := make([]place, len(keys))
		for n, key := range keys {
			places[n] = single(kind, key)
		}
		cells, err := s.read(ctx, places...)
		if err != nil {
			return err
		}
		last := len(keys) < w.limit
		for n, at := range places {
			if c := cells[at]; c.now != nil {
				each(keys[n], c.now)
				w.limit--
			}
		}
		if last {
			return nil
		}
		w.after = keys[len(keys)-1]
	}
	return nil
}

// entry is what the index "due" says of an item.
type entry struct {
	at  place
	due int64
}

// dueBefore reads up to limit entries of a kind that are due before a time in
// milliseconds, those due longest first, and of those the one with the least key.
func (s *Store) dueBefore(ctx context.Context, kind string, before int64, limit int) ([]entry, error) {
	if limit <= 0 || before <= 0 {
		return nil, nil
	}
	found, err := spread(ctx, func(ctx context.Context, lane string) ([]entry, error) {
		values := item{":l": &types.AttributeValueMemberS{Value: kind + lane}}
		values.putMillis(":d", before)
		list, err := s.query(ctx, ask{
			index:  indexDue,
			where:  "#l = :l AND #d < :d",
			names:  map[string]string{"#l": attrLane, "#d": attrDue},
			values: values,
		}, min(limit, math.MaxInt32))
		entries := make([]entry, len(list))
		for n, i := range list {
			entries[n] = entry{placeOf(i), i.millis(attrDue)}
		}
		return entries, err
	})
	slices.SortFunc(found, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.due, b.due), bytes.Compare(keyOf(a.at), keyOf(b.at)))
	})
	return found[:min(limit, len(found))], err
}
