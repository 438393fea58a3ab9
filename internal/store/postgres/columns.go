package postgres

import (
	"bytes"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// blob scans a bytea; an empty one is nil.
type blob []byte

// ScanBytes implements pgtype.BytesScanner. v is lent.
func (b *blob) ScanBytes(v []byte) error {
	*b = nil
	if len(v) > 0 {
		*b = bytes.Clone(v)
	}
	return nil
}

// instant scans a time of the tables.
type instant time.Time

// ScanInt64 implements pgtype.Int64Scanner.
func (i *instant) ScanInt64(v pgtype.Int8) error {
	*i = instant{}
	if v.Int64 != 0 {
		*i = instant(time.UnixMilli(v.Int64).UTC())
	}
	return nil
}

// full is a value as a column without NULL keeps it.
func full(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// millis is a time as the tables keep it; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// bounded is a number that a column is compared with. Columns end where signed
// numbers end, so what lies beyond stands for all of them.
func bounded(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
