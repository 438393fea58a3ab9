package transfer

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// codec writes CBOR in its core deterministic encoding (RFC 8949 §4.2.1) and reads it
// strictly: what a file says has one form, and an unknown member is refused, not lost.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func newCodec() (codec, error) {
	how := cbor.CoreDetEncOptions()
	how.Time = cbor.TimeRFC3339NanoUTC
	enc, err := how.EncMode()
	if err != nil {
		return codec{}, fmt.Errorf("transfer: %w", err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, MaxNestedLevels: 8,
	}.DecMode()
	if err != nil {
		return codec{}, fmt.Errorf("transfer: %w", err)
	}
	return codec{enc, dec}, nil
}
