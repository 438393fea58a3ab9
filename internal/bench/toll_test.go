package bench

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestToll: what requests consume is asked for and added up, and nothing else changes.
func TestToll(t *testing.T) {
	var asked map[string]any
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = nil
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch r.Header.Get("X-Amz-Target") {
		case "DynamoDB_20120810.TransactWriteItems":
			_, _ = io.WriteString(w, `{"ConsumedCapacity":[{"CapacityUnits":2},{"CapacityUnits":0.5}]}`)
		case "DynamoDB_20120810.DeleteItem":
			http.Error(w, `{"ConsumedCapacity":{"CapacityUnits":7}}`, http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, `{"ConsumedCapacity":{"CapacityUnits":3}}`)
		}
	}))
	defer engine.Close()
	toll, err := newToll(t.Context(), "dynamodb://table?region=here&endpoint="+url.QueryEscape(engine.URL))
	if err != nil {
		t.Fatal(err)
	}
	env := toll.environment([]string{"A=b"})
	store, err := url.Parse(strings.TrimPrefix(env[len(env)-1], "KEYTURN_STORE="))
	if err != nil || env[0] != "A=b" || store.Host != "table" || store.Query().Get("region") != "here" {
		t.Fatalf("%v, %v", env, err)
	}
	for _, c := range []struct {
		operation     string
		reads, writes float64 // so far
	}{
		{"GetItem", 3, 0},
		{"Query", 6, 0},
		{"PutItem", 6, 3},
		{"TransactWriteItems", 6, 5.5},
		{"DeleteItem", 6, 5.5},    // refused
		{"DescribeTable", 6, 5.5}, // consumes nothing, whatever it says
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, store.Query().Get("endpoint"), strings.NewReader(`{"TableName":"table"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+c.operation)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || !strings.Contains(string(said), "ConsumedCapacity") {
			t.Errorf("%s: answered %s, %v", c.operation, said, err)
		}
		_, told := asked["ReturnConsumedCapacity"]
		if asked["TableName"] != "table" || told != (c.operation != "DescribeTable") {
			t.Errorf("%s: asked %v", c.operation, asked)
		}
		if reads, writes := toll.units(); reads != c.reads || writes != c.writes {
			t.Errorf("%s: %v read and %v write units, want %v and %v", c.operation, reads, writes, c.reads, c.writes)
		}
	}
	if err := toll.close(); err != nil {
		t.Error(err)
	}
}

// TestNoToll: a store without an endpoint of its own is used as it is.
func TestNoToll(t *testing.T) {
	for _, address := range []string{"", "sqlite:x.db", "postgres://a@/b?host=/run", "dynamodb://table?region=eu-central-1"} {
		toll, err := newToll(t.Context(), address)
		if err != nil || toll != nil {
			t.Errorf("%s: %v, %v", address, toll, err)
		}
		if reads, writes := toll.units(); reads+writes != 0 || toll.close() != nil || len(toll.environment([]string{"A=b"})) != 1 {
			t.Errorf("%s: no toll does something", address)
		}
	}
}
