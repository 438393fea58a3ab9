package record

import (
	"errors"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// TestRPIDIsKept: it is written once, and whoever opens the store later reads it.
func TestRPIDIsKept(t *testing.T) {
	c := config(t, openStore(t))
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := v.RPID(t.Context()); id != "" || err != nil {
		t.Fatalf("a store that no server has used is for %q: %v", id, err)
	}
	for _, id := range []string{"example.com", "example.org"} {
		if kept, err := v.KeepRPID(t.Context(), id); kept != "example.com" || err != nil {
			t.Fatalf("keeping %s gives %q: %v", id, kept, err)
		}
	}
	again, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := again.RPID(t.Context()); id != "example.com" || err != nil {
		t.Fatalf("the store opened again is for %q: %v", id, err)
	}
}

// TestRPIDRace: of servers that start at once with two RP IDs, all learn of the same one.
func TestRPIDRace(t *testing.T) {
	v := openVault(t)
	var wg sync.WaitGroup
	kept := make([]string, 8)
	for i := range kept {
		wg.Go(func() {
			id, err := v.KeepRPID(t.Context(), []string{"example.com", "example.org"}[i%2])
			if err != nil {
				t.Error(err)
			}
			kept[i] = id
		})
	}
	wg.Wait()
	for _, id := range kept {
		if id != kept[0] || id == "" {
			t.Fatalf("they learned %q", kept)
		}
	}
}

func TestRPIDRefuses(t *testing.T) {
	down := errors.New("down")
	edit := func(change func(*store.Marker)) func(*intruder) {
		return func(i *intruder) {
			i.markers = func(list []store.Marker) []store.Marker {
				for n := range list {
					if list[n].Name == markerRPID {
						change(&list[n])
					}
				}
				return list
			}
		}
	}
	for _, c := range []struct {
		name string
		do   func(*intruder)
		want func(*testing.T, error)
	}{
		{"an edited body", edit(func(m *store.Marker) { m.Body[50]++ }), func(t *testing.T, err error) { wantTampered(t, err, codeMarker) }},
		{"another edition", edit(func(m *store.Marker) { m.Version++ }), func(t *testing.T, err error) { wantTampered(t, err, codeMarker) }},
		{"another marker's body", edit(func(m *store.Marker) { m.Key = []byte(markerEpoch) }), func(t *testing.T, err error) { wantTampered(t, err, codeMarker) }},
		{"the store down", func(i *intruder) { i.fails = down }, func(t *testing.T, err error) {
			if !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := config(t, openStore(t))
			i := &intruder{inner: config.Store}
			config.Store = i
			v, err := Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.KeepRPID(t.Context(), "example.com"); err != nil {
				t.Fatal(err)
			}
			c.do(i)
			_, err = v.RPID(t.Context())
			c.want(t, err)
		})
	}
	t.Run("an empty one", func(t *testing.T) {
		v := openVault(t)
		if _, err := v.KeepRPID(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		_, err := v.RPID(t.Context())
		wantTampered(t, err, codeMarker)
	})
}
