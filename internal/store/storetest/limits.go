package storetest

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

const day = 24 * time.Hour

// hit uses keys so long after dawn, each under the same rates, and returns how long
// it would have had to wait.
func (w *world) hit(after time.Duration, rates []store.Rate, keys ...[]byte) time.Duration {
	w.t.Helper()
	v := store.Hits{At: dawn.Add(after)}
	for _, key := range keys {
		v.Hits = append(v.Hits, store.Hit{Key: key, Rates: rates})
	}
	wait, err := w.s.Hit(w.ctx, v)
	w.must(err)
	return wait
}

func testLimits(t *testing.T, open opener) {
	t.Run("a span ends", func(t *testing.T) { spanEnds(t, open) })
	t.Run("as many as can be", func(t *testing.T) { mostHits(t, open) })
	t.Run("clocks that differ", func(t *testing.T) { clocksDiffer(t, open) })
	t.Run("as the model", func(t *testing.T) { likeTheModel(t, open) })
	t.Run("several hits", func(t *testing.T) { severalHits(t, open) })
	t.Run("mails", func(t *testing.T) { hitsOweMails(t, open) })
	t.Run("malformed", func(t *testing.T) { malformedHits(t, open) })
	t.Run("expire", func(t *testing.T) { expireHits(t, open) })
}

// spanEnds: to the millisecond; a use that had no room does not count, nor does
// another key's.
func spanEnds(t *testing.T, open opener) {
	w := newWorld(t, open)
	rates := []store.Rate{{Count: 2, Per: time.Hour}}
	k := w.key()
	for _, c := range []struct{ at, wait time.Duration }{
		{0, 0},
		{10 * time.Minute, 0},
		{20 * time.Minute, 40 * time.Minute},
		{time.Hour - time.Millisecond, time.Millisecond},
		{time.Hour, 0},
		{time.Hour, 10 * time.Minute},
		{70*time.Minute - time.Millisecond, time.Millisecond},
		{70 * time.Minute, 0},
		{10 * time.Hour, 0},
	} {
		same(t, "wait at "+c.at.String(), w.hit(c.at, rates, k), c.wait)
	}
	same(t, "another key's wait", w.hit(10*time.Hour, rates, w.key()), time.Duration(0))
	same(t, "what else there is", w.dump(), dump{})
}

// mostHits: the largest count in the longest span, and within the shortest.
func mostHits(t *testing.T, open opener) {
	w := newWorld(t, open)
	for _, per := range []time.Duration{time.Millisecond, 31 * day} {
		rates := []store.Rate{{Count: 64, Per: per}}
		k := w.key()
		for range 64 {
			same(t, "wait", w.hit(0, rates, k), time.Duration(0))
		}
		same(t, "wait when it is full", w.hit(0, rates, k), per)
		same(t, "wait at its end", w.hit(per-time.Millisecond, rates, k), time.Millisecond)
		for range 64 {
			same(t, "wait in the next", w.hit(per, rates, k), time.Duration(0))
		}
		same(t, "wait when it is full again", w.hit(per, rates, k), per)
	}
}

// clocksDiffer: a hit from the future counts, whichever of the two came first.
func clocksDiffer(t *testing.T, open opener) {
	w := newWorld(t, open)
	rates := []store.Rate{{Count: 2, Per: time.Minute}}
	k := w.key()
	for _, c := range []struct{ at, wait time.Duration }{
		{5 * time.Minute, 0},                  // of a clock that is ahead
		{0, 0},                                // the one ahead is one of two
		{0, time.Minute},                      // this one leaves the span first
		{-time.Hour, time.Hour + time.Minute}, // of a clock that is behind
		{time.Minute, 0},                      // the one ahead still counts
		{2*time.Minute - time.Millisecond, time.Millisecond},
		{5 * time.Minute, 0},
		{4 * time.Minute, 2 * time.Minute}, // both are ahead
		{6*time.Minute - time.Millisecond, time.Millisecond},
		{6 * time.Minute, 0},
		{6 * time.Minute, 0},
		{0, 7 * time.Minute},
		{6*time.Minute + 1, time.Minute}, // a nanosecond is too little to tell
		{7 * time.Minute, 0},
		{7 * time.Minute, 0},
		{time.Hour, 0},
		{-day, day + 8*time.Minute},
	} {
		same(t, "wait at "+c.at.String(), w.hit(c.at, rates, k), c.wait)
	}
}

