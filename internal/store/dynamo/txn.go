package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/store"
)

// verb is what the protocol needs to know of one.
type verb struct {
	needs []place // the rows that judge will ask for, to be read at once
	// judge judges every condition by what the rows say and puts what the verb writes.
	// done: it has happened already. It may be called again.
	judge func(t *txn) (done bool, err error)
	event store.EventFunc // nil: none
	chain uint32          // of the event
}

// txn is one attempt of a verb. A fault of reading sticks: from then on there are no
// rows, and what was judged no longer counts.
type txn struct {
	s      *Store
	ctx    context.Context
	fault  error
	cells  map[place]*cell
	writes map[place]item // nil: the row goes
	order  []place        // of the writes, the leading first
	ref    ref
	held   map[place][]byte // revisions of the locks that are set, or may be
}

// errOvertaken: somebody else was quicker at a row or a slot. The attempt is over.
var errOvertaken = errors.New("dynamo: overtaken")

// run does a verb. It ends when the verb has happened, is refused, or has no time left.
func (s *Store) run(ctx context.Context, v verb) error {
	var before error // the first refusal
	for attempt := 0; ; attempt++ {
		t := &txn{s: s, ctx: ctx, cells: map[place]*cell{}, writes: map[place]item{}, held: map[place][]byte{}}
		refusal, err := t.attempt(v)
		switch {
		case err == nil && refusal == nil:
			return nil
		case errors.Is(err, errOvertaken):
			if err := pause(ctx, jitter(attempt)); err != nil {
				return err
			}
		case err != nil:
			return err
		case errors.Is(refusal, store.ErrSpent):
			return refusal
		case before != nil:
			return before
		default:
			// The rows were not read at one moment: one may have moved because the
			// ticket was spent, and the ticket may have been read before. Whoever reads
			// all of them again sees the ticket spent; else what was judged first held.
			before = refusal
		}
	}
}

// attempt tries a verb once. A refusal is the verdict of judge, err all else.
func (t *txn) attempt(v verb) (refusal, err error) {
	head, err := t.begin(v)
	if err != nil {
		return nil, err
	}
	done, refusal := v.judge(t)
	if t.fault != nil {
		return nil, t.fault
	}
	if done || refusal != nil {
		return refusal, nil
	}
	if err := t.unblocked(); err != nil {
		return nil, err
	}
	if v.event == nil {
		return nil, t.journalled()
	}
	event, err := makeEvent(v.event, head)
	if err != nil {
		return nil, err
	}
	if refusal := t.owe(event); t.fault != nil || refusal != nil {
		return refusal, t.fault
	}
	if err := t.unblocked(); err != nil {
		return nil, err
	}
	return nil, t.commit(eventPlace(event.Chain, event.Number), eventItem(event))
}

// begin reads what the verb will ask for, and beside it the head of its chain.
func (t *txn) begin(v verb) (head store.Head, err error) {
	group, ctx := errgroup.WithContext(t.ctx)
	if v.event != nil {
		group.Go(func() (err error) {
			head, err = t.s.head(ctx, v.chain)
			return err
		})
	}
	group.Go(func() (err error) {
		t.cells, err = t.s.read(ctx, v.needs...)
		return err
	})
	return head, group.Wait()
}

// get returns what a row says now; nil: it is not there.
func (t *txn) get(at place) item {
	if t.fault != nil {
		return nil
	}
	if t.cells[at] == nil {
		t.load(at)
	}
	if t.fault != nil {
		return nil
	}
	return t.cells[at].now
}

// load reads rows that the verb did not say it would need. What has been judged already
// is not read again.
func (t *txn) load(places ...place) {
	missing := slices.DeleteFunc(places, func(at place) bool { return t.cells[at] != nil })
	found, err := t.s.read(t.ctx, missing...)
	if err != nil {
		t.fault = err
		return
	}
	for at, c := range found {
		t.cells[at] = c
	}
}

// put writes a row, del deletes one. The first that is called leads: its lock is set
// before the others, so that who loses it has set no other.
func (t *txn) put(at place, what item) {
	if _, again := t.writes[at]; !again {
		t.order = append(t.order, at)
	}
	t.writes[at] = what
}

func (t *txn) del(at place) { t.put(at, nil) }

// unblocked waits for whoever has locked a row that is to be written.
func (t *txn) unblocked() error {
	for _, at := range t.order {
		t.get(at)
		if t.fault != nil {
			return t.fault
		}
		if c := t.cells[at]; c.blocked() {
			if err := t.s.outwait(t.ctx, c.lock); err != nil {
				return err
			}
			return errOvertaken
		}
	}
	return nil
}

// journalKept is how long a journal is kept, so that nobody who has read a lock finds its
// slot gone.
const journalKept = time.Hour

