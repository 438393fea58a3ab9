package postgres

import (
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

// What a group of sign-ins asks, and what is its own of what it writes.
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

	useCredentials = `UPDATE credentials c SET
			times_used = c.times_used + 1,
			last_used = greatest(c.last_used, q.at),
			body = CASE WHEN q.next > c.version THEN q.body ELSE c.body END,
			version = greatest(c.version, q.next)
		FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) AS q (key, at, next, body)
		WHERE c.key = q.key`

	endSessions = "DELETE FROM sessions WHERE key = ANY($1::bytea[])"
)

// groupedSignIn is a sign-in of a group.
type groupedSignIn = grouped[store.SignIn]

// signIns is how sign-ins go together.
func signIns() together[store.SignIn] {
	return together[store.SignIn]{
		spend: func(v *store.SignIn) *store.Spend { return &v.Spend },
		event: func(v *store.SignIn) store.EventFunc { return v.Event },
		keys:  signInKeys,
		judge: judgeSignIns,
		write: writeSignIns,
	}
}

// signInKeys are those of the credential, and of the session.
func signInKeys(v *store.SignIn) [][]byte {
	keys := [][]byte{v.Use.Key}
	if v.Session != nil {
		keys = append(keys, v.Session.Key)
	}
	return keys
}

func judgeSignIns(going []groupedSignIn) (questions []query, fine func(int) bool) {
	stands, opposed, ends := make([]bool, len(going)), make([]bool, len(going)), make([]bool, len(going))
	questions = []query{
		{sql: lockSignIns, row: mark(stands), params: [][]byte{
			blobs(going, func(g groupedSignIn) []byte { return g.call.Account.Key }),
			numbers(going, func(g groupedSignIn) int64 { return bounded(g.call.Account.Version) }),
			blobs(going, func(g groupedSignIn) []byte { return g.call.Use.Key }),
			numbers(going, func(g groupedSignIn) int64 { return bounded(g.call.Use.State) }),
			numbers(going, func(g groupedSignIn) int64 { return bounded(g.call.Use.Version) }),
			numbers(going, func(g groupedSignIn) int64 { return bounded(g.call.Use.Within) }),
		}},
		{sql: opposeSignIns, row: mark(opposed), params: [][]byte{
			numbers(going, func(g groupedSignIn) int64 { return millis(g.call.Spend.Expires) }),
			blobs(going, func(g groupedSignIn) []byte { return g.call.Spend.ID[:] }),
			blobs(going, func(g groupedSignIn) []byte { return sessionKey(g.call.Session) }),
		}},
	}
	if slices.ContainsFunc(going, replaces) {
		questions = append(questions, query{sql: lockSessions, row: mark(ends), params: [][]byte{blobs(going, endsOf)}})
	}
	return questions, func(n int) bool {
		return stands[n] && !opposed[n] && (ends[n] || !replaces(going[n]))
	}
}

func writeSignIns(going []groupedSignIn) []query {
	queries := []query{
		{sql: useCredentials, params: [][]byte{
			blobs(going, func(g groupedSignIn) []byte { return g.call.Use.Key }),
			numbers(going, func(g groupedSignIn) int64 { return millis(g.call.Use.At) }),
			numbers(going, func(g groupedSignIn) int64 { return int64(g.call.Use.Next) }),
			blobs(going, func(g groupedSignIn) []byte { return g.call.Use.Body }),
		}},
		writeSpends(
			each(going, func(v *store.SignIn) *store.Spend { return &v.Spend }),
			each(going, func(v *store.SignIn) *store.OpID { return &v.Op }), verbSignIn),
	}
	if slices.ContainsFunc(going, replaces) {
		queries = append(queries, query{sql: endSessions, params: [][]byte{blobs(going, endsOf)}})
	}
	if list := opened(going, func(v *store.SignIn) *store.Session { return v.Session }); len(list) > 0 {
		queries = append(queries, writeSessions(list))
	}
	return queries
}

func replaces(g groupedSignIn) bool { return len(g.call.Ends) > 0 }
func endsOf(g groupedSignIn) []byte { return g.call.Ends }