// model is the promise of Hit for one key, as plainly as it can be said.
type model []time.Duration

func (m model) room(at time.Duration, rates []store.Rate) bool {
	for _, r := range rates {
		in := 0
		for _, h := range m {
			if h > at-r.Per {
				in++
			}
		}
		if in >= r.Count {
			return false
		}
	}
	return true
}

// wait is the shortest after which there is room: some hit has then just left the
// span of some rate.
func (m model) wait(at time.Duration, rates []store.Rate) time.Duration {
	if m.room(at, rates) {
		return 0
	}
	var shortest time.Duration
	for _, h := range m {
		for _, r := range rates {
			wait := h + r.Per - at
			if wait > 0 && (shortest == 0 || wait < shortest) && m.room(at+wait, rates) {
				shortest = wait
			}
		}
	}
	return shortest
}

// likeTheModel hits a key at random by clocks that differ, and compares.
func likeTheModel(t *testing.T, open opener) {
	rates := []store.Rate{
		{Count: 3, Per: 10 * time.Second},
		{Count: 5, Per: time.Minute},
		{Count: 1, Per: 700 * time.Millisecond},
		{Count: 20, Per: time.Hour},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for many := 1; many <= len(rates); many++ {
		w := newWorld(t, open)
		var m model
		k, now := w.key(), time.Duration(0)
		for range 60 {
			now += time.Duration(random.IntN(12_000)) * time.Millisecond
			at := now + time.Duration(random.IntN(8_000)-4_000)*time.Millisecond
			want := m.wait(at, rates[:many])
			if got := w.hit(at, rates[:many], k); got != want {
				t.Fatalf("%d rates: wait %v at %v, want %v", many, got, at, want)
			}
			if want == 0 {
				m = append(m, at)
			}
		}
	}
}

// severalHits: all have room or none is counted, and the longest wait is told.
func severalHits(t *testing.T, open opener) {
	w := newWorld(t, open)
	a, b, c := w.key(), w.key(), w.key()
	rate := func(per time.Duration) []store.Rate { return []store.Rate{{Count: 1, Per: per}} }
	same(t, "wait", w.hit(0, rate(time.Minute), a), time.Duration(0))
	same(t, "wait", w.hit(0, rate(time.Hour), b), time.Duration(0))
	for _, keys := range [][][]byte{{c, a, b}, {a, b, c}, {b, c, a}} {
		v := store.Hits{At: dawn}
		for _, key := range keys {
			per := time.Minute
			if bytes.Equal(key, b) {
				per = time.Hour
			}
			v.Hits = append(v.Hits, store.Hit{Key: key, Rates: rate(per)})
		}
		wait, err := w.s.Hit(w.ctx, v)
		w.must(err)
		same(t, "the longest wait", wait, time.Hour)
	}
	same(t, "wait of one that was not counted", w.hit(0, rate(time.Minute), c), time.Duration(0))
	same(t, "wait", w.hit(time.Hour, rate(time.Hour), a, b, c, w.key()), time.Duration(0))
	for _, key := range [][]byte{a, b, c} {
		same(t, "wait of each", w.hit(time.Hour, rate(time.Hour), key), time.Hour)
	}
}

// hitsOweMails: written when the hits are counted; and a mail that is there already
// says that the call has happened, whatever room there is.
func hitsOweMails(t *testing.T, open opener) {
	w := newWorld(t, open)
	v := store.Hits{
		At:    dawn,
		Hits:  []store.Hit{{Key: w.key(), Rates: []store.Rate{{Count: 1, Per: time.Hour}}}, {Key: w.key(), Rates: []store.Rate{{Count: 2, Per: time.Hour}}}},
		Mails: []store.Mail{w.mail(), w.mail()},
	}
	wait, err := w.s.Hit(w.ctx, v)
	w.must(err)
	same(t, "wait", wait, time.Duration(0))
	w.take(0, time.Minute, 10, taken(v.Mails[0], 1, time.Minute), taken(v.Mails[1], 1, time.Minute))
	before := w.dump()

	_, err = w.s.Hit(w.ctx, v)
	wantError(t, err, store.ErrTaken, store.TableMails)
	repeated := v
	repeated.Hits = v.Hits[1:]
	_, err = w.s.Hit(w.ctx, repeated)
	wantError(t, err, store.ErrTaken, store.TableMails)
	twice := repeated
	twice.Mails = []store.Mail{w.mail(), w.mail()}
	twice.Mails[1].Key = twice.Mails[0].Key
	_, err = w.s.Hit(w.ctx, twice)
	wantError(t, err, store.ErrTaken, store.TableMails)
	same(t, "after the refusals", w.dump(), before)
	same(t, "wait: the refusals did not count", w.hit(0, v.Hits[1].Rates, v.Hits[1].Key), time.Duration(0))

	full := v
	full.Mails = []store.Mail{w.mail()}
	wait, err = w.s.Hit(w.ctx, full)
	w.must(err)
	same(t, "wait when it is full", wait, time.Hour)
	same(t, "after a hit without room", w.dump(), before)
}

func malformedHits(t *testing.T, open opener) {
	w := newWorld(t, open)
	k := w.key()
	right := store.Rate{Count: 1, Per: time.Hour}
	one := func(rates ...store.Rate) []store.Hit { return []store.Hit{{Key: k, Rates: rates}} }
	several := func(n int) (list []store.Hit) {
		for range n {
			list = append(list, store.Hit{Key: w.key(), Rates: []store.Rate{right}})
		}
		return list
	}
	for name, v := range map[string]store.Hits{
		"no time":              {Hits: one(right)},
		"no hit":               {At: dawn, Mails: []store.Mail{w.mail()}},
		"too many hits":        {At: dawn, Hits: append(one(right), several(4)...)},
		"one key twice":        {At: dawn, Hits: append(one(right), one(right)...)},
		"no key":               {At: dawn, Hits: append(one(right), store.Hit{Rates: []store.Rate{right}})},
		"no rate":              {At: dawn, Hits: one()},
		"too many rates":       {At: dawn, Hits: one(right, right, right, right, right)},
		"a count of nothing":   {At: dawn, Hits: one(right, store.Rate{Per: time.Hour})},
		"a count below it":     {At: dawn, Hits: one(store.Rate{Count: -1, Per: time.Hour})},
		"too large a count":    {At: dawn, Hits: one(store.Rate{Count: 65, Per: time.Hour})},
		"no span":              {At: dawn, Hits: one(store.Rate{Count: 1})},
		"a span that is past":  {At: dawn, Hits: one(store.Rate{Count: 1, Per: -time.Hour})},
		"too short a span":     {At: dawn, Hits: one(store.Rate{Count: 1, Per: time.Millisecond - 1})},
		"too long a span":      {At: dawn, Hits: one(store.Rate{Count: 1, Per: 31*day + 1})},
		"a mail without a key": {At: dawn, Hits: one(right), Mails: []store.Mail{w.mail(), {Due: dawn}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.s.Hit(w.ctx, v)
			wantError(t, err, nil, "")
			same(t, "mails", len(w.takeAll()), 0)
		})
	}
	same(t, "wait: nothing was counted", w.hit(0, []store.Rate{right}, k), time.Duration(0))
}

// expireHits: hits are forgotten when the longest rate no longer looks at the last of
// them, and not before, so that forgetting never makes room.
func expireHits(t *testing.T, open opener) {
	w := newWorld(t, open)
	rates := []store.Rate{{Count: 1, Per: time.Hour}, {Count: 64, Per: time.Minute}}
	first, second := w.key(), w.key()
	w.hit(0, rates, first)
	w.hit(time.Minute, rates, second)
	w.hit(2*time.Hour, rates[1:], second)
	w.expire(dawn.Add(time.Hour), 10, 0)
	same(t, "wait after a sweep in time", w.hit(time.Hour-time.Second, rates, first), time.Second)
	w.expire(dawn.Add(time.Hour+store.SpendKept+time.Second), 0, 0)
	w.expire(dawn.Add(time.Hour+store.SpendKept+time.Second), 10, 1)
	same(t, "wait of the one that stayed", w.hit(2*time.Hour, rates[:1], second), time.Hour)
	same(t, "wait of the one that went", w.hit(0, rates, first), time.Duration(0))
	w.expire(dawn.Add(10*time.Hour), 1, 1)
	w.expire(dawn.Add(10*time.Hour), 10, 1)
	w.expire(dawn.Add(10*time.Hour), 10, 0)
}
