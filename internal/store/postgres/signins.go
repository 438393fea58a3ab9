package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// Sign-ins that come at the same time go in groups: a transaction of two round trips for
// all of them. The first locks what they condition on, and finds out against which of
// them something speaks; the second writes the others and commits.
//
// A group waits for no row. What somebody else has locked it passes over, and the
// sign-in that needs it goes alone, as does every one about which there is more to say
// than yes. So neither a lock that is held long nor a ticket that is spent again costs
// anybody but its own. What can still keep a group from writing, a key that appeared
// since, sends all of it alone.
const (
	// lockSignIns returns the places in the group of those whose account and credential
	// are as they were judged. The account is locked so that its edition stays; many
	// sign-ins share that lock.
	lockSignIns = `SELECT q.n
		FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[])
			WITH ORDINALITY AS q (account, edition, credential, state, least, most, n)
		JOIN accounts a ON a.key = q.account AND a.version = q.edition
		JOIN credentials c ON c.key = q.credential AND c.state = q.state AND c.version BETWEEN q.least AND q.most
		FOR SHARE OF a SKIP LOCKED FOR NO KEY UPDATE OF c SKIP LOCKED`

	// opposeSignIns returns the places of those whose ticket has been spent, or whose
	// session's key is in use.
	opposeSignIns = `SELECT q.n FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS q (expires, id, n)
		JOIN spends s ON s.expires = q.expires AND s.id = q.id
		UNION ALL SELECT q.n FROM unnest($3::bytea[]) WITH ORDINALITY AS q (key, n)
		JOIN sessions s ON s.key = q.key`

	// lockSessions returns the places of those whose old session is there and locked by
	// nobody else.
	lockSessions = `SELECT q.n FROM unnest($1::bytea[]) WITH ORDINALITY AS q (key, n)
		JOIN sessions s ON s.key = q.key FOR UPDATE OF s SKIP LOCKED`

	lastEvent = "SELECT number, link FROM events WHERE chain = $1 ORDER BY number DESC LIMIT 1"

	useCredentials = `UPDATE credentials c SET
			times_used = c.times_used + 1,
			last_used = greatest(c.last_used, q.at),
			body = CASE WHEN q.next > c.version THEN q.body ELSE c.body END,
			version = greatest(c.version, q.next)
		FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) AS q (key, at, next, body)
		WHERE c.key = q.key`

	spendTickets = `INSERT INTO spends (expires, id, op, verb, issued)
		SELECT q.expires, q.id, q.op, $4::integer, q.issued
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $5::bytea[]) AS q (expires, id, op, issued)`

	openSessions = `INSERT INTO sessions (key, version, expires, account, body)
		SELECT q.key, q.version, q.expires, q.account, q.body
		FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS q (key, version, expires, account, body)`

	endSessions = "DELETE FROM sessions WHERE key = ANY($1::bytea[])"

	// appendEvents appends, unless it is somebody's turn at the chain.
	appendEvents = `INSERT INTO events (chain, number, at, account, link, body)
		SELECT $1::bigint, q.number, q.at, q.account, q.link, q.body
		FROM pg_advisory_xact_lock_shared($2::integer, $1::bigint::integer),
			unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[]) AS q (number, at, account, link, body)`
)

// plain tells whether a sign-in can go in a group.
func plain(ctx context.Context, v store.SignIn) bool {
	if _, limited := ctx.Deadline(); limited { // which may end in the middle of a group
		return false
	}
	const most = math.MaxInt64 // what a column takes
	return v.Use.Next <= most && (v.Session == nil || v.Session.Version <= most)
}

// grouped is a sign-in of a group, and its event.
type grouped struct {
	*gathered[store.SignIn]
	event store.Event
}

// signIns settles a group of sign-ins, as gatherer.run.
func (s *Store) signIns(ctx context.Context, conn *pgx.Conn, group []*gathered[store.SignIn]) error {
	chain, leave := s.lanes.any(s.nextChain())
	defer leave()
	going := distinct(group)
	head := store.Head{Chain: chain}
	going, err := judgeSignIns(ctx, conn, going, &head)
	if err != nil {
		err = unsettled(conn, err, false)
		undo(ctx, conn)
		return err
	}
	if going = tell(going, head); len(going) == 0 {
		undo(ctx, conn)
		return nil
	}
	if err := writeSignIns(ctx, conn, going); err != nil {
		err = unsettled(conn, err, true)
		undo(ctx, conn)
		for _, g := range going {
			g.err = err
		}
	}
	return nil
}

// distinct leaves out all sign-ins but one of each credential, and puts the rest in the
// order of their tickets: two groups that spend the same ones wait for each other, and
// not each for the other.
func distinct(group []*gathered[store.SignIn]) []grouped {
	going := make([]grouped, 0, len(group))
	seen := make(map[string]struct{}, len(group))
	for _, m := range group {
		if _, twice := seen[string(m.call.Use.Key)]; twice {
			m.err = errAlone
			continue
		}
		seen[string(m.call.Use.Key)] = struct{}{}
		going = append(going, grouped{gathered: m})
	}
	slices.SortFunc(going, func(a, b grouped) int {
		return cmp.Or(
			cmp.Compare(millis(a.call.Spend.Expires), millis(b.call.Spend.Expires)),
			bytes.Compare(a.call.Spend.ID[:], b.call.Spend.ID[:]))
	})
	return going
}

