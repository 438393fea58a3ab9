package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// shaped runs a test for each kind of facts that is coded by hand.
func shaped(t *testing.T, run func(t *testing.T, c coder)) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range coders(c) {
		t.Run(one.facts.Name(), func(t *testing.T) { run(t, one) })
	}
}

// coder is a shape without its type, and the library beside it.
type coder struct {
	facts  reflect.Type
	shape  []shapeField
	encode func(facts any) ([]byte, error)
	decode func(b []byte) (any, error)
	// The library's answers.
	marshal   func(facts any) ([]byte, error)
	unmarshal func(b []byte) (any, error)
}

type shapeField struct {
	key      uint64
	leftsOut bool
}

func coders(c codec) []coder {
	return []coder{coderOf(c, c.account), coderOf(c, c.credential), coderOf(c, c.use), coderOf(c, c.session), coderOf(c, wayShape())}
}

func coderOf[T any](c codec, s shape[T]) coder {
	one := coder{
		facts:   reflect.TypeFor[T](),
		encode:  func(facts any) ([]byte, error) { return s.encode(facts.(T)) },
		decode:  func(b []byte) (any, error) { return s.decode(b) },
		marshal: c.enc.Marshal,
		unmarshal: func(b []byte) (any, error) {
			var facts T
			err := c.dec.Unmarshal(b, &facts)
			return facts, err
		},
	}
	for _, f := range s {
		one.shape = append(one.shape, shapeField{f.key, f.absent != nil})
	}
	return one
}

// TestShapesAreTheTags: a shape has the fields of its struct, and leaves out the same.
func TestShapesAreTheTags(t *testing.T) {
	shaped(t, func(t *testing.T, c coder) {
		var want []shapeField
		for i := range c.facts.NumField() {
			key, rest, _ := strings.Cut(c.facts.Field(i).Tag.Get("cbor"), ",")
			var f shapeField
			if _, err := fmt.Sscan(key, &f.key); err != nil {
				t.Fatal(err)
			}
			f.leftsOut = strings.Contains(rest, "omit")
			want = append(want, f)
		}
		if !reflect.DeepEqual(c.shape, want) {
			t.Errorf("got  %v\nwant %v", c.shape, want)
		}
	})
}

// TestShapesAreTheLibrarys: the same bytes for the same facts, and the same facts back.
func TestShapesAreTheLibrarys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	shaped(t, func(t *testing.T, c coder) {
		for n := range 2000 {
			made := reflect.New(c.facts).Elem()
			fill(random, made, n%3)
			want, err := c.marshal(made.Interface())
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.encode(made.Interface())
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%+v, %v\ngot  %x\nwant %x", made, err, got, want)
			}
			agree(t, c, got)
			bent := bytes.Clone(got)
			bent[random.IntN(len(bent))] ^= 1 << random.IntN(8)
			agree(t, c, bent)
			agree(t, c, got[:random.IntN(len(got))])
			agree(t, c, append(got, byte(random.Uint32())))
		}
	})
}

// agree fails unless what the shape reads is what the library reads, and the shape reads
// all that the library reads and would write so.
func agree(t *testing.T, c coder, b []byte) {
	t.Helper()
	want, libraryErr := c.unmarshal(b)
	got, err := c.decode(bytes.Clone(b))
	if err == nil && (libraryErr != nil || !reflect.DeepEqual(got, want)) {
		t.Fatalf("%x\ngot  %+v\nwant %+v, %v", b, got, want, libraryErr)
	}
	if err == nil {
		return
	}
	if !errors.Is(err, errMalformed) || !reflect.ValueOf(got).IsZero() {
		t.Fatalf("%x: %+v, %v", b, got, err)
	}
	if libraryErr == nil {
		if again, marshalErr := c.marshal(want); marshalErr == nil && bytes.Equal(again, b) {
			t.Fatalf("refused %x", b)
		}
	}
}

