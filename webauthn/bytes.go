package webauthn

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// Bytes is a byte string that stands in JSON as base64url without padding, as
// Base64URLString of Level 3 §5.1. Decoding is strict, so that one value has one
// text: no padding, no '+' or '/', no white space, no spare bits that are set.
type Bytes []byte

var errBase64 = errors.New("not base64url without padding")

// strict64 refuses spare bits. It is a value of a foreign type that cannot be changed.
var strict64 = base64.RawURLEncoding.Strict()

// MarshalText encodes; the error is always nil.
func (b Bytes) MarshalText() ([]byte, error) {
	return strict64.AppendEncode(nil, b), nil
}

// UnmarshalText decodes strictly. An empty text is the empty byte string.
func (b *Bytes) UnmarshalText(text []byte) error {
	v := make([]byte, strict64.DecodedLen(len(text)))
	if err := decode64(v, text); err != nil {
		return err
	}
	*b = v
	return nil
}

// decode64 decodes strictly into out, which has the length that the text says. The
// standard decoder skips line breaks, so they are looked for here.
func decode64(out, text []byte) error {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return errBase64
	}
	if n, err := strict64.Decode(out, text); err != nil || n != len(out) {
		return errBase64
	}
	return nil
}
