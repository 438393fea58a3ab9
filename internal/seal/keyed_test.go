package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
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
