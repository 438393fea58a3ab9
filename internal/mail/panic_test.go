package mail

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

// TestPostOutlivesAPanic: a mail that cannot even be written takes neither the process
// nor the mails behind it along, and is tried again. What the panic says is in no log: it
// may hold an address or a link.
func TestPostOutlivesAPanic(t *testing.T) {
	w := newWorld(t)
	shelf := NewShelf(0)
	cfg := w.config(shelf)
	attempts := 0
	cfg.Author = authorFunc(func(ctx context.Context, f record.MailFacts) (Letter, error) {
		if f.Address == "ana@example.org" {
			attempts++
			panic(errors.New("no words for ana@example.org"))
		}
		return plainAuthor(ctx, f)
	})
	p := w.post(t, cfg)
	w.owe(t, noticeFacts("ana@example.org"))
	w.owe(t, noticeFacts("bob@example.org"))
	w.drain(t, p)
	if sent := shelf.List(); len(sent) != 1 || sent[0].To != "bob@example.org" {
		t.Fatalf("sent %+v", sent)
	}
	w.clock.add(time.Minute)
	w.drain(t, p)
	if attempts != 2 || len(w.left(t)) != 1 {
		t.Fatalf("%d attempts, %d left", attempts, len(w.left(t)))
	}
	if log := w.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, "ana@") {
		t.Errorf("log %s", log)
	}
}
