package bench

import (
	"context"
	"errors"
	"fmt"
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
	people []*person
}

func newLoad(cfg Config, s *server) *load {
	client := &http.Client{
		Timeout: callPatience,
		Transport: &http.Transport{
			MaxIdleConns: cfg.Workers, MaxIdleConnsPerHost: cfg.Workers, DisableCompression: true,
		},
	}
	l := &load{cfg: cfg, server: s, people: make([]*person, cfg.Accounts)}
	for i := range l.people {
		l.people[i] = &person{
			username: fmt.Sprintf("person%d", i), mode: cfg.Mode, url: s.url, client: client,
			device: webauthntest.New(webauthntest.Phone()),
		}
	}
	return l
}

// register lets every person sign up, once.
func (l *load) register(ctx context.Context) (Figures, error) {
	return l.phase(ctx, func(ctx context.Context, t *tally, mine []*person) {
		for _, p := range mine {
			if ctx.Err() != nil {
				return
			}
			t.count(p.register(ctx))
		}
	})
}

// signIn lets everybody sign in, in turn, again and again until the time is up.
func (l *load) signIn(ctx context.Context) (Figures, error) {
	end := time.Now().Add(l.cfg.Duration)
	return l.phase(ctx, func(ctx context.Context, t *tally, mine []*person) {
		for {
			for _, p := range mine {
				if ctx.Err() != nil || !time.Now().Before(end) {
					return
				}
				t.count(p.signIn(ctx))
			}
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
func (l *load) phase(ctx context.Context, work func(context.Context, *tally, []*person)) (Figures, error) {
	tallies := make([]tally, l.cfg.Workers)
	spent, known := l.server.spent()
	begin := time.Now()
	var workers sync.WaitGroup
	for i := range tallies {
		share := len(l.people) * i / len(tallies)
		next := len(l.people) * (i + 1) / len(tallies)
		workers.Go(func() { work(ctx, &tallies[i], l.people[share:next]) })
	}
	workers.Wait()
	elapsed := time.Since(begin)
	if err := ctx.Err(); err != nil {
		return Figures{}, fmt.Errorf("bench: ended early: %w", err)
	}
	after, ok := l.server.spent()
	if !known || !ok {
		spent, after = 0, 0
	}
	return figures(tallies, elapsed, after-spent)
}

// figures sums up. That nothing succeeded is an error: there is nothing to tell.
func figures(tallies []tally, elapsed, cpu time.Duration) (Figures, error) {
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
	f.CPU = microseconds(cpu) / float64(f.Count)
	return f, nil
}

// quantile is the smallest of the sorted times that percent of them do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

func microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }
