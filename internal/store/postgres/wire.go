package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// What there is most of speaks the protocol's binary forms directly: with pgx's own
// encoding, which looks up a plan for each value, a group costs three times as much.

// query is one statement of an exchange.
type query struct {
	sql    string
	params [][]byte   // in binary form
	row    func(*row) // reads a row of the answer; nil: there is none to read
}

// binaryForm says that all parameters, or columns, are in binary form.
func binaryForm() []int16 { return []int16{pgtype.BinaryFormatCode} }

// exchange sends queries in one round trip, and reads what they answer. After an error
// of the engine those that follow have not run. A connection whose statements the engine
// has forgotten is closed.
func (s *Store) exchange(ctx context.Context, conn *pgx.Conn, queries ...query) error {
	var prepared []*pgconn.StatementDescription
	if s.prepares {
		var err error
		if prepared, err = prepare(ctx, conn, queries); err != nil {
			return err
		}
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	form := binaryForm()
	for n, q := range queries {
		if prepared == nil {
			pipeline.SendQueryParams(q.sql, q.params, nil, form, form)
		} else {
			pipeline.SendQueryStatement(prepared[n], q.params, form, form)
		}
	}
	err := pipeline.Sync()
	if err == nil {
		for _, q := range queries {
			if err = hearRows(pipeline, q.row); err != nil {
				break
			}
		}
	}
	if closing := pipeline.Close(); err == nil {
		err = closing
	}
	if forgotten(err) {
		_ = conn.Close(ctx) // another one is made; how this one ends is all the same
	}
	return err
}

// prepare makes sure that the engine knows the statements.
func prepare(ctx context.Context, conn *pgx.Conn, queries []query) ([]*pgconn.StatementDescription, error) {
	prepared := make([]*pgconn.StatementDescription, len(queries))
	for n, q := range queries {
		var err error
		if prepared[n], err = conn.Prepare(ctx, q.sql, q.sql); err != nil {
			return nil, err
		}
	}
	return prepared, nil
}

// hearRows reads the answer to one query.
func hearRows(pipeline *pgconn.Pipeline, read func(*row)) error {
	results, err := pipeline.GetResults()
	if err != nil {
		return err
	}
	reader, ok := results.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("postgres: the engine answered a query with %T", results)
	}
	var r row
	for reader.NextRow() {
		if read != nil && r.err == nil {
			r.columns = reader.Values()
			read(&r)
		}
	}
	if _, err := reader.Close(); err != nil {
		return err
	}
	return r.err
}

// errColumn: a column is not what its statement asks for.
var errColumn = errors.New("postgres: the engine answered in a form that was not asked for")

// row reads the columns of a row from left to right.
type row struct {
	columns [][]byte
	err     error
}

func (r *row) next() []byte {
	if len(r.columns) == 0 {
		r.err = errColumn
		return nil
	}
	column := r.columns[0]
	r.columns = r.columns[1:]
	return column
}

// keep copies the columns, which are lent, in one piece.
func (r *row) keep() {
	size := 0
	for _, column := range r.columns {
		size += len(column)
	}
	all := make([]byte, 0, size)
	kept := make([][]byte, len(r.columns))
	for n, column := range r.columns {
		begin := len(all)
		all = append(all, column...)
		kept[n] = all[begin:len(all):len(all)]
	}
	r.columns = kept
}

// blob reads a bytea; an empty one, and none, is nil.
func (r *row) blob() []byte {
	if column := r.next(); len(column) > 0 {
		return column
	}
	return nil
}

// number reads a bigint; none is 0.
func (r *row) number() int64 {
	column := r.next()
	switch len(column) {
	case 8:
		return int64(binary.BigEndian.Uint64(column))
	case 0:
		return 0
	}
	r.err = errColumn
	return 0
}

// count reads a bigint that is not negative.
func (r *row) count() uint64 {
	n := r.number()
	if n < 0 {
		r.err = errColumn
		return 0
	}
	return uint64(n)
}

// instant reads a time of the tables.
func (r *row) instant() time.Time {
	if n := r.number(); n != 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// ordinal reads the place of a call in its group of so many, which the engine counts
// from 1.
func (r *row) ordinal(group int) (place int, ok bool) {
	n := r.number()
	if r.err == nil && (n < 1 || n > int64(group)) {
		r.err = errColumn
	}
	return int(n) - 1, r.err == nil
}

// number4 and number8 are an integer and a bigint as parameters.
func number4(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func number8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// blobs is a bytea[] as a parameter, with one element for each of list.
func blobs[V any](list []V, of func(V) []byte) []byte {
	size := arrayHead
	for _, v := range list {
		size += 4 + len(of(v))
	}
	b := openArray(size, len(list), pgtype.ByteaOID)
	for _, v := range list {
		value := of(v)
		b = binary.BigEndian.AppendUint32(b, uint32(min(len(value), math.MaxInt32)))
		b = append(b, value...)
	}
	return b
}

// numbers is a bigint[] as a parameter, with one element for each of list.
func numbers[V any](list []V, of func(V) int64) []byte {
	b := openArray(arrayHead+12*len(list), len(list), pgtype.Int8OID)
	for _, v := range list {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(of(v)))
	}
	return b
}

// arrayHead is the size of what stands before the elements of an array: dimensions,
// whether there are NULLs, the elements' type, how many, and the first one's index.
const arrayHead = 20

func openArray(size, elements int, oid uint32) []byte {
	b := make([]byte, 0, size)
	for _, n := range [...]uint32{1, 0, oid, uint32(elements), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}
