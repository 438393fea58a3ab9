package session_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// profiles are the published lives of sessions.
var profiles = []struct {
	name           string
	idle, absolute time.Duration
	step           time.Duration // how old last_seen may be before it is written again
}{
	{"standard", 7 * 24 * time.Hour, 30 * 24 * time.Hour, 5 * time.Minute},
	{"aal2", time.Hour, 24 * time.Hour, 5 * time.Minute},
	{"aal3", 15 * time.Minute, 12 * time.Hour, 90 * time.Second},
}

func TestProfiles(t *testing.T) {
	for _, p := range profiles {
		if got := session.ProfileOf(p.name); got.Absolute != p.absolute || got.Idle != p.idle {
			t.Errorf("%s is %+v", p.name, got)
		}
	}
	for _, unknown := range []string{"", "STANDARD", "aal4"} {
		if session.ProfileOf(unknown) != session.ProfileOf("aal3") {
			t.Errorf("%q is not the strictest profile", unknown)
		}
	}
}

// TestEdges: one second before its end a session lives, one second after it does not,
// for the idle and the absolute end, in both modes.
func TestEdges(t *testing.T) {
	for _, p := range profiles {
		for mode, request := range map[string]ceremony.Request{"cookie": ceremonytest.CookieRequest(), "token": ceremonytest.Request()} {
			t.Run(p.name+"/"+mode, func(t *testing.T) {
				w := newWorld(t, p.name, webauthntest.Phone())
				// Two sessions of one moment: looking at one keeps it alive.
				early, late := w.in(t, request), w.in(t, request)
				if got := early.Session().View().ExpiresAt; !got.Equal(w.Clock.Now().Add(p.absolute)) {
					t.Fatalf("ends at %v", got)
				}
				w.Clock.Advance(p.idle - time.Second)
				w.alive(t, early, "idle −1 s")
				w.Clock.Advance(2 * time.Second)
				w.dead(t, late, "idle +1 s")
				w.alive(t, early, "used two seconds ago")

				busy := w.in(t, request)
				w.hop(t, busy, p.absolute-time.Second, p.idle/2)
				w.alive(t, busy, "absolute −1 s")
				w.Clock.Advance(2 * time.Second)
				w.dead(t, busy, "absolute +1 s")
			})
		}
	}
}

// TestExactEnds: the very moment of an end is after it.
func TestExactEnds(t *testing.T) {
	w := newWorld(t, "aal3", webauthntest.Phone())
	idle := w.in(t, ceremonytest.Request())
	w.Clock.Advance(15 * time.Minute)
	w.dead(t, idle, "at the idle limit")
	busy := w.in(t, ceremonytest.Request())
	w.hop(t, busy, 12*time.Hour, 10*time.Minute)
	w.dead(t, busy, "at the absolute limit")
}

// TestTouch: however often a session is used, it is written at most once per step.
func TestTouch(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(t, p.name, webauthntest.Phone())
			proof := w.in(t, ceremonytest.CookieRequest())
			before := w.Store.Writes()
			uses := func(want uint64) {
				t.Helper()
				for range 20 {
					w.alive(t, proof, "in use")
				}
				if wrote := w.Store.Writes() - before; wrote != want {
					t.Fatalf("%d writes, want %d", wrote, want)
				}
			}
			uses(0)
			w.Clock.Advance(p.step - time.Second)
			uses(0)
			w.Clock.Advance(time.Second)
			uses(1)
			w.Clock.Advance(p.step - time.Second)
			uses(1)
			w.Clock.Advance(time.Second)
			uses(2)
		})
	}
}

// TestTouchRace: many requests at the moment a touch is due are all served, for one
// write.
func TestTouchRace(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.CookieRequest())
	for range 10 {
		w.Clock.Advance(5 * time.Minute)
		before := w.Store.Writes()
		gate, done := make(chan struct{}), make(chan error, 8)
		for range cap(done) {
			go func() {
				<-gate
				_, err := w.Sessions.Check(t.Context(), proof.Cookie())
				done <- err
			}()
		}
		close(gate)
		for range cap(done) {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if wrote := w.Store.Writes() - before; wrote != 1 {
			t.Fatalf("%d writes, want 1", wrote)
		}
	}
}

// TestTouchDoesNotMoveTheEnd: use lengthens the idle life and nothing else.
func TestTouchDoesNotMoveTheEnd(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.CookieRequest())
	end, signedIn := proof.Session().View().ExpiresAt, proof.Session().View().AuthTime
	w.Clock.Advance(3 * 24 * time.Hour)
	v := w.alive(t, proof, "in use").View()
	if !v.ExpiresAt.Equal(end) || !v.AuthTime.Equal(signedIn) {
		t.Fatalf("after a touch: %+v", v)
	}
}
