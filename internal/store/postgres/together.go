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

// together is a verb that goes in groups: one transaction of two round trips for all of
// a group. The first asks what speaks against each; the second writes the others, the
// events last, and commits.
//
// A group waits for no row. What somebody else has locked it passes over, and the call
// that needs it goes alone, as does every one about which there is more to say than yes.
// So neither a lock that is held long nor a ticket that is spent again costs anybody but
// its own. What can still keep a group from writing, a key that has appeared since,
// sends all of it alone.
type together[C any] struct {
	spend func(*C) *store.Spend
	event func(*C) store.EventFunc
	// keys are what no two of a group may share, beside the ticket.
	keys func(*C) [][]byte
	// judge asks, and tells of each when it has the answers whether all is well with it.
	judge func(going []grouped[C]) (questions []query, fine func(place int) bool)
	// write is all that they write but the events. Who waits for a key that another is
	// just writing holds those before it: keys come in order.
	write func(going []grouped[C]) []query
}

// grouped is a call of a group, and its event.
type grouped[C any] struct {
	*gathered[C]
	event store.Event
}

const (
	lastEvent = "SELECT number, link FROM events WHERE chain = $1 ORDER BY number DESC LIMIT 1"

	// appendEvents appends, unless it is somebody's turn at the chain.
	appendEvents = `INSERT INTO events (chain, number, at, account, link, body)
		SELECT $1::bigint, q.number, q.at, q.account, q.link, q.body
		FROM pg_advisory_xact_lock_shared($2::integer, $1::bigint::integer),
			unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[]) AS q (number, at, account, link, body)`

	spendTickets = `INSERT INTO spends (expires, id, op, verb, issued)
		SELECT q.expires, q.id, q.op, $4::integer, q.issued
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $5::bytea[]) AS q (expires, id, op, issued)`

	openSessions = `INSERT INTO sessions (key, version, expires, account, body)
		SELECT q.key, q.version, q.expires, q.account, q.body
		FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS q (key, version, expires, account, body)`
)

// settler is settle for a store, as gatherer.run.
func (v together[C]) settler(s *Store) func(context.Context, *pgx.Conn, []*gathered[C]) error {
	return func(ctx context.Context, conn *pgx.Conn, group []*gathered[C]) error {
		return v.settle(ctx, s, conn, group)
	}
}

// settle settles a group.
func (v together[C]) settle(ctx context.Context, s *Store, conn *pgx.Conn, group []*gathered[C]) error {
	chain, leave := s.lanes.any(s.nextChain())
	defer leave()
	going := v.distinct(group)
	head := store.Head{Chain: chain}
	questions, fine := v.judge(going)
	questions = append(append([]query{{sql: "BEGIN"}}, questions...), query{
		sql: lastEvent, params: [][]byte{number8(int64(chain))}, row: func(r *row) {
			r.keep()
			head.Number, head.Link = r.count(), r.blob()
		},
	})
	if err := s.exchange(ctx, conn, questions...); err != nil {
		err = fmt.Errorf("%w: judge: %w", errAlone, err)
		undo(ctx, conn)
		return err
	}
	if going = v.tell(going, fine, head); len(going) == 0 {
		undo(ctx, conn)
		return nil
	}
	err := s.exchange(ctx, conn, append(v.write(going), writeEvents(going), query{sql: "COMMIT"})...)
	switch {
	case err == nil:
		return nil
	case conn.IsClosed() && !forgotten(err): // who knows
		err = fmt.Errorf("postgres: commit: %w", err)
	default: // the engine has refused something, and nothing has happened
		err = fmt.Errorf("%w: commit: %w", errAlone, err)
	}
	undo(ctx, conn)
	for _, g := range going {
		g.err = err
	}
	return nil
}

