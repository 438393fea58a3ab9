package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestDerivationIsHKDF: what is spelled out here is what the library derives, whatever
// stood in the memory before, and whether or not FIPS 140-3 is asked for.
func TestDerivationIsHKDF(t *testing.T) {
	var d derivation
	for n := range 300 {
		secret, extra := bytes.Repeat([]byte{1, byte(n)}, 16), bytes.Repeat([]byte{byte(n)}, n)
		salt := [saltSize]byte{2, byte(n)}
		want, err := hkdf.Key(sha256.New, secret, salt[:], string(join([]byte("label"), extra)), keySize)
		if err != nil {
			t.Fatal(err)
		}
		for name, key := range map[string]func([]byte, *[saltSize]byte, string, []byte) ([keySize]byte, error){
			"as is": d.key, "validated": d.validatedKey,
		} {
			if got, err := key(secret, &salt, "label", extra); err != nil || !bytes.Equal(got[:], want) {
				t.Fatalf("%s, %d: %x, %v, want %x", name, n, got, err, want)
			}
		}
		d.recordAD([]byte("header"), [][]byte{extra})
	}
}

// TestKeyedIsHMAC: states that were used before answer as new ones, for all at once.
func TestKeyedIsHMAC(t *testing.T) {
	key := bytes.Repeat([]byte{7}, keySize)
	k := newKeyed(key)
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for n := range 300 {
				field := bytes.Repeat([]byte{byte(worker)}, n*40) // some beyond what is kept
				h := hmac.New(sha256.New, key)
				h.Write(join([]byte("label"), field, nil))
				h.Write([]byte("end"))
				want := h.Sum([]byte("before"))
				if got := k.tag([]byte("before"), "label", [][]byte{field, nil}, "end"); !bytes.Equal(got, want) {
					t.Errorf("%d: %x, want %x", n, got, want)
					return
				}
			}
		})
	}
	wait.Wait()
	if got := k.tag(nil, "", nil, ""); !bytes.Equal(got, mac(key, nil)) {
		t.Errorf("of nothing: %x", got)
	}
}

// TestKeptMemoryIsWiped: nothing secret waits in scratch memory, and nothing large.
func TestKeptMemoryIsWiped(t *testing.T) {
	text := []byte("secret")
	if again := kept(text); !bytes.Equal(again[:cap(again)][:6], make([]byte, 6)) {
		t.Errorf("left %q", again)
	}
	if again := kept(make([]byte, maxKept+1)); again != nil {
		t.Errorf("kept %d bytes", len(again))
	}
}

// TestDerivationIsWiped: whatever was shorter than what it was written over.
func TestDerivationIsWiped(t *testing.T) {
	r := testRing(t, RingConfig{})
	for n := range 200 {
		d := new(derivation)
		secret, salt := bytes.Repeat([]byte{1}, keySize), [saltSize]byte{2}
		if _, err := d.key(secret, &salt, "label", bytes.Repeat([]byte{3}, n)); err != nil {
			t.Fatal(err)
		}
		d.recordAD([]byte{4}, nil)
		r.done(d)
		if left := bytes.Trim(d.text[:cap(d.text)], "\x00"); len(left) > 0 {
			t.Fatalf("extra salt of %d bytes: %x is left", n, left)
		}
	}
}

// TestDerivedKeysDoNotPrint: no verb of fmt shows what was derived and is kept.
func TestDerivedKeysDoNotPrint(t *testing.T) {
	ring := testRing(t, RingConfig{})
	p := ring.Purpose("p")
	mustSeal(t, p, nil, []byte("plain"))
	ix, _, err := p.NewIndex(nil)
	if err != nil {
		t.Fatal(err)
	}
	ix.MAC("lookup", []byte("part"))
	keys, err := ring.keys("p", ring.Primary())
	if err != nil {
		t.Fatal(err)
	}
	lookup := mac(ix.root()[:], join([]byte("index/v1"), []byte("lookup")))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, v := range []any{ring, *p, p, ix, keys, *keys, keys.mac, *keys.mac} {
			out := fmt.Sprintf(verb, v)
			for _, secret := range [][]byte{keys.key(), lookup} {
				for _, shown := range []string{"%d", "%x", "%#v", "%s", "%q"} {
					if text := strings.Trim(fmt.Sprintf(shown, secret[:8]), "[]{}\""); strings.Contains(out, text) {
						t.Errorf("%s prints %s", verb, out)
					}
				}
			}
		}
	}
}
