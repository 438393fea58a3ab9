package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// TestFaults signs in while a fifth of all requests goes wrong. Each ticket is fought over
// by three, who each ask again under their own operation until they are told how it ended:
// one has it, and what they were told is what is stored.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, ways := range map[string][]outcome{
		"the server is throttled": {throttled},
		"the server fails":        {broken},
		"requests are lost":       {unsent},
		"answers are lost":        {unheard},
		"all of it":               {unsent, unheard, throttled, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults(t, ways)
		})
	}
}

func faults(t *testing.T, ways []outcome) {
	const seed, people, tickets, rivals = 7, 4, 24, 3
	w := &wire{}
	c := testConfig(t)
	c.Transport, c.Timeout, c.Patience = w, 20*time.Second, 300*time.Millisecond
	s := openTest(t, c)
	for n := range people {
		must(t, s.RecordSignUp(t.Context(), signUp(n)))
	}
	w.take()
	random := rand.New(rand.NewPCG(seed, seed))
	w.mu.Lock()
	w.spoil = func(request) outcome {
		if random.IntN(5) > 0 {
			return passes
		}
		return ways[random.IntN(len(ways))]
	}
	w.mu.Unlock()

	var won [tickets]atomic.Int32
	var group sync.WaitGroup
	for n := range tickets {
		for rival := range rivals {
			group.Go(func() {
				v := signIn(n%people, n)
				v.Op = store.OpID(id("rival", n, rival))
				v.Session = session(v.Account.Key, n%people, 1+n*rivals+rival)
				v.Use.Within = 1000
				if until(t.Context(), func(ctx context.Context) error { return s.RecordSignIn(ctx, v) }) == nil {
					won[n].Add(1)
				}
			})
		}
	}
	group.Wait()
	w.mu.Lock()
	w.spoil = nil
	w.mu.Unlock()
	attempted := map[string]int{}
	for _, r := range w.take() {
		attempted[r.call]++
	}
	for _, n := range attempted {
		if n > attempts {
			t.Errorf("seed %d: a call was sent %d times, want at most %d", seed, n, attempts)
		}
	}
	for n := range won {
		if got := won[n].Load(); got != 1 {
			t.Errorf("seed %d: ticket %d was spent by %d, want 1", seed, n, got)
		}
	}
	wantSignIns(t, s, people, tickets)
	t.Logf("seed %d: %d calls, %d sign-ins", seed, len(attempted), tickets)
}

// until repeats a verb until it is known how it ended.
func until(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil || errors.Is(err, store.ErrSpent) || errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// wantSignIns demands sessions, uses and events of just so many sign-ins.
func wantSignIns(t *testing.T, s *Store, people, want int) {
	t.Helper()
	sessions, uses, events := 0, uint64(0), 0
	for n := range people {
		list, err := s.SessionsOf(t.Context(), key("account", n), nil, 1000)
		must(t, err)
		sessions += len(list) - 1 // that of the sign-up
		c, _, err := s.CredentialAndAccount(t.Context(), key("credential", n))
		must(t, err)
		uses += c.TimesUsed
		told, err := s.EventsOf(t.Context(), key("account", n), store.Position{}, 1000)
		must(t, err)
		events += len(told) - 1
	}
	if sessions != want || uses != uint64(want) || events != want {
		t.Errorf("%d sessions, %d uses and %d events, want %d of each", sessions, uses, events, want)
	}
}

// TestRetryBudget: when nothing works, requests soon are sent once each, so that those
// who are in trouble are not sent three times as much.
func TestRetryBudget(t *testing.T) {
	w := &wire{}
	c := testConfig(t)
	c.Transport = w
	s := openTest(t, c)
	w.take()
	w.spoil = func(request) outcome { return throttled }
	const calls = 200
	for range calls {
		if _, err := s.Account(t.Context(), key("account")); err == nil {
			t.Fatal("no error")
		}
	}
	if sent := len(w.take()); sent > calls+retryBudget/5 || sent < calls+retryBudget/10 {
		t.Errorf("%d requests for %d calls, want them to be repeated some %d times in all", sent, calls, retryBudget/5)
	}
}

// TestGivesUp: a server that does not answer holds nobody up for longer than was said.
func TestGivesUp(t *testing.T) {
	c := testConfig(t)
	c.Timeout = 500 * time.Millisecond
	w := &wire{}
	c.Transport = w
	s := openTest(t, c)
	silence := make(chan struct{})
	defer close(silence)
	elsewhere, err := url.Parse("http://" + deaf(t, silence) + "/")
	must(t, err)
	s.db.(*client).url = *elsewhere
	for name, do := range map[string]func() error{
		"read":  func() error { return s.Ping(t.Context()) },
		"write": func() error { return s.Spend(t.Context(), store.OpID{1}, store.Spend{Expires: dawn}) },
		"verb":  func() error { return s.RecordSignIn(t.Context(), signIn(0, 1)) },
	} {
		begun := time.Now()
		if err := do(); !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: error is %v, want %v", name, err, ErrTimeout)
		}
		if took := time.Since(begun); took > 2*c.Timeout {
			t.Errorf("%s took %v, want %v and a fifth", name, took, c.Timeout)
		}
	}
}

// TestHungRequest: one that nobody answers is given up in time to be sent again.
func TestHungRequest(t *testing.T) {
	w := &wire{}
	c := testConfig(t)
	c.Transport, c.Timeout = w, 2*time.Second
	s := openTest(t, c)
	w.take()
	w.spoil = func(request) outcome {
		if len(w.seen) == 1 {
			return silent
		}
		return passes
	}
	must(t, s.Spend(t.Context(), store.OpID{1}, store.Spend{Expires: dawn}))
}

// TestJitter: anything up to the bound, never more, and the bound doubles.
func TestJitter(t *testing.T) {
	for attempt, bound := range map[int]time.Duration{0: firstDelay, 1: 2 * firstDelay, 2: 4 * firstDelay, 3: lastDelay, 60: lastDelay} {
		low := 0
		for range 400 {
			switch d := jitter(attempt); {
			case d <= 0 || d > bound:
				t.Fatalf("attempt %d: %v, want up to %v", attempt, d, bound)
			case d < bound/2:
				low++
			}
		}
		if low < 100 || low > 300 {
			t.Errorf("attempt %d: %d of 400 in the lower half", attempt, low)
		}
	}
}
