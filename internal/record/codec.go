package record

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// codec turns facts into the bytes that are sealed: CBOR in its core deterministic
// encoding (RFC 8949 §4.2.1), read back strictly, so that one fact has one encoding.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode

	// What every sign-in reads or writes.
	account    shape[AccountFacts]
	credential shape[CredentialFacts]
	use        shape[UseFacts]
	session    shape[SessionFacts]
}

func newCodec() (codec, error) {
	eo := cbor.CoreDetEncOptions()
	eo.Time = cbor.TimeRFC3339NanoUTC
	eo.IndefLength = cbor.IndefLengthForbidden
	enc, err := eo.EncMode()
	if err != nil {
		return codec{}, fmt.Errorf("record: %w", err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   8,
	}.DecMode()
	if err != nil {
		return codec{}, fmt.Errorf("record: %w", err)
	}
	return codec{
		enc: enc, dec: dec,
		account: accountShape(), credential: credentialShape(), use: useShape(), session: sessionShape(),
	}, nil
}

// encode refuses facts that would not decode again (text that is not UTF-8, a year
// beyond 9999): once sealed, such a row would read as tampered with for ever.
func encode[T any](c codec, facts T) ([]byte, error) {
	b, err := c.enc.Marshal(facts)
	if err != nil {
		return nil, &Invalid{What: err.Error()}
	}
	var back T
	if err := c.dec.Unmarshal(b, &back); err != nil {
		return nil, &Invalid{What: err.Error()}
	}
	return b, nil
}

func decode[T any](c codec, b []byte) (T, error) {
	var facts T
	err := c.dec.Unmarshal(b, &facts)
	return facts, err
}

// milli is the precision at which rows keep time.
func milli(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// Invalid says that facts cannot be sealed: a caller's mistake, found before
// anything is written. Its Code is "facts_invalid".
type Invalid struct{ What string }

// Code is stable.
func (e *Invalid) Code() string { return "facts_invalid" }

func (e *Invalid) Error() string { return "record: facts_invalid: " + e.What }
