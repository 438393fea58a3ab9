package dynamo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// seed is the world in which each verb is stopped: two people, stored rights, and a mail.
func seed(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	for n := range 2 {
		must(t, s.RecordSignUp(ctx, signUp(n)))
	}
	must(t, s.PutTicket(ctx, ticket(0), telling(nil, dawn)))
	must(t, s.PutKeys(ctx, []store.Key{wrapped(0)}, []store.Marker{marker()}))
	must(t, s.Append(ctx, owing(telling(nil, dawn), 0)))
}

func wrapped(n int) store.Key {
	return store.Key{Kind: "root", Number: uint32(n), Row: store.Row{Key: keyName("root", uint32(n)), Version: 1, Body: make([]byte, 64)}}
}

func marker() store.Marker {
	return store.Marker{Name: "right", Row: store.Row{Key: []byte("right"), Version: 1, Body: make([]byte, 64)}}
}

// TestCrash stops each verb after each of its writes, as a process that dies does, and
// demands that readers then see all of it or nothing; that a sweep leaves no trace of
// what did not end, and changes nothing of what they see; and that a repeat makes of
// either just what the verb makes when nothing goes wrong.
func TestCrash(t *testing.T) {
	t.Parallel()
	first := openTest(t, testConfig(t))
	seed(t, first)
	world := items(t, first)
	for _, v := range attemptables() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			clean, _ := worldAgain(t, world)
			before := visible(t, clean.Store)
			must(t, v.do(t.Context(), clean.Store))
			many := writes(clean.wire.take())
			after := visible(t, clean.Store)
			if reflect.DeepEqual(before, after) || many == 0 {
				t.Fatal("the verb does nothing")
			}
			if left := locked(t, clean.Store); len(left) > 0 {
				t.Errorf("a verb that ended well leaves locks: %v", left)
			}
			for k := range many {
				for _, sweeps := range []bool{false, true} {
					t.Run(fmt.Sprintf("after %d writes, swept: %v", k, sweeps), func(t *testing.T) {
						v.stop(t, world, stopped{after: k, sweeps: sweeps, before: before, done: after})
					})
				}
			}
		})
	}
}

// stopped is a verb stopped after so many writes, and what readers see without it and
// with it.
type stopped struct {
	after        int
	sweeps       bool
	before, done map[place]item
}

func (v attemptable) stop(t *testing.T, world []item, c stopped) {
	dying, config := worldAgain(t, world)
	left, dead := c.after, false
	dying.wire.spoil = func(r request) outcome {
		dead = dead || r.writes && left == 0
		if dead {
			return dies
		}
		if r.writes {
			left--
		}
		return passes
	}
	err := v.do(t.Context(), dying.Store)
	config.Transport, config.Now = nil, nil
	config.Patience = 10 * time.Millisecond
	if c.sweeps {
		config.Now = func() time.Time { return time.Now().Add(2 * journalKept) }
	}
	healthy := openTest(t, config)
	seen := visible(t, healthy)
	happened := reflect.DeepEqual(without(seen, v.trailing), without(c.done, v.trailing))
	if !happened && !reflect.DeepEqual(seen, c.before) {
		t.Fatalf("readers see half of it:\n got %v\nfrom %v\n  to %v", seen, c.before, c.done)
	}
	if err == nil && !happened {
		t.Fatal("it was said to have happened, and has not")
	}
	if c.sweeps {
		sweep(t, healthy, seen)
	}
	if happened && !v.once {
		return
	}
	must(t, v.do(t.Context(), healthy))
	if got := visible(t, healthy); !reflect.DeepEqual(got, c.done) {
		t.Errorf("after a repeat:\n got %v\nwant %v", got, c.done)
	}
}

// sweep demands that upkeep leaves nothing unfinished, and all that readers saw.
func sweep(t *testing.T, s *Store, seen map[place]item) {
	t.Helper()
	if _, err := s.Expire(t.Context(), dawn.Add(-24*time.Hour), 100); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, s); !reflect.DeepEqual(got, seen) {
		t.Errorf("after a sweep:\n got %v\nwant %v", got, seen)
	}
	for _, i := range items(t, s) {
		lane := i.text(attrLane)
		unfinished := strings.HasPrefix(lane, dueUnfinished) && !strings.HasPrefix(i.text(attrPart), inJournal)
		forgotten := i.text(attrKind) == kindNew && lane == "" // else it goes when it is due
		if unfinished || forgotten {
			t.Errorf("%v is left unfinished", placeOf(i))
		}
	}
}

// wired is a store in a table of its own, and the wire to its server.
type wired struct {
	*Store
	wire *wire
}

