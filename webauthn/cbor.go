package webauthn

import (
	"bytes"
	"errors"
	"math"
	"math/big"

	"github.com/fxamacker/cbor/v2"
)

// Limits of CBOR. No structure here needs more entries; the limit keeps the work
// on what strangers send small.
const (
	maxCBORDepth         = 4 // CTAP2's own
	maxCBORDepthCompound = 8 // §8.9 holds whole statements
	maxCBOREntries       = 64
)

var errCBOR = errors.New("not canonical CBOR")

// cborRules is how strictly an item is read. In every case lengths are definite,
// integers and lengths in their shortest form, keys unique and of integers or text,
// text valid UTF-8, and there are no tags and no floating point numbers: the CTAP2
// canonical form but for the order of map keys.
type cborRules struct {
	dec cbor.DecMode
	// ordered demands the canonical order of keys too. Authenticators keep it in
	// what they sign; clients that put the attestation object together do not.
	ordered bool
}

// The modes of the library never change; making them anew for every item would cost
// more than reading it.
var (
	cborEncoding = encodingMode()

	authenticatorCBOR = cborRules{dec: decodingMode(maxCBORDepth), ordered: true}
	clientCBOR        = cborRules{dec: decodingMode(maxCBORDepth)}
	compoundCBOR      = cborRules{dec: decodingMode(maxCBORDepthCompound)}
)

func encodingMode() cbor.EncMode {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constants: no input leads here
	}
	return mode
}

// decodingMode refuses on its own what is not well-formed, too deep or too long,
// indefinite, tagged, a key that comes twice, text that is not UTF-8, and every
// simple value but false, true and null.
func decodingMode(depth int) cbor.DecMode {
	var refused []func(*cbor.SimpleValueRegistry) error
	for v := range 256 {
		if reserved := v >= 24 && v < 32; !reserved && (v < 20 || v > 22) {
			refused = append(refused, cbor.WithRejectedSimpleValue(cbor.SimpleValue(v)))
		}
	}
	simple, err := cbor.NewSimpleValueRegistryFromDefaults(refused...)
	if err != nil {
		panic(err) // as in encodingMode
	}
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  depth,
		MaxArrayElements: maxCBOREntries,
		MaxMapPairs:      maxCBOREntries,
		SimpleValues:     simple,
	}.DecMode()
	if err != nil {
		panic(err) // as in encodingMode
	}
	return mode
}

// item decodes the first item of b and returns how long it is. Integers come as
// uint64 or int64 by their sign, byte strings as []byte, maps as map[any]any.
//
// Whether the form is canonical shows when the value is encoded again. Where order
// does not matter the length shows it: maps have the same length in any order, and
// whatever is not in its shortest form makes the item longer.
func (r cborRules) item(b []byte) (value any, n int, err error) {
	rest, err := r.dec.UnmarshalFirst(b, &value)
	if err != nil || !plain(value) {
		return nil, 0, errCBOR
	}
	n = len(b) - len(rest)
	again, err := cborEncoding.Marshal(value)
	if err != nil || len(again) != n || r.ordered && !bytes.Equal(again, b[:n]) {
		return nil, 0, errCBOR
	}
	return value, n, nil
}

// entries decodes the first item of b, which must be a map.
func (r cborRules) entries(b []byte) (m map[any]any, n int, err error) {
	value, n, err := r.item(b)
	if err != nil {
		return nil, 0, err
	}
	m, ok := value.(map[any]any)
	if !ok {
		return nil, 0, errCBOR
	}
	return m, n, nil
}

// plain refuses what the library has no option against: floating point numbers, and
// keys that are neither integers nor text. Nothing that comes here names members by
// anything else.
func plain(value any) bool {
	switch v := value.(type) {
	case nil, bool, uint64, int64, big.Int, []byte, string:
		return true
	case []any:
		for _, e := range v {
			if !plain(e) {
				return false
			}
		}
		return true
	case map[any]any:
		for k, e := range v {
			switch k.(type) {
			case uint64, int64, string:
			default:
				return false
			}
			if !plain(e) {
				return false
			}
		}
		return true
	}
	return false
}

// cborInt returns a decoded integer, if value is one that fits.
func cborInt(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), true
		}
	}
	return 0, false
}
