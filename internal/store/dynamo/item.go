package dynamo

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes that the engine and its indexes see. An item is billed with the names
// of its attributes, so they are short.
const (
	attrPart  = "p"   // partition key
	attrSort  = "s"   // sort key
	attrList  = "g"   // partition key of the index "list"
	attrOrder = "o"   // sort key of the index "list"
	attrLane  = "l"   // partition key of the index "due"
	attrDue   = "d"   // sort key of the index "due", milliseconds
	attrTTL   = "ttl" // seconds; when DynamoDB may forget the item
)

// The attributes of the protocol (see the comment of the package).
const (
	attrRev   = "r"  // random, another one after each write
	attrLock  = "tx" // the slot that decides what the row says
	attrKind  = "tk" // what the lock does: kindNew, kindSet or kindDelete
	attrNext  = "tn" // for kindSet, the attributes that change
	attrSince = "ts" // when the lock was set, by its owner's clock
	attrDone  = "w"  // in a slot: who filled it
	attrShut  = "ab" // in a slot: who may no longer fill it
	attrRows  = "rw" // in a journal: where the rows stand that it decides
)

// item is the attributes of an item. A nil item is none.
type item map[string]types.AttributeValue

func (i item) putNumber(name string, n uint64) {
	i[name] = &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
}

func (i item) putMillis(name string, ms int64) {
	i[name] = &types.AttributeValueMemberN{Value: strconv.FormatInt(ms, 10)}
}

// putTime puts a time in milliseconds; the zero time is left out.
func (i item) putTime(name string, t time.Time) {
	if !t.IsZero() {
		i.putMillis(name, t.UnixMilli())
	}
}

// putBytes puts bytes; none are left out.
func (i item) putBytes(name string, b []byte) {
	if len(b) > 0 {
		i[name] = &types.AttributeValueMemberB{Value: b}
	}
}

func (i item) putText(name, s string) { i[name] = &types.AttributeValueMemberS{Value: s} }

// What cannot be read is zero or none: whoever wrote something else into the table is
// found out by what is sealed.

func (i item) number(name string) uint64 {
	v, ok := i[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(v.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (i item) millis(name string) int64 {
	v, ok := i[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (i item) time(name string) time.Time {
	ms := i.millis(name)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (i item) bytes(name string) []byte {
	v, ok := i[name].(*types.AttributeValueMemberB)
	if !ok || len(v.Value) == 0 {
		return nil
	}
	return v.Value
}

func (i item) text(name string) string {
	v, ok := i[name].(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return v.Value
}

func (i item) has(name string) bool {
	_, ok := i[name]
	return ok
}

// list puts the item into the index "list".
func (i item) list(in string, order []byte) {
	if len(order) == 0 {
		return
	}
	i.putText(attrList, in)
	i[attrOrder] = &types.AttributeValueMemberB{Value: order}
}

// due puts the item into the index "due", in one of the lanes of kind.
func (i item) due(kind string, key []byte, at int64) {
	i.putText(attrLane, kind+lane(key))
	i.putMillis(attrDue, at)
}

// changes is what makes next of i: what is new or different, and null for what goes.
func (i item) changes(next item) item {
	diff := item{}
	for name, v := range next {
		if !reflect.DeepEqual(i[name], v) {
			diff[name] = v
		}
	}
	for name := range i {
		if !next.has(name) {
			diff[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return diff
}

// changed is i with changes.
func (i item) changed(diff item) item {
	next := maps.Clone(i)
	if next == nil {
		next = item{}
	}
	for name, v := range diff {
		if _, gone := v.(*types.AttributeValueMemberNULL); gone {
			delete(next, name)
		} else {
			next[name] = v
		}
	}
	return next
}

// place is where an item stands: its partition and, within it, its sort key.
type place struct{ part, sort string }

// alone is the sort key of an item that has its partition for itself.
const alone = "\x00"

func (p place) key() item {
	return item{
		attrPart: &types.AttributeValueMemberS{Value: p.part},
		attrSort: &types.AttributeValueMemberB{Value: []byte(p.sort)},
	}
}

// placeOf reads the place of an item.
func placeOf(i item) place { return place{i.text(attrPart), string(i.bytes(attrSort))} }

// String is how a place is written in an attribute.
func (p place) String() string { return p.part + "|" + encode([]byte(p.sort)) }

func parsePlace(s string) place {
	part, sort, _ := strings.Cut(s, "|")
	return place{part, string(decode(sort))}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// lanes is how many partitions an index is spread over where nothing else spreads it,
// each good for a thousand writes a second. It is part of the layout: forever.
const lanes = 8

func lane(key []byte) string {
	h := fnv.New32a()
	h.Write(key)
	return strconv.Itoa(int(h.Sum32() % lanes))
}

// ordered is a number whose bytes sort as it does.
func ordered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// orderedMillis is a time, before 1970 included, whose bytes sort as it does.
func orderedMillis(ms int64) uint64 { return uint64(ms) ^ (math.MaxInt64 + 1) }
