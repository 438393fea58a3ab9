package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Index keys what must not change value when R or S rotates: lookup keys, whose
// uniqueness the store enforces, decoys, and hashes of secrets. It is drawn once
// and stored sealed; rotation seals it again and leaves its value.
type Index struct {
	root hidden[*[keySize]byte]
	keys table[string, *keyed] // by purpose
}

// NewIndex draws an index root from the ring's randomness and seals it under p.
func (p *Purpose) NewIndex(ad [][]byte) (*Index, []byte, error) {
	root := new([keySize]byte)
	if _, err := io.ReadFull(p.ring.random, root[:]); err != nil {
		return nil, nil, fmt.Errorf("seal: drawing an index root: %w", err)
	}
	blob, err := p.Seal(ad, nil, root[:])
	if err != nil {
		return nil, nil, err
	}
	return &Index{root: hide(root)}, blob, nil
}

// OpenIndex opens what NewIndex sealed. Errors as Open.
func (p *Purpose) OpenIndex(ad [][]byte, blob []byte) (*Index, error) {
	root, err := p.Open(ad, nil, blob)
	if err != nil {
		return nil, err
	}
	if len(root) != keySize {
		return nil, ErrOpen
	}
	return &Index{root: hide((*[keySize]byte)(root))}, nil
}

// MAC is HMAC-SHA-256 over the parts under the index root's key of the purpose: 32
// bytes that are the same for ever.
func (ix *Index) MAC(purpose string, parts ...[]byte) []byte {
	return ix.key(purpose).tag(make([]byte, 0, sha256.Size), "", parts, "")
}

// Stream is n bytes that look random and depend only on purpose and parts. A
// shorter stream is a prefix of a longer one. n below 1 is no bytes.
func (ix *Index) Stream(purpose string, n int, parts ...[]byte) []byte {
	seed := ix.MAC(purpose, parts...)
	var out []byte
	for block := uint32(0); len(out) < n; block++ {
		out = append(out, mac(seed, binary.BigEndian.AppendUint32(nil, block))...)
	}
	return slices.Clip(out[:max(n, 0)])
}

// key is HMAC-SHA-256(index root, L{"index/v1", purpose}).
func (ix *Index) key(purpose string) *keyed {
	if k, ok := ix.keys.get(purpose); ok {
		return k
	}
	k := newKeyed(mac(ix.root()[:], join([]byte("index/v1"), []byte(purpose))))
	ix.keys.put(purpose, k)
	return k
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
