package sqlite

import (
	"bytes"
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// verb says in a spend what the operation that spent the ticket did. The numbers
// are in the file: they never change.
type verb int

const (
	verbSpend      verb = 1
	verbSignUp     verb = 2
	verbSignIn     verb = 3
	verbRegression verb = 4
	verbBinding    verb = 5
	verbLink       verb = 6
	verbAccount    verb = 7
)

// RecordSignUp implements store.Ceremonies.
func (s *Store) RecordSignUp(ctx context.Context, v store.SignUp) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.judgeSignUp(v); done || err != nil {
			return err
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		if v.Spend != nil {
			t.putSpend(*v.Spend, v.Op, verbSignUp)
		}
		t.consume(v.Ticket, v.Marker)
		t.write("INSERT INTO accounts (key, version, body, op) VALUES (?, ?, ?, ?)",
			v.Account.Key, v.Account.Version, v.Account.Body, v.Op[:])
		for _, i := range v.Identifiers {
			t.putIdentifier(i)
		}
		for _, c := range v.Credentials() {
			t.putCredential(c)
		}
		t.putSession(v.Session)
		t.putEvent(event)
		return nil
	})
}

func (t *tx) judgeSignUp(v store.SignUp) (done bool, err error) {
	if v.Spend != nil {
		done, err = t.spent(*v.Spend, v.Op, verbSignUp)
	} else {
		done = t.opened(v)
	}
	if done || err != nil {
		return done, err
	}
	if err := t.permitted(v.Ticket, v.Marker); err != nil {
		return false, err
	}
	if t.identifiersTaken(v.Identifiers) {
		return false, &store.TakenError{Table: store.TableIdentifiers}
	}
	if t.credentialsTaken(v.Credentials()) {
		return false, &store.TakenError{Table: store.TableCredentials}
	}
	if t.exists(findAccount, v.Account.Key) {
		return false, &store.TakenError{Table: store.TableAccounts}
	}
	return false, t.sessionFree(v.Session)
}

// opened tells whether a sign-up without a spend has happened: the account
// carries its operation, or already says just what it would write.
func (t *tx) opened(v store.SignUp) (done bool) {
	t.read("SELECT version, body, op FROM accounts WHERE key = ?", func(stmt *sqlite.Stmt) {
		same := unsigned(stmt, 0) == v.Account.Version && bytes.Equal(blob(stmt, 1), v.Account.Body)
		done = same || bytes.Equal(blob(stmt, 2), v.Op[:])
	}, v.Account.Key)
	return done
}

// RecordSignIn implements store.Ceremonies.
func (s *Store) RecordSignIn(ctx context.Context, v store.SignIn) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		stored, done, err := t.judgeSignIn(v)
		if done || err != nil {
			return err
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.putSpend(v.Spend, v.Op, verbSignIn)
		t.use(v.Use, stored)
		if len(v.Ends) > 0 {
			t.write(deleteSession, v.Ends)
		}
		t.putSession(v.Session)
		t.putEvent(event)
		return nil
	})
}

// judgeSignIn judges the verb that there is most of. One statement asks everything,
// for starting a statement costs more than a look-up in it. stored is the version of
// the credential.
func (t *tx) judgeSignIn(v store.SignIn) (stored uint64, done bool, err error) {
	var session []byte // an empty key is nobody's
	if v.Session != nil {
		session = v.Session.Key
	}
	var spent, account, taken, usable bool
	t.read(`SELECT
			EXISTS (SELECT 1 FROM spends WHERE expires = ? AND id = ?),
			EXISTS (SELECT 1 FROM accounts WHERE key = ? AND version = ?),
			EXISTS (SELECT 1 FROM sessions WHERE key = ?),
			c.key IS NOT NULL, c.version, c.state
		FROM (SELECT 1) LEFT JOIN credentials c ON c.key = ?`,
		func(stmt *sqlite.Stmt) {
			spent, account, taken = stmt.ColumnBool(0), stmt.ColumnBool(1), stmt.ColumnBool(2)
			stored = unsigned(stmt, 4)
			usable = stmt.ColumnBool(3) && v.Use.State == unsigned(stmt, 5) &&
				v.Use.Version <= stored && stored <= v.Use.Within
		}, millis(v.Spend.Expires), v.Spend.ID[:], v.Account.Key, v.Account.Version, session, v.Use.Key)
	if spent {
		done, err = t.spent(v.Spend, v.Op, verbSignIn)
		return 0, done, err
	}
	if !account || !usable {
		return 0, false, store.ErrConflict
	}
	if taken {
		return 0, false, &store.TakenError{Table: store.TableSessions}
	}
	return stored, false, nil
}

