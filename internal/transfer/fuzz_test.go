package transfer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/record"
)

// FuzzFrames: whatever stands in a file, every refusal is a FileError, and nothing is
// handed over that the signer did not sign.
func FuzzFrames(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := ed25519.PublicKey(key[ed25519.SeedSize:])
	codec, err := newCodec()
	must(f, err)
	var whole bytes.Buffer
	whole.WriteString(magic)
	w := frames{codec: codec, to: &whole, sign: func(b []byte) []byte { return ed25519.Sign(key, b) }}
	must(f, w.write(frameHeader, header{Edition: edition, ID: make([]byte, 16), Made: start, Signer: public, RPID: rpID}))
	must(f, w.write(frameAccount, person(1, 2)))
	must(f, w.write(frameEnd, end{1, 2}))
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()-1])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := &unframes{codec: codec, from: bytes.NewReader(b), signer: public}
		_, err := u.begin()
		for n := 0; err == nil; n++ {
			var content []byte
			if _, content, err = u.next(); err != nil {
				break
			}
			if !bytes.Contains(whole.Bytes(), content) {
				t.Fatalf("part %d was never signed", n)
			}
			var m record.Moving
			_ = codec.dec.Unmarshal(content, &m) // must not panic
		}
		var refused *FileError
		if !errors.As(err, &refused) {
			t.Fatalf("error %v", err)
		}
	})
}
