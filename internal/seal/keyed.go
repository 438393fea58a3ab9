package seal

import (
	"crypto/fips140"
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

// kept is scratch memory for the next call: wiped to its end, for what stood in it may be
// secret, and was longer than what stands there now.
func kept(text []byte) []byte {
	clear(text[:cap(text)])
	if cap(text) > maxKept {
		return nil
	}
	return text
}

// derivation is memory to derive the key of a record in, and to write its associated
// data. It is used again and again.
type derivation struct{ text []byte }

// key is HKDF-SHA-256(secret, salt, info = L{label, extra}), of the length of one hash.
//
// Where FIPS 140-3 is asked for, the toolchain's validated HKDF makes it. Elsewhere the
// two MACs that it is (RFC 5869 §2.2, §2.3) are spelled out over SHA-256: half of the
// time, and none of the memory, of what each record of each sign-in costs.
func (d *derivation) key(secret []byte, salt *[saltSize]byte, label string, extra []byte) ([keySize]byte, error) {
	if fips140.Enabled() {
		return d.validatedKey(secret, salt, label, extra)
	}
	d.text = append(append(d.text[:0], make([]byte, sha256.BlockSize)...), secret...)
	extracted := macInPlace(salt, d.text)
	d.text = appendFields(d.text[:sha256.BlockSize], []byte(label), extra)
	d.text = append(d.text, 1)
	return macInPlace(&extracted, d.text), nil
}

func (d *derivation) validatedKey(secret []byte, salt *[saltSize]byte, label string, extra []byte) ([keySize]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, salt[:], string(join([]byte(label), extra)), keySize)
	if err != nil {
		return [keySize]byte{}, fmt.Errorf("seal: deriving a record key: %w", err)
	}
	return [keySize]byte(key), nil
}

// macInPlace is HMAC-SHA-256 (FIPS 198-1 §4) of what stands in text behind the room for
// one block, which it overwrites.
func macInPlace(key *[sha256.Size]byte, text []byte) [sha256.Size]byte {
	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range sha256.BlockSize {
		text[i], outer[i] = 0x36, 0x5c
	}
	for i, k := range key {
		text[i] ^= k
		outer[i] ^= k
	}
	inner := sha256.Sum256(text)
	copy(outer[sha256.BlockSize:], inner[:])
	return sha256.Sum256(outer[:])
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
