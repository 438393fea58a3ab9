package dynamo

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The operations that verbs and reads are made of.
const (
	opGet      = "GetItem"
	opGetBatch = "BatchGetItem"
	opQuery    = "Query"
	opPut      = "PutItem"
	opUpdate   = "UpdateItem"
	opDelete   = "DeleteItem"
)

// ask is one request of the table. What its operation knows nothing of is left empty.
type ask struct {
	operation  string
	key        item              // of the item
	item       item              // to be put
	condition  string            // of a write
	update     string            // what UpdateItem does
	where      string            // the entries that Query is to find
	names      map[string]string // that stand in the expressions
	values     item              // that stand in the expressions
	index      string            // of Query; empty: the table
	after      item              // the key that Query goes on behind
	limit      int               // of Query's entries; 0: none
	backwards  bool              // Query begins with the last
	consistent bool              // what is read is read strongly consistent
	batch      []item            // the keys of BatchGetItem, at most 100
}

// body is the request as DynamoDB reads it (API version 2012-08-10, JSON 1.0).
func (a *ask) body(table string) []byte {
	b := make([]byte, 0, 1024)
	if a.operation == opGetBatch {
		b = append(b, `{"RequestItems":{`...)
		b = append(appendText(b, table), `:{"Keys":[`...)
		for n, key := range a.batch {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendItem(b, key)
		}
		b = append(b, ']')
		return append(a.appendConsistent(b), '}', '}', '}')
	}
	b = appendText(append(b, `{"TableName":`...), table)
	b = appendItemMember(b, "Key", a.key)
	b = appendItemMember(b, "Item", a.item)
	b = appendTextMember(b, "ConditionExpression", a.condition)
	b = appendTextMember(b, "UpdateExpression", a.update)
	b = appendTextMember(b, "KeyConditionExpression", a.where)
	if len(a.names) > 0 {
		b = append(b, `,"ExpressionAttributeNames":{`...)
		first := true
		for name, stands := range a.names {
			b = appendText(appendName(b, name, &first), stands)
		}
		b = append(b, '}')
	}
	b = appendItemMember(b, "ExpressionAttributeValues", a.values)
	b = appendTextMember(b, "IndexName", a.index)
	b = appendItemMember(b, "ExclusiveStartKey", a.after)
	if a.limit > 0 {
		b = strconv.AppendInt(append(b, `,"Limit":`...), int64(a.limit), 10)
	}
	if a.backwards {
		b = append(b, `,"ScanIndexForward":false`...)
	}
	return append(a.appendConsistent(b), '}')
}

func (a *ask) appendConsistent(b []byte) []byte {
	if a.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	return b
}

func appendTextMember(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(appendText(append(b, ','), name), ':'), text)
}

func appendItemMember(b []byte, name string, i item) []byte {
	if len(i) == 0 {
		return b
	}
	return appendItem(append(appendText(append(b, ','), name), ':'), i)
}

// appendName appends the name of a member of an object, and what parts it from the one
// before.
func appendName(b []byte, name string, first *bool) []byte {
	if !*first {
		b = append(b, ',')
	}
	*first = false
	return append(appendText(b, name), ':')
}

func appendItem(b []byte, i item) []byte {
	b = append(b, '{')
	first := true
	for name, v := range i {
		b = appendValue(appendName(b, name, &first), v)
	}
	return append(b, '}')
}

// appendValue appends a value of any kind that DynamoDB has. Of anything else it makes
// null, which DynamoDB refuses.
func appendValue(b []byte, v types.AttributeValue) []byte {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		b = appendText(append(b, `{"S":`...), v.Value)
	case *types.AttributeValueMemberN:
		b = appendText(append(b, `{"N":`...), v.Value)
	case *types.AttributeValueMemberB:
		b = appendBytes(append(b, `{"B":`...), v.Value)
	case *types.AttributeValueMemberM:
		b = appendItem(append(b, `{"M":`...), v.Value)
	case *types.AttributeValueMemberL:
		b = appendList(append(b, `{"L":`...), v.Value, appendValue)
	case *types.AttributeValueMemberSS:
		b = appendList(append(b, `{"SS":`...), v.Value, appendText)
	case *types.AttributeValueMemberNS:
		b = appendList(append(b, `{"NS":`...), v.Value, appendText)
	case *types.AttributeValueMemberBS:
		b = appendList(append(b, `{"BS":`...), v.Value, appendBytes)
	case *types.AttributeValueMemberBOOL:
		b = strconv.AppendBool(append(b, `{"BOOL":`...), v.Value)
	case *types.AttributeValueMemberNULL:
		b = strconv.AppendBool(append(b, `{"NULL":`...), v.Value)
	default:
		return append(b, "null"...)
	}
	return append(b, '}')
}

func appendList[V any](b []byte, list []V, appendOne func([]byte, V) []byte) []byte {
	b = append(b, '[')
	for n, v := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, v)
	}
	return append(b, ']')
}

func appendBytes(b, value []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, '"')
}

func appendText(b []byte, s string) []byte {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendEscaped is for texts that do not stand for themselves, which are rare.
func appendEscaped(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, "null"...) // a string always has a form
	}
	return append(b, quoted...)
}
