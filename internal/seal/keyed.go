package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"maps"
	"sync"
	"sync/atomic"
)

// maxKept bounds the scratch memory that is kept for the next call, in bytes.
const maxKept = 8 << 10

// keyed is HMAC-SHA-256 under a key that lives long. States that have taken in the key
// are kept and used again, which FIPS 198-1 §6 permits: a tag then costs a third of what
// it costs from the key, and no memory.
type keyed struct{ idle hidden[*sync.Pool] } // of *keyedState

type keyedState struct {
	mac  hash.Hash
	text []byte
}

func newKeyed(key []byte) *keyed {
	return &keyed{hide(&sync.Pool{New: func() any { return &keyedState{mac: hmac.New(sha256.New, key)} }})}
}

// tag appends the MAC of L{label, fields…} ‖ end to dst. An empty label is no field.
func (k *keyed) tag(dst []byte, label string, fields [][]byte, end string) []byte {
	s := k.idle().Get().(*keyedState)
	text := s.text[:0]
	if label != "" {
		text = appendFields(text, []byte(label))
	}
	text = append(appendFields(text, fields...), end...)
	s.mac.Reset()
	s.mac.Write(text)
	dst = s.mac.Sum(dst)
	s.text = kept(text)
	k.idle().Put(s)
	return dst
}

// kept is scratch memory for the next call: wiped, for what stood in it may be secret.
func kept(text []byte) []byte {
	clear(text)
	if cap(text) > maxKept {
		return nil
	}
	return text
}

// derivation is the memory of one record's key and associated data, to be used again.
type derivation struct {
	digests [6]hash.Hash // as many as HKDF asks for
	used    int
	fresh   func() hash.Hash
	text    []byte
}

func newDerivation() *derivation {
	d := &derivation{}
	for i := range d.digests {
		d.digests[i] = sha256.New()
	}
	d.fresh = func() hash.Hash {
		if d.used == len(d.digests) {
			return sha256.New()
		}
		d.used++
		return d.digests[d.used-1]
	}
	return d
}

// key is HKDF-SHA-256(secret, salt, info = L{label, extra}). The digests that HKDF works
// with are our own: drawn anew they cost a quarter of its time and half of its memory.
func (d *derivation) key(secret, salt []byte, label string, extra []byte) ([]byte, error) {
	d.text = appendFields(d.text[:0], []byte(label), extra)
	key, err := hkdf.Key(d.fresh, secret, salt, string(d.text), keySize)
	for i := range d.used {
		d.digests[i].Reset()
	}
	d.used, d.text = 0, kept(d.text)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving a record key: %w", err)
	}
	return key, nil
}

// recordAD is L{header, fields…}, until the derivation is used again.
func (d *derivation) recordAD(header []byte, fields [][]byte) []byte {
	d.text = appendFields(appendFields(d.text[:0], header), fields...)
	return d.text
}

// table is a map that is read all the time and grows seldom. The zero table is empty.
type table[K comparable, V any] struct {
	mu  sync.Mutex // held to grow
	now atomic.Pointer[map[K]V]
}

func (t *table[K, V]) get(key K) (value V, ok bool) {
	m := t.now.Load()
	if m == nil {
		return value, false
	}
	value, ok = (*m)[key]
	return value, ok
}

func (t *table[K, V]) put(key K, value V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[K]V{key: value}
	if m := t.now.Load(); m != nil {
		next = maps.Clone(*m)
		next[key] = value
	}
	t.now.Store(&next)
}
