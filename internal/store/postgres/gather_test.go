package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// gathering is a gatherer whose groups tell of themselves, and end when they are let go.
func gathering(t *testing.T, s *Store, leaves bool) (g *gatherer[int], groups chan []int, let chan error) {
	t.Helper()
	groups, let = make(chan []int, 1000), make(chan error)
	return &gatherer[int]{
		store: s, leaves: leaves,
		run: func(_ context.Context, _ *pgx.Conn, group []*gathered[int]) error {
			var calls []int
			for _, m := range group {
				calls = append(calls, m.call)
			}
			groups <- calls
			return <-let
		},
	}, groups, let
}

// lined lets so many calls stand in line behind those under way, and returns their
// answers.
func lined(t *testing.T, g *gatherer[int], n int) chan error {
	t.Helper()
	answers := make(chan error, n)
	for call := range n {
		go func() { _, err := g.do(t.Context(), call); answers <- err }()
	}
	until(t, "a line", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == n
	})
	return answers
}

// busy keeps g from thinking that what is under way is slow.
func busy(g *gatherer[int]) {
	g.mu.Lock()
	g.began = time.Now().Add(patience)
	g.mu.Unlock()
}

// TestGathered: who comes while a group is under way goes with the next, and hears its
// answer.
func TestGathered(t *testing.T) {
	g, groups, let := gathering(t, openTest(t, Config{}), false)
	first := make(chan error, 1)
	go func() { _, err := g.do(t.Context(), 1); first <- err }()
	if group := <-groups; len(group) != 1 {
		t.Fatalf("the first group is %v", group)
	}
	busy(g)
	answers := lined(t, g, queueLong-1)
	let <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	if group := <-groups; len(group) != queueLong-1 {
		t.Errorf("the second group is %v", group)
	}
	let <- errAny
	for range queueLong - 1 {
		if err := <-answers; !errors.Is(err, errAny) {
			t.Errorf("%v, want %v", err, errAny)
		}
	}
}

// TestGatheredBeside: another group starts beside one that is under way when many wait,
// or when it takes long; never more than there may be.
func TestGatheredBeside(t *testing.T) {
	for name, slow := range map[string]bool{"many wait": false, "one is slow": true} {
		t.Run(name, func(t *testing.T) {
			g, groups, let := gathering(t, openTest(t, Config{}), false)
			answers := make(chan error, 1000)
			calls := 0
			call := func() {
				calls++
				n := calls
				go func() { _, err := g.do(t.Context(), n); answers <- err }()
			}
			call()
			<-groups
			for range groupsMost - 1 {
				n := queueLong
				if slow {
					n = 1
					g.mu.Lock()
					g.began = time.Time{}
					g.mu.Unlock()
				} else {
					busy(g)
				}
				for range n {
					call()
				}
				<-groups
			}
			g.mu.Lock()
			g.began = time.Time{}
			g.mu.Unlock()
			for range 2 * queueLong {
				call()
			}
			until(t, "a line", func() bool {
				g.mu.Lock()
				defer g.mu.Unlock()
				return len(g.waiting) >= queueLong
			})
			g.mu.Lock()
			if g.running != groupsMost {
				t.Errorf("%d groups at a time, want %d", g.running, groupsMost)
			}
			g.mu.Unlock()
			close(let)
			for range calls {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestGatheredLeaves: who waits may leave the line; who is under way only where the
// group does not need its caller.
func TestGatheredLeaves(t *testing.T) {
	for name, leaves := range map[string]bool{"a read": true, "a write": false} {
		t.Run(name, func(t *testing.T) {
			g, groups, let := gathering(t, openTest(t, Config{}), leaves)
			ctx, leave := context.WithCancel(t.Context())
			under := make(chan error, 1)
			go func() { _, err := g.do(ctx, 1); under <- err }()
			<-groups
			busy(g)
			waiting := make(chan error, 1)
			go func() { _, err := g.do(ctx, 2); waiting <- err }()
			until(t, "a line", func() bool {
				g.mu.Lock()
				defer g.mu.Unlock()
				return len(g.waiting) == 1
			})
			leave()
			if err := <-waiting; !errors.Is(err, context.Canceled) {
				t.Errorf("who waited: %v, want %v", err, context.Canceled)
			}
			if leaves {
				if err := <-under; !errors.Is(err, context.Canceled) {
					t.Errorf("who was under way: %v, want %v", err, context.Canceled)
				}
			}
			let <- nil
			if !leaves {
				if err := <-under; err != nil {
					t.Errorf("who was under way: %v", err)
				}
			}
			if _, err := g.do(ctx, 3); !errors.Is(err, context.Canceled) {
				t.Errorf("who came late: %v, want %v", err, context.Canceled)
			}
		})
	}
}

// TestGatheredLate: who has waited for as long as a call may is told that nothing came
// free, and goes with no group.
func TestGatheredLate(t *testing.T) {
	g, groups, let := gathering(t, openTest(t, Config{}), false)
	first := make(chan error, 1)
	go func() { _, err := g.do(t.Context(), 1); first <- err }()
	<-groups
	busy(g)
	answers := lined(t, g, 2)
	g.mu.Lock()
	g.waiting[0].entered = time.Now().Add(-patience)
	g.mu.Unlock()
	close(let)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if group := <-groups; len(group) != 1 {
		t.Errorf("the second group is %v, want one", group)
	}
	if err := errors.Join(<-answers, <-answers); !errors.Is(err, ErrBusy) {
		t.Errorf("the answers are %v, want one %v", err, ErrBusy)
	}
}

// TestGatheredHurries: who came just after a group that takes long had begun does not
// wait for it, though nobody else comes.
func TestGatheredHurries(t *testing.T) {
	g, groups, let := gathering(t, openTest(t, Config{}), false)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := g.do(t.Context(), 1); first <- err }()
	<-groups
	g.mu.Lock()
	g.began = time.Now()
	g.mu.Unlock()
	go func() { _, err := g.do(t.Context(), 2); second <- err }()
	select {
	case group := <-groups:
		if len(group) != 1 || group[0] != 2 {
			t.Errorf("the second group is %v", group)
		}
	case <-time.After(patience):
		t.Error("the second waits for the first")
	}
	close(let)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

// TestGatheredRefuses: where the engine takes no further connection, who waits longest is
// told so, and the others may still get one of those that there are. Where there is none,
// all are told.
func TestGatheredRefuses(t *testing.T) {
	s := openTest(t, Config{})
	g, groups, let := gathering(t, s, false)
	first := make(chan error, 1)
	go func() { _, err := g.do(t.Context(), 1); first <- err }()
	<-groups
	busy(g)
	answers := lined(t, g, 3)
	g.refuse(errAny)
	if err := <-answers; !errors.Is(err, errAny) {
		t.Errorf("who waits longest: %v, want %v", err, errAny)
	}
	close(let)
	if err := errors.Join(<-first, <-answers, <-answers); err != nil {
		t.Errorf("the others: %v", err)
	}

	until(t, "no connection", func() bool { s.pool.Reset(); return s.pool.Stat().TotalConns() == 0 })
	alone := &gatherer[int]{store: s, running: groupsMost}
	busy(alone)
	answers = lined(t, alone, 3)
	alone.refuse(errAny)
	for range 3 {
		if err := <-answers; !errors.Is(err, errAny) {
			t.Errorf("%v, want %v", err, errAny)
		}
	}
}
