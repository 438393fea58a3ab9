package webauthn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// Limits of CBOR. No structure here needs more entries; the limit keeps the
// search for duplicate keys small.
const (
	maxCBORDepth         = 4 // CTAP2's own
	maxCBORDepthCompound = 8 // §8.9 holds whole statements
	maxCBOREntries       = 64
)

// CBOR major types (RFC 8949 §3.1).
const (
	majorUnsigned = 0
	majorNegative = 1
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorMap      = 5
	majorSimple   = 7
)

var errCBOR = errors.New("not canonical CBOR")

// cborRules is how strictly an item is read. In every case lengths are definite,
// integers and lengths in their shortest form, keys unique, text valid UTF-8, and
// there are no tags and no floating point numbers: the CTAP2 canonical form but
// for the order of map keys.
type cborRules struct {
	depth int
	// ordered demands the canonical order of keys too. Authenticators keep it in
	// what they sign; clients that put the attestation object together do not.
	ordered bool
}

// cborHead reads the head of an item: major type, argument, and the number of bytes.
func cborHead(b []byte) (major byte, arg uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, errCBOR
	}
	major, info := b[0]>>5, b[0]&31
	if info < 24 {
		return major, uint64(info), 1, nil
	}
	if info > 27 || major == majorSimple {
		return 0, 0, 0, errCBOR // indefinite, reserved, float, or a simple value nobody uses
	}
	size := 1 << (info - 24)
	if len(b) < 1+size {
		return 0, 0, 0, errCBOR
	}
	var buf [8]byte
	copy(buf[8-size:], b[1:1+size])
	arg = binary.BigEndian.Uint64(buf[:])
	least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if arg < least {
		return 0, 0, 0, errCBOR
	}
	return major, arg, 1 + size, nil
}

// item returns the length of the first item of b.
func (r cborRules) item(b []byte) (int, error) {
	major, arg, n, err := cborHead(b)
	if err != nil {
		return 0, err
	}
	switch major {
	case majorUnsigned, majorNegative:
		return n, nil
	case majorBytes, majorText:
		if arg > uint64(len(b)-n) {
			return 0, errCBOR
		}
		end := n + int(arg)
		if major == majorText && !utf8.Valid(b[n:end]) {
			return 0, errCBOR
		}
		return end, nil
	case majorArray:
		return r.array(b, n, arg)
	case majorMap:
		return r.entries(b, func(_, _ []byte) error { return nil })
	case majorSimple:
		if arg < 20 || arg > 22 {
			return 0, errCBOR // not false, true or null
		}
		return n, nil
	}
	return 0, errCBOR // a tag
}

// array returns the length of an array of count items that begin at n.
func (r cborRules) array(b []byte, n int, count uint64) (int, error) {
	if r.depth == 0 || count > maxCBOREntries {
		return 0, errCBOR
	}
	r.depth--
	for range count {
		size, err := r.item(b[n:])
		if err != nil {
			return 0, err
		}
		n += size
	}
	return n, nil
}

// entries reads a map and calls entry with each encoded key and value. It returns
// the length of the map.
func (r cborRules) entries(b []byte, entry func(key, value []byte) error) (int, error) {
	major, count, n, err := cborHead(b)
	if err != nil || major != majorMap || r.depth == 0 || count > maxCBOREntries {
		return 0, errCBOR
	}
	r.depth--
	var room [8][]byte
	keys := room[:0]
	for range count {
		k, err := r.item(b[n:])
		if err != nil || !named(b[n]) {
			return 0, errCBOR
		}
		v, err := r.item(b[n+k:])
		if err != nil {
			return 0, err
		}
		key := b[n : n+k]
		if !r.fits(keys, key) {
			return 0, errCBOR
		}
		keys = append(keys, key)
		if err := entry(key, b[n+k:n+k+v]); err != nil {
			return 0, err
		}
		n += k + v
	}
	return n, nil
}

// named reports whether the head of a map's key is one of an integer or a text:
// nothing that comes here names members by anything else.
func named(head byte) bool {
	major := head >> 5
	return major == majorUnsigned || major == majorNegative || major == majorText
}

// fits reports whether key may follow keys: new, and if order matters, greater than
// the last. CTAP2 orders by major type, then length, then bytes; as major type and
// length lead every shortest encoding, that is the order of the bytes.
func (r cborRules) fits(keys [][]byte, key []byte) bool {
	if r.ordered {
		return len(keys) == 0 || bytes.Compare(keys[len(keys)-1], key) < 0
	}
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return false
		}
	}
	return true
}

// cborInt returns the integer that item encodes, if it is one that fits.
func cborInt(item []byte) (int64, bool) {
	major, arg, n, err := cborHead(item)
	if err != nil || n != len(item) || major > majorNegative || arg > 1<<62 {
		return 0, false
	}
	if major == majorNegative {
		return -1 - int64(arg), true
	}
	return int64(arg), true
}

// cborString returns the content of a byte or text string.
func cborString(item []byte, major byte) ([]byte, bool) {
	m, arg, n, err := cborHead(item)
	if err != nil || m != major || arg != uint64(len(item)-n) {
		return nil, false
	}
	return item[n:], true
}
