package drills

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
)

const (
	// faultShare of 100 requests fail.
	faultShare = 20
	// faultAttempts is how often a request may be sent: once, and three times again.
	faultAttempts = 4
	// retryBudget is how many retries a process may have left when everything fails.
	retryBudget = 50
)

// TestFaults: DynamoDB throttles, fails, and loses answers after it has written. No
// ticket is spent twice, nothing that was acknowledged is lost, and nobody asks again
// and again.
func TestFaults(t *testing.T) {
	d := begin(t, "faults of DynamoDB")
	f := openFaulty(d, dynamotest.Endpoint(d))
	dir := d.TempDir()
	const processes = 2
	s := replicateOn(d, processes, withMasterKey(dir, flooded(append(atDynamoDB(dynamotest.Table(d), f.url),
		"KEYTURN_KEYS_SERVER=file:"+filepath.Join(dir, "keys", "server.key"))...)...)...)

	f.set(faultShare)
	r := newRegistrations(s.deployment, size(40, 1000))
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() { r.register(i) })
	}
	<-r.enough
	r.set(func() { r.over = true })
	workers.Wait()
	f.set(0)
	lost := r.lost(d)
	whole, absent, half := r.remains(d)

	f.set(faultShare)
	acknowledged, doubled := d.spendsUnderFaults(s, r.acknowledged[:size(8, 100)], size(2, 10), func() { f.set(0) })
	most, waits := f.attempts()
	if most > faultAttempts {
		d.Errorf("a request was sent %d times", most)
	}
	if len(waits) > 10 && quantile(waits, 0.9)-quantile(waits, 0.1) < time.Millisecond {
		d.Errorf("the pauses before retries do not differ: %s to %s", quantile(waits, 0.1), quantile(waits, 0.9))
	}
	retries := d.outage(s, f)
	if retries > processes*retryBudget {
		d.Errorf("%d retries while everything failed, want at most %d", retries, processes*retryBudget)
	}
	s.alive()
	d.report("%d of 100 requests failed: %d registrations acknowledged, %d lost; %d cut off: %d whole, %d absent, %d half-written; "+
		"%d sign-ins acknowledged, %d by a second use; a request sent at most %d times, %s to %s after the one before; %d retries in an outage",
		faultShare, len(r.acknowledged), lost, len(r.cutOff), whole, absent, half, acknowledged, doubled, most,
		quantile(waits, 0.1).Round(time.Millisecond), quantile(waits, 0.9).Round(time.Millisecond), retries)
}

// spendsUnderFaults shows each assertion to all processes at once, several times, and
// counts who was let in, and who a second time. What a passkey says of its uses must be
// between what was acknowledged and what was tried; it is asked when heal was called.
func (d *drill) spendsUnderFaults(s *cluster, people []*person, rounds int, heal func()) (acknowledged, doubled int) {
	d.Helper()
	at := s.clients()
	used := make([]int, len(people))
	for range rounds {
		for i, p := range people {
			assertion, err := at[0].assertion(p)
			if err != nil {
				continue // it could not be begun
			}
			won := 0
			for _, a := range d.atOnce(2*len(at), func(i int) (answer, error) { return at[i%len(at)].finish(signInFinish, assertion) }) {
				if a.status == http.StatusOK {
					won++
				}
			}
			if won > 1 {
				doubled++
				d.Errorf("%s: %d sign-ins by one assertion", p.name, won)
			}
			acknowledged += won
			used[i] += won
		}
	}
	heal()
	for i, p := range people {
		// The sign-in that looks, and the one that looked for losses, count as well.
		if got := d.onlyPasskey(at[0], p).TimesUsed; got < used[i]+2 || got > rounds+2 {
			d.Errorf("%s: %d sign-ins acknowledged and %d tried, and the passkey was used %d times", p.name, used[i]+2, rounds+2, got)
		}
	}
	return acknowledged, doubled
}

// outage makes everything fail for a while, and tells how many retries there were.
func (d *drill) outage(s *cluster, f *faulty) (retries int) {
	d.Helper()
	at := s.clients()
	before := f.retried()
	f.set(100)
	d.must(crowd(8, func(worker int) error {
		for i := range 12 {
			body := fmt.Appendf(nil, `{"username":"nobody-%d-%d"}`, worker, i)
			a, err := at[i%len(at)].send(http.MethodPost, signInOptions, body)
			if err != nil {
				return err
			}
			if a.status != http.StatusServiceUnavailable {
				return fmt.Errorf("status %d while the store fails: %s", a.status, a.body)
			}
		}
		return nil
	}))
	f.set(0)
	d.readiness(s, http.StatusOK)
	return f.retried() - before
}

// faulty passes requests on to DynamoDB's like, and has some of them fail.
type faulty struct {
	url    string
	target string

	mu     sync.Mutex
	random *rand.Rand
	share  int // of 100
	sent   map[string]*sent
	again  int // requests that were sent before
	waits  []time.Duration
	most   int
}

// sent is what was seen of one request.
type sent struct {
	times int
	last  time.Time // when it failed
}

func openFaulty(d *drill, target string) *faulty {
	d.Helper()
	f := &faulty{target: target, random: d.random(2000), sent: map[string]*sent{}}
	server := httptest.NewServer(f)
	d.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// set makes so many of 100 requests fail from now on.
func (f *faulty) set(share int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.share = share
}

// attempts are how often a request was sent at most, and how long after the last
// failure it was sent again.
func (f *faulty) attempts() (most int, waits []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most, f.waits
}

func (f *faulty) retried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.again
}

// The faults.
const (
	noFault = iota
	throttled
	failed
	failedAfter // the write was applied
	cutAfter    // the same, and there is no answer at all
	faults
)

// draw notes a request and draws what becomes of it.
func (f *faulty) draw(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.sent[id]
	if one == nil {
		one = &sent{}
		f.sent[id] = one
	}
	if one.times++; one.times > 1 {
		f.again++
		f.waits = append(f.waits, time.Since(one.last))
	}
	f.most = max(f.most, one.times)
	if f.random.IntN(100) >= f.share {
		return noFault
	}
	return throttled + f.random.IntN(faults-throttled)
}

// fails notes when a request failed.
func (f *faulty) fails(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent[id].last = time.Now()
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Amz-Sdk-Invocation-Id")
	fault := f.draw(id)
	defer func() {
		if fault != noFault {
			f.fails(id)
		}
	}()
	switch fault {
	case throttled:
		refuse(w, http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#ThrottlingException")
		return
	case failed:
		refuse(w, http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError")
		return
	}
	status, header, body, err := f.pass(r)
	switch {
	case fault == failedAfter:
		refuse(w, http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError")
	case err != nil || fault == cutAfter:
		panic(http.ErrAbortHandler) // the connection is cut
	default:
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // who asked may be gone
	}
}

// pass asks the real one.
func (f *faulty) pass(r *http.Request) (status int, header http.Header, body []byte, err error) {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, f.target+r.URL.Path, bytes.NewReader(asked))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header = r.Header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	a, err := read(response)
	return a.status, a.header, a.body, err
}

// refuse answers as DynamoDB does that will not, or cannot.
func refuse(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"drill"}`, kind) // who asked may be gone
}
