package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// dueAfter owes a mail that is due so long after dawn.
func (w *world) dueAfter(after time.Duration) store.Mail {
	w.t.Helper()
	m := w.mail()
	m.Due = dawn.Add(after)
	w.must(w.s.Append(w.ctx, owe(w.event(nil), owed{mails: []store.Mail{m}})))
	return m
}

// take takes mails and demands which, as they then stand.
func (w *world) take(now, until time.Duration, limit int, want ...store.Mail) {
	w.t.Helper()
	got, err := w.s.TakeMails(w.ctx, dawn.Add(now), dawn.Add(until), limit)
	w.must(err)
	if len(got) != len(want) {
		w.t.Fatalf("%d mails taken, want %d", len(got), len(want))
	}
	for i := range want {
		same(w.t, "mail", got[i], want[i])
	}
}

// taken is m once it was taken so often, until so long after dawn.
func taken(m store.Mail, often uint32, until time.Duration) store.Mail {
	m.Taken, m.Due = often, dawn.Add(until)
	return m
}

func testOutbox(t *testing.T, open opener) {
	t.Run("due", func(t *testing.T) { mailsDue(t, open) })
	t.Run("lease", func(t *testing.T) { mailLease(t, open) })
	t.Run("postponed", func(t *testing.T) { mailPostponed(t, open) })
	t.Run("malformed", func(t *testing.T) {
		w := newWorld(t, open)
		m := w.dueAfter(0)
		for _, until := range []time.Duration{0, -time.Second} {
			_, err := w.s.TakeMails(w.ctx, dawn, dawn.Add(until), 1)
			wantError(t, err, nil, "")
		}
		wantError(t, w.s.SettleMail(w.ctx, nil, 1), nil, "")
		wantError(t, w.s.PostponeMail(w.ctx, nil, 1, dawn), nil, "")
		w.take(0, time.Minute, 1, taken(m, 1, time.Minute))
	})
}

// mailsDue: those due longest first, whatever the order in which they were owed, not
// one before its time, and no more than were asked for.
func mailsDue(t *testing.T, open opener) {
	w := newWorld(t, open)
	const ms, until = time.Millisecond, time.Hour
	third, first, second := w.dueAfter(3*ms), w.dueAfter(1*ms), w.dueAfter(2*ms)
	w.take(0, until, 10)
	w.take(3*ms, until, 0)
	w.take(3*ms, until, -1)
	w.take(1*ms, until, 10, taken(first, 1, until))
	w.take(3*ms, until, 1, taken(second, 1, until))
	w.take(3*ms, until, 10, taken(third, 1, until))
	w.take(3*ms, until, 10)

	var owing []store.Mail
	for range 7 {
		owing = append(owing, w.dueAfter(0))
	}
	seen := 0
	for _, limit := range []int{3, 3, 3, 3} {
		list, err := w.s.TakeMails(w.ctx, dawn, dawn.Add(until), limit)
		w.must(err)
		if len(list) > limit {
			t.Fatalf("%d mails, want at most %d", len(list), limit)
		}
		seen += len(list)
	}
	same(t, "of one moment", seen, len(owing))
}

// mailLease: who took a mail has it until the lease ends; then another may take it,
// and the first can neither settle nor postpone it.
func mailLease(t *testing.T, open opener) {
	w := newWorld(t, open)
	m, other := w.dueAfter(0), w.dueAfter(time.Hour)
	w.take(0, time.Minute, 10, taken(m, 1, time.Minute))
	w.take(time.Minute-time.Millisecond, 2*time.Minute, 10)
	w.take(time.Minute, 3*time.Minute, 10, taken(m, 2, 3*time.Minute))

	wantError(t, w.s.SettleMail(w.ctx, m.Key, 1), store.ErrConflict, "")
	wantError(t, w.s.PostponeMail(w.ctx, m.Key, 1, dawn), store.ErrConflict, "")
	wantError(t, w.s.SettleMail(w.ctx, m.Key, 3), store.ErrConflict, "")
	wantError(t, w.s.SettleMail(w.ctx, w.key(), 2), store.ErrConflict, "")
	wantError(t, w.s.PostponeMail(w.ctx, w.key(), 2, dawn), store.ErrConflict, "")
	w.take(2*time.Minute, time.Hour, 10)
	w.must(w.s.SettleMail(w.ctx, m.Key, 2))
	wantError(t, w.s.SettleMail(w.ctx, m.Key, 2), store.ErrConflict, "")
	wantError(t, w.s.PostponeMail(w.ctx, m.Key, 2, dawn), store.ErrConflict, "")
	w.take(2*time.Hour, 3*time.Hour, 10, taken(other, 1, 3*time.Hour))
}

// mailPostponed: it is due when the taker said, earlier or later than the lease ends.
func mailPostponed(t *testing.T, open opener) {
	w := newWorld(t, open)
	m := w.dueAfter(0)
	w.take(0, time.Hour, 1, taken(m, 1, time.Hour))
	w.must(w.s.PostponeMail(w.ctx, m.Key, 1, dawn.Add(2*time.Hour)))
	w.take(time.Hour, 2*time.Hour, 1)
	w.take(2*time.Hour, 9*time.Hour, 1, taken(m, 2, 9*time.Hour))
	w.must(w.s.PostponeMail(w.ctx, m.Key, 2, dawn.Add(3*time.Hour)))
	w.take(3*time.Hour, 9*time.Hour, 1, taken(m, 3, 9*time.Hour))
	list := w.takeAll()
	if len(list) != 1 || !bytes.Equal(list[0].Body, m.Body) || list[0].Taken != 4 {
		t.Errorf("it did not stay as it was: %+v", list)
	}
}
