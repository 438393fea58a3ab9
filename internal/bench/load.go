package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
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
	people []*person // who has signed up, or is about to
}

func newLoad(cfg Config, s *server) *load {
	client := &http.Client{
		Timeout: callPatience,
		Transport: &http.Transport{
			MaxIdleConns: cfg.Workers, MaxIdleConnsPerHost: cfg.Workers, DisableCompression: true,
		},
	}
	return &load{cfg: cfg, server: s, client: client}
}

// arrive makes so many more people.
func (l *load) arrive(more int) {
	for range more {
		l.people = append(l.people, &person{
			username: fmt.Sprintf("person%d", len(l.people)), mode: l.cfg.Mode, url: l.server.url, client: l.client,
			device: webauthntest.New(webauthntest.Phone()),
		})
	}
}

// register lets people sign up, each once, until there are so many accounts.
func (l *load) register(ctx context.Context, accounts int) (Figures, error) {
	before := len(l.people)
	l.arrive(accounts - before)
	return l.phase(ctx, l.people[before:], func(ctx context.Context, t *tally, mine []*person) {
		for _, p := range mine {
			if ctx.Err() != nil {
				return
			}
			t.count(p.register(ctx))
		}
	})
}

// signIn lets people sign in, whoever comes, until the time is up: nobody's rows are
// nearer at hand than another's.
func (l *load) signIn(ctx context.Context) (Figures, error) {
	end := time.Now().Add(l.cfg.Duration)
	return l.phase(ctx, l.people, func(ctx context.Context, t *tally, mine []*person) {
		for ctx.Err() == nil && time.Now().Before(end) {
			t.count(mine[rand.IntN(len(mine))].signIn(ctx))
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

// phase gives every worker its share of the people, each person to one worker, and
// measures until all have ended.
func (l *load) phase(ctx context.Context, people []*person, work func(context.Context, *tally, []*person)) (Figures, error) {
	tallies := make([]tally, l.cfg.Workers)
	server, engine := l.server.spent(), l.server.engine()
	begin := time.Now()
	var workers sync.WaitGroup
	for i := range tallies {
		share := len(people) * i / len(tallies)
		next := len(people) * (i + 1) / len(tallies)
		workers.Go(func() { work(ctx, &tallies[i], people[share:next]) })
	}
	workers.Wait()
	elapsed := time.Since(begin)
	if err := ctx.Err(); err != nil {
		return Figures{}, fmt.Errorf("bench: ended early: %w", err)
	}
	return figures(tallies, elapsed, spending{since(server, l.server.spent()), since(engine, l.server.engine())})
}

// spending is CPU time; 0 where it cannot be told.
type spending struct{ server, engine time.Duration }

// since is the CPU time between two readings; 0 when one of them could not be taken.
func since(before, after time.Duration) time.Duration {
	if before == 0 || after == 0 {
		return 0
	}
	return after - before
}

// figures sums up. That nothing succeeded is an error: there is nothing to tell.
func figures(tallies []tally, elapsed time.Duration, cpu spending) (Figures, error) {
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
	f.CPU = microseconds(cpu.server) / float64(f.Count)
	f.EngineCPU = microseconds(cpu.engine) / float64(f.Count)
	return f, nil
}

// quantile is the smallest of the sorted times that percent of them do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

func microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }
