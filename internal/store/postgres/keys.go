package postgres

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// keyName is the key of a store.Key's row. The tables do not hold it twice.
func keyName(kind string, number uint32) []byte {
	return strconv.AppendUint([]byte(kind+"/"), uint64(number), 10)
}

// PutKeys implements store.Keys.
func (s *Store) PutKeys(ctx context.Context, keys []store.Key, markers []store.Marker) error {
	var f store.Form
	for _, k := range keys {
		f.Key(k.Key, "a key")
		f.Need(bytes.Equal(k.Key, keyName(k.Kind, k.Number)), "a key is not named after its kind and number")
	}
	for _, m := range markers {
		f.Key(m.Key, "a marker")
		f.Need(string(m.Key) == m.Name, "a marker's key is not its name")
	}
	if f.Err() != nil {
		return f.Err()
	}
	// Two who put the same in another order would wait for each other.
	keys = slices.SortedFunc(slices.Values(keys), func(a, b store.Key) int { return bytes.Compare(a.Key, b.Key) })
	markers = slices.SortedFunc(slices.Values(markers), func(a, b store.Marker) int { return bytes.Compare(a.Key, b.Key) })
	return s.perform(ctx, change{
		ask: func(j *judge) {
			j.keysFree(keys)
			j.markersFree(markers)
		},
		write: func(w *writes) {
			for _, k := range keys {
				w.add("INSERT INTO keys (kind, number, version, body) VALUES ($1, $2, $3, $4)",
					[]byte(k.Kind), int64(k.Number), k.Version, full(k.Body))
			}
			for _, m := range markers {
				w.add("INSERT INTO markers (name, version, body) VALUES ($1, $2, $3)", m.Key, m.Version, full(m.Body))
			}
		},
	})
}

// keysFree demands that none of list is there, and that list names none twice. list is
// in order.
func (j *judge) keysFree(list []store.Key) {
	taken := &store.TakenError{Table: store.TableKeys}
	for n, k := range list {
		twice := n > 0 && bytes.Equal(list[n-1].Key, k.Key)
		j.ask(func(rows pgx.Rows) error {
			if rows.Next() || twice {
				return taken
			}
			return nil
		}, "SELECT 1 FROM keys WHERE kind = $1 AND number = $2", []byte(k.Kind), int64(k.Number))
	}
}

// markersFree demands the same of markers.
func (j *judge) markersFree(list []store.Marker) {
	taken := &store.TakenError{Table: store.TableMarkers}
	for n, m := range list {
		twice := n > 0 && bytes.Equal(list[n-1].Key, m.Key)
		j.ask(func(rows pgx.Rows) error {
			if rows.Next() || twice {
				return taken
			}
			return nil
		}, "SELECT 1 FROM markers WHERE name = $1", m.Key)
	}
}

// ReplaceKey implements store.Keys.
func (s *Store) ReplaceKey(ctx context.Context, ref store.Ref, next store.Key) error {
	var f store.Form
	f.Next(ref, next.Row, "the key")
	f.Need(bytes.Equal(next.Key, keyName(next.Kind, next.Number)), "the key is not named after its kind and number")
	if f.Err() != nil {
		return f.Err()
	}
	return s.set(ctx, "UPDATE keys SET version = $4, body = $5 WHERE kind = $1 AND number = $2 AND version = $3",
		[]byte(next.Kind), int64(next.Number), bounded(ref.Version), next.Version, full(next.Body))
}

// ReplaceMarker implements store.Keys.
func (s *Store) ReplaceMarker(ctx context.Context, ref store.Ref, next store.Marker) error {
	var f store.Form
	f.Next(ref, next.Row, "the marker")
	f.Need(string(next.Key) == next.Name, "the marker's key is not its name")
	if f.Err() != nil {
		return f.Err()
	}
	return s.set(ctx, "UPDATE markers SET version = $3, body = $4 WHERE name = $1 AND version = $2",
		next.Key, bounded(ref.Version), next.Version, full(next.Body))
}

// Keys implements store.Keys.
func (s *Store) Keys(ctx context.Context) ([]store.Key, error) {
	return readAll(ctx, s, func(row pgx.CollectableRow) (k store.Key, err error) {
		var kind []byte
		err = row.Scan(&kind, &k.Number, &k.Version, (*blob)(&k.Body))
		k.Kind = string(kind)
		k.Key = keyName(k.Kind, k.Number)
		return k, err
	}, "SELECT kind, number, version, body FROM keys ORDER BY kind, number")
}

// Markers implements store.Keys.
func (s *Store) Markers(ctx context.Context) ([]store.Marker, error) {
	return readAll(ctx, s, func(row pgx.CollectableRow) (m store.Marker, err error) {
		err = row.Scan(&m.Key, &m.Version, (*blob)(&m.Body))
		m.Name = string(m.Key)
		return m, err
	}, "SELECT name, version, body FROM markers ORDER BY name")
}