// RecordRegression implements store.Ceremonies.
func (s *Store) RecordRegression(ctx context.Context, v store.Regression) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.spent(v.Spend, v.Op, verbRegression); done || err != nil {
			return err
		}
		if !t.stands(findAccount, v.Account) || !t.stands(findCredential, v.Credential) {
			return store.ErrConflict
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.putSpend(v.Spend, v.Op, verbRegression)
		if v.Next != nil {
			t.replaceAccount(*v.Next, v.Op)
		}
		t.replaceCredential(v.Replace)
		t.putEvent(event)
		return nil
	})
}

// RecordBinding implements store.Ceremonies.
func (s *Store) RecordBinding(ctx context.Context, v store.Binding) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.spent(v.Spend, v.Op, verbBinding); done || err != nil {
			return err
		}
		if err := t.permitted(v.Ticket, nil); err != nil {
			return err
		}
		if !t.stands(findAccount, v.Account) {
			return store.ErrConflict
		}
		if t.exists(findCredential, v.Credential.Key) {
			return &store.TakenError{Table: store.TableCredentials}
		}
		if err := t.sessionFree(v.Session); err != nil {
			return err
		}
		event, err := t.event(v.Event)
		if err != nil {
			return err
		}
		t.putSpend(v.Spend, v.Op, verbBinding)
		t.consume(v.Ticket, nil)
		t.replaceAccount(v.Next, v.Op)
		t.putCredential(v.Credential)
		t.putSession(v.Session)
		t.putEvent(event)
		return nil
	})
}

// RecordLink implements store.Ceremonies.
func (s *Store) RecordLink(ctx context.Context, v store.Link) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.judgeLink(v); done || err != nil {
			return err
		}
		event, err := t.event(giving(v.Event, v.Gives))
		if err != nil {
			return err
		}
		t.putSpend(v.Spend, v.Op, verbLink)
		t.consume(v.Ticket, nil)
		if len(v.Ends) > 0 {
			t.write(deleteSession, v.Ends)
		}
		t.putSession(v.Session)
		t.putEvent(event)
		return nil
	})
}

func (t *tx) judgeLink(v store.Link) (done bool, err error) {
	if done, err := t.spent(v.Spend, v.Op, verbLink); done || err != nil {
		return done, err
	}
	if err := t.permitted(v.Ticket, nil); err != nil {
		return false, err
	}
	if v.Account != nil && !t.stands(findAccount, *v.Account) {
		return false, store.ErrConflict
	}
	if err := t.sessionFree(v.Session); err != nil {
		return false, err
	}
	return false, t.ticketFree(v.Gives)
}

// Spend implements store.Ceremonies.
func (s *Store) Spend(ctx context.Context, op store.OpID, v store.Spend) error {
	var f store.Form
	f.Need(op != store.OpID{}, "the operation has no ID")
	f.Spend(v)
	if f.Err() != nil {
		return f.Err()
	}
	return s.submit(ctx, func(t *tx) error {
		if done, err := t.spent(v, op, verbSpend); done || err != nil {
			return err
		}
		t.putSpend(v, op, verbSpend)
		return nil
	})
}

// spent tells whether op has spent the ticket already, by doing what. Its own
// spend under another verb is no leave to say that this verb happened.
func (t *tx) spent(s store.Spend, op store.OpID, doing verb) (done bool, err error) {
	var did verb
	var by []byte
	found := t.read("SELECT op, verb FROM spends WHERE expires = ? AND id = ?", func(stmt *sqlite.Stmt) {
		by, did = blob(stmt, 0), verb(stmt.ColumnInt64(1))
	}, millis(s.Expires), s.ID[:])
	switch {
	case !found:
		return false, nil
	case bytes.Equal(by, op[:]) && (did == doing || doing == verbSpend):
		return true, nil
	}
	return false, store.ErrSpent
}

func (t *tx) putSpend(s store.Spend, op store.OpID, did verb) {
	t.write("INSERT INTO spends (expires, id, op, verb, issued) VALUES (?, ?, ?, ?, ?)",
		millis(s.Expires), s.ID[:], op[:], int(did), s.Issued)
}
