package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

// TestOutcomes: who counts hears of each attempt once, and how old the mail was.
func TestOutcomes(t *testing.T) {
	for want, c := range map[string]struct {
		wait  time.Duration
		says  error // of the transport
		finds error // of the author
	}{
		outcomeSent:      {wait: time.Minute},
		outcomePostponed: {wait: time.Minute, says: errors.New("busy")},
		failRefused:      {wait: time.Minute, says: fmt.Errorf("no: %w", ErrRefused)},
		failExpired:      {wait: 10 * time.Minute},
		failGivenUp:      {wait: giveUp, finds: errors.New("down")},
		outcomeObsolete:  {wait: time.Minute, finds: ErrObsolete},
		outcomeDelayed:   {wait: giveUp, finds: &Later{After: time.Hour}},
	} {
		t.Run(want, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(transportFunc(func(context.Context, Message) error { return c.says }))
			if c.finds != nil {
				cfg.Author = authorFunc(func(context.Context, record.MailFacts) (Letter, error) { return Letter{}, c.finds })
			}
			var heard []string
			cfg.Outcome = func(outcome string, age time.Duration) { heard = append(heard, outcome+" "+age.String()) }
			p := w.post(t, cfg)
			w.owe(t, signInFacts("ana@example.org"))
			w.clock.add(c.wait)
			w.drain(t, p)
			if want := []string{want + " " + c.wait.String()}; !slices.Equal(heard, want) {
				t.Errorf("heard %q, want %q", heard, want)
			}
		})
	}
}

// TestLater: a mail that its author wants later is sent when that is, and never given up.
func TestLater(t *testing.T) {
	w := newWorld(t)
	var sent int
	cfg := w.config(transportFunc(func(context.Context, Message) error { sent++; return nil }))
	due := w.clock.Now().Add(48 * time.Hour)
	cfg.Author = authorFunc(func(ctx context.Context, f record.MailFacts) (Letter, error) {
		if left := due.Sub(w.clock.Now()); left > 0 {
			return Letter{}, fmt.Errorf("not yet: %w", &Later{After: min(left, 7*time.Hour)})
		}
		return plainAuthor(ctx, f)
	})
	p := w.post(t, cfg)
	w.owe(t, noticeFacts("ana@example.org"))
	for range 7 {
		w.drain(t, p)
		w.drain(t, p)
		if sent != 0 {
			t.Fatal("sent before its time")
		}
		w.clock.add(7 * time.Hour)
	}
	if w.drain(t, p); sent != 1 || len(w.left(t)) != 0 {
		t.Fatalf("sent %d times", sent)
	}
	if n := w.counts(t); len(n) != 0 {
		t.Errorf("counted %v", n)
	}
}
