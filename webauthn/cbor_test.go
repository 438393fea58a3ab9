package webauthn

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestCBOR is what is read and what is not, with canonical key order and without.
func TestCBOR(t *testing.T) {
	numbered := func(n int) string { // a map of n entries
		item := fmt.Sprintf("b8%02x", n)
		for i := range n {
			item += hex.EncodeToString(integer(i)) + "00"
		}
		return item
	}
	nested := func(n int) string { return strings.Repeat("81", n) + "00" }
	for _, c := range []struct {
		name, item      string
		loose, strictly bool
	}{
		{"nothing", "", false, false},
		{"integer", "17", true, true},
		{"integer of a byte", "1818", true, true},
		{"integer that is longer than it need be", "1817", false, false},
		{"integer of two bytes", "190100", true, true},
		{"two bytes for one", "1900ff", false, false},
		{"integer of four bytes", "1a00010000", true, true},
		{"four bytes for two", "1a0000ffff", false, false},
		{"integer of eight bytes", "1b0000000100000000", true, true},
		{"eight bytes for four", "1b00000000ffffffff", false, false},
		{"negative", "3bffffffffffffffff", true, true},
		{"head that is cut off", "19", false, false},
		{"head that is cut off later", "1901", false, false},
		{"reserved head", "1c", false, false},
		{"indefinite bytes", "5f4100ff", false, false},
		{"indefinite array", "9f00ff", false, false},
		{"indefinite map", "bf0000ff", false, false},
		{"break", "ff", false, false},
		{"bytes", "420102", true, true},
		{"bytes that are cut off", "4201", false, false},
		{"bytes without end", "5bffffffffffffffff", false, false},
		{"text", "6161", true, true},
		{"text that is no UTF-8", "61ff", false, false},
		{"array", "820102", true, true},
		{"array that is cut off", "8201", false, false},
		{"array of 64", "9840" + strings.Repeat("00", 64), true, true},
		{"array of 65", "9841" + strings.Repeat("00", 65), false, false},
		{"map of 64", numbered(64), true, true},
		{"map of 65", numbered(65), false, false},
		{"map", "a2010220f5", true, true},
		{"map without its last value", "a20102 20", false, false},
		{"map with a key twice", "a201020103", false, false},
		{"map with keys out of order", "a220010102", true, false},
		{"map with a longer key first", "a262616100616200", true, false},
		{"map with a greater key first", "a2616200616100", true, false},
		{"map with a text key before an integer", "a26161000100", true, false},
		{"map with a longer key of a lesser type first", "a21818002000", true, true},
		{"map with a key of bytes", "a1410000", false, false},
		{"map with a key of an array", "a18000", false, false},
		{"false", "f4", true, true},
		{"null", "f6", true, true},
		{"undefined", "f7", false, false},
		{"unassigned simple value", "f3", false, false},
		{"simple value of a byte", "f8ff", false, false},
		{"half float", "f93e00", false, false},
		{"float", "fa3fc00000", false, false},
		{"double", "fb3ff8000000000000", false, false},
		{"tag", "c000", false, false},
		{"four levels", nested(4), true, true},
		{"five levels", nested(5), false, false},
		{"five levels of maps", strings.Repeat("a100", 5) + "00", false, false},
	} {
		item, err := hex.DecodeString(strings.ReplaceAll(c.item, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct {
			rules cborRules
			want  bool
		}{{clientCBOR, c.loose}, {authenticatorCBOR, c.strictly}} {
			_, n, err := r.rules.item(item)
			if got := err == nil; got != r.want || got && n != len(item) {
				t.Errorf("%s, ordered %v: got %v after %d bytes", c.name, r.rules.ordered, got, n)
			}
			_, again, err := r.rules.item(append(item, 0))
			if r.want && (err != nil || again != n) {
				t.Errorf("%s, ordered %v, and more: %d bytes, %v", c.name, r.rules.ordered, again, err)
			}
		}
	}
}

// integer encodes a small one.
func integer(n int) []byte {
	if n < 24 {
		return []byte{byte(n)}
	}
	return []byte{0x18, byte(n)}
}

// TestCBORInt: numbers beyond what a member can be are none.
func TestCBORInt(t *testing.T) {
	for _, c := range []struct {
		item string
		want int64
		ok   bool
	}{
		{"00", 0, true},
		{"26", -7, true},
		{"390100", -257, true},
		{"39fffe", -65535, true},
		{"1bffffffffffffffff", 0, false},
		{"3bffffffffffffffff", 0, false},
		{"4100", 0, false},
		{"f4", 0, false},
	} {
		item, err := hex.DecodeString(c.item)
		if err != nil {
			t.Fatal(err)
		}
		value, _, err := clientCBOR.item(item)
		if got, ok := cborInt(value); err != nil || got != c.want || ok != c.ok {
			t.Errorf("%s: got %d, %v, %v", c.item, got, ok, err)
		}
	}
}

// TestCBORDepth: a compound statement may be deeper by what it holds, and no deeper.
func TestCBORDepth(t *testing.T) {
	for _, c := range []struct {
		rules cborRules
		most  int
	}{{authenticatorCBOR, 4}, {clientCBOR, 4}, {compoundCBOR, 8}} {
		for extra, want := range []bool{true, false} {
			item, err := hex.DecodeString(strings.Repeat("81", c.most+extra) + "00")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.rules.item(item); (err == nil) != want {
				t.Errorf("%d levels: %v", c.most+extra, err)
			}
		}
	}
}
