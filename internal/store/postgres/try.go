package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes that we act on (PostgreSQL documentation, appendix A).
const (
	featureNotSupported  = "0A000"
	divisionByZero       = "22012"
	uniqueViolation      = "23505"
	invalidStatementName = "26000"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// forgotten tells whether the engine no longer has a statement that was prepared, or may
// no longer run it because a migration has changed what it answers. That ends the
// transaction, and what else was prepared on the connection is no better.
func forgotten(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	return refused.Code == invalidStatementName ||
		refused.Code == featureNotSupported && refused.Routine == "RevalidateCachedQuery"
}

// tries bounds how often a verb is judged. Who loses has lost to another that won, so
// everybody's turn comes; the bound is for what we did not think of.
const tries = 32

// errLost: another took what the verb was about to write, and the verb has written
// nothing. The judge, asked again, finds out what that means.
var errLost = errors.New("postgres: lost to another")

// unbegunError says that a connection was lost before anything could be committed.
type unbegunError struct{ cause error }

func (e *unbegunError) Error() string { return e.cause.Error() }
func (e *unbegunError) Unwrap() error { return e.cause }

// repeat runs try, on a connection of its own each time, until it gives an answer.
// What try returns has not happened when it is errLost, a serialization failure, a
// deadlock, a statement that the engine has forgotten or an unbegunError; everything else
// is the answer.
func (s *Store) repeat(ctx context.Context, try func(context.Context, *pgx.Conn) error) error {
	var err error
	for range tries {
		err = s.lend(ctx, try)
		if !again(err) {
			return err
		}
		s.log.LogAttrs(ctx, slog.LevelDebug, "postgres: tries again", slog.Any("cause", err))
	}
	return fmt.Errorf("%w: %w", ErrContended, err)
}

// again tells whether an error leaves nothing behind and may not come again. A wait
// that was too long is no such error: the next would be as long.
func again(err error) bool {
	if err == nil {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == serializationFailure || refused.Code == deadlockDetected) {
		return true
	}
	if forgotten(err) {
		return true
	}
	var unbegun *unbegunError
	if errors.As(err, &unbegun) {
		return !errors.Is(err, context.DeadlineExceeded) && !pgconn.Timeout(err)
	}
	return errors.Is(err, errLost)
}

// lend runs use on a connection. The wait for it ends with ctx. What use does then
// takes milliseconds, and does not: a caller who goes away would cost a connection,
// and everybody the time to make another. Both together end in time for an answer: an
// engine that says nothing is not waited for twice. Nor does it outlive a deadline that
// the caller has set.
func (s *Store) lend(ctx context.Context, use func(context.Context, *pgx.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return abandoned(err)
	}
	begin := time.Now()
	wait, cancel := context.WithTimeout(ctx, s.limit)
	conn, err := s.pool.Acquire(wait)
	cancel()
	if err != nil {
		return s.unlent(ctx, err)
	}
	defer conn.Release()
	until := begin.Add(s.limit + slack)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	if err = use(work, conn.Conn()); forgotten(err) {
		_ = conn.Conn().Close(work) // another one is made; how this one ends is all the same
	}
	return err
}

// unlent says why there is no connection.
func (s *Store) unlent(ctx context.Context, err error) error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return abandoned(ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return fmt.Errorf("postgres: connect: %w", err)
}

// unbegun marks an error of a statement that could not have committed anything as one
// to try again, when the connection is gone.
func unbegun(conn *pgx.Conn, err error) error {
	if err != nil && conn.IsClosed() {
		return &unbegunError{cause: err}
	}
	return err
}

func abandoned(err error) error { return fmt.Errorf("postgres: gave up waiting: %w", err) }
