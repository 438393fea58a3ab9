package dynamo

import (
	"bytes"
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// verbName says in a spend what the operation that spent the ticket did. The numbers are
// in the table: they never change.
type verbName uint64

const (
	didSpend      verbName = 1
	didSignUp     verbName = 2
	didSignIn     verbName = 3
	didRegression verbName = 4
	didBinding    verbName = 5
	didLink       verbName = 6
	didAccount    verbName = 7
)

// RecordSignUp implements store.Ceremonies. It locks the spend; the stored rights, the
// account, its identifiers, credentials and session.
//
// Identifiers and credentials are reserved by the very items that they will be: placed,
// but not there until the event is. Whoever wants one that a dead sign-up has placed
// shuts that sign-up out and takes it.
func (s *Store) RecordSignUp(ctx context.Context, v store.SignUp) error {
	if err := v.Check(); err != nil {
		return err
	}
	needs := []place{single(inAccounts, v.Account.Key)}
	if v.Spend != nil {
		needs = append(needs, spendPlace(*v.Spend))
	}
	needs = append(needs, rights(v.Ticket, v.Marker)...)
	for _, i := range v.Identifiers {
		needs = append(needs, single(inIdentifiers, i.Key))
	}
	for _, c := range v.Credentials() {
		needs = append(needs, single(inCredentials, c.Key))
	}
	needs = append(needs, sessionPlaces(v.Session, nil)...)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.judgeSignUp(v); done || err != nil {
			return done, err
		}
		if v.Spend != nil {
			t.spend(*v.Spend, v.Op, didSignUp)
		}
		t.consume(v.Ticket, v.Marker)
		t.put(single(inAccounts, v.Account.Key), accountItem(v.Account, v.Op))
		for _, i := range v.Identifiers {
			t.put(single(inIdentifiers, i.Key), identifierItem(i))
		}
		for _, c := range v.Credentials() {
			t.put(single(inCredentials, c.Key), credentialItem(c))
		}
		t.openSession(v.Session)
		return false, nil
	}})
}

func (t *txn) judgeSignUp(v store.SignUp) (done bool, err error) {
	if v.Spend != nil {
		done, err = t.spent(*v.Spend, v.Op, didSignUp)
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
	if t.get(single(inAccounts, v.Account.Key)) != nil {
		return false, &store.TakenError{Table: store.TableAccounts}
	}
	return false, t.sessionFree(v.Session)
}

// opened tells whether a sign-up without a spend has happened: the account carries its
// operation, or already says just what it would write.
func (t *txn) opened(v store.SignUp) bool {
	a := t.get(single(inAccounts, v.Account.Key))
	if a == nil {
		return false
	}
	same := a.number(attrVersion) == v.Account.Version && bytes.Equal(a.bytes(attrBody), v.Account.Body)
	return same || bytes.Equal(a.bytes(attrOp), v.Op[:])
}

// RecordSignIn implements store.Ceremonies. It locks the spend; the credential and the
// sessions that end and begin. Nobody has the new session's secret before the verb ends,
// so one of a sign-in that was stopped after its event lets nobody in.
//
// The account is read and not locked: a sign-in and a change of the account that end in
// the same milliseconds may both happen, as if the sign-in had come first. The session
// is sealed under the epochs that were judged, so an account that was closed to it stays
// closed.
func (s *Store) RecordSignIn(ctx context.Context, v store.SignIn) error {
	if err := v.Check(); err != nil {
		return err
	}
	credential := single(inCredentials, v.Use.Key)
	needs := []place{spendPlace(v.Spend), single(inAccounts, v.Account.Key), credential}
	needs = append(needs, sessionPlaces(v.Session, v.Ends)...)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.spent(v.Spend, v.Op, didSignIn); done || err != nil {
			return done, err
		}
		c := t.get(credential)
		if !t.stands(single(inAccounts, v.Account.Key), v.Account) || !usable(c, v.Use) {
			return false, store.ErrConflict
		}
		if err := t.sessionFree(v.Session); err != nil {
			return false, err
		}
		t.spend(v.Spend, v.Op, didSignIn)
		t.put(credential, used(c, v.Use))
		t.endSession(v.Ends)
		t.openSession(v.Session)
		return false, nil
	}})
}

// RecordRegression implements store.Ceremonies. It locks the spend; the account and the
// credential, so that no reader sees one suspended and not the other. An account that does not change is read
// and not locked, as in RecordSignIn.
func (s *Store) RecordRegression(ctx context.Context, v store.Regression) error {
	if err := v.Check(); err != nil {
		return err
	}
	account, credential := single(inAccounts, v.Account.Key), single(inCredentials, v.Credential.Key)
	needs := []place{spendPlace(v.Spend), account, credential}
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.spent(v.Spend, v.Op, didRegression); done || err != nil {
			return done, err
		}
		if !t.stands(account, v.Account) || !t.stands(credential, v.Credential) {
			return false, store.ErrConflict
		}
		t.spend(v.Spend, v.Op, didRegression)
		if v.Next != nil {
			t.put(account, accountItem(*v.Next, v.Op))
		}
		t.put(credential, replaced(t.get(credential), v.Replace))
		return false, nil
	}})
}

