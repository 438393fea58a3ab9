package webauthn

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzForms: what is read by its bytes is read as the library reads it, and nothing of
// the kind is left to the library.
func FuzzForms(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s.Parsed.Response.AttestationObject))
	}
	flipped := false
	for _, k := range vectorKeys(f) {
		f.Add(k)
		f.Add(append(bytes.Clone(k), 0xa0)) // extension outputs follow
		if es256First(k) == nil || flipped {
			continue
		}
		flipped = true
		for i := range k { // each byte of the form, and points that are on no curve
			other := bytes.Clone(k)
			other[i] ^= 1
			f.Add(other)
		}
		f.Add(k[:len(k)-1])
		outside := bytes.Clone(k) // a coordinate that is not below the prime
		copy(outside[len(es256Head):], bytes.Repeat([]byte{0xff}, coordinate))
		f.Add(outside)
	}
	f.Add([]byte(noneHead))
	for _, length := range []string{
		"", "\x40", "\x41\x00", "\x57" + string(make([]byte, 23)), "\x58\x17" + string(make([]byte, 23)), "\x58\x18" + string(make([]byte, 24)),
		"\x59\x00\x18" + string(make([]byte, 24)), "\x59\x01\x00" + string(make([]byte, 256)), "\x5a\x00\x00\x00\x18" + string(make([]byte, 24)),
		"\x58", "\x58\xff", "\x59", "\x59\x01", "\x58\x18" + string(make([]byte, 25)), "\x78\x18" + string(make([]byte, 24)),
	} {
		f.Add([]byte(noneHead + length))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := noneObject(b); o != nil {
			if other, err := anyAttestationObject(b); err != nil || !reflect.DeepEqual(o, other) {
				t.Fatalf("%x is taken for %+v, and is %+v, %v", b, o, other, err)
			}
		}
		value, n, err := authenticatorCBOR.item(b)
		members, _ := value.(map[any]any)
		library := &coseKey{raw: b[:n], members: members}
		key := es256First(b)
		if key == nil {
			if other, err := library.parse(); err == nil && other.algorithm == ES256 {
				t.Fatalf("%x is a key of ES256 and not seen to be one", b)
			}
			return
		}
		if err != nil || !bytes.Equal(key, b[:n]) {
			t.Fatalf("%x is taken for a key of ES256: %v", b, err)
		}
		mine, errMine := es256(key)
		theirs, errTheirs := library.parse()
		if (errMine == nil) != (errTheirs == nil) || !reflect.DeepEqual(mine, theirs) {
			t.Fatalf("%x makes %+v, %v and %+v, %v", b, mine, errMine, theirs, errTheirs)
		}
	})
}

// TestPlainForms: what is by far the commonest needs no library.
func TestPlainForms(t *testing.T) {
	keys, objects := 0, 0
	for _, s := range seeds(t) {
		if noneObject(s.Parsed.Response.AttestationObject) != nil {
			objects++
		}
	}
	for _, k := range vectorKeys(t) {
		if es256First(k) != nil {
			keys++
		}
	}
	if keys == 0 || objects == 0 {
		t.Errorf("%d keys, %d objects", keys, objects)
	}
}
