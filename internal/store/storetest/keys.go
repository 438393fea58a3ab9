package storetest

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

func (w *world) wrappedKey(kind string, number uint32) store.Key {
	return store.Key{
		Kind:   kind,
		Number: number,
		Row:    store.Row{Key: fmt.Appendf(nil, "%s/%d", kind, number), Version: 1, Body: w.body("key")},
	}
}

func (w *world) marker(name string) store.Marker {
	return store.Marker{Name: name, Row: store.Row{Key: []byte(name), Version: 1, Body: w.body("marker")}}
}

func testKeys(t *testing.T, open opener) {
	w := newWorld(t, open)
	// Out of order, and with numbers that sort otherwise as text.
	b10, b2, a1 := w.wrappedKey("b", 10), w.wrappedKey("b", 2), w.wrappedKey("a", 1)
	second, first := w.marker("second"), w.marker("first")
	w.must(w.s.PutKeys(w.ctx, []store.Key{b10, b2, a1}, []store.Marker{second, first}))
	w.must(w.s.PutKeys(w.ctx, nil, nil))
	after := w.dump()
	same(t, "keys", after.Keys, []store.Key{a1, b2, b10})
	same(t, "markers", after.Markers, []store.Marker{first, second})

	misnamed := w.wrappedKey("c", 1)
	misnamed.Key = []byte("c/2")
	misnamedMarker := w.marker("third")
	misnamedMarker.Key = []byte("fourth")
	fresh := w.wrappedKey("c", 3)
	for _, c := range []struct {
		name    string
		keys    []store.Key
		markers []store.Marker
		want    error
		table   store.Table
	}{
		{"key taken", []store.Key{fresh, w.wrappedKey("b", 2)}, nil, store.ErrTaken, store.TableKeys},
		{"key twice", []store.Key{fresh, fresh}, nil, store.ErrTaken, store.TableKeys},
		{"marker taken", []store.Key{fresh}, []store.Marker{w.marker("third"), w.marker("first")}, store.ErrTaken, store.TableMarkers},
		{"marker twice", nil, []store.Marker{w.marker("third"), w.marker("third")}, store.ErrTaken, store.TableMarkers},
		{"key misnamed", []store.Key{misnamed}, nil, nil, ""},
		{"marker misnamed", nil, []store.Marker{misnamedMarker}, nil, ""},
		{"marker without a name", nil, []store.Marker{{Row: store.Row{Version: 1}}}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, w.s.PutKeys(w.ctx, c.keys, c.markers), c.want, c.table)
			same(t, "after the refusal", w.dump(), after)
		})
	}
	t.Run("replace", func(t *testing.T) { replaceKey(t, w, b2, []store.Key{a1, b2, b10}) })
	t.Run("replace a marker", func(t *testing.T) { replaceMarker(t, w, first, second) })
}

// replaceKey replaces k, the second of all.
func replaceKey(t *testing.T, w *world, k store.Key, all []store.Key) {
	before := w.dump()
	next := k
	next.Version, next.Body = 2, w.body("rewrapped")
	absent, misnamed := w.wrappedKey("z", 1), next
	misnamed.Number++
	for _, c := range []struct {
		name string
		ref  store.Ref
		next store.Key
		want error
	}{
		{"a later edition", store.Ref{Key: k.Key, Version: 0}, next, store.ErrConflict},
		{"an earlier edition", store.Ref{Key: k.Key, Version: 2}, next, store.ErrConflict},
		{"gone", ref(absent.Row), absent, store.ErrConflict},
		{"another key", ref(all[0].Row), next, nil},
		{"misnamed", ref(k.Row), misnamed, nil},
	} {
		wantError(t, w.s.ReplaceKey(w.ctx, c.ref, c.next), c.want, "")
		same(t, "after "+c.name, w.dump(), before)
	}
	w.must(w.s.ReplaceKey(w.ctx, ref(k.Row), next))
	after := w.dump()
	same(t, "keys", after.Keys, []store.Key{all[0], next, all[2]})
	wantError(t, w.s.ReplaceKey(w.ctx, ref(k.Row), next), store.ErrConflict, "")
}

// replaceMarker replaces m, the first of two.
func replaceMarker(t *testing.T, w *world, m, other store.Marker) {
	before := w.dump()
	next := m
	next.Version, next.Body = 2, w.body("another")
	absent, misnamed := w.marker("absent"), next
	misnamed.Name = other.Name
	for _, c := range []struct {
		name string
		ref  store.Ref
		next store.Marker
		want error
	}{
		{"a later edition", store.Ref{Key: m.Key, Version: 0}, next, store.ErrConflict},
		{"an earlier edition", store.Ref{Key: m.Key, Version: 2}, next, store.ErrConflict},
		{"gone", ref(absent.Row), absent, store.ErrConflict},
		{"another marker", ref(other.Row), next, nil},
		{"misnamed", ref(m.Row), misnamed, nil},
	} {
		wantError(t, w.s.ReplaceMarker(w.ctx, c.ref, c.next), c.want, "")
		same(t, "after "+c.name, w.dump(), before)
	}
	w.must(w.s.ReplaceMarker(w.ctx, ref(m.Row), next))
	same(t, "markers", w.dump().Markers, []store.Marker{next, other})
	wantError(t, w.s.ReplaceMarker(w.ctx, ref(m.Row), next), store.ErrConflict, "")
}
