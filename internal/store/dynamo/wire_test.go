package dynamo

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what was sent: the operation, whether it writes, and how much it says.
type request struct {
	operation string
	writes    bool
	size      int
	call      string // the same for the attempts of one call
}

// wire lies between a store and its server, sees every request, and may spoil it.
type wire struct {
	// spoil answers in place of the server, or after it: see outcome.
	spoil func(r request) outcome
	meter *meter // nil: nobody asks what requests cost

	mu   sync.Mutex
	seen []request
}

// outcome is what becomes of a request.
type outcome int

const (
	passes    outcome = iota
	unsent            // the connection breaks before the server has it
	unheard           // the server does it, and the connection breaks before the answer
	throttled         // the server refuses it for want of capacity
	broken            // the server answers 500 and has done nothing
	silent            // nobody answers
	dies              // the process that would send it is no more: neither does it try again
)

var errWire = errors.New("the connection is broken")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if w.meter != nil {
		body = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), body[1:]...)
	}
	r = r.Clone(r.Context())
	r.ContentLength = int64(len(body))
	r.Body = io.NopCloser(bytes.NewReader(body))
	seen := request{
		operation: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."),
		size:      len(body),
		call:      r.Header.Get("Amz-Sdk-Invocation-Id"),
	}
	switch seen.operation {
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "CreateTable", "UpdateTimeToLive":
		seen.writes = true
	}
	w.mu.Lock()
	w.seen = append(w.seen, seen)
	result := passes
	if w.spoil != nil {
		result = w.spoil(seen)
	}
	w.mu.Unlock()
	switch result {
	case unsent:
		return nil, errWire
	case dies:
		return nil, final{errWire}
	case silent:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case throttled:
		return answer(r, http.StatusBadRequest, "ProvisionedThroughputExceededException"), nil
	case broken:
		return answer(r, http.StatusInternalServerError, "InternalServerError"), nil
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if result == unheard && err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return nil, timeout{errWire}
	}
	if w.meter != nil && err == nil {
		err = w.meter.read(seen, body, response)
	}
	return response, err
}

// final is an error after which nothing is sent again.
type final struct{ error }

func (final) RetryableError() bool { return false }

// timeout is an error that says it is one.
type timeout struct{ error }

func (timeout) Timeout() bool { return true }

func answer(r *http.Request, status int, kind string) *http.Response {
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + kind + `","message":"made up"}`
	return &http.Response{
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}
}

// take returns what was sent since the last call.
func (w *wire) take() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// writes counts requests that write.
func writes(list []request) (n int) {
	for _, r := range list {
		if r.writes {
			n++
		}
	}
	return n
}

// deaf is the address of a server that takes connections and says nothing.
func deaf(t *testing.T, silence <-chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				<-silence
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
