package mail

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// DefaultShelf is how many mails a Shelf keeps for development.
const DefaultShelf = 200

// Shelf is a Transport that sends nothing: it keeps the newest mails in memory, for the
// page on which a developer reads them. It is safe for concurrent use.
type Shelf struct {
	limit int

	mu    sync.Mutex
	mails []Message // oldest first
}

var _ Transport = (*Shelf)(nil)

// NewShelf makes a Shelf that keeps the newest limit mails; below 1, DefaultShelf.
func NewShelf(limit int) *Shelf {
	if limit < 1 {
		limit = DefaultShelf
	}
	return &Shelf{limit: limit}
}

// Send keeps a message. One that was sent before takes the place of its first copy. The
// error is ErrRefused for what no transport would take.
func (s *Shelf) Send(_ context.Context, m Message) error {
	if _, err := envelopeOf(m); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, kept := range s.mails {
		if kept.ID == m.ID {
			s.mails[i] = m
			return nil
		}
	}
	s.mails = append(s.mails, m)
	if over := len(s.mails) - s.limit; over > 0 {
		s.mails = slices.Delete(s.mails, 0, over)
	}
	return nil
}

// List gives the mails, newest first.
func (s *Shelf) List() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.mails)
	slices.Reverse(out)
	return out
}

// Get gives the mail with this ID, with or without its domain.
func (s *Shelf) Get(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.mails {
		local, _, _ := strings.Cut(m.ID, "@")
		if m.ID == id || local == id {
			return m, true
		}
	}
	return Message{}, false
}
