package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
)

// fill gives every field below v a value, or, one time in three, none. Lists are never
// nil where the answer's are not.
func fill(v reflect.Value, random *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), random)
		}
	case reflect.Pointer:
		if random.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), random)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			fill(v.Index(i), random)
		}
	case reflect.Map:
		if random.IntN(3) > 0 {
			v.Set(reflect.ValueOf(map[string]any{"credProps": true, "a<b": "c"}))
		}
	case reflect.String:
		texts := []string{
			"", "ana", "a \"b\" \\ c", "Grüße \u2028 \U0001f511", "<script>&'", "\xff\xfe cut", "a\x00\n\t\x1f\x7f", "public-key",
		}
		v.SetString(texts[random.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(random.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(random.IntN(3)) * (random.Int64() - random.Int64()))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(random.IntN(256)))
	default:
		panic("httpapi: nothing fills a " + v.Kind().String())
	}
}

// TestEncodesLikeEncodingJSON: the answers that write themselves are byte for byte what
// their types say, so a member that is added to a type and forgotten here is found.
func TestEncodesLikeEncodingJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var request webauthn.RequestOptions
		var creation webauthn.CreationOptions
		var issued tokenAnswer
		for _, v := range []any{&request, &creation, &issued} {
			fill(reflect.ValueOf(v).Elem(), random)
		}
		for _, out := range []answer{options{request}, options{creation}, options{&request}, issued, &issued, emailDone{tokenAnswer: &issued, ReturnTo: "/"}} {
			want, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(out); string(got) != string(want)+"\n" {
				t.Fatalf("%T:\n got %s\nwant %s", out, got, want)
			}
		}
	}
	for _, out := range []answer{options{webauthn.RequestOptions{}}, options{webauthn.CreationOptions{}}} {
		if want, err := json.Marshal(out); err != nil || string(encode(out)) != string(want)+"\n" {
			t.Errorf("zero %T: %s, want %s", out, encode(out), want)
		}
	}
}

// TestEncodesOnce: the answers of a ceremony do not go through encoding/json, which
// takes several allocations for each.
func TestEncodesOnce(t *testing.T) {
	for _, out := range []answer{
		options{webauthn.RequestOptions{Challenge: make([]byte, 200), RPID: "example.org", AllowCredentials: []webauthn.Descriptor{{Type: "public-key", ID: make([]byte, 32)}}}},
		tokenAnswer{Session: sessionAnswer{ID: "a", AMR: []string{"hwk", "user"}}, Passkey: &passkeyAnswer{}},
	} {
		if n := testing.AllocsPerRun(10, func() { encode(out) }); n > 1 {
			t.Errorf("%s: %v allocations, want the text's own", fmt.Sprintf("%T", out), n)
		}
	}
}
