package drills

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestGarbageFinishes: answers whose ticket does not open write nothing, however many
// come. What may be written is what sums them up: one event a minute.
func TestGarbageFinishes(t *testing.T) {
	d := begin(t, "garbage")
	s := deploy(d, flooded()...)
	c := s.client()
	victim := d.newcomer(c, "victim", webauthntest.Phone())
	kinds := newGarbage(d, s, c, victim).kinds()

	settle(d, s.database())
	e := watch(d, s.database())
	before, trace := e.look(), e.trace()
	n, start := size(3000, 100_000), time.Now()
	cpuBefore, measured := s.cpu()
	statuses := attack(d, kinds, n)
	elapsed := time.Since(start)
	cpuAfter, _ := s.cpu()
	after := e.trace()

	for status, times := range statuses {
		if status < 400 || status > 499 || status == http.StatusTooManyRequests {
			d.Errorf("%d answers with status %d", times, status)
		}
	}
	summed := e.onlySums(before, int(elapsed/time.Minute)+1)
	writes := int(after.commits-trace.commits) - summed
	if writes != 0 {
		d.Errorf("%d transactions were committed beside those of %d summed events", writes, summed)
	}
	if summed == 0 && after != trace {
		d.Error("the files of the database changed")
	}
	// Stopping, the server writes the sums that it has not written yet, once.
	s.stop()
	if total := watch(d, s.database()).onlySums(before, summed+1); total != summed+1 {
		d.Errorf("%d summed events in the end, want %d", total, summed+1)
	}
	s.start()
	d.signsIn(c, victim)
	s.alive()
	d.Logf("answers by status: %v", statuses)
	figure := fmt.Sprintf("%d finishes of %d kinds, %d store writes beside %d summed events, %.0f requests/s",
		n, len(kinds), writes, summed, float64(n)/elapsed.Seconds())
	if measured {
		figure += fmt.Sprintf(", %.0f µs of server CPU each", float64((cpuAfter-cpuBefore).Microseconds())/float64(n))
	}
	d.report("%s", figure)
}

// onlySums demands that nothing was written since but events of no account, no more
// than most; it tells how many.
func (e *eye) onlySums(before sight, most int) (events int) {
	e.d.Helper()
	after := e.look()
	for row, n := range after["events"] {
		events += n - before["events"][row]
	}
	for _, table := range before.differ(after) {
		if table != "events" {
			e.d.Errorf("the attack wrote to table %s", table)
		}
	}
	for row := range before["events"] {
		if after["events"][row] == 0 {
			e.d.Error("an event was changed or removed")
		}
	}
	if unowned := e.number("SELECT count(*) FROM events WHERE account = x''"); unowned < int64(events) {
		e.d.Errorf("%d new events, and only %d are of no account", events, unowned)
	}
	if events > most {
		e.d.Errorf("%d summed events, want at most %d", events, most)
	}
	return events
}

// attack posts n pieces of garbage, the kinds in turn, and counts answers by status.
func attack(d *drill, kinds []garbageKind, n int) map[int]int {
	d.Helper()
	const workers = 16
	var mu sync.Mutex
	statuses := map[int]int{}
	d.must(crowd(workers, func(worker int) error {
		random := d.random(worker)
		for i := worker; i < n; i += workers {
			kind := kinds[i/workers%len(kinds)]
			a, err := kind.post(random)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			mu.Lock()
			statuses[a.status]++
			mu.Unlock()
			if a.status < 400 || a.status > 499 {
				return fmt.Errorf("%s: status %d: %s", kind.name, a.status, a.body)
			}
		}
		return nil
	}))
	return statuses
}

// garbageKind is one way for a ticket not to open.
type garbageKind struct {
	name string
	post func(*rand.Rand) (answer, error)
}

// garbage holds the options that garbage is made of.
type garbage struct {
	d         *drill
	client    *client // our own page
	app       *client // a client that sends no Origin
	victim    *person
	signIn    options // of this server, for our own page
	signUp    options
	foreignIn options // of another deployment at the same address
	foreignUp options
	cookieIn  options // bound to a ceremony cookie
	appIn     options // bound to a client without Origin
}

// options are a server's options, with a challenge that can be replaced.
type options map[string]json.RawMessage

func (d *drill) options(c *client, path string, in map[string]string) options {
	d.Helper()
	text, err := c.ask(path, in)
	d.must(err)
	var o options
	d.must(json.Unmarshal(text, &o))
	return o
}

func (o options) challenge() []byte {
	var text string
	_ = json.Unmarshal(o["challenge"], &text)
	challenge, _ := base64.RawURLEncoding.DecodeString(text)
	return challenge
}

