package drills

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestKill: of the registrations that were acknowledged before a kill -9, none is
// lost; of those that were not, each is there as a whole or not at all.
func TestKill(t *testing.T) {
	onEach(t, "kill -9", func(d *drill, b backend) {
		n, kills := b.size(100, 10_000, 1000), b.size(3, 40, 20)
		s := b.replicate(d, 1, flooded()...)
		r := newRegistrations(s.deployment, n)
		var workers sync.WaitGroup
		for i := range size(6, 64) {
			workers.Go(func() { r.register(i) })
		}
		killed := r.interrupt(kills)
		workers.Wait()

		lost := r.lost(d)
		whole, absent, half := r.remains(d)
		s.alive()
		s.stop()
		if path := s.sqlite(); path != "" {
			d.wholeDatabase(path, int64(len(r.acknowledged)-lost+whole+absent))
		}
		d.report("%d kills, %d registrations acknowledged: %d lost; %d cut off: %d whole, %d absent, %d half-written",
			killed, len(r.acknowledged), lost, len(r.cutOff), whole, absent, half)
	})
}

// wholeDatabase demands that SQLite finds nothing wrong with a database, and that its
// tables hold one row for each person.
func (d *drill) wholeDatabase(path string, people int64) {
	d.Helper()
	e := watch(d, path)
	e.query("PRAGMA integrity_check", func(stmt *sqlite.Stmt) {
		if verdict := stmt.ColumnText(0); verdict != "ok" {
			d.Errorf("integrity check: %s", verdict)
		}
	})
	for _, table := range []string{"accounts", "identifiers", "credentials"} {
		if rows := e.number("SELECT count(*) FROM " + table); rows != people {
			d.Errorf("%d rows in table %s, want one for each of %d people", rows, table, people)
		}
	}
}

// newRegistrations are registrations of which so many are wanted.
func newRegistrations(s *deployment, want int) *registrations {
	r := &registrations{s: s, client: s.client(), want: want, enough: make(chan struct{})}
	r.open = sync.NewCond(&r.mu)
	return r
}

// registrations come in while the server is killed again and again.
type registrations struct {
	s      *deployment
	client *client
	want   int
	pace   <-chan time.Time // of sign-ups; nil: as many as there are answers
	enough chan struct{}    // closed when want were acknowledged

	mu           sync.Mutex // guards what follows
	open         *sync.Cond
	down         bool // nobody need try
	over         bool
	acknowledged []*person
	cutOff       []*person // the answer to their finish never came
	refused      []error   // answers that are neither success nor 503
	failed       time.Time // the last time that one did not succeed
}

// register opens one account after the other until it is over.
func (r *registrations) register(worker int) {
	for i := 0; r.await(); i++ {
		if r.pace != nil {
			<-r.pace
		}
		model := webauthntest.Phone()
		if i%2 == 1 {
			model = webauthntest.SecurityKey()
		}
		p := &person{name: fmt.Sprintf("p-%d-%d", worker, i), key: webauthntest.New(model)}
		a, err := r.client.signUp(p)
		r.note(p, a, err)
	}
}

// await waits until there is a server to ask; false: it is over.
func (r *registrations) await() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.down && !r.over {
		r.open.Wait()
	}
	return !r.over
}

func (r *registrations) note(p *person, a answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || a.status != http.StatusCreated {
		r.failed = time.Now()
	}
	switch {
	case err == nil && a.status == http.StatusCreated:
		r.acknowledged = append(r.acknowledged, p)
		if len(r.acknowledged) == r.want {
			close(r.enough)
		}
	case len(p.key.Credentials()) > 0 && (err != nil || a.status == http.StatusServiceUnavailable):
		// The passkey was made, so the finish was at least on its way; whether it was
		// done before it became unavailable, the server does not say.
		r.cutOff = append(r.cutOff, p)
	case err == nil:
		r.refused = append(r.refused, fmt.Errorf("%s: status %d: %s", p.name, a.status, a.body))
	}
}

// interrupt kills and restarts the server, at moments that nobody is told of, until
// there were enough registrations and at least so many kills.
func (r *registrations) interrupt(atLeast int) (killed int) {
	random := r.s.d.random(0)
	for {
		up := time.NewTimer(time.Duration(50+random.IntN(450)) * time.Millisecond)
		enough := r.enough
		if killed < atLeast {
			enough = nil
		}
		select {
		case <-up.C:
		case <-enough:
			up.Stop()
			r.set(func() { r.over = true })
			return killed
		}
		r.set(func() { r.down = true })
		r.s.kill()
		killed++
		r.s.start()
		r.set(func() { r.down = false })
	}
}

func (r *registrations) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.open.Broadcast()
}

// lost signs in everybody who was acknowledged, and counts who is not there.
func (r *registrations) lost(d *drill) int {
	d.Helper()
	for _, err := range r.refused {
		d.Error(err)
	}
	const workers = 8
	var lost atomic.Int64
	d.must(crowd(workers, func(worker int) error {
		for i := worker; i < len(r.acknowledged); i += workers {
			there, err := r.there(r.acknowledged[i])
			if err != nil {
				return err
			}
			if !there {
				lost.Add(1)
			}
		}
		return nil
	}))
	if n := lost.Load(); n > 0 {
		d.Errorf("%d registrations were acknowledged and are lost", n)
	}
	return int(lost.Load())
}

// remains tells what is left of those who were cut off: a whole account, or nothing,
// so that they can sign up again; what is neither is half-written.
func (r *registrations) remains(d *drill) (whole, absent, half int) {
	d.Helper()
	for _, p := range r.cutOff {
		there, err := r.there(p)
		d.must(err)
		if there {
			whole++
			continue
		}
		a, err := r.client.signUp(&person{name: p.name, key: webauthntest.New(webauthntest.Phone())})
		d.must(err)
		if a.status != http.StatusCreated {
			half++
			d.Errorf("%s can neither sign in nor sign up: status %d: %s", p.name, a.status, a.body)
			continue
		}
		absent++
	}
	return whole, absent, half
}

// there tells whether a person signs in and has their one passkey.
func (r *registrations) there(p *person) (bool, error) {
	a, err := r.client.signIn(p)
	if errors.Is(err, webauthntest.ErrNoCredential) || err == nil && a.status == http.StatusUnauthorized {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if a.status != http.StatusOK {
		return false, fmt.Errorf("%s: sign-in: status %d: %s", p.name, a.status, a.body)
	}
	list, err := r.client.passkeys(a.who().AccessToken)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%s: %d passkeys, want 1", p.name, len(list))
	}
	return true, err
}
