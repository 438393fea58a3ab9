package ceremony

import (
	"context"
	"errors"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// endHold ends a recovery that is held, because a way in that is not held is being used: its
// person has no need of it, so somebody else began it. It comes before the commit of the
// sign-in, and without it there is none: whatever fails in between, no sign-in of the owner
// leaves a hold running out. A sign-in that fails afterwards has ended it too, for the
// passkey was there; so has one that is shown again, which takes nothing from its person.
func (rp *RelyingParty) endHold(ctx context.Context, r Request, a record.Account) (record.Account, error) {
	after, err := rp.cfg.Accounts.CancelHold(ctx, a, r.Caller)
	switch {
	case err == nil:
		return after, nil
	case errors.Is(err, store.ErrConflict):
		return a, store.ErrConflict
	default:
		rp.cfg.Audit.Fail(ctx, r.Caller, nameRecovery, "hold_not_cancelled")
		return a, unavailable(err)
	}
}

// passkeyAdded makes what a passkey owes that was added to an account: every address is
// told, and can say that it was somebody else.
func (rp *RelyingParty) passkeyAdded(r Request, facts record.AccountFacts, row store.Credential, reg registered) (audit.Owed, error) {
	way, _ := facts.Way(row.Key)
	owed, err := rp.cfg.Accounts.Notify(mail.Notice{
		Account: facts, About: audit.PasskeyAdded, Subject: row.Key, Name: reg.name, HeldUntil: way.HeldUntil, Undo: true, By: r.Caller,
	})
	if err != nil {
		return audit.Owed{}, unavailable(err)
	}
	return owed, nil
}

// newBrowser makes what a sign-in owes that comes from a browser in which nobody has
// signed in to the account before. Only a session by cookie is a browser's. An account
// begins with a registration, which is no sign-in: so its first one is told of to nobody.
func (rp *RelyingParty) newBrowser(r Request, mode string, a record.Account) (audit.Owed, error) {
	if session.Mode(mode) != session.ModeCookie || !rp.cfg.Accounts.Policy().NewBrowser || rp.cfg.Sessions.Recognizes(r.Known, a) {
		return audit.Owed{}, nil
	}
	owed, err := rp.cfg.Accounts.Notify(mail.Notice{Account: a.Facts(), About: audit.BrowserRemarked, By: r.Caller})
	if err != nil {
		return audit.Owed{}, unavailable(err)
	}
	return owed, nil
}
