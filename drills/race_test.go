package drills

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestReplayRace: of many posts of one assertion to three processes at the same moment,
// exactly one signs in.
func TestReplayRace(t *testing.T) {
	onEach(t, "replay race", func(d *drill, b backend) {
		rounds, posts := b.size(4, 100, 10), b.size(100, 1000, 1000)
		s := b.replicate(d, 3, flooded()...)
		at := s.clients()
		p := d.newcomer(at[0], "ana", webauthntest.Phone())
		statuses, won, start := map[int]int{}, 0, time.Now()
		for round := range rounds {
			assertion, err := at[round%3].assertion(p)
			d.must(err)
			answers := d.atOnce(posts, func(i int) (answer, error) { return at[i%3].finish(signInFinish, assertion) })
			if d.oneOf(answers, statuses, http.StatusOK, http.StatusUnauthorized) {
				won++
			} else {
				d.Errorf("round %d: not exactly one of %d posts of one assertion signed in", round, posts)
			}
		}
		elapsed := time.Since(start)
		if got := d.onlyPasskey(at[0], p).TimesUsed; got != rounds+1 {
			d.Errorf("the passkey was used %d times, want %d", got, rounds+1)
		}
		s.alive()
		d.report("%d of %d rounds of %d posts to 3 processes with exactly one success, %.0f posts/s, answers by status %v",
			won, rounds, posts, float64(rounds*posts)/elapsed.Seconds(), statuses)
	})
}

// oneOf tells whether exactly one of the answers is a success. The others are losses,
// of the status given, or of a server that has too much to do and says when to come back.
func (d *drill) oneOf(answers []answer, statuses map[int]int, success int, losses ...int) bool {
	d.Helper()
	won := 0
	for _, a := range answers {
		statuses[a.status]++
		switch {
		case a.status == success:
			won++
		case slices.Contains(losses, a.status):
		case a.status == http.StatusServiceUnavailable && a.retryAfter() >= 1:
		default:
			d.Errorf("status %d: %s", a.status, a.body)
		}
	}
	return won == 1
}

// atOnce does n things behind one gate.
func (d *drill) atOnce(n int, do func(i int) (answer, error)) []answer {
	d.Helper()
	answers := make([]answer, n)
	gate := make(chan struct{})
	var ready sync.WaitGroup
	ready.Add(n)
	go func() {
		ready.Wait()
		close(gate)
	}()
	d.must(crowd(n, func(i int) (err error) {
		ready.Done()
		<-gate
		answers[i], err = do(i)
		return err
	}))
	return answers
}

// onlyPasskey signs in and reads what the account's one passkey has become.
func (d *drill) onlyPasskey(c *client, p *person) passkey {
	d.Helper()
	list, err := c.passkeys(d.signsIn(c, p).AccessToken)
	d.must(err)
	if len(list) != 1 {
		d.Fatalf("%s has %d passkeys, want 1", p.name, len(list))
	}
	return list[0]
}

// TestParallelSignIns: a person may sign in on many devices at the same moment, with
// what kind of passkey ever, and loses nothing by it.
func TestParallelSignIns(t *testing.T) {
	d := begin(t, "parallel sign-ins")
	const together = 50
	rounds := size(3, 50)
	s := deploy(d, flooded()...)
	c := s.client()

	uncounted := d.newcomer(c, "uncounted", webauthntest.Phone())
	d.allSucceed(c, uncounted, rounds, together)

	synced := webauthntest.Phone()
	synced.Counts = true
	shared := d.newcomer(c, "shared", synced)
	behind := &person{name: shared.name, id: shared.id, key: shared.key.Clone()}
	d.allSucceed(c, shared, rounds, together)
	d.signsIn(c, behind) // one of the other devices it was synced to: its count says nothing

	single := d.newcomer(c, "single", webauthntest.SecurityKey())
	succeeded, suspended := d.noLostUpdate(c, single, rounds, together)

	all := rounds * together
	d.report("%d of %d without counter, %d of %d synced with counter, %d of %d single-device with the highest count kept %d times (suspended: %v)",
		all, all, all, all, succeeded, all, rounds, suspended)
}

// allSucceed demands that every one of many sign-ins at once goes through and counts.
func (d *drill) allSucceed(c *client, p *person, rounds, together int) {
	d.Helper()
	for round := range rounds {
		if got := d.together(c, p, together); got.succeeded != together {
			d.Fatalf("%s: round %d: %d of %d signed in: %v", p.name, round, got.succeeded, together, got.statuses)
		}
	}
	if got, want := d.onlyPasskey(c, p).TimesUsed, rounds*together+1; got != want {
		d.Errorf("%s: used %d times, want %d", p.name, got, want)
	}
}

// noLostUpdate is for a key that exists once: answers that arrive out of order look
// like a copy's and are refused, but the highest count is kept, and refusals of one
// moment are one signal, which suspends nothing.
func (d *drill) noLostUpdate(c *client, p *person, rounds, together int) (succeeded int, suspended bool) {
	d.Helper()
	for round := range rounds {
		got := d.together(c, p, together)
		if got.succeeded < 1 || got.succeeded+got.statuses[http.StatusUnauthorized] != together {
			d.Fatalf("%s: round %d: %v", p.name, round, got.statuses)
		}
		succeeded += got.succeeded
		// The highest count of all was accepted, or it would be refused for nothing: so
		// it must be the one stored, and a copy that shows it again is refused.
		a, err := c.signIn(p, webauthntest.SetSignCount(got.highest))
		d.must(err)
		if a.status != http.StatusUnauthorized {
			d.Fatalf("%s: round %d: count %d was accepted a second time: status %d", p.name, round, got.highest, a.status)
		}
	}
	k := d.onlyPasskey(c, p)
	if k.Suspended || k.TimesUsed != succeeded+1 {
		d.Errorf("%s: suspended %v and used %d times, want false and %d", p.name, k.Suspended, k.TimesUsed, succeeded+1)
	}
	return succeeded, k.Suspended
}

// outcome is what became of sign-ins at the same moment.
type outcome struct {
	succeeded int
	statuses  map[int]int
	highest   uint32 // count among those that succeeded
}

// together signs a person in n times at once. Each has its own ticket and signature
// before the first is sent.
func (d *drill) together(c *client, p *person, n int) outcome {
	d.Helper()
	assertions, counts := make([][]byte, n), make([]uint32, n)
	for i := range assertions {
		var err error
		assertions[i], err = c.assertion(p)
		d.must(err)
		counts[i] = p.key.Credentials()[0].SignCount
	}
	answers := d.atOnce(n, func(i int) (answer, error) { return c.finish(signInFinish, assertions[i]) })
	out := outcome{statuses: map[int]int{}}
	for i, a := range answers {
		out.statuses[a.status]++
		if a.status == http.StatusOK {
			out.succeeded++
			out.highest = max(out.highest, counts[i])
		}
	}
	return out
}
