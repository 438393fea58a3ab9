package postgres

import (
	"bytes"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

// What a group of sign-ups asks, and what is its own of what it writes.
const (
	// opposeSignUps returns the places of those whose ticket has been spent, or one of
	// whose keys is in use. The places of identifiers and credentials, of which a sign-up
	// may bring several, are given.
	opposeSignUps = `SELECT q.n FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS q (expires, id, n)
		JOIN spends s ON s.expires = q.expires AND s.id = q.id
		UNION ALL SELECT q.n FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS q (account, session, n)
		JOIN accounts a ON a.key = q.account
		UNION ALL SELECT q.n FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS q (account, session, n)
		JOIN sessions s ON s.key = q.session
		UNION ALL SELECT q.n FROM unnest($5::bytea[], $6::bigint[]) AS q (key, n)
		JOIN identifiers i ON i.key = q.key
		UNION ALL SELECT q.n FROM unnest($7::bytea[], $8::bigint[]) AS q (key, n)
		JOIN credentials c ON c.key = q.key`

	nameAccounts = `INSERT INTO identifiers (key, account, body)
		SELECT q.key, q.account, q.body FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS q (key, account, body)`

	bindCredentials = `INSERT INTO credentials (key, version, body, account, state, sealed, name, last_used, times_used)
		SELECT q.key, q.version, q.body, q.account, q.state, q.sealed, q.name, q.last_used, q.times_used
		FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[])
			AS q (key, version, body, account, state, sealed, name, last_used, times_used)`

	openAccounts = `INSERT INTO accounts (key, version, body, op)
		SELECT q.key, q.version, q.body, q.op
		FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[]) AS q (key, version, body, op)`
)

// groupedSignUp is a sign-up of a group.
type groupedSignUp = grouped[store.SignUp]

// signUps is how sign-ups go together.
func signUps() together[store.SignUp] {
	return together[store.SignUp]{
		spend: func(v *store.SignUp) *store.Spend { return v.Spend },
		event: func(v *store.SignUp) store.EventFunc { return v.Event },
		keys:  signUpKeys,
		judge: judgeSignUps,
		write: writeSignUps,
	}
}

// plainSignUp tells whether a sign-up can go in a group: it spends a ticket that was
// sealed, and consumes none that is stored.
func plainSignUp(v store.SignUp) bool {
	if v.Spend == nil || v.Ticket != nil || v.Marker != nil {
		return false
	}
	if !fits(v.Account.Version) || v.Session != nil && !fits(v.Session.Version) {
		return false
	}
	return !slices.ContainsFunc(v.Credentials(), func(c store.Credential) bool {
		return !fits(c.Version, c.State, c.TimesUsed)
	})
}

// signUpKeys are those of the account and of the session, and those that a person brings.
func signUpKeys(v *store.SignUp) [][]byte {
	keys := [][]byte{v.Account.Key}
	if v.Session != nil {
		keys = append(keys, v.Session.Key)
	}
	for _, i := range v.Identifiers {
		keys = append(keys, i.Key)
	}
	for _, c := range v.Credentials() {
		keys = append(keys, c.Key)
	}
	return keys
}

// placed is a key, and the place of the sign-up that brings it, counted from 1.
type placed struct {
	key   []byte
	place int64
}

func judgeSignUps(going []groupedSignUp) (questions []query, fine func(int) bool) {
	var names, passkeys []placed
	for n, g := range going {
		for _, i := range g.call.Identifiers {
			names = append(names, placed{i.Key, int64(n + 1)})
		}
		for _, c := range g.call.Credentials() {
			passkeys = append(passkeys, placed{c.Key, int64(n + 1)})
		}
	}
	keyOf, placeOf := func(p placed) []byte { return p.key }, func(p placed) int64 { return p.place }
	opposed := make([]bool, len(going))
	questions = []query{{sql: opposeSignUps, row: mark(opposed), params: [][]byte{
		numbers(going, func(g groupedSignUp) int64 { return millis(g.call.Spend.Expires) }),
		blobs(going, func(g groupedSignUp) []byte { return g.call.Spend.ID[:] }),
		blobs(going, func(g groupedSignUp) []byte { return g.call.Account.Key }),
		blobs(going, func(g groupedSignUp) []byte { return sessionKey(g.call.Session) }),
		blobs(names, keyOf), numbers(names, placeOf),
		blobs(passkeys, keyOf), numbers(passkeys, placeOf),
	}}}
	return questions, func(n int) bool { return !opposed[n] }
}

func writeSignUps(going []groupedSignUp) []query {
	var names []store.Identifier
	var passkeys []store.Credential
	for _, g := range going {
		names = append(names, g.call.Identifiers...)
		passkeys = append(passkeys, g.call.Credentials()...)
	}
	slices.SortFunc(names, func(a, b store.Identifier) int { return bytes.Compare(a.Key, b.Key) })
	slices.SortFunc(passkeys, func(a, b store.Credential) int { return bytes.Compare(a.Key, b.Key) })
	queries := []query{writeSpends(
		each(going, func(v *store.SignUp) *store.Spend { return v.Spend }),
		each(going, func(v *store.SignUp) *store.OpID { return &v.Op }), verbSignUp)}
	if len(names) > 0 {
		queries = append(queries, query{sql: nameAccounts, params: [][]byte{
			blobs(names, func(i store.Identifier) []byte { return i.Key }),
			blobs(names, func(i store.Identifier) []byte { return i.Account }),
			blobs(names, func(i store.Identifier) []byte { return i.Body }),
		}})
	}
	if len(passkeys) > 0 {
		queries = append(queries, writeCredentials(passkeys))
	}
	queries = append(queries, query{sql: openAccounts, params: [][]byte{
		blobs(going, func(g groupedSignUp) []byte { return g.call.Account.Key }),
		numbers(going, func(g groupedSignUp) int64 { return int64(g.call.Account.Version) }),
		blobs(going, func(g groupedSignUp) []byte { return g.call.Account.Body }),
		blobs(going, func(g groupedSignUp) []byte { return g.call.Op[:] }),
	}})
	if list := opened(going, func(v *store.SignUp) *store.Session { return v.Session }); len(list) > 0 {
		queries = append(queries, writeSessions(list))
	}
	return queries
}

func writeCredentials(list []store.Credential) query {
	return query{sql: bindCredentials, params: [][]byte{
		blobs(list, func(c store.Credential) []byte { return c.Key }),
		numbers(list, func(c store.Credential) int64 { return int64(c.Version) }),
		blobs(list, func(c store.Credential) []byte { return c.Body }),
		blobs(list, func(c store.Credential) []byte { return c.Account }),
		numbers(list, func(c store.Credential) int64 { return int64(c.State) }),
		blobs(list, func(c store.Credential) []byte { return c.Sealed }),
		blobs(list, func(c store.Credential) []byte { return c.Name }),
		numbers(list, func(c store.Credential) int64 { return millis(c.LastUsed) }),
		numbers(list, func(c store.Credential) int64 { return int64(c.TimesUsed) }),
	}}
}
