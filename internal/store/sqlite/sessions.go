package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	sessionColumns = "s.key, s.version, s.body, s.account, s.expires"
	sessionWidth   = 5
	findSession    = "SELECT version FROM sessions WHERE key = ?"
	deleteSession  = "DELETE FROM sessions WHERE key = ?"
)

// SessionAndAccount implements store.Reader.
func (s *Store) SessionAndAccount(ctx context.Context, key []byte) (store.Session, store.Row, error) {
	var session store.Session
	var account store.Row
	err := s.readOne(ctx, "SELECT "+sessionColumns+", a.key, a.version, a.body FROM sessions s LEFT JOIN accounts a ON a.key = s.account WHERE s.key = ?",
		func(stmt *sqlite.Stmt) {
			session = scanSession(stmt)
			account = scanRow(stmt, sessionWidth)
		}, key)
	return session, account, err
}

// SessionsOf implements store.Sessions.
func (s *Store) SessionsOf(ctx context.Context, account, after []byte, limit int) ([]store.Session, error) {
	var list []store.Session
	err := s.readAll(ctx, "SELECT "+sessionColumns+" FROM sessions s WHERE s.account = ? AND s.key > ? ORDER BY s.key LIMIT ?",
		func(stmt *sqlite.Stmt) { list = append(list, scanSession(stmt)) }, account, after, max(limit, 0))
	return list, err
}

// TouchSession implements store.Sessions.
func (s *Store) TouchSession(ctx context.Context, ref store.Ref, next store.Session) error {
	var f store.Form
	f.Next(ref, next.Row, "the session")
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.stands(findSession, ref) {
			return store.ErrConflict
		}
		t.write("UPDATE sessions SET version = ?, expires = ?, account = ?, body = ? WHERE key = ?",
			next.Version, millis(next.Expires), next.Account, next.Body, next.Key)
		return nil
	})
}

// ReplaceSession implements store.Sessions.
func (s *Store) ReplaceSession(ctx context.Context, v store.SessionChange) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if !t.exists(findSession, v.Old) {
			return t.succeeded(v.New)
		}
		if err := t.sessionFree(v.New); err != nil {
			return err
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.write(deleteSession, v.Old)
		t.putSession(v.New)
		t.putEvent(event)
		return nil
	})
}

// succeeded answers a change whose old session is gone. A successor in place is
// this operation's own: its key was drawn for it.
func (t *tx) succeeded(successor *store.Session) error {
	if successor == nil || t.exists(findSession, successor.Key) {
		return nil
	}
	return store.ErrConflict
}

func scanSession(stmt *sqlite.Stmt) store.Session {
	return store.Session{
		Row:     scanRow(stmt, 0),
		Account: blob(stmt, 3),
		Expires: moment(stmt, 4),
	}
}

// sessionFree refuses a session whose key is in use; nil is no session.
func (t *tx) sessionFree(s *store.Session) error {
	if s != nil && t.exists(findSession, s.Key) {
		return &store.TakenError{Table: store.TableSessions}
	}
	return nil
}

func (t *tx) putSession(s *store.Session) {
	if s == nil {
		return
	}
	t.write("INSERT INTO sessions (key, version, expires, account, body) VALUES (?, ?, ?, ?, ?)",
		s.Key, s.Version, millis(s.Expires), s.Account, s.Body)
}
