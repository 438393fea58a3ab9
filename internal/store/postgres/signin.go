package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// A sign-in that goes alone takes no transaction across its round trips and no lock
// between them. judgeSignIn asks everything at once, so that
// the event is asked for only when nothing speaks against it; writeSignIn judges again
// and writes, in one statement, of which the part on sessions is left out when there is
// none.
const (
	judgeSignIn = `SELECT
			EXISTS (SELECT 1 FROM accounts WHERE key = $1 AND version = $2),
			EXISTS (SELECT 1 FROM credentials WHERE key = $3 AND state = $4 AND version BETWEEN $5 AND $6),
			EXISTS (SELECT 1 FROM sessions WHERE key = $7),
			s.op, coalesce(s.verb, 0), coalesce(h.number, 0), h.link
		FROM (SELECT 1) one
		LEFT JOIN spends s ON s.expires = $8 AND s.id = $9
		LEFT JOIN LATERAL (
			SELECT number, link FROM events WHERE chain = $10 ORDER BY number DESC LIMIT 1
		) h ON true`

	// Each part feeds on the one before, so all of it is written or none, and in this
	// order: account, credential, spend, then session and event. The account is locked so
	// that its edition stays as it was judged; many sign-ins may share the lock. When a
	// condition does not hold, nothing is written, and the division by zero ends the
	// transaction, so that nothing else of it is.
	writeSignIn = `WITH judged AS (
			SELECT 1 FROM accounts WHERE key = $1 AND version = $2 FOR SHARE
		), used AS (
			UPDATE credentials c SET
				times_used = c.times_used + 1,
				last_used = greatest(c.last_used, $7::bigint),
				body = CASE WHEN $8::bigint > c.version THEN $9::bytea ELSE c.body END,
				version = greatest(c.version, $8::bigint)
			FROM judged
			WHERE c.key = $3 AND c.state = $4 AND c.version BETWEEN $5 AND $6
			RETURNING 1
		), spent AS (
			INSERT INTO spends (expires, id, op, verb, issued)
			SELECT $10::bigint, $11::bytea, $12::bytea, $13::integer, $14::bytea FROM used
			RETURNING $15::integer AS chain
		), told AS (
			INSERT INTO events (chain, number, at, account, link, body)
			SELECT $15::bigint, $16::bigint, $17::bigint, $18::bytea, $19::bytea, $20::bytea
			FROM spent, LATERAL pg_advisory_xact_lock_shared($21::integer, spent.chain)
			RETURNING 1
		)`
	writeSignInOpening = writeSignIn + `, opened AS (
			INSERT INTO sessions (key, version, expires, account, body)
			SELECT $22::bytea, $23::bigint, $24::bigint, $25::bytea, $26::bytea FROM spent
			RETURNING 1
		) SELECT 1 / count(*) FROM opened, told`
	writeSignInOnly = writeSignIn + ` SELECT 1 / count(*) FROM told`
)

// RecordSignIn implements store.Ceremonies. It goes with others where it can, and alone
// where it must.
func (s *Store) RecordSignIn(ctx context.Context, v store.SignIn) error {
	if err := v.Check(); err != nil {
		return err
	}
	alone := func(ctx context.Context, queues bool) error { return s.signInAlone(ctx, v, queues) }
	if !fits(v.Use.Next) || v.Session != nil && !fits(v.Session.Version) {
		return alone(ctx, false)
	}
	return goTogether(ctx, &s.signingIn, v, alone)
}

// signInAlone makes a sign-in happen by itself. One that queues waits for its turn at
// the head of its chain, as do all that have lost once.
func (s *Store) signInAlone(ctx context.Context, v store.SignIn, queues bool) error {
	leave, err := s.lanes.enter(ctx, chainOf(v.Op))
	if err != nil {
		return err
	}
	defer leave()
	return s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		err := trySignIn(ctx, conn, v, queues)
		queues = queues || errors.Is(err, errLost)
		return err
	})
}

func trySignIn(ctx context.Context, conn *pgx.Conn, v store.SignIn, queues bool) error {
	judge := signInJudged
	if queues {
		judge = signInJudgedInTurn
	}
	head, err := judge(ctx, conn, v)
	if err != nil {
		return refused(ctx, conn, err)
	}
	event, err := follow(head, v.Event)
	if err != nil {
		return refused(ctx, conn, err)
	}
	return signInWritten(ctx, conn, v, event)
}

