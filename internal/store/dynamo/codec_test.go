package dynamo

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// canned answers every request with the same words, and keeps what was asked.
type canned struct {
	status int
	answer []byte
	header http.Header
	asked  []byte
	times  int
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	var err error
	if c.asked, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	c.times++
	header := c.header.Clone()
	if header == nil {
		header = http.Header{"X-Amz-Crc32": {strconv.FormatUint(uint64(crc32.ChecksumIEEE(c.answer)), 10)}}
	}
	return &http.Response{
		StatusCode: c.status, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(c.answer)), ContentLength: int64(len(c.answer)),
	}, nil
}

// both is the SDK's engine and ours, before the same answer.
func both(t testing.TB, c *canned) (theirs, ours engine) {
	t.Helper()
	config := Config{
		Table: "t", Region: "eu-central-1", Transport: c, Timeout: DefaultTimeout,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "token"),
	}
	makes, err := connect(t.Context(), config)
	must(t, err)
	ours, err = newClient(t.Context(), config, makes.Options())
	must(t, err)
	single := dynamodb.New(makes.Options(), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	return sdk{single, "t"}, ours
}

// grower makes requests of arbitrary bytes.
type grower struct{ seed []byte }

func (g *grower) pick(of int) int {
	if len(g.seed) == 0 {
		return 0
	}
	c := g.seed[0]
	g.seed = g.seed[1:]
	return int(c) % of
}

func (g *grower) bytes() []byte {
	n := min(g.pick(24), len(g.seed))
	b := g.seed[:n]
	g.seed = g.seed[n:]
	return b
}

func (g *grower) text() string { return string(g.bytes()) }

func (g *grower) item(deep int) item {
	i := item{"p": g.value(deep)}
	for range g.pick(4) {
		i[g.text()] = g.value(deep)
	}
	return i
}

func (g *grower) value(deep int) types.AttributeValue {
	kinds := 10
	if deep == 0 {
		kinds = 8
	}
	switch g.pick(kinds) {
	case 1:
		return &types.AttributeValueMemberN{Value: g.text()}
	case 2:
		return &types.AttributeValueMemberB{Value: g.bytes()}
	case 3:
		return &types.AttributeValueMemberSS{Value: []string{g.text(), g.text()}}
	case 4:
		return &types.AttributeValueMemberNS{Value: []string{g.text()}}
	case 5:
		return &types.AttributeValueMemberBS{Value: [][]byte{g.bytes(), g.bytes()}}
	case 6:
		return &types.AttributeValueMemberBOOL{Value: g.pick(2) == 1}
	case 7:
		return &types.AttributeValueMemberNULL{Value: g.pick(2) == 1}
	case 8:
		return &types.AttributeValueMemberM{Value: g.item(deep - 1)}
	case 9:
		return &types.AttributeValueMemberL{Value: []types.AttributeValue{g.value(deep - 1), g.value(deep - 1)}}
	}
	return &types.AttributeValueMemberS{Value: g.text()}
}

func (g *grower) ask() ask {
	a := ask{operation: []string{opGet, opGetBatch, opQuery, opPut, opUpdate, opDelete}[g.pick(6)]}
	write := a.operation == opPut || a.operation == opUpdate || a.operation == opDelete
	if write {
		a.condition = g.text()
	} else {
		a.consistent = g.pick(2) == 1
	}
	if write || a.operation == opQuery {
		a.names, a.values = map[string]string{"#" + g.text(): g.text()}, g.item(2)
	}
	switch a.operation {
	case opPut:
		a.item = g.item(3)
	case opQuery:
		a.where, a.index, a.limit, a.backwards = g.text(), g.text(), g.pick(100), g.pick(2) == 1
		if g.pick(2) == 1 {
			a.after = g.item(1)
		}
	case opGetBatch:
		a.batch = []item{g.item(1), g.item(1)}
	case opUpdate:
		a.update = g.text()
		fallthrough
	default:
		a.key = g.item(1)
	}
	return a
}

