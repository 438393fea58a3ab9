package ceremony

import (
	"context"
	"errors"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// Proof says that a ceremony has just succeeded and is committed. The zero Proof
// says nothing, and whoever issues refuses it.
type Proof struct {
	current session.Current
	cookie  string
	passkey *account.Passkey
}

// Session is the session that the ceremony opened; the zero Current for none.
func (p Proof) Session() session.Current { return p.current }

// Cookie is the value of the session cookie, in cookie mode; else it is empty.
func (p Proof) Cookie() string { return p.cookie }

// Passkey is the passkey that the ceremony registered. ok is false after a sign-in.
func (p Proof) Passkey() (passkey account.Passkey, ok bool) {
	if p.passkey == nil {
		return account.Passkey{}, false
	}
	return *p.passkey, true
}

// registered makes the Proof of a committed registration by opening what was written:
// what the client is told is what the store holds.
func (rp *RelyingParty) registered(started session.Started, accountRow store.Row, credentialRow store.Credential) (Proof, error) {
	a, err := rp.cfg.Vault.OpenAccount(accountRow)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	c, err := rp.cfg.Vault.OpenCredential(credentialRow, a)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	passkey := account.View(c, credentialRow.Key)
	return Proof{current: started.Current(a), cookie: started.Cookie, passkey: &passkey}, nil
}

// burn marks the ticket of a failed finish as spent, if the caller's network has
// budget left for it, and gives the error to answer with.
func (rp *RelyingParty) burn(ctx context.Context, r Request, op store.OpID, spend store.Spend, failure *Error) error {
	if retry, ok := rp.cfg.Failures.Take(r.Caller.Network()); !ok {
		return &Error{Kind: KindLimited, Code: failure.Code, RetryAfter: retry, Cause: failure}
	}
	err := rp.cfg.Store.Spend(ctx, op, spend)
	if err != nil && !errors.Is(err, store.ErrSpent) {
		return unavailable(err)
	}
	return failure
}

// alarm raises the alarm when err says that a row was tampered with, and gives the
// code to fail with.
func (rp *RelyingParty) alarm(ctx context.Context, r Request, err error) (code string, tampered bool) {
	var t *record.Tampered
	if !errors.As(err, &t) {
		return "", false
	}
	rp.cfg.Audit.Alarm(ctx, r.Caller, t.Code, err)
	return t.Code, true
}
