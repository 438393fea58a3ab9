// Package seal keeps secrets and seals bytes with them.
//
// It owns the hierarchy of keys: a data root R, stored wrapped by a KMS key; a
// server key S of separate custody; a key per purpose derived from both; a key
// per record derived from that. Whoever holds only one of R and S opens nothing.
// It owns the format of a sealed blob and the providers that wrap a root.
//
// It hides every key: none leaves as bytes, callers hold handles (Ring, Purpose,
// Index) and get back sealed bytes, opened bytes, or tags.
//
// It never decides what is sealed or what a row means, never stores anything
// except a key file it is told to create, and never falls back: a missing key
// version is an error, not a default. AES-256-GCM, HMAC-SHA-256 and SHA-256 are the
// standard library's, with nonces drawn by it. So is HKDF-SHA-256 for the keys that
// live long; for a key per record its two steps are spelled out (keyed.go), but where
// FIPS 140-3 is asked for: there the toolchain's validated one makes record keys too.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// keySize is the length of every key here, in bytes.
const keySize = 32

// ErrOpen says that bytes do not open: they are not what was sealed under this
// key and this associated data. Why is not told, and could not be.
var ErrOpen = errors.New("seal: does not open")

// ErrWrap says that a wrapped root does not unwrap under the provider's key.
var ErrWrap = errors.New("seal: wrapped key does not unwrap")

// ErrServerKey stands beside ErrWrap when the key that does not fit is the server
// key, because there is no KMS (NoKMS).
var ErrServerKey = errors.New("seal: another server key wrapped it")

// hidden keeps a secret out of sight: fmt shows an address for a function, whatever
// the verb and however deep the value stands, while it follows pointers.
type hidden[T any] func() T

func hide[T any](secret T) hidden[T] { return func() T { return secret } }

// Version names the two keys that a blob was sealed under.
type Version struct {
	Root   uint32 // of the data root R
	Server uint32 // of the server key S
}

// versionSize is the length of an encoded Version.
const versionSize = 8

// Append appends the 8 bytes of v: root and server version, big-endian.
func (v Version) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, v.Root)
	return binary.BigEndian.AppendUint32(b, v.Server)
}

// ParseVersion reads what Append wrote. ok is false unless b has 8 bytes.
func ParseVersion(b []byte) (v Version, ok bool) {
	if len(b) != versionSize {
		return Version{}, false
	}
	return Version{Root: binary.BigEndian.Uint32(b), Server: binary.BigEndian.Uint32(b[4:])}, true
}

// VersionError says that a key version is not in the ring: it was never there, it
// is gone, or this process has not loaded it yet.
type VersionError struct{ Version Version }

func (e *VersionError) Error() string {
	return fmt.Sprintf("seal: no key for root version %d with server key version %d", e.Version.Root, e.Version.Server)
}

// join encodes a list of fields so that no two lists are equal: each field is
// preceded by its length.
func join(fields ...[]byte) []byte {
	n := 0
	for _, f := range fields {
		n += 4 + len(f)
	}
	return appendFields(slices.Grow([]byte(nil), n), fields...)
}

func appendFields(b []byte, fields ...[]byte) []byte {
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}
