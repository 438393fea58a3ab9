package metrics

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// One method for each verb, in the order of package store. What a verb means and
// promises stands there; here it is timed. Chains and Close are the store's own.

// RecordSignUp implements store.Ceremonies.
func (o *observed) RecordSignUp(ctx context.Context, v store.SignUp) (err error) {
	defer o.time(verbRecordSignUp, o.now(), &err)
	if err = o.Store.RecordSignUp(ctx, v); err == nil && v.Session != nil {
		o.startedSignUp.Inc()
	}
	return err
}

// RecordSignIn implements store.Ceremonies.
func (o *observed) RecordSignIn(ctx context.Context, v store.SignIn) (err error) {
	defer o.time(verbRecordSignIn, o.now(), &err)
	if err = o.Store.RecordSignIn(ctx, v); err == nil && v.Session != nil {
		o.startedSignIn.Inc()
	}
	return err
}

// RecordRegression implements store.Ceremonies.
func (o *observed) RecordRegression(ctx context.Context, v store.Regression) (err error) {
	defer o.time(verbRecordRegression, o.now(), &err)
	return o.Store.RecordRegression(ctx, v)
}

// RecordBinding implements store.Ceremonies.
func (o *observed) RecordBinding(ctx context.Context, v store.Binding) (err error) {
	defer o.time(verbRecordBinding, o.now(), &err)
	if err = o.Store.RecordBinding(ctx, v); err == nil && v.Session != nil {
		o.startedBinding.Inc()
	}
	return err
}

// RecordLink implements store.Ceremonies.
func (o *observed) RecordLink(ctx context.Context, v store.Link) (err error) {
	defer o.time(verbRecordLink, o.now(), &err)
	if err = o.Store.RecordLink(ctx, v); err == nil && v.Session != nil {
		o.startedLink.Inc()
	}
	return err
}

// Spend implements store.Ceremonies.
func (o *observed) Spend(ctx context.Context, op store.OpID, s store.Spend) (err error) {
	defer o.time(verbSpend, o.now(), &err)
	return o.Store.Spend(ctx, op, s)
}

// CredentialAndAccount implements store.Reader.
func (o *observed) CredentialAndAccount(ctx context.Context, key []byte) (_ store.Credential, _ store.Row, err error) {
	defer o.time(verbCredentialAndAccount, o.now(), &err)
	return o.Store.CredentialAndAccount(ctx, key)
}

// SessionAndAccount implements store.Reader.
func (o *observed) SessionAndAccount(ctx context.Context, key []byte) (_ store.Session, _ store.Row, err error) {
	defer o.time(verbSessionAndAccount, o.now(), &err)
	return o.Store.SessionAndAccount(ctx, key)
}

// Account implements store.Reader.
func (o *observed) Account(ctx context.Context, key []byte) (_ store.Row, err error) {
	defer o.time(verbAccount, o.now(), &err)
	return o.Store.Account(ctx, key)
}

// Identifier implements store.Reader.
func (o *observed) Identifier(ctx context.Context, key []byte) (_ store.Identifier, err error) {
	defer o.time(verbIdentifier, o.now(), &err)
	return o.Store.Identifier(ctx, key)
}

// Credentials implements store.Reader.
func (o *observed) Credentials(ctx context.Context, keys [][]byte) (_ []store.Credential, err error) {
	defer o.time(verbCredentials, o.now(), &err)
	return o.Store.Credentials(ctx, keys)
}

// RecordStanding implements store.Ways.
func (o *observed) RecordStanding(ctx context.Context, v store.Standing) (err error) {
	defer o.time(verbRecordStanding, o.now(), &err)
	return o.Store.RecordStanding(ctx, v)
}

// RecordUnbinding implements store.Ways.
func (o *observed) RecordUnbinding(ctx context.Context, v store.Unbinding) (err error) {
	defer o.time(verbRecordUnbinding, o.now(), &err)
	return o.Store.RecordUnbinding(ctx, v)
}

// RenameCredential implements store.Ways.
func (o *observed) RenameCredential(ctx context.Context, v store.Renaming) (err error) {
	defer o.time(verbRenameCredential, o.now(), &err)
	return o.Store.RenameCredential(ctx, v)
}

// DeleteAccount implements store.Ways.
func (o *observed) DeleteAccount(ctx context.Context, v store.Deletion) (err error) {
	defer o.time(verbDeleteAccount, o.now(), &err)
	return o.Store.DeleteAccount(ctx, v)
}

// ReplaceAccount implements store.Accounts.
func (o *observed) ReplaceAccount(ctx context.Context, v store.AccountChange) (err error) {
	defer o.time(verbReplaceAccount, o.now(), &err)
	return o.Store.ReplaceAccount(ctx, v)
}

// ListAccounts implements store.Accounts.
func (o *observed) ListAccounts(ctx context.Context, after []byte, limit int) (_ []store.Row, err error) {
	defer o.time(verbListAccounts, o.now(), &err)
	return o.Store.ListAccounts(ctx, after, limit)
}

// TouchSession implements store.Sessions.
func (o *observed) TouchSession(ctx context.Context, ref store.Ref, next store.Session) (err error) {
	defer o.time(verbTouchSession, o.now(), &err)
	return o.Store.TouchSession(ctx, ref, next)
}

