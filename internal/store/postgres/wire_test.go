package postgres

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// TestArrays: what we write as arrays another reads as such.
func TestArrays(t *testing.T) {
	types := pgtype.NewMap()
	for _, want := range [][][]byte{nil, {[]byte("a")}, {{}, []byte("bc"), make([]byte, 70000)}} {
		var got [][]byte
		written := blobs(want, func(b []byte) []byte { return b })
		if err := types.Scan(pgtype.ByteaArrayOID, pgtype.BinaryFormatCode, written, &got); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d elements became %d", len(want), len(got))
		}
	}
	for _, want := range [][]int64{nil, {1}, {0, -1, math.MaxInt64, math.MinInt64}} {
		var got []int64
		written := numbers(want, func(n int64) int64 { return n })
		if err := types.Scan(pgtype.Int8ArrayOID, pgtype.BinaryFormatCode, written, &got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v became %v", want, got)
		}
	}
}

// TestRow: columns are read as what they are, and kept though they are lent.
func TestRow(t *testing.T) {
	lent := [][]byte{[]byte("ab"), nil, {}, number8(7), nil, number8(1700), nil, []byte("c")}
	r := row{columns: slices.Clone(lent)}
	r.keep()
	clear(lent[0])
	clear(lent[7])
	if b := r.blob(); string(b) != "ab" || cap(b) != 2 {
		t.Errorf("%q, and room for %d", b, cap(b))
	}
	if a, b := r.blob(), r.blob(); a != nil || b != nil {
		t.Errorf("nothing became %q and %q", a, b)
	}
	if a, b := r.count(), r.count(); a != 7 || b != 0 {
		t.Errorf("%d and %d, want 7 and 0", a, b)
	}
	if a, b := r.instant(), r.instant(); !a.Equal(time.UnixMilli(1700)) || !b.IsZero() {
		t.Errorf("%v and %v", a, b)
	}
	if b := r.blob(); string(b) != "c" || r.err != nil {
		t.Errorf("%q, %v", b, r.err)
	}
}

// TestRowRefuses: an engine that answers in another form than it was asked to is an
// error, not a value.
func TestRowRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		column []byte
		read   func(*row)
	}{
		"a number of another size": {make([]byte, 4), func(r *row) { r.number() }},
		"a count below zero":       {number8(-1), func(r *row) { r.count() }},
		"a time of another size":   {make([]byte, 3), func(r *row) { r.instant() }},
		"a place before the group": {number8(0), func(r *row) { r.ordinal(2) }},
		"a place behind the group": {number8(3), func(r *row) { r.ordinal(2) }},
		"too few columns":          {number8(1), func(r *row) { r.number(); r.number() }},
	} {
		r := row{columns: [][]byte{c.column}}
		if c.read(&r); !errors.Is(r.err, errColumn) {
			t.Errorf("%s: %v, want %v", name, r.err, errColumn)
		}
	}
	r := row{columns: [][]byte{number8(2)}}
	if place, ok := r.ordinal(2); place != 1 || !ok {
		t.Errorf("place %d, %t", place, ok)
	}
}
