package ceremony

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// cancelTimeout bounds what is done after a sign-in on the time of a client that may be
// gone by then.
const cancelTimeout = 5 * time.Second

// endHold ends a recovery that is held, because a way in that is not held has just been
// used: its person has no need of it, so somebody else began it. The sign-in stands
// whatever comes of this; a failure is counted, and the next sign-in tries again.
func (rp *RelyingParty) endHold(ctx context.Context, r Request, a record.Account) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	if err := rp.cfg.Accounts.CancelHold(ctx, a, r.Caller); err != nil {
		rp.cfg.Audit.Fail(ctx, r.Caller, nameRecovery, "hold_not_cancelled")
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
