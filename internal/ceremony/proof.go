package ceremony

import (
	"context"
	"errors"
	"slices"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// Proof says that a ceremony has just succeeded and is committed. The zero Proof
// says nothing, and whoever issues refuses it.
type Proof struct {
	current session.Current
	cookie  string
	passkey *account.Passkey

	binding, challenge []byte
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

// Binding is what the person approved by the ceremony, as the step-up was asked to
// bind; nil for nothing. The signature covers it.
func (p Proof) Binding() []byte { return slices.Clone(p.binding) }

// Challenge is what the Challenge hook put under the signature; nil without a hook.
func (p Proof) Challenge() []byte { return slices.Clone(p.challenge) }

// registeredProof makes the Proof of a committed registration.
func (rp *RelyingParty) registeredProof(
	started session.Started, accountRow store.Row, credentialRow store.Credential, t ticket.Common,
) (Proof, error) {
	a, passkey, err := rp.opened(accountRow, credentialRow, credentialRow.Key)
	if err != nil {
		return Proof{}, err
	}
	return Proof{current: started.Current(a), cookie: started.Cookie, passkey: &passkey, challenge: t.Team}, nil
}

// failed counts a failure and gives it back.
func (rp *RelyingParty) failed(ctx context.Context, r Request, ceremony string, failure *Error) *Error {
	rp.cfg.Audit.Fail(ctx, r.Caller, ceremony, failure.Code)
	return failure
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
