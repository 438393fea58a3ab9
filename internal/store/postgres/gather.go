package postgres

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// How calls come together. A round trip and a commit cost both sides about as much for
// twenty calls as for one.
const (
	groupMost  = 64 // calls in one group
	groupsMost = 4  // groups of one kind at a time
	// queueLong is how many calls wait before another group of their kind starts beside
	// those under way. Fewer would go in small groups, and cost more.
	queueLong = 16
	// groupSlow is how long a group may be under way before calls no longer wait for it,
	// however few they are: an engine far away, or a connection that says nothing.
	groupSlow = 20 * time.Millisecond
)

// errAlone is the answer of a group to a call that it could not settle, and of which
// nothing has happened: it goes by itself.
var errAlone = errors.New("postgres: not in a group")

// gatherer lets calls of one kind that come while others are under way wait a moment,
// and sends them together over one connection. A call that finds nobody goes at once.
// It promises nothing but an answer for each: run settles those that are plain, and
// answers errAlone to the others.
type gatherer[C any] struct {
	store *Store
	// run answers each call of a group in its err, where that is not to stay nil. What
	// it returns is the answer to all of them.
	run func(ctx context.Context, conn *pgx.Conn, group []*gathered[C]) error
	// leaves is whether a caller may go away while its group is under way: where nothing
	// is written, and nothing that the caller has lent is read.
	leaves bool

	mu      sync.Mutex
	waiting []*gathered[C]
	running int       // groups, or those who are about to take one
	began   time.Time // when the latest of them took its group, or began to
	watched bool      // whether somebody will look whether that is long ago
}

// gathered is a call that waits, or is under way.
type gathered[C any] struct {
	call    C
	err     error // once done is closed
	done    chan struct{}
	entered time.Time
}

// do lets call go with others and waits for its answer. A caller whose ctx ends while it
// waits leaves, and its call has not happened.
func (g *gatherer[C]) do(ctx context.Context, call C) (*gathered[C], error) {
	m := &gathered[C]{call: call, done: make(chan struct{}), entered: time.Now()}
	if err := ctx.Err(); err != nil {
		return m, abandoned(err)
	}
	g.mu.Lock()
	g.waiting = append(g.waiting, m)
	g.start(m.entered)
	g.mu.Unlock()
	select {
	case <-m.done:
		return m, m.err
	case <-ctx.Done():
	}
	if g.withdraw(m) || g.leaves {
		return m, abandoned(ctx.Err())
	}
	<-m.done
	return m, m.err
}

// start starts another group for those who wait, or sees to it that somebody looks again
// when those under way have become slow: perhaps nobody else comes. g.mu is held.
func (g *gatherer[C]) start(now time.Time) {
	under := now.Sub(g.began)
	switch {
	case g.running == 0, g.running < groupsMost && (under > groupSlow || len(g.waiting) >= queueLong):
		g.running++
		g.began = now
		go g.serve()
	case g.running < groupsMost && !g.watched:
		g.watched = true
		time.AfterFunc(groupSlow-under+time.Millisecond, g.watch)
	}
}

// watch looks whether those who wait have waited for what is slow.
func (g *gatherer[C]) watch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watched = false
	if len(g.waiting) > 0 {
		g.start(time.Now())
	}
}

// withdraw takes m out of the line, and tells whether it still stood there.
func (g *gatherer[C]) withdraw(m *gathered[C]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting, m)
	if at < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	return true
}

// serve takes one group after another until nobody waits.
func (g *gatherer[C]) serve() {
	for {
		oldest, ok := g.oldest()
		if !ok {
			return
		}
		// Those who wait may leave meanwhile, so nobody's context bounds this wait.
		wait, cancel := context.WithDeadline(context.Background(), oldest.Add(g.store.limit))
		conn, err := g.store.pool.Acquire(wait)
		cancel()
		if err != nil {
			g.refuse(err)
			continue
		}
		group := g.take()
		if len(group) > 0 {
			work, cancel := context.WithDeadline(context.Background(), group[0].entered.Add(g.store.limit+slack))
			err = g.run(work, conn.Conn(), group)
			cancel()
		}
		conn.Release()
		answer(group, err)
	}
}

// oldest is when the call entered that waits longest. When nobody waits, the server of
// groups who asks is one less.
func (g *gatherer[C]) oldest() (entered time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running--
		return time.Time{}, false
	}
	return g.waiting[0].entered, true
}

// take takes the next group, without those who have waited too long.
func (g *gatherer[C]) take() []*gathered[C] {
	g.mu.Lock()
	now := time.Now()
	late := g.late(now)
	n := min(len(g.waiting), groupMost)
	group := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.began = now
	g.mu.Unlock()
	answer(late, ErrBusy)
	return group
}

// late takes those who have waited too long out of the line. g.mu is held.
func (g *gatherer[C]) late(now time.Time) []*gathered[C] {
	n := 0
	for n < len(g.waiting) && now.Sub(g.waiting[n].entered) >= g.store.limit {
		n++
	}
	late := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return late
}

// refuse answers those for whom there is no connection: when none came free in time, those
// whose time is over; when none could be made, who waits longest, since those that there
// are may yet come free, and all of them where there is none.
func (g *gatherer[C]) refuse(err error) {
	cause := g.store.unlent(context.Background(), err)
	made := g.store.pool.Stat()
	g.mu.Lock()
	var refused []*gathered[C]
	switch {
	case errors.Is(cause, ErrBusy):
		refused = g.late(time.Now())
	case made.AcquiredConns()+made.IdleConns() > 0:
		n := min(len(g.waiting), 1)
		refused = slices.Clone(g.waiting[:n])
		g.waiting = slices.Delete(g.waiting, 0, n)
	default:
		refused, g.waiting = g.waiting, nil
	}
	g.mu.Unlock()
	answer(refused, cause)
}

// answer ends the calls of a group: with err, or with what each was told.
func answer[C any](group []*gathered[C], err error) {
	for _, m := range group {
		if err != nil {
			m.err = err
		}
		close(m.done)
	}
}

// goTogether lets a verb go with others, and alone where the group could not settle it or
// its caller's time may end in the middle of one.
func goTogether[C any](ctx context.Context, g *gatherer[C], call C, alone func(ctx context.Context, queues bool) error) error {
	if _, limited := ctx.Deadline(); limited {
		return alone(ctx, false)
	}
	m, err := g.do(ctx, call)
	if !errors.Is(err, errAlone) {
		return err
	}
	g.store.log.LogAttrs(ctx, slog.LevelDebug, "postgres: goes alone", slog.Any("cause", err))
	// Both ways together take no longer than a call may.
	ctx, cancel := context.WithDeadline(ctx, m.entered.Add(g.store.limit+slack))
	defer cancel()
	// One whose group could not write, which says more than errAlone, may have lost a number.
	return alone(ctx, err != errAlone)
}
