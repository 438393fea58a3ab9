package drills

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	// hangAnswer is how soon every request is answered while the store says nothing.
	hangAnswer = 3 * time.Second
	// hangGrace is what a busy machine may add before a clock here reads it.
	hangGrace = 500 * time.Millisecond
	// hangNotice is how soon the server says that it is not ready, or is again.
	hangNotice = 5 * time.Second
	// hangMemory is what it may take meanwhile, in bytes.
	hangMemory = 50 << 20
)

// TestStoreHangs: the store neither answers nor refuses for a while. Every request is
// answered all the same, the server says that it is not ready, and goes on afterwards.
func TestStoreHangs(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		d := begin(t, "store hangs on PostgreSQL")
		engine, dir := postgrestest.NewEngine(t), d.TempDir()
		v := openValve(d, "unix", filepath.Join(dir, postgrestest.SocketName), engine.Socket())
		d.hang(v, ownEngine(d, "postgres://postgres@/postgres?host="+dir))
	})
	t.Run("DynamoDB", func(t *testing.T) {
		t.Parallel()
		d := begin(t, "store hangs on DynamoDB")
		_, target, _ := strings.Cut(dynamotest.Endpoint(d), "://")
		v := openValve(d, "tcp", "127.0.0.1:0", target)
		dir := d.TempDir()
		d.hang(v, replicateOn(d, 1, withMasterKey(dir, flooded(append(atDynamoDB(dynamotest.Table(d), "http://"+v.address()),
			"KEYTURN_KEYS_SERVER=file:"+filepath.Join(dir, "keys", "server.key"))...)...)...))
	})
}

// hang is the drill, once there is a server behind a valve.
func (d *drill) hang(v *valve, s *cluster) {
	d.Helper()
	workers, closed := size(8, 64), time.Duration(size(5, 30))*time.Second
	c := s.client()
	people := make([]*person, workers)
	for i := range people {
		people[i] = d.newcomer(c, fmt.Sprintf("p-%d", i), webauthntest.Phone())
	}
	memory, _ := s.peakMemory()
	w := &waiting{}
	over := make(chan struct{})
	var working sync.WaitGroup
	for _, p := range people {
		working.Go(func() { w.signIns(c, p, over) })
	}
	v.shut()
	start := time.Now()
	noticed := d.readiness(s, http.StatusServiceUnavailable)
	<-time.After(closed - time.Since(start))
	v.open()
	back := d.readiness(s, http.StatusOK)
	close(over)
	working.Wait()
	for _, p := range people {
		d.signsIn(c, p)
	}
	grown := 0
	if now, ok := s.peakMemory(); ok {
		grown = now - memory
	}
	if w.slowest > hangAnswer+hangGrace {
		d.Errorf("a request was answered after %s", w.slowest)
	}
	if grown > hangMemory {
		d.Errorf("the server took %d MiB more", grown>>20)
	}
	s.alive()
	d.report("silent for %s: %d requests, answers by status %v, %d without an answer, the slowest %s; not ready after %s, ready %s after the return, %d MiB more",
		closed, w.asked, w.statuses, w.failed, w.slowest.Round(time.Millisecond), noticed.Round(time.Millisecond), back.Round(time.Millisecond), grown>>20)
	if w.failed > 0 {
		d.Errorf("%d requests got no answer", w.failed)
	}
}

// readiness waits until /readyz says so, and tells how long it took.
func (d *drill) readiness(s *cluster, status int) time.Duration {
	d.Helper()
	c := s.client()
	defer c.close()
	start := time.Now()
	deadline := time.After(2 * hangNotice)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if a, err := c.send(http.MethodGet, "/readyz", nil); err == nil && a.status == status {
			took := time.Since(start)
			if took > hangNotice {
				d.Errorf("/readyz said %d after %s", status, took)
			}
			return took
		}
		select {
		case <-tick.C:
		case <-deadline:
			d.Fatalf("/readyz never said %d", status)
		}
	}
}

// waiting is what people see who sign in meanwhile.
type waiting struct {
	mu       sync.Mutex
	asked    int
	failed   int
	slowest  time.Duration
	statuses map[int]int
}

// signIns signs a person in again and again until it is over.
func (w *waiting) signIns(c *client, p *person, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		body := fmt.Appendf(nil, `{"username":%q}`, p.name)
		a, err := w.timed(func() (answer, error) { return c.send(http.MethodPost, signInOptions, body) })
		if err != nil || a.status != http.StatusOK {
			continue
		}
		options, err := publicKey(a)
		if err != nil {
			continue
		}
		assertion, err := p.key.Get(options, c.page)
		if err != nil {
			continue
		}
		_, _ = w.timed(func() (answer, error) { return c.finish(signInFinish, assertion) }) // counted there
	}
}

// timed does one request and notes what came of it.
func (w *waiting) timed(do func() (answer, error)) (answer, error) {
	start := time.Now()
	a, err := do()
	took := time.Since(start)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.statuses == nil {
		w.statuses = map[int]int{}
	}
	w.asked++
	w.slowest = max(w.slowest, took)
	if err != nil {
		w.failed++
	} else {
		w.statuses[a.status]++
	}
	return a, err
}

// valve passes connections on; shut, it takes them and lets nothing through, as a
// network does that drops everything.
type valve struct {
	listener net.Listener
	network  string
	target   string

	mu     sync.Mutex
	opened chan struct{} // closed while the valve is open
}

// openValve listens at an address for a target of the same network.
func openValve(d *drill, network, address, target string) *valve {
	d.Helper()
	listener, err := net.Listen(network, address)
	d.must(err)
	if network == "unix" {
		d.must(os.Chmod(address, 0o600))
	}
	v := &valve{listener: listener, network: network, target: target, opened: make(chan struct{})}
	close(v.opened)
	d.Cleanup(func() { _ = listener.Close() })
	go v.serve()
	return v
}

func (v *valve) address() string { return v.listener.Addr().String() }

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened = make(chan struct{})
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.opened)
}

// await returns when the valve is open.
func (v *valve) await() {
	v.mu.Lock()
	opened := v.opened
	v.mu.Unlock()
	<-opened
}

func (v *valve) serve() {
	for {
		conn, err := v.listener.Accept()
		if err != nil {
			return // closed with the drill
		}
		go v.pass(conn)
	}
}

func (v *valve) pass(near net.Conn) {
	defer func() { _ = near.Close() }()
	v.await()
	far, err := net.Dial(v.network, v.target)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(gate{v, way[1]}, way[0]) // either end may go at any time
			ended <- struct{}{}
		}()
	}
	<-ended
}

// gate is a writer behind a valve.
type gate struct {
	v  *valve
	to io.Writer
}

func (g gate) Write(b []byte) (int, error) {
	g.v.await()
	return g.to.Write(b)
}
