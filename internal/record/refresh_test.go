package record

import (
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

// addRoot puts a further root into v's store, as a rotation does.
func addRoot(t *testing.T, v *Vault, n uint32, life KeyLife) {
	t.Helper()
	key, wrapped, err := seal.NewRoot(t.Context(), v.cfg.KMS, v.cfg.Rand, seal.RootID{Deployment: v.deployment, Version: n})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := v.newRing(v.deployment, key)
	if err != nil {
		t.Fatal(err)
	}
	row, err := v.sealRoot(ring, rootBody{Deployment: v.deployment, Wrapped: wrapped}, 1, rootLife{life, milli(start)})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cfg.Store.PutKeys(t.Context(), []store.Key{row}, nil); err != nil {
		t.Fatal(err)
	}
}

// relive writes the next edition of a root's row with another life.
func relive(t *testing.T, v *Vault, n uint32, life KeyLife) {
	t.Helper()
	h, err := readKeys(t.Context(), v.cfg.Store)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range h.keys {
		if k.Kind != kindRoot || k.Number != n {
			continue
		}
		body, err := decode[rootBody](v.codec, k.Body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := v.openRoot(t.Context(), k, body)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := v.newRing(v.deployment, r.key)
		if err != nil {
			t.Fatal(err)
		}
		next, err := v.sealRoot(ring, body, k.Version+1, rootLife{life, milli(start)})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.cfg.Store.ReplaceKey(t.Context(), store.Ref{Key: k.Key, Version: k.Version}, next); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLivesOfRoots(t *testing.T) {
	v := openVault(t)
	refresh := func(wantPrimary uint32) {
		t.Helper()
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := v.ring.Primary().Root; got != wantPrimary {
			t.Errorf("root %d seals, want %d", got, wantPrimary)
		}
	}
	old := sealAll(t, v, 1)
	lookup := string(v.LookupIdentifier("username", "ada"))
	addRoot(t, v, 2, KeyPrepared)
	refresh(1) // prepared: opens, does not seal
	relive(t, v, 2, KeyPrimary)
	refresh(2) // two primaries: the newer
	relive(t, v, 1, KeyRetired)
	refresh(2)
	for kind, open := range openers(v) {
		if err := open(old); err != nil {
			t.Errorf("%s under the retired root: %v", kind, err)
		}
		if err := open(sealAll(t, v, 1)); err != nil {
			t.Errorf("%s under the new root: %v", kind, err)
		}
	}
	if string(v.LookupIdentifier("username", "ada")) != lookup {
		t.Error("a lookup key moved with the rotation")
	}
	if again, err := Open(t.Context(), v.cfg); err != nil || again.ring.Primary().Root != 2 {
		t.Errorf("opened again: %v", err)
	}
}

// TestUnknownVersionRefreshes: a row under a root that another process has brought
// in opens at once, and strangers cannot make us read key rows in a loop.
func TestUnknownVersionRefreshes(t *testing.T) {
	c := config(t, openStore(t))
	now := start
	c.Now = func() time.Time { return now }
	in := &intruder{inner: c.Store}
	behind := c
	behind.Store = in
	ahead, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), behind)
	if err != nil {
		t.Fatal(err)
	}
	addRoot(t, ahead, 2, KeyPrimary)
	if err := ahead.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	row, err := ahead.SealAccount(person(ahead, 1), 1)
	if err != nil {
		t.Fatal(err)
	}

	in.reads = 0
	_, err = v.OpenAccount(row)
	wantTampered(t, err, codeAccount)
	if in.reads != 0 {
		t.Errorf("%d reads within a second of the last", in.reads)
	}
	now = now.Add(time.Second)
	if _, err := v.OpenAccount(row); err != nil || in.reads != 1 {
		t.Errorf("after a second: %v, %d reads", err, in.reads)
	}
	row.Body[4] = 9 // a root that nobody has
	for range 10 {
		_, err = v.OpenAccount(row)
		wantTampered(t, err, codeAccount)
	}
	if in.reads != 1 {
		t.Errorf("%d reads", in.reads)
	}
}

// TestFailedRefreshKeepsTheRing: a store that is down, or rows that are bad, stop
// nobody who is served by the keys at hand.
func TestFailedRefreshKeepsTheRing(t *testing.T) {
	c := config(t, openStore(t))
	in := &intruder{inner: c.Store}
	c.Store = in
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	other := openVault(t)
	foreign, err := readKeys(t.Context(), other.cfg.Store)
	if err != nil {
		t.Fatal(err)
	}
	r := sealAll(t, v, 1)
	for name, fault := range map[string]intruder{
		"store down":    {fails: errors.New("down")},
		"no keys":       {keys: func([]store.Key) []store.Key { return nil }},
		"row edited":    {keys: func(k []store.Key) []store.Key { k[1].Version++; return k }},
		"founded anew":  {keys: func([]store.Key) []store.Key { return foreign.keys }},
		"life of other": {keys: func(k []store.Key) []store.Key { return append(k, foreign.keys...) }},
	} {
		t.Run(name, func(t *testing.T) {
			in.keys, in.fails = fault.keys, fault.fails
			if err := v.Refresh(t.Context()); err == nil {
				t.Error("refreshed")
			}
			for kind, open := range openers(v) {
				if err := open(r); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
}

// TestRefreshAsksTheKMSOnce: roots at hand are not unwrapped again.
func TestRefreshAsksTheKMSOnce(t *testing.T) {
	v := openVault(t)
	v.cfg.KMS = downKMS{errors.New("down")}
	if err := v.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}
