package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyturn/keyturn/internal/store"
)

const sessionColumns = "s.key, s.version, s.body, s.account, s.expires"

// sessionsWithAccounts returns the columns of sessions and their accounts, and to which
// of those who ask each row belongs.
const sessionsWithAccounts = "SELECT q.n, " + sessionColumns + `, a.key, a.version, a.body
	FROM unnest($1::bytea[]) WITH ORDINALITY AS q (key, n)
	JOIN sessions s ON s.key = q.key LEFT JOIN accounts a ON a.key = s.account`

// sessionAsked is a session that is asked for, and the answer.
type sessionAsked struct {
	key     []byte
	session store.Session
	account store.Row
}

// SessionAndAccount implements store.Reader.
func (s *Store) SessionAndAccount(ctx context.Context, key []byte) (store.Session, store.Row, error) {
	m, err := readGathered(ctx, &s.calling, sessionAsked{key: bytes.Clone(key)})
	if err != nil {
		return store.Session{}, store.Row{}, err
	}
	return m.call.session, m.call.account, nil
}

// readSessions reads what a group asks for, as gatherer.run.
func (s *Store) readSessions(ctx context.Context, conn *pgx.Conn, group []*gathered[sessionAsked]) error {
	keys := blobs(group, func(m *gathered[sessionAsked]) []byte { return m.call.key })
	for _, m := range group {
		m.err = store.ErrNotFound
	}
	err := s.exchange(ctx, conn, query{sql: sessionsWithAccounts, params: [][]byte{keys}, row: func(r *row) {
		place, ok := r.ordinal(len(group))
		if !ok {
			return
		}
		m := group[place]
		m.err = nil
		r.keep()
		v, a := &m.call.session, &m.call.account
		v.Key, v.Version, v.Body, v.Account, v.Expires = r.blob(), r.count(), r.blob(), r.blob(), r.instant()
		a.Key, a.Version, a.Body = r.blob(), r.count(), r.blob()
	}})
	return unread(conn, err)
}

// SessionsOf implements store.Sessions.
func (s *Store) SessionsOf(ctx context.Context, account, after []byte, limit int) ([]store.Session, error) {
	return readAll(ctx, s, func(row pgx.CollectableRow) (v store.Session, err error) {
		err = row.Scan((*blob)(&v.Key), &v.Version, (*blob)(&v.Body), (*blob)(&v.Account), (*instant)(&v.Expires))
		return v, err
	}, "SELECT "+sessionColumns+" FROM sessions s WHERE s.account = $1 AND s.key > $2 ORDER BY s.key LIMIT $3",
		full(account), full(after), max(limit, 0))
}

// TouchSession implements store.Sessions.
func (s *Store) TouchSession(ctx context.Context, ref store.Ref, next store.Session) error {
	var f store.Form
	f.Next(ref, next.Row, "the session")
	if f.Err() != nil {
		return f.Err()
	}
	return s.set(ctx, "UPDATE sessions SET version = $3, expires = $4, account = $5, body = $6 WHERE key = $1 AND version = $2",
		ref.Key, bounded(ref.Version), next.Version, millis(next.Expires), full(next.Account), full(next.Body))
}

// set runs a statement that changes one row if it stands as was judged.
// store.ErrConflict when it does not.
func (s *Store) set(ctx context.Context, sql string, args ...any) error {
	return s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var tag pgconn.CommandTag
		tag, err := conn.Exec(ctx, sql, args...)
		switch {
		case err != nil:
			return fmt.Errorf("postgres: write: %w", err)
		case tag.RowsAffected() == 0:
			return store.ErrConflict
		}
		return nil
	})
}

// ReplaceSession implements store.Sessions.
func (s *Store) ReplaceSession(ctx context.Context, v store.SessionChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) { j.succeeds(v) },
		write: func(w *writes) {
			w.endSession(v.Old)
			w.session(v.New)
		},
	})
}

// succeeds locks the old session and looks for the new one. Where the old is gone, a
// successor in place is this operation's own: its key was drawn for it.
func (j *judge) succeeds(v store.SessionChange) {
	const look = "SELECT 1 FROM sessions WHERE key = $1"
	stands := false
	j.ask(func(rows pgx.Rows) error {
		if stands = rows.Next(); !stands && v.New == nil {
			return errDone
		}
		return nil
	}, look+" FOR UPDATE", v.Old)
	if v.New == nil {
		return
	}
	j.ask(func(rows pgx.Rows) error {
		taken := rows.Next()
		switch {
		case !stands && taken:
			return errDone
		case !stands:
			return store.ErrConflict
		case taken:
			return &store.TakenError{Table: store.TableSessions}
		}
		return nil
	}, look, v.New.Key)
}
