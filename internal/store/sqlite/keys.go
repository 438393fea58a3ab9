package sqlite

import (
	"bytes"
	"context"
	"strconv"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	findKey    = "SELECT version FROM keys WHERE kind = ? AND number = ?"
	findMarker = "SELECT version FROM markers WHERE name = ?"
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
	return s.submit(ctx, func(t *tx) error {
		if t.keysTaken(keys) {
			return &store.TakenError{Table: store.TableKeys}
		}
		if t.markersTaken(markers) {
			return &store.TakenError{Table: store.TableMarkers}
		}
		for _, k := range keys {
			t.write("INSERT INTO keys (kind, number, version, body) VALUES (?, ?, ?, ?)",
				k.Kind, k.Number, k.Version, k.Body)
		}
		for _, m := range markers {
			t.write("INSERT INTO markers (name, version, body) VALUES (?, ?, ?)", m.Name, m.Version, m.Body)
		}
		return nil
	})
}

// keysTaken tells whether one of list exists, or list names one twice.
func (t *tx) keysTaken(list []store.Key) bool {
	for n, k := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, k.Key) {
				return true
			}
		}
		if t.exists(findKey, k.Kind, k.Number) {
			return true
		}
	}
	return false
}

// markersTaken tells whether one of list exists, or list names one twice.
func (t *tx) markersTaken(list []store.Marker) bool {
	for n, m := range list {
		for _, earlier := range list[:n] {
			if earlier.Name == m.Name {
				return true
			}
		}
		if t.exists(findMarker, m.Name) {
			return true
		}
	}
	return false
}

// ReplaceKey implements store.Keys.
func (s *Store) ReplaceKey(ctx context.Context, ref store.Ref, next store.Key) error {
	var f store.Form
	f.Next(ref, next.Row, "the key")
	f.Need(bytes.Equal(next.Key, keyName(next.Kind, next.Number)), "the key is not named after its kind and number")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		var version uint64
		found := t.read(findKey, func(stmt *sqlite.Stmt) { version = unsigned(stmt, 0) }, next.Kind, next.Number)
		if !found || version != ref.Version {
			return store.ErrConflict
		}
		t.write("UPDATE keys SET version = ?, body = ? WHERE kind = ? AND number = ?",
			next.Version, next.Body, next.Kind, next.Number)
		return nil
	})
}

// ReplaceMarker implements store.Keys.
func (s *Store) ReplaceMarker(ctx context.Context, ref store.Ref, next store.Marker) error {
	var f store.Form
	f.Next(ref, next.Row, "the marker")
	f.Need(string(next.Key) == next.Name, "the marker's key is not its name")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		var version uint64
		found := t.read(findMarker, func(stmt *sqlite.Stmt) { version = unsigned(stmt, 0) }, next.Name)
		if !found || version != ref.Version {
			return store.ErrConflict
		}
		t.write("UPDATE markers SET version = ?, body = ? WHERE name = ?", next.Version, next.Body, next.Name)
		return nil
	})
}

// Keys implements store.Keys.
func (s *Store) Keys(ctx context.Context) ([]store.Key, error) {
	var list []store.Key
	err := s.readAll(ctx, "SELECT kind, number, version, body FROM keys ORDER BY kind, number",
		func(stmt *sqlite.Stmt) {
			k := store.Key{Kind: stmt.ColumnText(0), Number: uint32(stmt.ColumnInt64(1))}
			k.Row = store.Row{Key: keyName(k.Kind, k.Number), Version: unsigned(stmt, 2), Body: blob(stmt, 3)}
			list = append(list, k)
		})
	return list, err
}

// Markers implements store.Keys.
func (s *Store) Markers(ctx context.Context) ([]store.Marker, error) {
	var list []store.Marker
	err := s.readAll(ctx, "SELECT name, version, body FROM markers ORDER BY name",
		func(stmt *sqlite.Stmt) {
			name := stmt.ColumnText(0)
			list = append(list, store.Marker{
				Name: name,
				Row:  store.Row{Key: []byte(name), Version: unsigned(stmt, 1), Body: blob(stmt, 2)},
			})
		})
	return list, err
}