// worldAgain makes a new table with the items of another.
func worldAgain(t *testing.T, world []item) (wired, Config) {
	t.Helper()
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	s := openTest(t, c)
	fill(t, s, world)
	w.take()
	return wired{s, w}, c
}

// locked is where locks are, but for those of spends, which stay.
func locked(t *testing.T, s *Store) (left []place) {
	t.Helper()
	for _, i := range items(t, s) {
		if i.has(attrLock) && !strings.HasPrefix(i.text(attrPart), inSpends) {
			left = append(left, placeOf(i))
		}
	}
	return left
}

func without(seen map[place]item, kind string) map[place]item {
	rest := map[place]item{}
	for at, i := range seen {
		if kind == "" || !strings.HasPrefix(at.part, kind) {
			rest[at] = i
		}
	}
	return rest
}

// TestDeadOwner: a row that a dead process has locked is free again when the lock has
// been respected long enough, and at once when it is old.
func TestDeadOwner(t *testing.T) {
	first := openTest(t, testConfig(t))
	seed(t, first)
	for name, later := range map[string]time.Duration{"young": 0, "old": stale + time.Second} {
		t.Run(name, func(t *testing.T) {
			dying, config := worldAgain(t, items(t, first))
			sent := 0
			dying.wire.spoil = func(r request) outcome {
				if r.writes {
					sent++
				}
				if sent > 3 { // spend, credential and session are locked
					return unsent
				}
				return passes
			}
			if err := dying.RecordSignIn(t.Context(), signIn(0, 1)); err == nil {
				t.Fatal("it was said to have happened")
			}
			config.Transport, config.Now = nil, func() time.Time { return time.Now().Add(later) }
			config.Patience = time.Hour
			if later == 0 {
				config.Patience = 50 * time.Millisecond
			}
			other := openTest(t, config)
			must(t, other.RecordSignIn(t.Context(), signIn(0, 2)))
			if err := other.RecordSignIn(t.Context(), signIn(0, 1)); err != nil {
				t.Errorf("a repeat of what was shut out: %v", err)
			}
			c, _, err := other.CredentialAndAccount(t.Context(), key("credential", 0))
			must(t, err)
			if c.TimesUsed != 2 {
				t.Errorf("used %d times, want 2", c.TimesUsed)
			}
		})
	}
}

// TestShutOut: an owner that was shut out while it slept does not happen after all, and
// its next attempt does.
func TestShutOut(t *testing.T) {
	first := openTest(t, testConfig(t))
	seed(t, first)
	slow, config := worldAgain(t, items(t, first))
	config.Transport, config.Patience = nil, time.Millisecond
	other := openTest(t, config)
	interfered := false
	slow.wire.spoil = func(r request) outcome {
		// The fourth write is that of the event: before it, another wants the credential.
		if r.writes && writes(slow.wire.seen) == 4 && !interfered {
			interfered = true
			if err := other.RecordSignIn(t.Context(), signIn(0, 2)); err != nil {
				t.Error(err)
			}
		}
		return passes
	}
	must(t, slow.RecordSignIn(t.Context(), signIn(0, 1)))
	if !interfered {
		t.Fatal("nobody interfered")
	}
	c, _, err := other.CredentialAndAccount(t.Context(), key("credential", 0))
	must(t, err)
	if c.TimesUsed != 2 {
		t.Errorf("used %d times, want 2", c.TimesUsed)
	}
	if err := other.RecordSignIn(t.Context(), signIn(0, 2)); err != nil {
		t.Errorf("the other's repeat: %v", err)
	}
}

// TestOwnerGivesUp: whoever gives up under way leaves nothing locked.
func TestOwnerGivesUp(t *testing.T) {
	first := openTest(t, testConfig(t))
	seed(t, first)
	world := items(t, first)
	for after := range 8 {
		t.Run(fmt.Sprintf("after %d writes", after), func(t *testing.T) {
			s, _ := worldAgain(t, world)
			ctx, cancel := context.WithCancel(t.Context())
			s.wire.spoil = func(r request) outcome {
				if r.writes && writes(s.wire.seen) == after+1 {
					cancel()
				}
				return passes
			}
			err := s.RecordSignIn(ctx, signIn(0, 1))
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if left := locked(t, s.Store); len(left) > 0 {
				t.Errorf("locks are left: %v", left)
			}
			_, _, missing := s.SessionAndAccount(t.Context(), signIn(0, 1).Session.Key)
			if (err == nil) != (missing == nil) {
				t.Errorf("answered %v, and the session: %v", err, missing)
			}
		})
	}
}
