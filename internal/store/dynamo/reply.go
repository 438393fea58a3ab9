package dynamo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// reply is what DynamoDB answers.
type reply struct {
	item   item   // of GetItem; nil: there is none
	items  []item // of Query and BatchGetItem
	last   item   // the key behind which Query has more; nil: it has none
	unread []item // the keys of BatchGetItem to be asked for again
	date   string // when it was answered, by the server's clock
}

// errAnswer: an answer is not what DynamoDB answers. Nothing of it is told: it may hold
// values of items.
var errAnswer = errors.New("the answer cannot be read")

// deepest is how deep values lie within each other at most; DynamoDB allows 32.
const deepest = 64

// parseReply reads the answer to an operation that went well.
func parseReply(operation string, body []byte, table string) (r reply, err error) {
	p := parser{rest: body}
	p.object(func(name string) {
		switch operation + " " + name {
		case "GetItem Item":
			p.foreign(r.item != nil) // twice
			r.item = p.item()
		case "Query Items":
			p.foreign(r.items != nil)
			r.items = p.items()
		case "Query LastEvaluatedKey":
			p.foreign(r.last != nil)
			r.last = p.item()
		case "BatchGetItem Responses":
			p.object(func(of string) {
				p.foreign(of != table || r.items != nil)
				r.items = p.items()
			})
		case "BatchGetItem UnprocessedKeys":
			p.object(func(of string) {
				p.foreign(of != table || r.unread != nil)
				r.unread = p.keys()
			})
		default:
			p.skip()
		}
	})
	if p.next() != 0 || p.bad {
		return reply{}, errAnswer
	}
	return r, nil
}

// parser reads JSON (RFC 8259) from its front. A fault sticks: after it, nothing is read.
type parser struct {
	rest  []byte
	depth int
	bad   bool
}

// next is the next byte that is no space; 0 at the end and after a fault.
func (p *parser) next() byte {
	for !p.bad && len(p.rest) > 0 {
		switch c := p.rest[0]; c {
		case ' ', '\t', '\r', '\n':
			p.rest = p.rest[1:]
		case 0:
			p.bad = true
		default:
			return c
		}
	}
	return 0
}

// foreign makes a fault of what is not asked for.
func (p *parser) foreign(yes bool) { p.bad = p.bad || yes }

// take takes a byte that must come next.
func (p *parser) take(c byte) {
	if p.next() != c {
		p.bad = true
		return
	}
	p.rest = p.rest[1:]
}

// object calls member for each member, whose value it must take.
func (p *parser) object(member func(name string)) {
	p.sequence('{', '}', func() {
		name := p.text()
		p.take(':')
		if !p.bad {
			member(name)
		}
	})
}

// sequence calls element for each element between two brackets.
func (p *parser) sequence(open, end byte, element func()) {
	p.depth++
	defer func() { p.depth-- }()
	p.foreign(p.depth > deepest)
	p.take(open)
	for first := true; !p.bad; first = false {
		if first && p.next() == end {
			break
		}
		element()
		if p.next() != ',' {
			break
		}
		p.take(',')
	}
	p.take(end)
}

// text takes a string.
func (p *parser) text() string {
	raw, plain := p.quoted()
	switch {
	case p.bad:
		return ""
	case plain:
		return string(raw[1 : len(raw)-1])
	}
	var s string
	p.foreign(!utf8.Valid(raw) || json.Unmarshal(raw, &s) != nil)
	return s
}

// quoted takes a string with its quotes. It is plain when it stands for itself.
func (p *parser) quoted() (raw []byte, plain bool) {
	plain = true
	if p.next() != '"' {
		p.bad = true
		return nil, false
	}
	for n := 1; n < len(p.rest); n++ {
		switch c := p.rest[n]; {
		case c == '"':
			raw, p.rest = p.rest[:n+1], p.rest[n+1:]
			return raw, plain
		case c == '\\':
			plain = false
			n++
		case c < ' ':
			p.bad = true
			return nil, false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	p.bad = true
	return nil, false
}

// bytes takes a string that stands for bytes.
func (p *parser) bytes() []byte {
	text := p.text()
	b, err := base64.StdEncoding.DecodeString(text)
	p.foreign(err != nil)
	return b
}

func (p *parser) boolean() bool {
	for _, word := range []string{"true", "false"} {
		if p.next() == word[0] && bytes.HasPrefix(p.rest, []byte(word)) {
			p.rest = p.rest[len(word):]
			return word == "true"
		}
	}
	p.bad = true
	return false
}

// skip takes a value of whatever kind that nobody asked for.
func (p *parser) skip() {
	switch c := p.next(); {
	case c == '{':
		p.object(func(string) { p.skip() })
	case c == '[':
		p.sequence('[', ']', p.skip)
	case c == '"':
		p.text()
	case c == 't' || c == 'f':
		p.boolean()
	case bytes.HasPrefix(p.rest, []byte("null")):
		p.rest = p.rest[len("null"):]
	default:
		n := 0
		for n < len(p.rest) && bytes.IndexByte([]byte("+-.0123456789eE"), p.rest[n]) >= 0 {
			n++
		}
		p.foreign(!json.Valid(p.rest[:n]))
		p.rest = p.rest[n:]
	}
}

func (p *parser) item() item {
	i := item{}
	p.object(func(name string) {
		p.foreign(i.has(name)) // twice
		i[name] = p.value()
	})
	return i
}

func (p *parser) items() []item { return listOf(p, p.item) }

// keys takes what of a batch was not read.
func (p *parser) keys() (keys []item) {
	p.object(func(name string) {
		if name != "Keys" {
			p.skip()
			return
		}
		p.foreign(keys != nil)
		keys = p.items()
	})
	return keys
}

func listOf[V any](p *parser, one func() V) []V {
	list := []V{}
	p.sequence('[', ']', func() { list = append(list, one()) })
	return list
}

// value takes an attribute's value: an object whose only member is named after its kind.
func (p *parser) value() (v types.AttributeValue) {
	p.object(func(kind string) {
		p.foreign(v != nil)
		switch kind {
		case "S":
			v = &types.AttributeValueMemberS{Value: p.text()}
		case "N":
			v = &types.AttributeValueMemberN{Value: p.text()}
		case "B":
			v = &types.AttributeValueMemberB{Value: p.bytes()}
		case "M":
			v = &types.AttributeValueMemberM{Value: p.item()}
		case "L":
			v = &types.AttributeValueMemberL{Value: listOf(p, p.value)}
		case "SS":
			v = &types.AttributeValueMemberSS{Value: listOf(p, p.text)}
		case "NS":
			v = &types.AttributeValueMemberNS{Value: listOf(p, p.text)}
		case "BS":
			v = &types.AttributeValueMemberBS{Value: listOf(p, p.bytes)}
		case "BOOL":
			v = &types.AttributeValueMemberBOOL{Value: p.boolean()}
		case "NULL":
			v = &types.AttributeValueMemberNULL{Value: p.boolean()}
		default:
			p.bad = true
		}
	})
	p.foreign(v == nil)
	return v
}
