package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// verb says in a spend what the operation that spent the ticket did. The numbers
// are in the database: they never change.
type verb int32

const (
	verbSpend      verb = 1
	verbSignUp     verb = 2
	verbSignIn     verb = 3
	verbRegression verb = 4
	verbBinding    verb = 5
	verbLink       verb = 6
	verbAccount    verb = 7
)

// RecordSignUp implements store.Ceremonies. It goes with others where it can, and alone
// where it must.
func (s *Store) RecordSignUp(ctx context.Context, v store.SignUp) error {
	if err := v.Check(); err != nil {
		return err
	}
	alone := func(ctx context.Context, queues bool) error { return s.signUpAlone(ctx, v, queues) }
	if !plainSignUp(v) {
		return alone(ctx, false)
	}
	return goTogether(ctx, &s.signingUp, v, alone)
}

// signUpAlone makes a sign-up happen by itself.
func (s *Store) signUpAlone(ctx context.Context, v store.SignUp, queues bool) error {
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event, queues: queues,
		ask: func(j *judge) {
			if v.Spend != nil {
				j.spent(*v.Spend, v.Op, verbSignUp)
			} else {
				j.opened(v)
			}
			j.permitted(v.Ticket, v.Marker)
			j.identifiersFree(v.Account.Key, v.Identifiers)
			j.credentialsFree(v.Credentials())
			j.free(store.TableAccounts, v.Account.Key)
			j.sessionFree(v.Session)
		},
		write: func(w *writes) {
			if v.Spend != nil {
				w.spend(*v.Spend, v.Op, verbSignUp)
			}
			w.consume(v.Ticket, v.Marker)
			w.identifiers(v.Identifiers)
			w.credentials(v.Credentials())
			w.account(v.Account, v.Op)
			w.session(v.Session)
		},
	})
}

// opened asks whether a sign-up without a spend has happened: the account carries its
// operation, or already says just what it would write.
func (j *judge) opened(v store.SignUp) {
	j.askLast(func(rows pgx.Rows) error {
		var version uint64
		var body, by []byte
		if !first(rows, &version, &body, &by) {
			return nil
		}
		same := version == v.Account.Version && bytes.Equal(body, v.Account.Body)
		if same || bytes.Equal(by, v.Op[:]) {
			return errDone
		}
		return nil
	}, "SELECT version, body, op FROM accounts WHERE key = $1", v.Account.Key)
}

// RecordRegression implements store.Ceremonies.
func (s *Store) RecordRegression(ctx context.Context, v store.Regression) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			j.spent(v.Spend, v.Op, verbRegression)
			j.account(v.Account)
			j.credential(v.Credential)
		},
		write: func(w *writes) {
			w.spend(v.Spend, v.Op, verbRegression)
			if v.Next != nil {
				w.nextAccount(*v.Next, v.Op)
			}
			w.nextCredential(v.Replace)
		},
	})
}

// RecordBinding implements store.Ceremonies.
func (s *Store) RecordBinding(ctx context.Context, v store.Binding) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: v.Event,
		ask: func(j *judge) {
			j.spent(v.Spend, v.Op, verbBinding)
			j.permitted(v.Ticket, nil)
			j.account(v.Account)
			j.free(store.TableCredentials, v.Credential.Key)
			j.sessionFree(v.Session)
		},
		write: func(w *writes) {
			w.spend(v.Spend, v.Op, verbBinding)
			w.consume(v.Ticket, nil)
			w.nextAccount(v.Next, v.Op)
			w.credential(v.Credential)
			w.session(v.Session)
		},
	})
}

// RecordLink implements store.Ceremonies.
func (s *Store) RecordLink(ctx context.Context, v store.Link) error {
	if err := v.Check(); err != nil {
		return err
	}
	return s.perform(ctx, change{
		chain: chainOf(v.Op), event: giving(v.Event, v.Gives),
		ask: func(j *judge) {
			j.spent(v.Spend, v.Op, verbLink)
			j.permitted(v.Ticket, nil)
			if v.Account != nil {
				j.account(*v.Account)
			}
			j.sessionFree(v.Session)
			if v.Gives != nil {
				j.free(store.TableTickets, v.Gives.Key)
			}
		},
		write: func(w *writes) {
			w.spend(v.Spend, v.Op, verbLink)
			w.consume(v.Ticket, nil)
			w.endSession(v.Ends)
			w.session(v.Session)
		},
	})
}

// Spend implements store.Ceremonies. One statement does it, and another finds out who
// was first.
func (s *Store) Spend(ctx context.Context, op store.OpID, v store.Spend) error {
	var f store.Form
	f.Need(op != store.OpID{}, "the operation has no ID")
	f.Spend(v)
	if f.Err() != nil {
		return f.Err()
	}
	return s.repeat(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, `INSERT INTO spends (expires, id, op, verb, issued) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT DO NOTHING`, millis(v.Expires), v.ID[:], op[:], int32(verbSpend), full(v.Issued))
		if err != nil {
			return fmt.Errorf("postgres: spend: %w", err)
		}
		if tag.RowsAffected() == 1 {
			return nil
		}
		var by []byte
		var did verb
		err = conn.QueryRow(ctx, "SELECT op, verb FROM spends WHERE expires = $1 AND id = $2",
			millis(v.Expires), v.ID[:]).Scan(&by, &did)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // swept in between
			return errLost
		case err != nil:
			return unbegun(conn, fmt.Errorf("postgres: spend: %w", err))
		}
		if err := spentBy(by, did, op, verbSpend); !errors.Is(err, errDone) {
			return err
		}
		return nil
	})
}
