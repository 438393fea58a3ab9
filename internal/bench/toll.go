package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// toll stands between the server and a DynamoDB-compatible one, and adds up the capacity
// that requests consume. It changes requests after they were signed, to have the capacity
// told, so it is for servers that believe whoever asks. A nil toll adds up nothing.
type toll struct {
	address string // of the store, by way of the toll
	web     *http.Server

	mu            sync.Mutex
	reads, writes float64
}

// newToll starts a toll before the server that an address names as its endpoint; nil when
// it names none. That of a store whose endpoint is Amazon's own stands in CloudWatch.
func newToll(ctx context.Context, address string) (*toll, error) {
	store, err := url.Parse(address)
	if err != nil || store.Scheme != "dynamodb" || store.Query().Get("endpoint") == "" {
		return nil, nil // the server says what is wrong with an address
	}
	query := store.Query()
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil {
		return nil, fmt.Errorf("bench: the endpoint: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: listen before the store: %w", err)
	}
	query.Set("endpoint", "http://"+listener.Addr().String())
	store.RawQuery = query.Encode()
	t := &toll{address: store.String()}
	t.web = &http.Server{ReadHeaderTimeout: callPatience, Handler: t.gate(endpoint)}
	go func() { _ = t.web.Serve(listener) }() // until close
	return t, nil
}

// gate passes requests on.
func (t *toll) gate(endpoint *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(endpoint)
			r.Out.Header.Del("Accept-Encoding") // what is packed cannot be read on its way
		},
		Transport:      &http.Transport{MaxIdleConnsPerHost: MaxWorkers, DisableCompression: true},
		ModifyResponse: t.pass,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the request cannot be read", http.StatusBadRequest)
			return
		}
		if rest, ok := bytes.CutPrefix(bytes.TrimSpace(asked), []byte("{")); ok && consumes(r.Header) {
			asked = slices.Concat([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), rest)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(asked)), int64(len(asked))
		r.Header.Del("Content-Length")
		proxy.ServeHTTP(w, r)
	})
}

// operation is what a request asks for.
func operation(h http.Header) string {
	_, name, _ := strings.Cut(h.Get("X-Amz-Target"), ".")
	return name
}

// consumes tells of requests that consume capacity of a table.
func consumes(h http.Header) bool {
	name := operation(h)
	return strings.HasSuffix(name, "Item") || strings.HasSuffix(name, "Items") || name == "Query" || name == "Scan"
}

// pass adds up what an answer tells.
func (t *toll) pass(answer *http.Response) error {
	said, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(said))
	if answer.StatusCode != http.StatusOK || !consumes(answer.Request.Header) {
		return nil
	}
	units := consumed(said)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch name := operation(answer.Request.Header); {
	case strings.Contains(name, "Get"), name == "Query", name == "Scan":
		t.reads += units
	default:
		t.writes += units
	}
	return nil
}

// consumed is what an answer says of tables; one to several requests tells of several.
func consumed(answer []byte) (units float64) {
	type capacity struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity capacity }
	if json.Unmarshal(answer, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var several struct{ ConsumedCapacity []capacity }
	if json.Unmarshal(answer, &several) == nil {
		for _, c := range several.ConsumedCapacity {
			units += c.CapacityUnits
		}
	}
	return units
}

// units is what was consumed so far.
func (t *toll) units() (reads, writes float64) {
	if t == nil {
		return 0, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reads, t.writes
}

// environment leads a server by way of the toll.
func (t *toll) environment(env []string) []string {
	if t == nil {
		return env
	}
	return append(slices.Clone(env), "KEYTURN_STORE="+t.address)
}

// close ends the toll, when the server that uses it has ended.
func (t *toll) close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := t.web.Shutdown(ctx); err != nil {
		return t.web.Close()
	}
	return nil
}