// journalled writes what has no event: one row at once, several by a journal.
func (t *txn) journalled() error {
	if len(t.order) == 0 {
		return nil
	}
	if len(t.order) == 1 {
		return t.alone(t.order[0])
	}
	name, err := t.s.draw()
	if err != nil {
		return err
	}
	journal := item{}
	rows := make([]string, len(t.order))
	for i, at := range t.order {
		rows[i] = at.String()
	}
	journal[attrRows] = &types.AttributeValueMemberSS{Value: rows}
	journal.due(dueUnfinished, name, t.s.now().Add(journalKept).UnixMilli())
	return t.commit(single(inJournal, name), journal)
}

func (t *txn) alone(at place) error {
	c, next := t.cells[at], t.writes[at]
	won, err := true, error(nil)
	switch {
	case next != nil:
		_, won, err = t.s.swap(t.ctx, at, c.rev, next)
	case c.rev != nil:
		won, err = t.s.remove(t.ctx, at, c.rev)
	}
	if err == nil && !won {
		return errOvertaken
	}
	return err
}

// commit sets the locks, fills the slot and applies the locks.
func (t *txn) commit(slot place, what item) error {
	owner, err := t.s.draw()
	if err != nil {
		return err
	}
	t.ref = ref{slot, encode(owner)}
	if err := t.lockAll(); err != nil {
		t.release()
		return err
	}
	f, err := t.s.fill(t.ctx, t.ref, what)
	if f == pending {
		f = t.close()
	}
	switch f {
	case committed:
		t.apply()
		return nil
	case aborted:
		t.release()
		if err == nil {
			err = errOvertaken
		}
	}
	return err
}

// close finds out what became of a slot that may or may not have been filled, and sees to
// it that a request that is still on its way no longer fills it.
func (t *txn) close() fate {
	ctx, cancel := t.s.afterwards(t.ctx)
	defer cancel()
	f, err := t.s.shut(ctx, t.ref)
	if err != nil {
		t.s.log.Warn("dynamo: a verb is left undecided until somebody meets it", "error", err)
	}
	return f
}

// lockAll sets the lock of the leading row, then the others at once.
func (t *txn) lockAll() error {
	revs := make([][]byte, len(t.order))
	lock := func(n int) (err error) {
		revs[n], err = t.lock(t.order[n])
		return err
	}
	var err error
	if len(t.order) > 0 {
		err = lock(0)
	}
	if err == nil {
		var group errgroup.Group
		group.SetLimit(parallel)
		for n := 1; n < len(t.order); n++ {
			group.Go(func() error { return lock(n) })
		}
		err = group.Wait()
	}
	for n, rev := range revs {
		if rev != nil {
			t.held[t.order[n]] = rev
		}
	}
	return err
}

// lock sets one. rev is its revision when it is set, or, with an error, may be.
func (t *txn) lock(at place) (rev []byte, err error) {
	c, next := t.cells[at], t.writes[at]
	var locked item
	switch {
	case c.now == nil && next == nil:
		return nil, nil // gone already
	case c.now == nil:
		locked = next.changed(nil)
		locked.putText(attrKind, kindNew)
		if !locked.has(attrLane) {
			locked.due(dueUnfinished, []byte(at.part), t.s.now().UnixMilli())
		}
	case next == nil:
		locked = c.now.changed(nil)
		locked.putText(attrKind, kindDelete)
	default:
		locked = c.now.changed(nil)
		locked.putText(attrKind, kindSet)
		locked[attrNext] = &types.AttributeValueMemberM{Value: c.now.changes(next)}
	}
	locked.putText(attrLock, t.ref.String())
	locked.putMillis(attrSince, t.s.now().UnixMilli())
	rev, won, err := t.s.swap(t.ctx, at, c.rev, locked)
	if err == nil && !won {
		return nil, errOvertaken
	}
	return rev, err
}

// apply makes the rows say by themselves what they say now. Whoever comes first may do
// it, so a failure is nobody's loss. A spend is left as it is: it is hardly ever read.
func (t *txn) apply() {
	t.each(func(ctx context.Context, at place, rev []byte) error {
		if strings.HasPrefix(at.part, inSpends) {
			return nil
		}
		return t.rewrite(ctx, at, rev, t.writes[at])
	})
}

// release takes back the locks of an attempt that has not happened and never will.
func (t *txn) release() {
	t.each(func(ctx context.Context, at place, rev []byte) error {
		return t.rewrite(ctx, at, rev, t.cells[at].now)
	})
}

func (t *txn) rewrite(ctx context.Context, at place, rev []byte, what item) error {
	var err error
	if what == nil {
		_, err = t.s.remove(ctx, at, rev)
	} else {
		_, _, err = t.s.swap(ctx, at, rev, what)
	}
	return err
}

// each does something to every row that is locked, or may be, though the verb's time may
// be over.
func (t *txn) each(do func(ctx context.Context, at place, rev []byte) error) {
	ctx, cancel := t.s.afterwards(t.ctx)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(parallel)
	for at, rev := range t.held {
		group.Go(func() error { return do(ctx, at, rev) })
	}
	if err := group.Wait(); err != nil {
		t.s.log.Warn("dynamo: a lock is left for whoever meets it", "error", err)
	}
}
