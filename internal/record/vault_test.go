package record

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

func wantKeyError(t *testing.T, err error, code string) {
	t.Helper()
	var e *KeyError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestReopenedVaultIsTheSame(t *testing.T) {
	c := config(t, openStore(t))
	first, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Deployment()) != deploymentSize || len(first.Epoch()) != epochSize {
		t.Errorf("deployment %x, epoch %x", first.Deployment(), first.Epoch())
	}
	for name, of := range map[string]func(*Vault) []byte{
		"deployment": (*Vault).Deployment,
		"epoch":      (*Vault).Epoch,
		"lookup":     func(v *Vault) []byte { return v.LookupCredential("example.org", []byte("id")) },
		"decoy":      func(v *Vault) []byte { return v.Decoy("list", 64, []byte("eve")) },
		"secret":     func(v *Vault) []byte { return v.HashSecret("cookie", []byte("s")) },
	} {
		if !bytes.Equal(of(first), of(second)) {
			t.Errorf("%s differs after opening again", name)
		}
	}
	r := sealAll(t, first, 1)
	for kind, open := range openers(second) {
		if err := open(r); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	first.Deployment()[0]++
	first.Epoch()[0]++
	if !bytes.Equal(first.Deployment(), second.Deployment()) || !bytes.Equal(first.Epoch(), second.Epoch()) {
		t.Error("what was handed out can change the vault")
	}
}

// TestFoundingRace: however many processes start at once, one founds and all agree.
func TestFoundingRace(t *testing.T) {
	for range 10 {
		s := openStore(t)
		const n = 8
		var vaults [n]*Vault
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for i := range n {
			c := config(t, s)
			wg.Go(func() {
				<-gate
				v, err := Open(context.Background(), c)
				if err != nil {
					t.Error(err)
				}
				vaults[i] = v
			})
		}
		close(gate)
		wg.Wait()
		if t.Failed() {
			return
		}
		r := sealAll(t, vaults[0], 1)
		for _, v := range vaults {
			for kind, open := range openers(v) {
				if err := open(r); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
			}
		}
	}
}

func TestAwaitingAdministrator(t *testing.T) {
	c := config(t, openStore(t))
	in := &intruder{inner: c.Store}
	c.Store = in
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ref, ok, err := v.AwaitingAdministrator(t.Context())
	if err != nil || !ok || string(ref.Key) != markerFirst || ref.Version != 1 {
		t.Fatalf("%+v %v %v", ref, ok, err)
	}
	in.markers = func(m []store.Marker) []store.Marker { return m[1:] }
	if _, ok, err := v.AwaitingAdministrator(t.Context()); ok || err != nil {
		t.Errorf("gone: %v %v", ok, err)
	}
	for name, change := range map[string]func(first *store.Marker, epoch store.Marker){
		"version": func(m *store.Marker, _ store.Marker) { m.Version++ },
		"key":     func(m *store.Marker, _ store.Marker) { m.Key = []byte("x") },
		"empty":   func(m *store.Marker, _ store.Marker) { m.Body = nil },
		"another": func(m *store.Marker, e store.Marker) { m.Body = e.Body },
		"renamed": func(m *store.Marker, e store.Marker) { *m = e; m.Name = markerFirst },
	} {
		t.Run(name, func(t *testing.T) {
			in.markers = func(m []store.Marker) []store.Marker {
				change(&m[0], m[1])
				return m
			}
			_, ok, err := v.AwaitingAdministrator(t.Context())
			wantTampered(t, err, codeMarker)
			if ok {
				t.Error("the right was granted")
			}
		})
	}
	t.Run("store down", func(t *testing.T) {
		in.fails = errors.New("down")
		if _, ok, err := v.AwaitingAdministrator(t.Context()); ok || !errors.Is(err, in.fails) {
			t.Errorf("%v %v", ok, err)
		}
	})
}

// TestWrongKeys: a key that does not fit is named, and nothing is founded again.
func TestWrongKeys(t *testing.T) {
	kms := fileKMS(t)
	for name, c := range map[string]struct {
		founded, opened func(c *Config)
		code            string
	}{
		"other server key, no KMS": {
			func(*Config) {},
			func(c *Config) { c.Server = serverKey(t, 2, 1); c.KMS = seal.NoKMS(c.Server) }, CodeServerKey,
		},
		"other server key, KMS": {
			func(c *Config) { c.KMS = kms },
			func(c *Config) { c.KMS = kms; c.Server = serverKey(t, 2, 1) }, CodeServerKey,
		},
		"server key version gone": {
			func(c *Config) { c.KMS = kms; c.Server = serverKey(t, 1, 2) },
			func(c *Config) { c.KMS = kms }, CodeServerKey,
		},
		"other KMS key":   {func(c *Config) { c.KMS = kms }, func(c *Config) { c.KMS = fileKMS(t) }, CodeKMSKey},
		"no KMS any more": {func(c *Config) { c.KMS = kms }, func(*Config) {}, CodeServerKey},
		"no server key": {
			func(c *Config) { c.KMS = kms },
			func(c *Config) { c.KMS = kms; c.Server = seal.ServerKey{} }, CodeConfig,
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := config(t, openStore(t))
			founded, opened := base, base
			c.founded(&founded)
			c.opened(&opened)
			v, err := Open(t.Context(), founded)
			if err != nil {
				t.Fatal(err)
			}
			none, err := Open(t.Context(), opened)
			wantKeyError(t, err, c.code)
			if none != nil {
				t.Error("a vault came with the error")
			}
			again, err := Open(t.Context(), founded)
			if err != nil || !bytes.Equal(again.Deployment(), v.Deployment()) {
				t.Errorf("founded again, or lost: %v", err)
			}
		})
	}
	t.Run("server key rotated", func(t *testing.T) {
		c := config(t, openStore(t))
		v, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		r := sealAll(t, v, 1)
		c.Server = serverKey(t, 1, 2)
		c.KMS = seal.NoKMS(c.Server)
		if v, err = Open(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for kind, open := range openers(v) {
			if err := open(r); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}

// TestRowsThatAreMissing: absence never founds and never grants.
func TestRowsThatAreMissing(t *testing.T) {
	without := func(kind string) func([]store.Key) []store.Key {
		return func(keys []store.Key) (left []store.Key) {
			for _, k := range keys {
				if k.Kind != kind {
					left = append(left, k)
				}
			}
			return left
		}
	}
	for name, c := range map[string]struct {
		in   intruder
		code string
	}{
		"all keys":    {intruder{keys: func([]store.Key) []store.Key { return nil }}, CodeKeysMissing},
		"roots":       {intruder{keys: without(kindRoot)}, CodePrimaryAbsent},
		"index":       {intruder{keys: without(kindIndex)}, CodeKeysMissing},
		"all markers": {intruder{markers: func([]store.Marker) []store.Marker { return nil }}, CodeEpochMissing},
		"epoch":       {intruder{markers: func(m []store.Marker) []store.Marker { return m[:1] }}, CodeEpochMissing},
		// Every row hidden, yet there: the founding is refused by the rows.
		"everything": {intruder{
			keys:    func([]store.Key) []store.Key { return nil },
			markers: func([]store.Marker) []store.Marker { return nil },
		}, CodeKeysMissing},
	} {
		t.Run(name, func(t *testing.T) {
			config := config(t, openStore(t))
			if _, err := Open(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			before, err := readKeys(t.Context(), config.Store)
			if err != nil {
				t.Fatal(err)
			}
			c.in.inner = config.Store
			hidden := config
			hidden.Store = &c.in
			_, err = Open(t.Context(), hidden)
			wantKeyError(t, err, c.code)
			after, err := readKeys(t.Context(), config.Store)
			if err != nil || len(after.keys) != len(before.keys) || len(after.markers) != len(before.markers) {
				t.Errorf("the store changed: %+v, %v", after, err)
			}
		})
	}
}

// TestHalfSeenFounding: a reader that comes between the two reads looks again.
func TestHalfSeenFounding(t *testing.T) {
	c := config(t, openStore(t))
	if _, err := Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	looks := 0
	c.Store = &intruder{inner: c.Store, markers: func(m []store.Marker) []store.Marker {
		if looks++; looks == 1 {
			return nil
		}
		return m
	}}
	if _, err := Open(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestEditedKeyRows: no byte of a key row or a marker can be changed unnoticed.
func TestEditedKeyRows(t *testing.T) {
	c := config(t, openStore(t))
	c.KMS = fileKMS(t)
	if _, err := Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	whole, err := readKeys(t.Context(), c.Store)
	if err != nil {
		t.Fatal(err)
	}
	tryKey := func(i int, change func(k *store.Key)) error {
		in := &intruder{inner: c.Store, keys: func(k []store.Key) []store.Key { change(&k[i]); return k }}
		c := c
		c.Store = in
		_, err := Open(context.Background(), c)
		return err
	}
	for i, k := range whole.keys {
		t.Run(string(k.Key), func(t *testing.T) {
			flips(t, k.Body, func(t *testing.T, bent []byte) {
				if tryKey(i, func(k *store.Key) { k.Body = bent }) == nil {
					t.Error("opened")
				}
			})
			for name, change := range map[string]func(k *store.Key){
				"version": func(k *store.Key) { k.Version++ },
				"number":  func(k *store.Key) { k.Number++ },
				"key":     func(k *store.Key) { k.Key = []byte("x") },
			} {
				if tryKey(i, change) == nil {
					t.Errorf("opened with another %s", name)
				}
			}
		})
	}
	t.Run("epoch", func(t *testing.T) {
		flips(t, whole.markers[1].Body, func(t *testing.T, bent []byte) {
			c := c
			c.Store = &intruder{inner: c.Store, markers: func(m []store.Marker) []store.Marker { m[1].Body = bent; return m }}
			_, err := Open(context.Background(), c)
			wantTampered(t, err, codeMarker)
		})
	})
}

// TestShortEpoch: an epoch that is sealed but too short to tell stores apart.
func TestShortEpoch(t *testing.T) {
	c := config(t, openStore(t))
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	short, err := sealMarker(v.codec, v.ring, markerEpoch, epochFacts{Epoch: make([]byte, epochSize-1)})
	if err != nil {
		t.Fatal(err)
	}
	c.Store = &intruder{inner: c.Store, markers: func(m []store.Marker) []store.Marker { m[1] = short; return m }}
	_, err = Open(t.Context(), c)
	wantTampered(t, err, codeMarker)
}

func TestOpenRefuses(t *testing.T) {
	whole := config(t, openStore(t))
	for name, strip := range map[string]func(*Config){
		"store":      func(c *Config) { c.Store = nil },
		"server key": func(c *Config) { c.Server = seal.ServerKey{}; c.KMS = fileKMS(t) },
		"KMS":        func(c *Config) { c.KMS = nil },
		"clock":      func(c *Config) { c.Now = nil },
		"randomness": func(c *Config) { c.Rand = nil },
	} {
		c := whole
		strip(&c)
		_, err := Open(t.Context(), c)
		wantKeyError(t, err, CodeConfig)
		if h, _ := readKeys(t.Context(), whole.Store); !h.empty() {
			t.Fatalf("no %s: founded", name)
		}
	}
	dry := errors.New("dry")
	for n := range 5 {
		c := whole
		c.Rand = &limited{left: n * 33, fails: dry}
		if _, err := Open(t.Context(), c); !errors.Is(err, dry) {
			t.Errorf("randomness that ends after %d bytes: %v", n*33, err)
		}
	}
	down := whole
	down.Store = &intruder{inner: whole.Store, fails: dry}
	if _, err := Open(t.Context(), down); !errors.Is(err, dry) {
		t.Errorf("store down: %v", err)
	}
	down.Store, down.KMS = whole.Store, downKMS{dry}
	if _, err := Open(t.Context(), down); !errors.Is(err, dry) {
		t.Errorf("KMS down at founding: %v", err)
	}
	if _, err := Open(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	var keyErr *KeyError
	if _, err := Open(t.Context(), down); !errors.Is(err, dry) || errors.As(err, &keyErr) {
		t.Errorf("KMS down: %v", err)
	}
}

// limited is randomness that ends.
type limited struct {
	left  int
	fails error
}

func (l *limited) Read(b []byte) (int, error) {
	if len(b) > l.left {
		return iotest.ErrReader(l.fails).Read(b)
	}
	l.left -= len(b)
	return rand.Read(b)
}

// downKMS answers nothing.
type downKMS struct{ err error }

func (k downKMS) Wrap(context.Context, []byte, map[string]string) ([]byte, error) { return nil, k.err }

func (k downKMS) Unwrap(context.Context, []byte, map[string]string) ([]byte, error) {
	return nil, k.err
}
