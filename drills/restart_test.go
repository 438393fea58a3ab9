package drills

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
)

const (
	// backPatience is how soon after the store's return the last request fails.
	backPatience = 5 * time.Second
	// quiet is how long nothing must fail until it counts as over.
	quiet = 1500 * time.Millisecond
	// restartPace is how often somebody signs up, which is two requests.
	restartPace = time.Second / 150
)

// TestStoreRestart: PostgreSQL stops at once and comes back, again and again, while
// people sign up at 300 requests a second. Nobody who was told of an account loses it,
// and the server is as it was before.
func TestStoreRestart(t *testing.T) {
	d := begin(t, "store restart on PostgreSQL")
	restarts := size(2, 20)
	engine := postgrestest.NewEngine(t)
	metrics := fmt.Sprintf("127.0.0.1:%d", freePort(d))
	s := ownEngine(d, engine.Address(), "KEYTURN_METRICS_LISTEN="+metrics)
	pace := time.NewTicker(restartPace)
	defer pace.Stop()
	r := newRegistrations(s.deployment, 1)
	r.pace = pace.C
	base := d.goroutines(metrics)

	var workers sync.WaitGroup
	for i := range 32 {
		workers.Go(func() { r.register(i) })
	}
	random := d.random(0)
	var slowest time.Duration
	for range restarts {
		<-time.After(time.Duration(300+random.IntN(700)) * time.Millisecond)
		engine.Crash(t)
		<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
		engine.Start(t)
		slowest = max(slowest, r.recovery())
	}
	r.set(func() { r.over = true })
	workers.Wait()
	if slowest > backPatience {
		d.Errorf("a request failed %s after the store was back", slowest)
	}
	lost := r.lost(d)
	whole, absent, half := r.remains(d)
	r.client.close()
	after := d.settled(metrics, base)
	s.alive()
	d.report("%d restarts, %d registrations acknowledged: %d lost; %d failed: %d whole, %d absent, %d half-written; "+
		"the last failure %s after the return; %d goroutines before, %d after",
		restarts, len(r.acknowledged), lost, len(r.cutOff), whole, absent, half, slowest.Round(time.Millisecond), base, after)
}

// ownEngine starts a server on a PostgreSQL of its own.
func ownEngine(d *drill, address string, settings ...string) *cluster {
	d.Helper()
	dir := d.TempDir()
	return replicateOn(d, 1, withMasterKey(dir, flooded(append(settings, "KEYTURN_STORE="+address,
		"KEYTURN_KEYS_SERVER=file:"+filepath.Join(dir, "keys", "server.key"))...)...)...)
}

// recovery waits until nothing has failed for a while and tells how long after now the
// last failure was. It gives up at twice the limit.
func (r *registrations) recovery() time.Duration {
	back := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var failed time.Time
	for now := range tick.C {
		r.set(func() { failed = r.failed })
		if now.Sub(back) > 2*backPatience || now.Sub(failed) > quiet && now.Sub(back) > quiet {
			break
		}
	}
	return max(0, failed.Sub(back))
}

// goroutines are how many the server has.
func (d *drill) goroutines(metrics string) int {
	d.Helper()
	response, err := http.Get("http://" + metrics + "/metrics")
	d.must(err)
	a, err := read(response)
	d.must(err)
	for line := range strings.Lines(string(a.body)) {
		if number, found := strings.CutPrefix(line, "go_goroutines "); found {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			d.must(err)
			return n
		}
	}
	d.Fatalf("no goroutines in /metrics: status %d", a.status)
	return 0
}

// settled waits until the server has no more goroutines than before, give or take one
// in twenty, and tells how many it has.
func (d *drill) settled(metrics string, base int) (n int) {
	d.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if n = d.goroutines(metrics); n <= base+max(1, base/20) {
			return n
		}
		select {
		case <-tick.C:
		case <-deadline:
			d.Errorf("%d goroutines, and %d before", n, base)
			return n
		}
	}
}
