package seal

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
)

// The format of a sealed record:
//
//	format (1) ‖ root version (4) ‖ server version (4) ‖ salt (32) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
//
// The record key is HKDF-SHA-256(K(purpose), salt, info = L{"record/v1", extra salt});
// the associated data is L{header, fields…}, where the header is all before the
// nonce and L precedes each field by its length (4 bytes, big-endian). A key per
// record lifts the bound that random nonces put on one key.
const (
	recordFormat = 1
	saltSize     = 32
	headerSize   = 1 + versionSize + saltSize
)

// Overhead is how much longer a sealed record is than its plaintext.
const Overhead = headerSize + SubOverhead

// SubOverhead is how much SealSub appends beyond the plaintext: nonce and tag.
const SubOverhead = 12 + 16

// Purpose seals, opens and authenticates for one purpose. It is safe for
// concurrent use.
type Purpose struct {
	ring *Ring
	name string
}

// Primary is the version that Seal and MAC use now, and SealSub should.
func (p *Purpose) Primary() Version { return p.ring.Primary() }

// Seal seals plaintext under a fresh record key. The same ad and extraSalt open
// it. extraSalt (nil for none) enters the key: whoever has lost it has lost the
// record, which is how a person's records are shredded.
func (p *Purpose) Seal(ad [][]byte, extraSalt, plaintext []byte) ([]byte, error) {
	v := p.ring.Primary()
	blob := make([]byte, headerSize, Overhead+len(plaintext))
	blob[0] = recordFormat
	v.Append(blob[1:1])
	if _, err := io.ReadFull(p.ring.random, blob[1+versionSize:]); err != nil {
		return nil, fmt.Errorf("seal: drawing a salt: %w", err)
	}
	d := p.ring.derivation()
	defer p.ring.done(d)
	aead, err := p.recordAEAD(d, v, blob[1+versionSize:], extraSalt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(blob, nil, plaintext, d.recordAD(blob, ad)), nil
}

// Open is the inverse of Seal. It answers ErrOpen for bytes that do not open and
// *VersionError for a version that is not in the ring.
func (p *Purpose) Open(ad [][]byte, extraSalt, blob []byte) ([]byte, error) {
	if len(blob) < Overhead || blob[0] != recordFormat {
		return nil, ErrOpen
	}
	header := blob[:headerSize]
	v, _ := ParseVersion(header[1 : 1+versionSize])
	d := p.ring.derivation()
	defer p.ring.done(d)
	aead, err := p.recordAEAD(d, v, header[1+versionSize:], extraSalt)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, blob[headerSize:], d.recordAD(header, ad))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

func (p *Purpose) recordAEAD(d *derivation, v Version, salt, extraSalt []byte) (cipher.AEAD, error) {
	k, err := p.ring.keys(p.name, v)
	if err != nil {
		return nil, err
	}
	key, err := d.key(k.key(), (*[saltSize]byte)(salt), "record/v1", extraSalt)
	if err != nil {
		return nil, err
	}
	return newAEAD(key[:])
}

// tagSize is the length of a tag: format ‖ version ‖ HMAC-SHA-256.
const tagSize = 1 + versionSize + sha256.Size

// MAC authenticates a list of parts. The tag names the keys it was made with, so
// it verifies after a rotation. It is 41 bytes.
func (p *Purpose) MAC(parts ...[]byte) ([]byte, error) {
	return p.mac(p.ring.Primary(), parts)
}

// Verify answers nil when tag is MAC's over the same parts, ErrOpen when it is
// not, and *VersionError when its keys are not in the ring.
func (p *Purpose) Verify(tag []byte, parts ...[]byte) error {
	if len(tag) != tagSize || tag[0] != recordFormat {
		return ErrOpen
	}
	v, _ := ParseVersion(tag[1 : 1+versionSize])
	want, err := p.mac(v, parts)
	if err != nil {
		return err
	}
	if !hmac.Equal(tag, want) {
		return ErrOpen
	}
	return nil
}

func (p *Purpose) mac(v Version, parts [][]byte) ([]byte, error) {
	k, err := p.ring.keys(p.name, v)
	if err != nil {
		return nil, err
	}
	tag := v.Append(append(make([]byte, 0, tagSize), recordFormat))
	// The label keeps a MAC apart from an HKDF extraction under the same key.
	return k.mac.tag(tag, "mac/v1", parts, ""), nil
}

// Sub names a key below a purpose and what is sealed under it.
type Sub struct {
	Version Version  // Primary() to seal; what the header says to open
	Info    [][]byte // the key is HKDF-SHA-256(K(purpose), info = L{"sub/v1", Info…})
	AD      [][]byte // associated data, L{AD…}
}

// SealSub appends nonce ‖ ciphertext ‖ tag to dst. The caller writes the version
// into a header of its own, and binds that header by AD. Info must be unique or
// nearly so: the nonce is random, and one key should seal few messages.
func (p *Purpose) SealSub(dst []byte, s Sub, plaintext []byte) ([]byte, error) {
	aead, err := p.subAEAD(s)
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, nil, plaintext, join(s.AD...)), nil
}

// OpenSub opens what SealSub appended. Errors as Open.
func (p *Purpose) OpenSub(s Sub, sealed []byte) ([]byte, error) {
	aead, err := p.subAEAD(s)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, sealed, join(s.AD...))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

func (p *Purpose) subAEAD(s Sub) (cipher.AEAD, error) {
	key, err := p.subKey(s)
	if err != nil {
		return nil, err
	}
	return newAEAD(key)
}

// subKey is the second half of HKDF (RFC 5869 §2.3): keySize is one block, the first.
func (p *Purpose) subKey(s Sub) ([]byte, error) {
	k, err := p.ring.keys(p.name, s.Version)
	if err != nil {
		return nil, err
	}
	return k.expand.tag(make([]byte, 0, keySize), "sub/v1", s.Info, "\x01"), nil
}
