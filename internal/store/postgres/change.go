package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyturn/keyturn/internal/store"
)

// change is a verb in two round trips: what it asks, the event that it takes, what it
// writes. ask and write may be called several times.
type change struct {
	chain uint32
	event store.EventFunc // nil: none
	ask   func(*judge)
	write func(*writes)
	// queues is whether it stands in line at the head of its chain, as does every one that
	// has lost once.
	queues bool
}

// perform makes a change happen, once and whole, or says why not.
func (s *Store) perform(ctx context.Context, c change) error {
	if c.event != nil {
		leave, err := s.lanes.enter(ctx, c.chain)
		if err != nil {
			return err
		}
		defer leave()
	}
	return s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		err := c.try(ctx, conn)
		c.queues = c.queues || errors.Is(err, errLost)
		return err
	})
}

// try makes one try. One that queues waits for its turn at the head of the chain.
func (c change) try(ctx context.Context, conn *pgx.Conn) error {
	var j judge
	c.ask(&j)
	if c.event != nil {
		if c.queues {
			j.turn(c.chain)
		}
		j.last(c.chain)
	}
	if err := j.decide(ctx, conn); err != nil {
		return refused(ctx, conn, err)
	}
	var w writes
	var event store.Event
	if c.event != nil {
		var err error
		if event, err = follow(j.head, c.event); err != nil {
			return refused(ctx, conn, err)
		}
	}
	c.write(&w)
	if c.event != nil {
		w.event(event)
	}
	return w.commit(ctx, conn)
}

// refused ends the transaction, if there is one, of a verb that has written nothing.
func refused(ctx context.Context, conn *pgx.Conn, cause error) error {
	cause = unbegun(conn, cause)
	undo(ctx, conn)
	if errors.Is(cause, errDone) {
		return nil
	}
	return cause
}

// idle is the status of a connection without a transaction (PostgreSQL documentation,
// chapter 55.7, ReadyForQuery).
const idle = 'I'

// undo leaves a connection without a transaction. Where that fails the pool closes the
// connection, which comes to the same.
func undo(ctx context.Context, conn *pgx.Conn) {
	if !conn.IsClosed() && conn.PgConn().TxStatus() != idle {
		_, _ = conn.Exec(ctx, "ROLLBACK")
	}
}

// follow asks make for the event that follows head, and looks it over.
func follow(head store.Head, make store.EventFunc) (store.Event, error) {
	e, err := make(head)
	if err != nil {
		return store.Event{}, err
	}
	if e.Chain != head.Chain || e.Number != head.Number+1 {
		return store.Event{}, fmt.Errorf("%w: event %d/%d does not follow %d/%d",
			store.ErrMalformed, e.Chain, e.Number, head.Chain, head.Number)
	}
	var f store.Form
	for _, ticket := range e.Tickets {
		f.Key(ticket.Key, "a ticket of the event")
	}
	for _, m := range e.Mails {
		f.Key(m.Key, "a mail of the event")
	}
	return e, f.Err()
}

// lost says what an error of the writes means. Keys that an event brings are not among
// the questions, so their indexes answer; any other unique key that is in use was free
// when it was asked about, and the judge shall look again.
func lost(err error) error {
	var refused *pgconn.PgError
	switch {
	case !errors.As(err, &refused):
		return err
	case refused.Code == divisionByZero: // writeSignIn found that something has moved
	case refused.Code != uniqueViolation:
		return err
	case refused.ConstraintName == "tickets_pkey":
		return &store.TakenError{Table: store.TableTickets}
	case refused.ConstraintName == "mails_pkey":
		return &store.TakenError{Table: store.TableMails}
	}
	return fmt.Errorf("%w: %w", errLost, err)
}
