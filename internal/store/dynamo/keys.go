package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/store"
)

// PutKeys implements store.Keys. It locks each of them. Several are there in one moment, that of their journal.
func (s *Store) PutKeys(ctx context.Context, keys []store.Key, markers []store.Marker) error {
	var f store.Form
	var needs []place
	for _, k := range keys {
		f.Key(k.Key, "a key")
		f.Need(bytes.Equal(k.Key, keyName(k.Kind, k.Number)), "a key is not named after its kind and number")
		needs = append(needs, keyPlace(k.Kind, k.Number))
	}
	for _, m := range markers {
		f.Key(m.Key, "a marker")
		f.Need(string(m.Key) == m.Name, "a marker's key is not its name")
		needs = append(needs, markerPlace(m.Key))
	}
	if f.Err() != nil {
		return f.Err()
	}
	return s.do(ctx, verb{needs: needs, judge: func(t *txn) (bool, error) {
		for _, k := range keys {
			if !t.insert(keyPlace(k.Kind, k.Number), keyItem(k)) {
				return false, &store.TakenError{Table: store.TableKeys}
			}
		}
		for _, m := range markers {
			if !t.insert(markerPlace(m.Key), rowItem(m.Row)) {
				return false, &store.TakenError{Table: store.TableMarkers}
			}
		}
		return false, nil
	}})
}

// ReplaceKey implements store.Keys: one conditional write.
func (s *Store) ReplaceKey(ctx context.Context, ref store.Ref, next store.Key) error {
	var f store.Form
	f.Next(ref, next.Row, "the key")
	f.Need(bytes.Equal(next.Key, keyName(next.Kind, next.Number)), "the key is not named after its kind and number")
	if f.Err() != nil {
		return f.Err()
	}
	return s.replaceRow(ctx, keyPlace(next.Kind, next.Number), ref, keyItem(next))
}

// ReplaceMarker implements store.Keys: one conditional write.
func (s *Store) ReplaceMarker(ctx context.Context, ref store.Ref, next store.Marker) error {
	var f store.Form
	f.Next(ref, next.Row, "the marker")
	f.Need(string(next.Key) == next.Name, "the marker's key is not its name")
	if f.Err() != nil {
		return f.Err()
	}
	return s.replaceRow(ctx, markerPlace(next.Key), ref, rowItem(next.Row))
}

// Keys implements store.Keys.
func (s *Store) Keys(ctx context.Context) ([]store.Key, error) {
	cells, err := s.partition(ctx, inKeys)
	if err != nil {
		return nil, err
	}
	var list []store.Key
	for _, c := range cells {
		if c.now != nil {
			list = append(list, wrappedOf(c.now))
		}
	}
	slices.SortFunc(list, func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
	})
	return list, nil
}

// Markers implements store.Keys.
func (s *Store) Markers(ctx context.Context) ([]store.Marker, error) {
	cells, err := s.partition(ctx, inMarkers)
	if err != nil {
		return nil, err
	}
	var list []store.Marker
	for _, c := range cells {
		if c.now != nil {
			list = append(list, markerOf(c.at, c.now))
		}
	}
	return list, nil
}

// partition reads all that stands in a partition, in order, strongly consistent.
func (s *Store) partition(ctx context.Context, part string) ([]*cell, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := s.query(ctx, ask{
		where:      "#p = :p",
		names:      map[string]string{"#p": attrPart},
		values:     item{":p": &types.AttributeValueMemberS{Value: part}},
		consistent: true,
	}, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	cells := make([]*cell, len(found))
	for n, i := range found {
		cells[n] = parse(placeOf(i), i)
	}
	return cells, s.judge(ctx, cells)
}
