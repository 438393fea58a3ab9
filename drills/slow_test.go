package drills

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	// slowLimit is how long a client that never finishes may hold a connection.
	slowLimit = 15 * time.Second
	// slowGrace is what a busy machine may add to it before a clock here reads it.
	slowGrace = time.Second
	// unhurt is a time that an honest sign-in may always take, whatever it took before:
	// twice next to nothing is within the noise.
	unhurt = 250 * time.Millisecond
)

// slowForm is a request that trickles: how it starts, and what comes every half second.
type slowForm struct {
	name, start, drip string
}

// TestSlowClients: clients that never finish a request are cut off in time, and honest
// people do not notice them meanwhile. Slow bodies, which are given the whole limit,
// are among them at full size only.
func TestSlowClients(t *testing.T) {
	d := begin(t, "slow clients")
	s := deploy(d, flooded()...)
	c := s.client()
	p := d.newcomer(c, "honest", webauthntest.Phone())
	forms := []slowForm{
		{"silence", "", ""},
		{"slow request line", "PO", "S"},
		{"slow headers", "POST " + signInFinish + " HTTP/1.1\r\nHost: " + s.url[len("http://"):] + "\r\n", "X-A: b\r\n"},
	}
	if full() {
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: %s\r\nContent-Type: application/json\r\n", signInFinish, s.port, s.url)
		forms = append(forms,
			slowForm{"slow body", head + "Content-Length: 1000\r\n\r\n{", " "},
			slowForm{"slow chunks", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "1\r\n \r\n"})
	}

	var base []time.Duration
	for range size(100, 1000) {
		base = append(base, d.timed(c, p))
	}
	n := size(51, 5000)
	held := make([]time.Duration, n)
	over := make(chan struct{})
	var crowded error
	go func() {
		defer close(over)
		crowded = crowd(n, func(i int) (err error) {
			held[i], err = s.hold(forms[i%len(forms)])
			return err
		})
	}()
	var meanwhile []time.Duration
	for running := true; running; {
		select {
		case <-over:
			running = false
		default:
			meanwhile = append(meanwhile, d.timed(c, p))
		}
	}
	d.must(crowded)
	slowest := quantile(held, 1)
	if slowest > slowLimit+slowGrace {
		d.Errorf("a slow client held its connection for %s", slowest)
	}
	before, during := quantile(base, 0.99), quantile(meanwhile, 0.99)
	if during >= max(2*before, unhurt) {
		d.Errorf("honest sign-ins: p99 %s, and %s before", during, before)
	}
	s.alive()
	d.report("%d connections of %d forms, the last closed after %s, %d honest sign-ins meanwhile: p99 %s (%s before)",
		n, len(forms), slowest.Round(time.Millisecond), len(meanwhile), during.Round(time.Microsecond), before.Round(time.Microsecond))
}

// timed signs in and tells how long it took, options included.
func (d *drill) timed(c *client, p *person) time.Duration {
	d.Helper()
	start := time.Now()
	d.signsIn(c, p)
	return time.Since(start)
}

// hold opens a connection, trickles, and tells how long it was until the server closed
// it. It gives up at twice the limit.
func (s *deployment) hold(form slowForm) (time.Duration, error) {
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	start := time.Now()
	if err := conn.SetDeadline(start.Add(2 * slowLimit)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, form.start); err != nil {
		return 0, fmt.Errorf("%s: %w", form.name, err)
	}
	closed := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-closed:
				return
			case <-tick.C:
				// An error is the server's close, which the reader sees.
				_, _ = io.WriteString(conn, form.drip)
			}
		}
	})
	// However it ends, by an answer and a close or by a reset, it is the end.
	_, _ = io.Copy(io.Discard, conn)
	held := time.Since(start)
	close(closed)
	dripping.Wait()
	return held, nil
}
