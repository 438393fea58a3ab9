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