// signInAnswer is what judgeSignIn answers.
type signInAnswer struct {
	account, usable, taken bool
	by                     []byte // the operation that has spent the ticket; empty: none
	did                    verb
	head                   store.Head
}

func (a *signInAnswer) fields() []any {
	return []any{&a.account, &a.usable, &a.taken, &a.by, &a.did, &a.head.Number, (*blob)(&a.head.Link)}
}

// verdict says what speaks against a sign-in; errDone when it has happened.
func (a *signInAnswer) verdict(op store.OpID) error {
	switch {
	case len(a.by) > 0:
		return spentBy(a.by, a.did, op, verbSignIn)
	case !a.account || !a.usable:
		return store.ErrConflict
	case a.taken:
		return &store.TakenError{Table: store.TableSessions}
	}
	return nil
}

// judgeSignInArgs are the arguments of judgeSignIn.
func judgeSignInArgs(v store.SignIn) []any {
	session := []byte{} // an empty key is nobody's
	if v.Session != nil {
		session = v.Session.Key
	}
	return []any{
		v.Account.Key, bounded(v.Account.Version),
		v.Use.Key, bounded(v.Use.State), bounded(v.Use.Version), bounded(v.Use.Within),
		session, millis(v.Spend.Expires), v.Spend.ID[:], int64(chainOf(v.Op)),
	}
}

// signInJudged judges a sign-in and reads the head of its chain.
func signInJudged(ctx context.Context, conn *pgx.Conn, v store.SignIn) (store.Head, error) {
	a := signInAnswer{head: store.Head{Chain: chainOf(v.Op)}}
	if err := conn.QueryRow(ctx, judgeSignIn, judgeSignInArgs(v)...).Scan(a.fields()...); err != nil {
		return a.head, fmt.Errorf("postgres: judge: %w", err)
	}
	return a.head, a.verdict(v.Op)
}

// signInJudgedInTurn does the same for one that has lost, in a transaction that keeps
// the rows, and the head of the chain, as they are judged.
func signInJudgedInTurn(ctx context.Context, conn *pgx.Conn, v store.SignIn) (store.Head, error) {
	a := signInAnswer{head: store.Head{Chain: chainOf(v.Op)}}
	var j judge
	j.ask(unheard, "SELECT 1 FROM accounts WHERE key = $1 FOR SHARE", v.Account.Key)
	j.ask(unheard, "SELECT 1 FROM credentials WHERE key = $1 FOR UPDATE", v.Use.Key)
	j.turn(a.head.Chain)
	j.ask(func(rows pgx.Rows) error {
		first(rows, a.fields()...)
		return a.verdict(v.Op)
	}, judgeSignIn, judgeSignInArgs(v)...)
	err := j.decide(ctx, conn)
	return a.head, err
}

// signInStatement returns writeSignIn for v with its arguments.
func signInStatement(v store.SignIn, e store.Event) (sql string, args []any) {
	args = make([]any, 0, 26)
	args = append(args,
		v.Account.Key, bounded(v.Account.Version),
		v.Use.Key, bounded(v.Use.State), bounded(v.Use.Version), bounded(v.Use.Within),
		millis(v.Use.At), v.Use.Next, full(v.Use.Body),
		millis(v.Spend.Expires), v.Spend.ID[:], v.Op[:], int32(verbSignIn), full(v.Spend.Issued),
		int64(e.Chain), e.Number, millis(e.At), full(e.Account), full(e.Link), full(e.Body), chainLocks)
	if v.Session == nil {
		return writeSignInOnly, args
	}
	return writeSignInOpening, append(args,
		v.Session.Key, v.Session.Version, millis(v.Session.Expires), full(v.Session.Account), full(v.Session.Body))
}

// signInWritten writes a sign-in. Most are one statement, which is its own transaction.
func signInWritten(ctx context.Context, conn *pgx.Conn, v store.SignIn, e store.Event) error {
	sql, args := signInStatement(v, e)
	begun := conn.PgConn().TxStatus() != idle
	if !begun && len(v.Ends) == 0 && len(e.Mails) == 0 && len(e.Tickets) == 0 {
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			return lost(fmt.Errorf("postgres: sign-in: %w", err))
		}
		return nil
	}
	var w writes
	if !begun {
		w.add("BEGIN")
	}
	w.add(sql, args...)
	w.endSession(v.Ends)
	w.owed(e)
	return w.commit(ctx, conn)
}
