package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// The facts that every sign-in reads or writes are coded by hand (shape.go), in the very
// bytes that the CBOR library makes of them: with the library, that was a third of what
// opening them costs. Everything else is the library's.

// Major types and simple values of CBOR (RFC 8949 §3.1, §3.3).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap

	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
)

// errMalformed is the cause of a *Tampered whose seal opened, but not on facts.
var errMalformed = errors.New("not the encoding of any facts")

// writer appends items in their one deterministic encoding (RFC 8949 §4.2.1). A fault
// stays: what could not be read back is never sealed.
type writer struct {
	b   []byte
	err error
}

func (w *writer) head(major byte, n uint64) {
	major <<= 5
	switch {
	case n < 24:
		w.b = append(w.b, major|byte(n))
	case n <= math.MaxUint8:
		w.b = append(w.b, major|24, byte(n))
	case n <= math.MaxUint16:
		w.b = binary.BigEndian.AppendUint16(append(w.b, major|25), uint16(n))
	case n <= math.MaxUint32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, major|26), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, major|27), n)
	}
}

func (w *writer) int(n int64) {
	if n < 0 {
		w.head(majorNegative, uint64(-(n + 1)))
		return
	}
	w.head(majorUint, uint64(n))
}

func (w *writer) bool(b bool) {
	if b {
		w.b = append(w.b, cborTrue)
		return
	}
	w.b = append(w.b, cborFalse)
}

func (w *writer) null() { w.b = append(w.b, cborNull) }

func (w *writer) bytes(b []byte) {
	if b == nil {
		w.null()
		return
	}
	w.head(majorBytes, uint64(len(b)))
	w.b = append(w.b, b...)
}

func (w *writer) text(s string) {
	if !utf8.ValidString(s) {
		w.err = errors.New("text that is not UTF-8")
	}
	w.head(majorText, uint64(len(s)))
	w.b = append(w.b, s...)
}

// time is text as RFC 3339 has it, in UTC; no time is null.
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.null()
		return
	}
	// An RFC 3339 time of a four-digit year is 20 to 30 bytes: its head is two bytes from
	// 24 on. It is written behind a place for the longer one.
	at := len(w.b)
	b, err := t.UTC().AppendText(append(w.b, majorText<<5|24, 0))
	if err != nil {
		w.err = fmt.Errorf("time: %w", err)
		return
	}
	n := len(b) - at - 2
	if n < 24 {
		b[at] = majorText<<5 | byte(n)
		b = append(b[:at+1], b[at+2:]...)
	} else {
		b[at+1] = byte(n)
	}
	w.b = b
}

// reader takes items off b, in the encoding that writer makes and no other. After the
// first fault everything it takes is zero. Byte strings are parts of b.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

// head takes the head of an item of major types 0 to 5.
func (r *reader) head() (major byte, n uint64) {
	if len(r.b) == 0 {
		r.fail()
		return 0, 0
	}
	major, low := r.b[0]>>5, r.b[0]&0x1f
	if low < 24 {
		r.b = r.b[1:]
		return major, uint64(low)
	}
	size := 1 << (low - 24)
	if low > 27 || len(r.b) < 1+size {
		r.fail()
		return 0, 0
	}
	for _, c := range r.b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	// The shortest encoding is the only one.
	if low == 24 && n < 24 || low > 24 && n>>(size*4) == 0 {
		r.fail()
		return 0, 0
	}
	r.b = r.b[1+size:]
	return major, n
}

// expect takes the head of an item of one major type. Of what it announces, no more is
// believed than there are bytes left: an element has one at least.
func (r *reader) expect(major byte) int {
	got, n := r.head()
	if got != major || n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) uint(most uint64) uint64 {
	major, n := r.head()
	if major != majorUint || n > most {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) int() int64 {
	major, n := r.head()
	if major > majorNegative || n > math.MaxInt64 {
		r.fail()
		return 0
	}
	if major == majorNegative {
		return -1 - int64(n)
	}
	return int64(n)
}

// simple takes the next byte if it is that simple value.
func (r *reader) simple(value byte) bool {
	if len(r.b) == 0 || r.b[0] != value {
		return false
	}
	r.b = r.b[1:]
	return true
}

func (r *reader) bool() bool {
	if r.simple(cborTrue) {
		return true
	}
	if !r.simple(cborFalse) {
		r.fail()
	}
	return false
}

func (r *reader) span(major byte) []byte {
	n := r.expect(major)
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) bytes() []byte {
	if r.simple(cborNull) {
		return nil
	}
	return r.span(majorBytes)
}

func (r *reader) text() string {
	s := r.span(majorText)
	if !utf8.Valid(s) {
		r.fail()
		return ""
	}
	return string(s)
}

func (r *reader) time() (t time.Time) {
	if r.simple(cborNull) {
		return t
	}
	s := r.span(majorText)
	if !bytes.HasSuffix(s, []byte("Z")) || t.UnmarshalText(s) != nil {
		r.fail()
		return time.Time{}
	}
	return t
}