// judgeSignIns begins a transaction, locks what the sign-ins condition on, and returns
// those against which nothing speaks. It reads the head of the chain.
func judgeSignIns(ctx context.Context, conn *pgx.Conn, going []grouped, head *store.Head) ([]grouped, error) {
	stands, opposed, ends := make([]bool, len(going)), make([]bool, len(going)), make([]bool, len(going))
	queries := []query{
		{sql: "BEGIN"},
		{sql: lockSignIns, row: mark(stands), params: [][]byte{
			blobs(going, func(g grouped) []byte { return g.call.Account.Key }),
			numbers(going, func(g grouped) int64 { return bounded(g.call.Account.Version) }),
			blobs(going, func(g grouped) []byte { return g.call.Use.Key }),
			numbers(going, func(g grouped) int64 { return bounded(g.call.Use.State) }),
			numbers(going, func(g grouped) int64 { return bounded(g.call.Use.Version) }),
			numbers(going, func(g grouped) int64 { return bounded(g.call.Use.Within) }),
		}},
		{sql: opposeSignIns, row: mark(opposed), params: [][]byte{
			numbers(going, expiryOf), blobs(going, ticketOf),
			blobs(going, func(g grouped) []byte { // an empty key is nobody's
				if g.call.Session == nil {
					return nil
				}
				return g.call.Session.Key
			}),
		}},
	}
	if slices.ContainsFunc(going, replaces) {
		queries = append(queries, query{sql: lockSessions, row: mark(ends), params: [][]byte{blobs(going, endsOf)}})
	}
	err := exchange(ctx, conn, append(queries, query{
		sql: lastEvent, params: [][]byte{number8(int64(head.Chain))}, row: func(r *row) {
			r.keep()
			head.Number, head.Link = r.count(), r.blob()
		},
	})...)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	fit := make([]grouped, 0, len(going))
	for n, g := range going {
		if stands[n] && !opposed[n] && (ends[n] || !replaces(g)) {
			fit = append(fit, g)
		} else {
			g.err = errAlone
		}
	}
	return fit, nil
}

// mark reads places in a group, and marks them.
func mark(places []bool) func(*row) {
	return func(r *row) {
		if place, ok := r.ordinal(len(places)); ok {
			places[place] = true
		}
	}
}

// tell makes the events, each of which follows the one before, and returns the sign-ins
// that have one. One that owes something goes alone.
func tell(going []grouped, head store.Head) []grouped {
	told := make([]grouped, 0, len(going))
	for _, g := range going {
		event, err := g.follow(head)
		switch {
		case err != nil:
			g.err = err
		case len(event.Mails) > 0 || len(event.Tickets) > 0:
			g.err = errAlone
		default:
			g.event = event
			told = append(told, g)
			head.Number, head.Link = event.Number, event.Link
		}
	}
	return told
}

// follow asks a sign-in for its event. What panics does so again when it goes alone,
// where nobody but its own caller is hurt.
func (g grouped) follow(head store.Head) (e store.Event, err error) {
	defer func() {
		if recover() != nil {
			err = errAlone
		}
	}()
	return follow(head, g.call.Event)
}

// writeSignIns writes what was judged, and commits.
func writeSignIns(ctx context.Context, conn *pgx.Conn, going []grouped) error {
	queries := []query{
		{sql: useCredentials, params: [][]byte{
			blobs(going, func(g grouped) []byte { return g.call.Use.Key }),
			numbers(going, func(g grouped) int64 { return millis(g.call.Use.At) }),
			numbers(going, func(g grouped) int64 { return int64(g.call.Use.Next) }),
			blobs(going, func(g grouped) []byte { return g.call.Use.Body }),
		}},
		{sql: spendTickets, params: [][]byte{
			numbers(going, expiryOf), blobs(going, ticketOf),
			blobs(going, func(g grouped) []byte { return g.call.Op[:] }),
			number4(int32(verbSignIn)),
			blobs(going, func(g grouped) []byte { return g.call.Spend.Issued }),
		}},
	}
	var sessions []*store.Session
	for _, g := range going {
		if g.call.Session != nil {
			sessions = append(sessions, g.call.Session)
		}
	}
	if len(sessions) > 0 {
		queries = append(queries, query{sql: openSessions, params: [][]byte{
			blobs(sessions, func(s *store.Session) []byte { return s.Key }),
			numbers(sessions, func(s *store.Session) int64 { return int64(s.Version) }),
			numbers(sessions, func(s *store.Session) int64 { return millis(s.Expires) }),
			blobs(sessions, func(s *store.Session) []byte { return s.Account }),
			blobs(sessions, func(s *store.Session) []byte { return s.Body }),
		}})
	}
	queries = append(queries, query{sql: appendEvents, params: [][]byte{
		number8(int64(going[0].event.Chain)), number4(chainLocks),
		numbers(going, func(g grouped) int64 { return int64(g.event.Number) }),
		numbers(going, func(g grouped) int64 { return millis(g.event.At) }),
		blobs(going, func(g grouped) []byte { return g.event.Account }),
		blobs(going, func(g grouped) []byte { return g.event.Link }),
		blobs(going, func(g grouped) []byte { return g.event.Body }),
	}})
	if slices.ContainsFunc(going, replaces) {
		queries = append(queries, query{sql: endSessions, params: [][]byte{blobs(going, endsOf)}})
	}
	return exchange(ctx, conn, append(queries, query{sql: "COMMIT"})...)
}

func replaces(g grouped) bool   { return len(g.call.Ends) > 0 }
func endsOf(g grouped) []byte   { return g.call.Ends }
func expiryOf(g grouped) int64  { return millis(g.call.Spend.Expires) }
func ticketOf(g grouped) []byte { return g.call.Spend.ID[:] }