func parsed(t *testing.T, body []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

// FuzzAsk: our requests say what the SDK's say.
func FuzzAsk(f *testing.F) {
	for operation := range byte(6) {
		f.Add([]byte{operation})
		for kind := range byte(10) {
			f.Add([]byte{operation, 1, 3, '"', '\\', 7, 3, 0xff, 'a', 0xc3, 2, kind, 5, 'h', 'e', 0, '<', 0xe2, kind, 9, 1, 2, 3, kind, kind, 4, 5, 1})
		}
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		g := grower{seed}
		a := g.ask()
		c := &canned{status: http.StatusOK, answer: []byte("{}")}
		theirs, ours := both(t, c)
		if _, err := theirs.do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		want := c.asked
		if _, err := ours.do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(parsed(t, c.asked), parsed(t, want)) {
			t.Errorf("ours %s\nSDK  %s", c.asked, want)
		}
	})
}

// passedOver is what the SDK reads in an answer and we do not.
var passedOver = regexp.MustCompile(`Capacity|Count|Projection|Expression|ConsistentRead|AttributesToGet|\\`)

// FuzzReply: what we read in an answer the SDK reads too; what is not quite an answer we
// may refuse where it does not.
func FuzzReply(f *testing.F) {
	whole := `{"S":"s\u00e9\n"},"n":{"N":"1e3"},"b":{"B":"AAEC"},"m":{"M":{"x":{"NULL":true}}},"l":{"L":[{"BOOL":false},{"L":[]}]},` +
		`"ss":{"SS":["a","b"]},"ns":{"NS":["1"]},"bs":{"BS":["AA==",""]}`
	for _, answer := range []string{
		`{}`, `{"Item":{"p":` + whole + `}}`, ` { "Item" : { "p" : { "B" : "" } } , "ConsumedCapacity":{"CapacityUnits":0.5,"x":[null,1,-2e+7,"y"]}}`,
		`{"Count":1,"Items":[{"p":` + whole + `},{}],"LastEvaluatedKey":{"p":{"S":"k"}},"ScannedCount":1}`,
		`{"Responses":{"t":[{"p":` + whole + `}]},"UnprocessedKeys":{"t":{"ConsistentRead":true,"Keys":[{"p":{"S":"é"}}]}}}`,
		`{"Item":{"p":{"S":"a","N":"1"}}}`, `{"Item":{"p":{"X":"a"}}}`, `{"Item":{"p":{}}}`, `{"Item":{"p":{"B":"*"}}}`, `{"Item":null}`,
		`{"Item":{},"Item":{}}`, `{"Item":{"p":{"S":"1"},"p":{"S":"2"}}}`, `{"Responses":{"another":[]}}`, `{} x`, `{"Item":{"p":{"S":"` + "\x01" + `"}}}`,
		`[]`, ``, `{`, `{"Item":{"p":{"S":"a`, `{"Item":{"p":{"S":"\`, `{"Item":{"` + "\xb9" + `":{"B":""}}}`, `{"Item":{"p":{"S":"\u12"}}}`, `{"Item":{"p":{"BOOL":truth}}}`, `{"x":01}`, `{"x":}`, `{,}`, `{"a":1,}`,
		`{"Item":{"p":` + strings.Repeat(`{"L":[`, 80) + strings.Repeat(`]}`, 80) + `}}`, "{\x00}",
	} {
		for operation := range byte(3) {
			f.Add(operation, []byte(answer))
		}
	}
	f.Fuzz(func(t *testing.T, operation byte, answer []byte) {
		theirs, ours := both(t, &canned{status: http.StatusOK, answer: answer})
		a := []ask{
			{operation: opGet, key: meta().key()}, {operation: opQuery}, {operation: opGetBatch, batch: []item{meta().key()}},
		}[operation%3]
		got, err := ours.do(t.Context(), a)
		if err != nil {
			return
		}
		want, err := theirs.do(t.Context(), a)
		switch {
		case err != nil && passedOver.Match(answer):
			return
		case err != nil:
			t.Fatalf("we read %v, the SDK: %v", got, err)
		}
		if !same(got.items, want.items) || !same(got.unread, want.unread) || !same(got.item, want.item) || !same(got.last, want.last) {
			t.Errorf("we read %v, the SDK %v", got, want)
		}
	})
}

// same compares what was read; nothing and an empty list are the same.
func same[V any](a, b V) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return x.Len() == 0 && y.Len() == 0 || reflect.DeepEqual(a, b)
}