// fill sets every field: to nothing (density 0), to anything, or to something (2).
func fill(random *rand.Rand, v reflect.Value, density int) {
	numbers := []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxInt32, random.Uint64()}
	number := numbers[random.IntN(len(numbers))]
	if density == 2 {
		number |= 1
	}
	length := []int{0, 1, 23, 24, 31, 260}[random.IntN(6)]
	if v.Type() == reflect.TypeFor[time.Time]() {
		if density > 0 {
			second := int64(random.Uint64N(250_000_000_000)) - 60_000_000_000
			v.Set(reflect.ValueOf(time.Unix(second, int64([]int{0, 120_000_000, 123_456_789}[random.IntN(3)])).UTC()))
		}
		return
	}
	if density == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(random, v.Field(i), density)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(random.IntN(256)))
		}
	case reflect.Slice:
		if length > 0 || number%2 == 0 {
			if v.Type().Elem().Kind() != reflect.Uint8 {
				length %= 27
			}
			v.Set(reflect.MakeSlice(v.Type(), length, length))
		}
		for i := range v.Len() {
			fill(random, v.Index(i), density)
		}
	case reflect.Bool:
		v.SetBool(density == 2 || number%2 == 0)
	case reflect.String:
		v.SetString(strings.Repeat("é", length/2) + strings.Repeat("x", length%2))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(number))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(number & (math.MaxUint64 >> (64 - v.Type().Bits())))
	default:
		panic(v.Kind())
	}
}

// FuzzShapes: what nobody wrote reads as the library reads it, or not at all.
func FuzzShapes(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	all := coders(c)
	for i := range all {
		for density := range 3 {
			made := reflect.New(all[i].facts).Elem()
			fill(rand.New(rand.NewPCG(3, uint64(density))), made, density)
			b, err := all[i].encode(made.Interface())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) { agree(t, all[int(which)%len(all)], b) })
}

// TestShapesRefuseToWrite: what could not be read again is never sealed, whichever field
// says it.
func TestShapesRefuseToWrite(t *testing.T) {
	shaped(t, func(t *testing.T, c coder) {
		for i := range c.facts.NumField() {
			made := reflect.New(c.facts).Elem()
			switch f := made.Field(i).Addr().Interface().(type) {
			case *time.Time:
				*f = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
			case *[]string:
				*f = []string{"x", "\xff"}
			default:
				if made.Field(i).Kind() != reflect.String {
					continue
				}
				made.Field(i).SetString("\xff")
			}
			var invalid *Invalid
			if _, err := c.encode(made.Interface()); !errors.As(err, &invalid) {
				t.Errorf("%s: %v", c.facts.Field(i).Name, err)
			}
		}
	})
}

func TestShapesRefuseToRead(t *testing.T) {
	s, account := useShape(), accountShape()
	read := func(text string) error {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.decode(b); err == nil {
			return nil
		}
		_, err = account.decode(b)
		return err
	}
	for name, text := range map[string]string{
		"both fields": "a2 01 01 02 00", "one that is left out": "a1 02 00", "none": "a0", "an empty one": "a1 03 f4",
		"the most": "a1 01 1a ffffffff", "a time": "a1 0d 74 323032362d31312d32315431323a30303a30305a", "no time": "a1 0d f6",
	} {
		if err := read(strings.ReplaceAll(text, " ", "")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "no map": "00", "an array": "80", "fewer than announced": "a2 01 01", "more than announced": "a0 00",
		"other order": "a2 02 00 01 01", "twice": "a2 01 01 01 01", "unknown": "a1 18 63 00", "unknown before": "a2 00 00 01 01",
		"key that is text": "a1 61 31 01", "key below zero": "a1 20 01",
		"longer than needed": "a1 01 18 17", "two bytes for one": "a1 01 19 00ff", "four for two": "a1 01 1a 0000ffff",
		"eight for four": "a1 01 1b 00000000ffffffff", "a longer key": "a1 18 01 01", "a longer map": "b8 01 01 01",
		"too large": "a1 01 1b 0000000100000000", "below zero": "a1 01 20", "no number": "a1 01 f6", "a fraction": "a1 01 f9 0000",
		"indefinite map": "bf 01 01 ff", "indefinite text": "a1 03 7f ff", "reserved": "a1 01 1c", "tagged": "a1 01 c0 01",
		"cut in a number": "a1 01 19 01", "text cut": "a1 03 62 61", "not UTF-8": "a1 03 61 ff", "bytes for text": "a1 03 41 61",
		"text for bytes": "a1 02 61 61", "neither true nor false": "a1 0f f7", "identifier of 15": "a1 01 4f 000102030405060708090a0b0c0d0e",
		"identifier of 17": "a1 01 51 000102030405060708090a0b0c0d0e0f10", "no identifier": "a1 01 f6",
		"a huge list": "a1 0a 9b 7fffffffffffffff", "a list longer than all": "a1 0a 82 60", "other time zone": "a1 0d 78 19 323032362d31312d32315431323a30303a30302b30313a3030",
		"no time at all": "a1 0d 61 5a", "epoch for time": "a1 0d 01", "number below all": "a1 11 3b ffffffffffffffff",
	} {
		if err := read(strings.ReplaceAll(text, " ", "")); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