// ReplaceSession implements store.Sessions.
func (o *observed) ReplaceSession(ctx context.Context, v store.SessionChange) (err error) {
	defer o.time(verbReplaceSession, o.now(), &err)
	return o.Store.ReplaceSession(ctx, v)
}

// SessionsOf implements store.Sessions.
func (o *observed) SessionsOf(ctx context.Context, account, after []byte, limit int) (_ []store.Session, err error) {
	defer o.time(verbSessionsOf, o.now(), &err)
	return o.Store.SessionsOf(ctx, account, after, limit)
}

// PutTicket implements store.Tickets.
func (o *observed) PutTicket(ctx context.Context, t store.Ticket, event store.EventFunc) (err error) {
	defer o.time(verbPutTicket, o.now(), &err)
	return o.Store.PutTicket(ctx, t, event)
}

// Ticket implements store.Tickets.
func (o *observed) Ticket(ctx context.Context, key []byte) (_ store.Ticket, err error) {
	defer o.time(verbTicket, o.now(), &err)
	return o.Store.Ticket(ctx, key)
}

// ListTickets implements store.Tickets.
func (o *observed) ListTickets(ctx context.Context, after []byte, limit int) (_ []store.Ticket, err error) {
	defer o.time(verbListTickets, o.now(), &err)
	return o.Store.ListTickets(ctx, after, limit)
}

// RevokeTicket implements store.Tickets.
func (o *observed) RevokeTicket(ctx context.Context, key []byte, event store.EventFunc) (err error) {
	defer o.time(verbRevokeTicket, o.now(), &err)
	return o.Store.RevokeTicket(ctx, key, event)
}

// Hit implements store.Limits.
func (o *observed) Hit(ctx context.Context, v store.Hits) (_ time.Duration, err error) {
	defer o.time(verbHit, o.now(), &err)
	return o.Store.Hit(ctx, v)
}

// TakeMails implements store.Outbox.
func (o *observed) TakeMails(ctx context.Context, now, until time.Time, limit int) (_ []store.Mail, err error) {
	defer o.time(verbTakeMails, o.now(), &err)
	return o.Store.TakeMails(ctx, now, until, limit)
}

// SettleMail implements store.Outbox.
func (o *observed) SettleMail(ctx context.Context, key []byte, taken uint32) (err error) {
	defer o.time(verbSettleMail, o.now(), &err)
	return o.Store.SettleMail(ctx, key, taken)
}

// PostponeMail implements store.Outbox.
func (o *observed) PostponeMail(ctx context.Context, key []byte, taken uint32, due time.Time) (err error) {
	defer o.time(verbPostponeMail, o.now(), &err)
	return o.Store.PostponeMail(ctx, key, taken, due)
}

// PutKeys implements store.Keys.
func (o *observed) PutKeys(ctx context.Context, keys []store.Key, markers []store.Marker) (err error) {
	defer o.time(verbPutKeys, o.now(), &err)
	return o.Store.PutKeys(ctx, keys, markers)
}

// ReplaceKey implements store.Keys.
func (o *observed) ReplaceKey(ctx context.Context, ref store.Ref, next store.Key) (err error) {
	defer o.time(verbReplaceKey, o.now(), &err)
	return o.Store.ReplaceKey(ctx, ref, next)
}

// ReplaceMarker implements store.Keys.
func (o *observed) ReplaceMarker(ctx context.Context, ref store.Ref, next store.Marker) (err error) {
	defer o.time(verbReplaceMarker, o.now(), &err)
	return o.Store.ReplaceMarker(ctx, ref, next)
}

// Keys implements store.Keys.
func (o *observed) Keys(ctx context.Context) (_ []store.Key, err error) {
	defer o.time(verbKeys, o.now(), &err)
	return o.Store.Keys(ctx)
}

// Markers implements store.Keys.
func (o *observed) Markers(ctx context.Context) (_ []store.Marker, err error) {
	defer o.time(verbMarkers, o.now(), &err)
	return o.Store.Markers(ctx)
}

// Append implements store.Events.
func (o *observed) Append(ctx context.Context, event store.EventFunc) (err error) {
	defer o.time(verbAppend, o.now(), &err)
	return o.Store.Append(ctx, event)
}

// Chain implements store.Events.
func (o *observed) Chain(ctx context.Context, chain uint32, after uint64, limit int) (_ []store.Event, err error) {
	defer o.time(verbChain, o.now(), &err)
	return o.Store.Chain(ctx, chain, after, limit)
}

// EventsOf implements store.Events.
func (o *observed) EventsOf(ctx context.Context, account []byte, before store.Position, limit int) (_ []store.Event, err error) {
	defer o.time(verbEventsOf, o.now(), &err)
	return o.Store.EventsOf(ctx, account, before, limit)
}

// Expire implements store.Upkeep.
func (o *observed) Expire(ctx context.Context, now time.Time, limit int) (_ int, err error) {
	defer o.time(verbExpire, o.now(), &err)
	return o.Store.Expire(ctx, now, limit)
}

// Clock implements store.Upkeep.
func (o *observed) Clock(ctx context.Context) (_ time.Time, err error) {
	defer o.time(verbClock, o.now(), &err)
	return o.Store.Clock(ctx)
}

// Ping implements store.Upkeep.
func (o *observed) Ping(ctx context.Context) (err error) {
	defer o.time(verbPing, o.now(), &err)
	return o.Store.Ping(ctx)
}
