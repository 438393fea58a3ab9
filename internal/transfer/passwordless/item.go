package passwordless

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/fxamacker/cbor/v2"

	"github.com/keyturn/keyturn/webauthn"
)

// item reads attributes. One that is not there, or of another type, is its zero value.
type item map[string]types.AttributeValue

func (i item) text(name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func (i item) bytes(name string) []byte {
	if v, ok := i[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func (i item) texts(name string) (list []string) {
	v, ok := i[name].(*types.AttributeValueMemberL)
	if !ok {
		return nil
	}
	for _, member := range v.Value {
		if s, ok := member.(*types.AttributeValueMemberS); ok {
			list = append(list, s.Value)
		}
	}
	return list
}

func (i item) fields(name string) item {
	if v, ok := i[name].(*types.AttributeValueMemberM); ok {
		return v.Value
	}
	return nil
}

// flag reads 0 or 1, or a boolean.
func (i item) flag(name string) bool {
	switch v := i[name].(type) {
	case *types.AttributeValueMemberN:
		return v.Value != "0"
	case *types.AttributeValueMemberBOOL:
		return v.Value
	}
	return false
}

// count reads a signature counter. One that is there and none is an error: taking it for
// 0 would let a clone sign in.
func (i item) count(name string) (uint32, error) {
	switch v := i[name].(type) {
	case nil:
		return 0, nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseFloat(v.Value, 64)
		if err != nil || n < 0 || n > math.MaxUint32 || n != math.Trunc(n) {
			return 0, fmt.Errorf("passwordless: %s is no counter", name)
		}
		return uint32(n), nil
	}
	return 0, fmt.Errorf("passwordless: %s is no counter", name)
}

// moment reads an ISO date; zero when there is none.
func (i item) moment(name string) time.Time {
	at, err := time.Parse(time.RFC3339, i.text(name))
	if err != nil {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Millisecond)
}

// coseKey makes the COSE_Key (RFC 9052 §7) of a JSON Web Key (RFC 7518 §6).
func coseKey(jwk item) (key []byte, algorithm int64, err error) {
	number := func(name string) []byte {
		b, failed := base64.RawURLEncoding.DecodeString(jwk.text(name))
		if failed != nil || len(b) == 0 {
			err = errors.Join(err, fmt.Errorf("passwordless: the key's %s cannot be read", name))
		}
		return b
	}
	var members map[int64]any
	switch kty, crv := jwk.text("kty"), jwk.text("crv"); {
	case kty == "EC" && crv == "P-256":
		members = map[int64]any{1: 2, 3: webauthn.ES256, -1: 1, -2: number("x"), -3: number("y")}
	case kty == "RSA":
		members = map[int64]any{1: 3, 3: webauthn.RS256, -1: number("n"), -2: number("e")}
	default:
		return nil, 0, fmt.Errorf("passwordless: a key of type %q on curve %q", kty, crv)
	}
	if err != nil {
		return nil, 0, err
	}
	encoding, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, 0, err
	}
	if key, err = encoding.Marshal(members); err != nil {
		return nil, 0, err
	}
	algorithm, err = webauthn.KeyAlgorithm(key)
	said := map[string]int64{"ES256": webauthn.ES256, "RS256": webauthn.RS256}[jwk.text("alg")]
	if err == nil && jwk.text("alg") != "" && said != algorithm {
		err = errors.New("passwordless: the key is not of the algorithm that it names")
	}
	return key, algorithm, err
}
