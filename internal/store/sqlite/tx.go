package sqlite

import (
	"bytes"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// chains is how many event chains there are. One would do for one writer; several
// let verification run in parallel. Forever: chains never merge.
const chains = 4

// tx is the transaction of one group, as an operation sees it. An engine error
// sticks in fault: from then on reads find nothing and writes do nothing, the
// operation's answer no longer counts, and the writer undoes the group.
type tx struct {
	conn    *sqlite.Conn
	suspect bool // the last group that wrote failed
	writes  int
	fault   error
	chain   uint32      // takes the events of the whole group, so that they share a page
	last    *store.Head // the chain's last event as of this transaction; nil: not read yet
}

// read runs a query and calls scan for each row. It tells whether there was one.
func (t *tx) read(query string, scan func(*sqlite.Stmt), args ...any) (found bool) {
	if t.fault != nil {
		return false
	}
	found, t.fault = scanRows(t.conn, query, scan, args...)
	return found && t.fault == nil
}

// exists tells whether a query has a row.
func (t *tx) exists(query string, args ...any) bool {
	return t.read(query, func(*sqlite.Stmt) {}, args...)
}

// stands tells whether the row of ref, whose version query reads, is there in
// just that edition.
func (t *tx) stands(query string, ref store.Ref) bool {
	var version uint64
	found := t.read(query, func(stmt *sqlite.Stmt) { version = unsigned(stmt, 0) }, ref.Key)
	return found && version == ref.Version
}

// write runs a statement. To call it is to have judged every condition.
func (t *tx) write(query string, args ...any) {
	if t.fault != nil {
		return
	}
	t.writes++
	t.fault = execute(t.conn, query, args...)
}

// event asks make for the event that follows the head of the group's chain, and demands
// that there is room for what comes with it.
func (t *tx) event(make store.EventFunc) (store.Event, error) {
	head := t.head()
	if t.fault != nil {
		return store.Event{}, t.fault
	}
	e, err := call(make, head)
	if err != nil {
		return store.Event{}, err
	}
	if e.Chain != head.Chain || e.Number != head.Number+1 {
		return store.Event{}, fmt.Errorf("%w: event %d/%d does not follow %d/%d",
			store.ErrMalformed, e.Chain, e.Number, head.Chain, head.Number)
	}
	return e, t.owed(e)
}

// call shields the writer, and with it everybody's requests, from a panic in
// somebody's event.
func call(make store.EventFunc, head store.Head) (e store.Event, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sqlite: panic while making an event: %v", r)
		}
	}()
	return make(head)
}

// head returns the last event of the group's chain, those of this transaction included.
func (t *tx) head() store.Head {
	if t.last != nil {
		return *t.last
	}
	head := store.Head{Chain: t.chain}
	t.read("SELECT number, link FROM events WHERE chain = ? ORDER BY number DESC LIMIT 1",
		func(stmt *sqlite.Stmt) {
			head.Number = unsigned(stmt, 0)
			head.Link = blob(stmt, 1)
		}, t.chain)
	if t.fault == nil {
		t.last = &head
	}
	return head
}

// putEvent appends an event and writes what comes with it.
func (t *tx) putEvent(e store.Event) {
	t.write("INSERT INTO events (chain, number, at, account, link, body) VALUES (?, ?, ?, ?, ?, ?)",
		e.Chain, e.Number, millis(e.At), e.Account, e.Link, e.Body)
	t.last = &store.Head{Chain: e.Chain, Number: e.Number, Link: bytes.Clone(e.Link)}
	for _, ticket := range e.Tickets {
		t.putTicket(ticket)
	}
	for _, m := range e.Mails {
		t.putMail(m)
	}
}
