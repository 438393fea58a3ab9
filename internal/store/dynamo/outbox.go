package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// TakeMails implements store.Outbox. Each mail is taken by one conditional write; one
// that another takes at the same moment is left to them.
func (s *Store) TakeMails(ctx context.Context, now, until time.Time, limit int) ([]store.Mail, error) {
	if !until.After(now) {
		return nil, fmt.Errorf("%w: a lease that has ended", store.ErrMalformed)
	}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	due, err := s.dueBefore(ctx, dueMails, now.UnixMilli()+1, limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	places := make([]place, len(due))
	for n, e := range due {
		places[n] = e.at
	}
	cells, err := s.read(ctx, places...)
	if err != nil {
		return nil, err
	}
	var list []store.Mail
	for _, at := range places {
		m, won, err := s.takeMail(ctx, cells[at], now, until)
		if err != nil {
			return list, ignoreWhen(len(list) > 0, err)
		}
		if won {
			list = append(list, m)
		}
	}
	return list, nil
}

// ignoreWhen drops an error that would lose what was taken already.
func ignoreWhen(taken bool, err error) error {
	if taken {
		return nil
	}
	return err
}

// takeMail takes one, unless it is not due any more, or not owed: a verb that owes it may
// still be under way, or died, and then upkeep takes the mail away.
func (s *Store) takeMail(ctx context.Context, c *cell, now, until time.Time) (m store.Mail, won bool, err error) {
	if c.now == nil {
		return m, false, s.clear(ctx, c)
	}
	m = mailOf(keyOf(c.at), c.now)
	if m.Due.After(now) {
		return m, false, nil
	}
	m.Due, m.Taken = until, m.Taken+1
	_, won, err = s.swap(ctx, c.at, c.rev, mailItem(m))
	m.Due = time.UnixMilli(until.UnixMilli()).UTC()
	return m, won, err
}

// SettleMail implements store.Outbox: one conditional write. When its answer was lost, a
// repeat says that the mail is gone.
func (s *Store) SettleMail(ctx context.Context, key []byte, taken uint32) error {
	return s.answer(ctx, key, taken, func(t *txn, at place, _ store.Mail) { t.del(at) })
}

// PostponeMail implements store.Outbox: one conditional write.
func (s *Store) PostponeMail(ctx context.Context, key []byte, taken uint32, due time.Time) error {
	return s.answer(ctx, key, taken, func(t *txn, at place, m store.Mail) {
		m.Due = due
		t.put(at, mailItem(m))
	})
}

// answer does something to a mail that stands at a lease.
func (s *Store) answer(ctx context.Context, key []byte, taken uint32, do func(*txn, place, store.Mail)) error {
	var f store.Form
	f.Key(key, "the mail")
	if f.Err() != nil {
		return f.Err()
	}
	at := single(inMails, key)
	return s.do(ctx, verb{needs: []place{at}, judge: func(t *txn) (bool, error) {
		i := t.get(at)
		if i == nil || uint32(i.number(attrTaken)) != taken {
			return false, store.ErrConflict
		}
		do(t, at, mailOf(key, i))
		return false, nil
	}})
}
