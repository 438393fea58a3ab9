package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
)

// groupLimit is how many operations share one transaction at most: enough that
// the fsync no longer counts, few enough that the first need not wait for long.
const groupLimit = 256

// errHalfDone: an operation wrote and then refused. A fault of ours, which costs
// the group rather than leave half a verb behind.
var errHalfDone = errors.New("sqlite: an operation refused after it had begun to write")

// operation is one verb on its way through the writer.
type operation struct {
	ctx    context.Context
	run    func(*tx) error // judges, then writes; its error means that it wrote nothing
	answer chan error      // takes one answer without waiting for the asker
}

// writer owns the connection that writes. Its goroutine ends when queue is closed
// and empty, and closes done.
type writer struct {
	conn    *sqlite.Conn
	log     *slog.Logger
	queue   chan *operation
	done    chan struct{}
	nudge   func() // tells the checkpointer that the log has grown
	suspect bool   // the last group that wrote failed; only the goroutine uses it
	turn    uint32 // the chain of the next group that writes; likewise
	commits atomic.Uint64
	writes  atomic.Uint64
}

func startWriter(conn *sqlite.Conn, limit int, log *slog.Logger, nudge func()) *writer {
	w := &writer{
		conn:  conn,
		log:   log,
		queue: make(chan *operation, limit),
		done:  make(chan struct{}),
		nudge: nudge,
	}
	go w.loop()
	return w
}

func (w *writer) loop() {
	defer close(w.done)
	for first := range w.queue {
		group := w.gather(first)
		answers, err := w.perform(group)
		if err != nil {
			w.log.Error("sqlite: group rolled back", "operations", len(group), "error", err)
		}
		for i, op := range group {
			if err != nil {
				op.answer <- err
				continue
			}
			op.answer <- answers[i]
		}
	}
}

// gather takes what is queued behind first. When the queue is empty it lets everybody
// else who could run do so once: under load some of them are about to queue, and a
// commit for twice as many costs little more, while an idle machine has nobody to
// wait for. It never sleeps.
func (w *writer) gather(first *operation) []*operation {
	group := []*operation{first}
	for yielded := false; len(group) < groupLimit; {
		select {
		case op, open := <-w.queue:
			if !open {
				return group
			}
			group = append(group, op)
		default:
			if yielded {
				return group
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return group
}

// perform runs a group in one transaction and returns each operation's answer
// once they are durable, or the error that undid all of them. On an error even a
// refusal is void: it may rest on what a neighbour wrote and lost.
func (w *writer) perform(group []*operation) ([]error, error) {
	if err := execute(w.conn, "BEGIN IMMEDIATE"); err != nil {
		return nil, w.undo(err)
	}
	t := &tx{conn: w.conn, suspect: w.suspect, chain: w.turn}
	answers := make([]error, len(group))
	var wrote uint64
	for i, op := range group {
		if err := op.ctx.Err(); err != nil {
			answers[i] = abandoned(err)
			continue
		}
		before := t.writes
		answers[i] = op.run(t)
		switch {
		case t.fault != nil:
			return nil, w.undo(t.fault)
		case t.writes == before:
		case answers[i] != nil:
			return nil, w.undo(errors.Join(errHalfDone, answers[i]))
		default:
			wrote++
		}
	}
	if err := execute(w.conn, "COMMIT"); err != nil {
		return nil, w.undo(err)
	}
	if wrote > 0 {
		w.suspect = false
		w.turn = (w.turn + 1) % chains
		w.commits.Add(1)
		w.writes.Add(wrote)
		w.nudge()
	}
	return answers, nil
}

// undo leaves no transaction open; the engine may have rolled back by itself.
func (w *writer) undo(cause error) error {
	w.suspect = true
	cause = fmt.Errorf("sqlite: group undone: %w", cause)
	if w.conn.AutocommitEnabled() {
		return cause
	}
	if err := execute(w.conn, "ROLLBACK"); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// submit queues run and waits for its answer. When ctx ends first the operation
// may still happen, with what run holds on to.
func (s *Store) submit(ctx context.Context, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return abandoned(err)
	}
	op := &operation{ctx: ctx, run: run, answer: make(chan error, 1)}
	if err := s.enqueue(op); err != nil {
		return err
	}
	select {
	case err := <-op.answer:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-op.answer: // both were ready: the answer says more
		return err
	default:
		return abandoned(ctx.Err())
	}
}

func (s *Store) enqueue(op *operation) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	select {
	case s.writer.queue <- op:
		return nil
	default:
		return ErrBusy
	}
}

func abandoned(err error) error { return fmt.Errorf("sqlite: gave up waiting: %w", err) }