// asking is the options with another challenge.
func (o options) asking(challenge []byte) []byte {
	other := options{}
	for name, value := range o {
		other[name] = value
	}
	other["challenge"], _ = json.Marshal(base64.RawURLEncoding.EncodeToString(challenge))
	text, _ := json.Marshal(other)
	return text
}

func newGarbage(d *drill, s *deployment, c *client, victim *person) *garbage {
	d.Helper()
	// The other deployment stands at the same address, so that nothing but its keys
	// tells its tickets from ours.
	foreign, app := deployAs(d, s.url, flooded()...).client(), c.with("", nil)
	nobody, newName := map[string]string{}, map[string]string{"username": "newcomer"}
	return &garbage{
		d: d, client: c, app: app, victim: victim,
		signIn: d.options(c, signInOptions, nobody), signUp: d.options(c, signUpOptions, newName),
		foreignIn: d.options(foreign, signInOptions, nobody), foreignUp: d.options(foreign, signUpOptions, newName),
		cookieIn: d.options(c, signInOptions, map[string]string{"session_mode": "cookie"}),
		appIn:    d.options(app, signInOptions, nobody),
	}
}

// kinds are all ways; each is right in everything but its ticket.
func (g *garbage) kinds() []garbageKind {
	cookie := g.client.with(g.client.origin, http.Header{
		"Cookie": {"keyturn-dev-ceremony=" + base64.RawURLEncoding.EncodeToString(make([]byte, 32))},
	})
	return []garbageKind{
		{"sign-in: another deployment", g.in(g.client, g.foreignIn, same)},
		{"sign-in: another purpose", g.in(g.client, g.signUp, same)},
		{"sign-in: another origin", g.in(g.client, g.appIn, same)},
		{"sign-in: no origin", g.in(g.app, g.signIn, same)},
		{"sign-in: no cookie", g.in(g.client, g.cookieIn, same)},
		{"sign-in: another cookie", g.in(cookie, g.cookieIn, same)},
		{"sign-in: truncated", g.in(g.client, g.signIn, truncate)},
		{"sign-in: a bit flipped", g.in(g.client, g.signIn, flip)},
		{"sign-in: forged", g.in(g.client, g.signIn, forge)},
		{"sign-up: another deployment", g.up(g.client, g.foreignUp, same)},
		{"sign-up: another purpose", g.up(g.client, g.signIn, same)},
		{"sign-up: no origin", g.up(g.app, g.signUp, same)},
		{"sign-up: truncated", g.up(g.client, g.signUp, truncate)},
		{"sign-up: a bit flipped", g.up(g.client, g.signUp, flip)},
		{"sign-up: forged", g.up(g.client, g.signUp, forge)},
		{"no JSON", func(r *rand.Rand) (answer, error) {
			return g.client.send(http.MethodPost, signInFinish, forge(r, make([]byte, 1+r.IntN(2000))))
		}},
		{"no credential", func(r *rand.Rand) (answer, error) {
			return g.client.send(http.MethodPost, signUpFinish, []byte(`{"credential":{}}`))
		}},
	}
}

// in answers a sign-in with the victim's passkey, signed over the challenge as bent.
func (g *garbage) in(c *client, o options, bend func(*rand.Rand, []byte) []byte) func(*rand.Rand) (answer, error) {
	challenge := o.challenge()
	return func(r *rand.Rand) (answer, error) {
		made, err := g.victim.key.Get(g.signIn.asking(bend(r, challenge)), c.page)
		if err != nil {
			return answer{}, err
		}
		return c.finish(signInFinish, made)
	}
}

// up answers a sign-up with a new passkey over the challenge as bent.
func (g *garbage) up(c *client, o options, bend func(*rand.Rand, []byte) []byte) func(*rand.Rand) (answer, error) {
	challenge := o.challenge()
	return func(r *rand.Rand) (answer, error) {
		made, err := webauthntest.New(webauthntest.Phone()).Create(g.signUp.asking(bend(r, challenge)), c.page)
		if err != nil {
			return answer{}, err
		}
		return c.finish(signUpFinish, made)
	}
}

func same(_ *rand.Rand, ticket []byte) []byte { return ticket }

func truncate(r *rand.Rand, ticket []byte) []byte { return ticket[:16+r.IntN(len(ticket)-16)] }

func flip(r *rand.Rand, ticket []byte) []byte {
	bent := append([]byte(nil), ticket...)
	bent[r.IntN(len(bent))] ^= 1 << r.IntN(8)
	return bent
}

func forge(r *rand.Rand, ticket []byte) []byte {
	bent := make([]byte, len(ticket))
	for i := range bent {
		bent[i] = byte(r.Uint32())
	}
	return bent
}