// RecordBinding implements store.Ceremonies. It locks the spend; the stored right, the
// account, the credential and the session: the account's map names the credential from
// the very moment that it is there.
func (s *Store) RecordBinding(ctx context.Context, v store.Binding) error {
	if err := v.Check(); err != nil {
		return err
	}
	account, credential := single(inAccounts, v.Account.Key), single(inCredentials, v.Credential.Key)
	needs := append([]place{spendPlace(v.Spend), account, credential}, rights(v.Ticket, nil)...)
	needs = append(needs, sessionPlaces(v.Session, nil)...)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.spent(v.Spend, v.Op, didBinding); done || err != nil {
			return done, err
		}
		if err := t.permitted(v.Ticket, nil); err != nil {
			return false, err
		}
		if !t.stands(account, v.Account) {
			return false, store.ErrConflict
		}
		if t.get(credential) != nil {
			return false, &store.TakenError{Table: store.TableCredentials}
		}
		if err := t.sessionFree(v.Session); err != nil {
			return false, err
		}
		t.spend(v.Spend, v.Op, didBinding)
		t.consume(v.Ticket, nil)
		t.put(account, accountItem(v.Next, v.Op))
		t.put(credential, credentialItem(v.Credential))
		t.openSession(v.Session)
		return false, nil
	}})
}

// RecordLink implements store.Ceremonies. It locks the spend; the code, the sessions that
// end and begin and the right that it gives. The account is read and not locked, as in
// RecordSignIn.
func (s *Store) RecordLink(ctx context.Context, v store.Link) error {
	if err := v.Check(); err != nil {
		return err
	}
	needs := append([]place{spendPlace(v.Spend)}, rights(v.Ticket, nil)...)
	if v.Account != nil {
		needs = append(needs, single(inAccounts, v.Account.Key))
	}
	if v.Gives != nil {
		needs = append(needs, single(inTickets, v.Gives.Key))
	}
	needs = append(needs, sessionPlaces(v.Session, v.Ends)...)
	return s.do(ctx, verb{needs: needs, event: v.Event, chain: s.chainOf(v.Op), judge: func(t *txn) (bool, error) {
		if done, err := t.spent(v.Spend, v.Op, didLink); done || err != nil {
			return done, err
		}
		if err := t.permitted(v.Ticket, nil); err != nil {
			return false, err
		}
		if v.Account != nil && !t.stands(single(inAccounts, v.Account.Key), *v.Account) {
			return false, store.ErrConflict
		}
		if err := t.sessionFree(v.Session); err != nil {
			return false, err
		}
		t.spend(v.Spend, v.Op, didLink)
		t.consume(v.Ticket, nil)
		t.endSession(v.Ends)
		t.openSession(v.Session)
		if v.Gives != nil && !t.insert(single(inTickets, v.Gives.Key), ticketItem(*v.Gives)) {
			return false, &store.TakenError{Table: store.TableTickets}
		}
		return false, nil
	}})
}

// Spend implements store.Ceremonies: one conditional write, so there is nothing between
// before and after.
func (s *Store) Spend(ctx context.Context, op store.OpID, v store.Spend) error {
	var f store.Form
	f.Need(op != store.OpID{}, "the operation has no ID")
	f.Spend(v)
	if f.Err() != nil {
		return f.Err()
	}
	return s.do(ctx, verb{needs: []place{spendPlace(v)}, judge: func(t *txn) (bool, error) {
		if done, err := t.spent(v, op, didSpend); done || err != nil {
			return done, err
		}
		t.spend(v, op, didSpend)
		return false, nil
	}})
}

// do does a verb within its time.
func (s *Store) do(ctx context.Context, v verb) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.run(ctx, v)
}

// spent tells whether op has spent the ticket already, by doing what. Its own spend under
// another verb is no leave to say that this verb happened.
func (t *txn) spent(s store.Spend, op store.OpID, doing verbName) (done bool, err error) {
	i := t.get(spendPlace(s))
	switch {
	case i == nil:
		return false, nil
	case bytes.Equal(i.bytes(attrOp), op[:]) && (verbName(i.number(attrVerb)) == doing || doing == didSpend):
		return true, nil
	}
	return false, store.ErrSpent
}

func (t *txn) spend(s store.Spend, op store.OpID, did verbName) {
	t.put(spendPlace(s), spendItem(s, op, did))
}

// stands tells whether a row is there in just the edition of ref.
func (t *txn) stands(at place, ref store.Ref) bool {
	i := t.get(at)
	return i != nil && i.number(attrVersion) == ref.Version
}

// rights is where the stored rights stand that a verb consumes.
func rights(ticket, marker *store.Ref) (places []place) {
	if ticket != nil {
		places = append(places, single(inTickets, ticket.Key))
	}
	if marker != nil {
		places = append(places, markerPlace(marker.Key))
	}
	return places
}

// permitted demands the stored rights that a verb consumes.
func (t *txn) permitted(ticket, marker *store.Ref) error {
	if ticket != nil && !t.stands(single(inTickets, ticket.Key), *ticket) {
		return store.ErrSpent
	}
	if marker != nil && !t.stands(markerPlace(marker.Key), *marker) {
		return store.ErrSpent
	}
	return nil
}

func (t *txn) consume(ticket, marker *store.Ref) {
	for _, at := range rights(ticket, marker) {
		t.del(at)
	}
}
