package bench

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// callPatience bounds one request.
const callPatience = 30 * time.Second

// load is the people and the server they use.
type load struct {
	cfg    Config
	server *server
	client *http.Client
	seed   Seed
	filled int       // how many people were written into the store
	people []*person // who has signed up beside them, or is about to
}

func newLoad(cfg Config, s *server) *load {
	client := &http.Client{
		Timeout: callPatience,
		Transport: &http.Transport{
			MaxIdleConns: cfg.Workers, MaxIdleConnsPerHost: cfg.Workers, DisableCompression: true,
		},
	}
	l := &load{cfg: cfg, server: s, client: client}
	_, _ = cryptorand.Read(l.seed[:]) // it never fails
	return l
}

// accounts is how many there are, or are about to be.
func (l *load) accounts() int { return l.filled + len(l.people) }

// at is one of all the people. Those who were written into the store are made anew each
// time.
func (l *load) at(i int) (*person, error) {
	if i >= l.filled {
		return l.people[i-l.filled], nil
	}
	who, err := l.seed.Newcomer(i)
	if err != nil {
		return nil, err
	}
	return l.person(who.Username, who.device), nil
}

func (l *load) person(username string, device *webauthntest.Authenticator) *person {
	return &person{username: username, mode: l.cfg.Mode, url: l.server.url, client: l.client, device: device}
}

// arrive makes so many more people, who are to sign up.
func (l *load) arrive(more int) {
	for range more {
		l.people = append(l.people, l.person(fmt.Sprintf("person%d", len(l.people)), webauthntest.New(webauthntest.Phone())))
	}
}

// fill writes people into the store until only those are missing who sign up.
func (l *load) fill(ctx context.Context, accounts int) (Filling, error) {
	more := accounts - l.accounts() - l.cfg.SignUps
	if more <= 0 || len(l.cfg.Fill) == 0 {
		return Filling{}, nil
	}
	begin := time.Now()
	if err := l.server.fill(ctx, l.cfg.Fill, l.seed, l.filled, more); err != nil {
		return Filling{}, err
	}
	l.filled += more
	f := Filling{Count: more, PerSecond: float64(more) / time.Since(begin).Seconds()}
	settle() // gigabytes on their way to the disk are not the sign-ins' to wait for
	return f, nil
}

// register lets people sign up, each once, until there are so many accounts.
func (l *load) register(ctx context.Context, accounts int) (Figures, error) {
	before := len(l.people)
	l.arrive(accounts - l.accounts())
	return l.phase(ctx, len(l.people)-before, func(ctx context.Context, t *tally, mine share) {
		for _, p := range l.people[before+mine.from : before+mine.to] {
			if ctx.Err() != nil {
				return
			}
			t.count(p.register(ctx))
		}
	})
}

// signIn lets people sign in, whoever comes, until the time is up or there were enough:
// nobody's rows are nearer at hand than another's.
func (l *load) signIn(ctx context.Context) (Figures, error) {
	var begun atomic.Int64
	end := time.Now().Add(l.cfg.Duration)
	more := func() bool {
		if l.cfg.SignIns > 0 {
			return begun.Add(1) <= int64(l.cfg.SignIns)
		}
		return time.Now().Before(end)
	}
	return l.phase(ctx, l.accounts(), func(ctx context.Context, t *tally, mine share) {
		for ctx.Err() == nil && more() {
			p, err := l.at(mine.from + rand.IntN(mine.to-mine.from))
			if err != nil {
				t.count(0, err)
				continue
			}
			t.count(p.signIn(ctx))
		}
	})
}

// tally is what one worker has seen.
type tally struct {
	times  []time.Duration
	failed int
	first  error // the first failure
}

func (t *tally) count(took time.Duration, err error) {
	if err == nil {
		t.times = append(t.times, took)
		return
	}
	t.failed++
	if t.first == nil {
		t.first = err
	}
}

// share is the part of the people that one worker has, from a number to before another.
type share struct{ from, to int }

// phase gives every worker its share of so many people, each person to one worker, and
// measures until all have ended.
func (l *load) phase(ctx context.Context, people int, work func(context.Context, *tally, share)) (Figures, error) {
	tallies := make([]tally, l.cfg.Workers)
	before := l.server.spending()
	begin := time.Now()
	var workers sync.WaitGroup
	for i := range tallies {
		mine := share{people * i / len(tallies), people * (i + 1) / len(tallies)}
		workers.Go(func() { work(ctx, &tallies[i], mine) })
	}
	workers.Wait()
	elapsed := time.Since(begin)
	if err := ctx.Err(); err != nil {
		return Figures{}, fmt.Errorf("bench: ended early: %w", err)
	}
	return figures(tallies, elapsed, l.server.spending().since(before))
}

// spending is what was spent so far, or between two moments; 0 where it cannot be told.
type spending struct {
	server, engine time.Duration // CPU time
	reads, writes  float64       // capacity units of DynamoDB
}

// since is what was spent since a moment.
func (s spending) since(before spending) spending {
	return spending{
		server: since(before.server, s.server), engine: since(before.engine, s.engine),
		reads: s.reads - before.reads, writes: s.writes - before.writes,
	}
}

// since is the CPU time between two readings; 0 when one of them could not be taken.
func since(before, after time.Duration) time.Duration {
	if before == 0 || after == 0 {
		return 0
	}
	return after - before
}

// figures sums up. That nothing succeeded is an error: there is nothing to tell.
func figures(tallies []tally, elapsed time.Duration, spent spending) (Figures, error) {
	var f Figures
	var times []time.Duration
	for _, t := range tallies {
		times = append(times, t.times...)
		f.Errors += t.failed
		if f.FirstError == "" && t.first != nil {
			f.FirstError = t.first.Error()
		}
	}
	if len(times) == 0 {
		return f, errors.Join(errors.New("bench: no ceremony succeeded"), errors.New(f.FirstError))
	}
	slices.Sort(times)
	f.Count = len(times)
	f.PerSecond = float64(f.Count) / elapsed.Seconds()
	f.P50, f.P95, f.P99 = milliseconds(quantile(times, 50)), milliseconds(quantile(times, 95)), milliseconds(quantile(times, 99))
	f.CPU = microseconds(spent.server) / float64(f.Count)
	f.EngineCPU = microseconds(spent.engine) / float64(f.Count)
	f.ReadUnits, f.WriteUnits = spent.reads/float64(f.Count), spent.writes/float64(f.Count)
	return f, nil
}

// quantile is the smallest of the sorted times that percent of them do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

func microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }
