package session_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store/sqlite"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// process is the sessions of another process on the same database.
func (w *world) process(t *testing.T, profile string) *session.Keeper {
	t.Helper()
	server, err := seal.LoadServerKey("file:" + filepath.Join(filepath.Dir(filepath.Dir(w.Path)), "keys", "server.key"))
	must(t, err)
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: w.Path, Now: w.Clock.Now})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	v, err := record.Open(t.Context(), record.Config{Store: s, Server: server, KMS: seal.NoKMS(server), Now: w.Clock.Now, Rand: rand.Reader})
	must(t, err)
	log := audit.New(audit.Config{Vault: v, Store: s, Log: slog.New(slog.DiscardHandler), Now: w.Clock.Now})
	return session.New(session.Config{Store: s, Vault: v, Audit: log, Mail: w.Mail, Profile: session.ProfileOf(profile), Now: w.Clock.Now, Rand: rand.Reader})
}

// answer is what a rotation gave.
type answer struct {
	session record.ID
	token   string
	err     error
}

// atOnce presents a token n times through one gate, to the keepers in turn.
func atOnce(t *testing.T, n int, token string, keepers ...*session.Keeper) []answer {
	t.Helper()
	answers := make([]answer, n)
	gate := make(chan struct{})
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			<-gate
			c, next, err := keepers[i%len(keepers)].Rotate(t.Context(), session.Rotation{Door: ceremonytest.Door, Token: token, Accept: accept})
			answers[i] = answer{c.View().ID, next, err}
		})
	}
	close(gate)
	wait.Wait()
	return answers
}

// generation reads the live generation of a session's row.
func (w *world) generation(t *testing.T, id record.ID) uint64 {
	t.Helper()
	row, _, err := w.Store.SessionAndAccount(t.Context(), id[:])
	must(t, err)
	opened, err := w.Vault.OpenSession(row)
	must(t, err)
	return opened.Facts().Generation
}

// TestOneSuccessor: eight requests of one moment, in two processes, get one successor:
// all the same one, and the row moves by one generation.
func TestOneSuccessor(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	other := w.process(t, "standard")
	proof := w.in(t, ceremonytest.Request())
	id, text := proof.Session().View().ID, w.refresh(t, proof)
	for round := range uint64(50) {
		answers := atOnce(t, 8, text, w.Sessions, other)
		for _, a := range answers {
			if a.err != nil || a.session != id || a.token != answers[0].token || a.token == text {
				t.Fatalf("round %d: answers %+v", round, answers)
			}
		}
		if got := w.generation(t, id); got != round+1 {
			t.Fatalf("round %d: generation %d", round, got)
		}
		text = answers[0].token
	}
	w.alive(t, proof, "after 400 requests")
	if n := events(t, w, audit.RefreshReused); n != 0 {
		t.Fatalf("%d reuses", n)
	}
}

// TestOneSuccessorWithoutGrace: under aal3 the same eight requests get at most one
// answer, and end the family, with one event.
func TestOneSuccessorWithoutGrace(t *testing.T) {
	w := newWorld(t, "aal3", webauthntest.Phone())
	other := w.process(t, "aal3")
	for round := range 20 {
		proof := w.in(t, ceremonytest.Request())
		won := 0
		for _, a := range atOnce(t, 8, w.refresh(t, proof), w.Sessions, other) {
			switch {
			case a.err == nil:
				won++
				defer w.worthless(t, a.token, "a successor in an ended family")
			case !errors.Is(a.err, session.ErrNone) || a.token != "":
				t.Fatalf("round %d: %+v", round, a)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d answers", round, won)
		}
		w.dead(t, proof, "after a reuse")
		if n := events(t, w, audit.RefreshReused); n != round+1 {
			t.Fatalf("round %d: %d events", round, n)
		}
	}
}

// TestUseDuringRotation: a session that is touched while it is rotated loses neither:
// the rotation is judged again, and the touch gives way.
func TestUseDuringRotation(t *testing.T) {
	w := newWorld(t, "aal2", webauthntest.Phone())
	other := w.process(t, "aal2")
	proof := w.in(t, ceremonytest.Request())
	id, text := proof.Session().View().ID, w.refresh(t, proof)
	for round := range uint64(50) {
		w.Clock.Advance(5 * time.Minute) // a touch is due
		gate := make(chan struct{})
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				<-gate
				if _, err := []*session.Keeper{w.Sessions, other}[i%2].Resume(t.Context(), id); err != nil {
					t.Errorf("in use: %v", err)
				}
			})
		}
		wait.Go(func() {
			<-gate
			_, next, err := other.Rotate(t.Context(), session.Rotation{Door: ceremonytest.Door, Token: text, Accept: accept})
			if err != nil {
				t.Errorf("rotation: %v", err)
			}
			text = next
		})
		close(gate)
		wait.Wait()
		if t.Failed() || w.generation(t, id) != round+1 {
			t.Fatalf("round %d: generation %d", round, w.generation(t, id))
		}
	}
}
