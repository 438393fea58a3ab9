package record

import (
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/store"
)

// TestRefreshTags: a tag is good for one session, one generation, one deployment and
// one store epoch, and for nothing else of the vault's.
func TestRefreshTags(t *testing.T) {
	c := config(t, openStore(t))
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	tag, err := v.RefreshTag(id, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.VerifyRefresh(tag, id, 7); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.VerifyRefresh(tag, id, 7); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	for why, v := range map[string]*Vault{"another epoch": moved(t, c), "another deployment": openVault(t)} {
		if v.VerifyRefresh(tag, id, 7) == nil {
			t.Errorf("good under %s", why)
		}
	}
	for generation := range uint64(20) {
		if err := v.VerifyRefresh(tag, id, generation); (err == nil) != (generation == 7) {
			t.Errorf("generation %d: %v", generation, err)
		}
	}
	for n := range 16 {
		other := id
		other[n] ^= 1
		if v.VerifyRefresh(tag, other, 7) == nil {
			t.Errorf("good for another session, byte %d", n)
		}
	}
	flips(t, tag, func(t *testing.T, bent []byte) {
		if v.VerifyRefresh(bent, id, 7) == nil {
			t.Error("a bent tag is good")
		}
	})
	for n := range tag {
		if v.VerifyRefresh(tag[:n], id, 7) == nil {
			t.Errorf("good when cut to %d bytes", n)
		}
	}
	if v.VerifyRefresh(append(tag, 0), id, 7) == nil {
		t.Error("good with a byte more")
	}
}

// moved opens the store of c as it stands once it has a new epoch.
func moved(t *testing.T, c Config) *Vault {
	t.Helper()
	v, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := sealMarker(v.codec, v.ring, markerEpoch, epochFacts{Epoch: make([]byte, epochSize)})
	if err != nil {
		t.Fatal(err)
	}
	c.Store = &intruder{inner: c.Store, markers: func(m []store.Marker) []store.Marker { m[1] = epoch; return m }}
	next, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
