package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// writes gathers what a verb writes. All of it goes out in one round trip that ends
// with the commit. Rows are written in the order in which package store names what is
// taken, the event last: the first index that refuses tells the verb's answer.
type writes struct{ batch pgx.Batch }

func (w *writes) add(sql string, args ...any) { w.batch.Queue(sql, args...) }

// commit writes and commits in the transaction that the judge began. After an error of
// the engine nothing is written; after the loss of the connection who knows.
func (w *writes) commit(ctx context.Context, conn *pgx.Conn) error {
	w.add("COMMIT")
	if err := conn.SendBatch(ctx, &w.batch).Close(); err != nil {
		undo(ctx, conn)
		return lost(fmt.Errorf("postgres: commit: %w", err))
	}
	return nil
}

func (w *writes) spend(s store.Spend, op store.OpID, did verb) {
	w.add("INSERT INTO spends (expires, id, op, verb, issued) VALUES ($1, $2, $3, $4, $5)",
		millis(s.Expires), s.ID[:], op[:], int32(did), full(s.Issued))
}

func (w *writes) consume(ticket, marker *store.Ref) {
	if ticket != nil {
		w.add("DELETE FROM tickets WHERE key = $1", ticket.Key)
	}
	if marker != nil {
		w.add("DELETE FROM markers WHERE name = $1", marker.Key)
	}
}

func (w *writes) account(a store.Row, op store.OpID) {
	w.add("INSERT INTO accounts (key, version, body, op) VALUES ($1, $2, $3, $4)",
		a.Key, a.Version, full(a.Body), op[:])
}

func (w *writes) nextAccount(next store.Row, op store.OpID) {
	w.add("UPDATE accounts SET version = $2, body = $3, op = $4 WHERE key = $1",
		next.Key, next.Version, full(next.Body), op[:])
}

// identifiers writes names, over those that the account has already; another's the
// index refuses. Two verbs that want the same names want them in the same order.
func (w *writes) identifiers(list []store.Identifier) {
	for _, i := range slices.SortedFunc(slices.Values(list), func(a, b store.Identifier) int {
		return bytes.Compare(a.Key, b.Key)
	}) {
		w.dropIdentifier(i.Account, i.Key)
		w.add("INSERT INTO identifiers (key, account, body) VALUES ($1, $2, $3)", i.Key, full(i.Account), full(i.Body))
	}
}

func (w *writes) dropIdentifier(account, key []byte) {
	w.add("DELETE FROM identifiers WHERE key = $1 AND account = $2", full(key), full(account))
}

func (w *writes) credential(c store.Credential) {
	w.add(`INSERT INTO credentials (key, version, body, account, state, sealed, name, last_used, times_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		c.Key, c.Version, full(c.Body), full(c.Account), c.State, full(c.Sealed), full(c.Name), millis(c.LastUsed), c.TimesUsed)
}

// credentials writes new ones. Two verbs that want the same want them in the same order.
func (w *writes) credentials(list []store.Credential) {
	for _, c := range slices.SortedFunc(slices.Values(list), func(a, b store.Credential) int {
		return bytes.Compare(a.Key, b.Key)
	}) {
		w.credential(c)
	}
}

// nextCredential leaves the name alone: it moves without the version, so whoever made
// the next edition may not have seen the newest.
func (w *writes) nextCredential(c store.Credential) {
	w.add("UPDATE credentials SET version = $2, body = $3, account = $4, state = $5, sealed = $6 WHERE key = $1",
		c.Key, c.Version, full(c.Body), full(c.Account), c.State, full(c.Sealed))
}

func (w *writes) dropCredential(account, key []byte) {
	w.add("DELETE FROM credentials WHERE key = $1 AND account = $2", full(key), full(account))
}

func (w *writes) session(s *store.Session) {
	if s != nil {
		w.add("INSERT INTO sessions (key, version, expires, account, body) VALUES ($1, $2, $3, $4, $5)",
			s.Key, s.Version, millis(s.Expires), full(s.Account), full(s.Body))
	}
}

func (w *writes) endSession(key []byte) {
	if len(key) > 0 {
		w.add("DELETE FROM sessions WHERE key = $1", key)
	}
}

func (w *writes) ticket(t store.Ticket) {
	w.add("INSERT INTO tickets (key, version, expires, account, body) VALUES ($1, $2, $3, $4, $5)",
		t.Key, t.Version, millis(t.Expires), full(t.Account), full(t.Body))
}

func (w *writes) mail(m store.Mail) {
	w.add("INSERT INTO mails (key, due, taken, body) VALUES ($1, $2, $3, $4)",
		m.Key, millis(m.Due), int64(m.Taken), full(m.Body))
}

// event appends an event, after what comes with it, unless it is somebody's turn at
// the chain.
func (w *writes) event(e store.Event) {
	w.owed(e)
	w.add(`INSERT INTO events (chain, number, at, account, link, body)
		SELECT $1::bigint, $2::bigint, $3::bigint, $4::bytea, $5::bytea, $6::bytea
		FROM pg_advisory_xact_lock_shared($7::integer, $1::integer)`,
		int64(e.Chain), e.Number, millis(e.At), full(e.Account), full(e.Link), full(e.Body), chainLocks)
}

// owed writes what comes with an event.
func (w *writes) owed(e store.Event) {
	for _, t := range e.Tickets {
		w.ticket(t)
	}
	for _, m := range e.Mails {
		w.mail(m)
	}
}