// distinct leaves out calls that share a key or a ticket with another, or name a key
// twice, and puts the rest in the order of their tickets: two groups that spend the same ones wait for each other, and
// not each for the other.
func (v together[C]) distinct(group []*gathered[C]) []grouped[C] {
	going := make([]grouped[C], 0, len(group))
	seen := make(map[string]struct{}, len(group))
	for _, m := range group {
		keys := append(v.keys(&m.call), v.spend(&m.call).ID[:])
		shares := repeated(keys)
		for _, key := range keys {
			_, taken := seen[string(key)]
			shares = shares || taken
		}
		if shares {
			m.err = errAlone
			continue
		}
		for _, key := range keys {
			seen[string(key)] = struct{}{}
		}
		going = append(going, grouped[C]{gathered: m})
	}
	slices.SortFunc(going, func(a, b grouped[C]) int {
		x, y := v.spend(&a.call), v.spend(&b.call)
		return cmp.Or(cmp.Compare(millis(x.Expires), millis(y.Expires)), bytes.Compare(x.ID[:], y.ID[:]))
	})
	return going
}

// tell makes the events of those with whom all is well, each of which follows the one
// before, and returns those that have one. One that owes something goes alone.
func (v together[C]) tell(going []grouped[C], fine func(int) bool, head store.Head) []grouped[C] {
	told := make([]grouped[C], 0, len(going))
	for n, g := range going {
		if !fine(n) {
			g.err = errAlone
			continue
		}
		event, err := followShielded(head, v.event(&g.call))
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

// followShielded is follow for a call of a group. What panics does so again when it goes
// alone, where nobody but its own caller is hurt.
func followShielded(head store.Head, make store.EventFunc) (e store.Event, err error) {
	defer func() {
		if recover() != nil {
			err = errAlone
		}
	}()
	return follow(head, make)
}

// mark reads places in a group, and marks them.
func mark(places []bool) func(*row) {
	return func(r *row) {
		if place, ok := r.ordinal(len(places)); ok {
			places[place] = true
		}
	}
}

func writeEvents[C any](going []grouped[C]) query {
	return query{sql: appendEvents, params: [][]byte{
		number8(int64(going[0].event.Chain)), number4(chainLocks),
		numbers(going, func(g grouped[C]) int64 { return int64(g.event.Number) }),
		numbers(going, func(g grouped[C]) int64 { return millis(g.event.At) }),
		blobs(going, func(g grouped[C]) []byte { return g.event.Account }),
		blobs(going, func(g grouped[C]) []byte { return g.event.Link }),
		blobs(going, func(g grouped[C]) []byte { return g.event.Body }),
	}}
}

func writeSpends(spends []*store.Spend, ops []*store.OpID, did verb) query {
	return query{sql: spendTickets, params: [][]byte{
		numbers(spends, func(s *store.Spend) int64 { return millis(s.Expires) }),
		blobs(spends, func(s *store.Spend) []byte { return s.ID[:] }),
		blobs(ops, func(op *store.OpID) []byte { return op[:] }),
		number4(int32(did)),
		blobs(spends, func(s *store.Spend) []byte { return s.Issued }),
	}}
}

func writeSessions(sessions []*store.Session) query {
	return query{sql: openSessions, params: [][]byte{
		blobs(sessions, func(s *store.Session) []byte { return s.Key }),
		numbers(sessions, func(s *store.Session) int64 { return int64(s.Version) }),
		numbers(sessions, func(s *store.Session) int64 { return millis(s.Expires) }),
		blobs(sessions, func(s *store.Session) []byte { return s.Account }),
		blobs(sessions, func(s *store.Session) []byte { return s.Body }),
	}}
}

// each collects something of each call of a group.
func each[C, V any](going []grouped[C], of func(*C) V) []V {
	list := make([]V, len(going))
	for n, g := range going {
		list[n] = of(&g.call)
	}
	return list
}

// opened are the sessions of a group that opens some.
func opened[C any](going []grouped[C], of func(*C) *store.Session) []*store.Session {
	return slices.DeleteFunc(each(going, of), func(s *store.Session) bool { return s == nil })
}

// sessionKey is the key of a session; of none an empty one, which is nobody's.
func sessionKey(s *store.Session) []byte {
	if s == nil {
		return nil
	}
	return s.Key
}

// fits tells whether columns take the versions.
func fits(versions ...uint64) bool {
	return slices.Max(versions) <= math.MaxInt64
}
