package ceremony

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

const (
	// recoveryLife is how long whoever showed a recovery code may begin to make a passkey.
	recoveryLife = 10 * time.Minute
	// recoveryTries is how many codes a network may show in an hour. A code cannot be
	// guessed, so nothing is counted for an account: a stranger who fails in its name
	// takes nothing from its person.
	recoveryTries = 5
	maxTypedCode  = 128 // bytes

	recoveryRefused  = "recovery_refused"  // the name or the code: which, is in no answer and no log
	recoveryUnusable = "recovery_unusable" // the ticket: used, too old, or called back
)

// Recovery is the right that a recovery code gives: to make a passkey, and nothing else.
// There is no session.
type Recovery struct {
	Ticket    string
	ExpiresIn time.Duration
	HoldUntil time.Time // when the passkey may sign in; zero: at once
}

var recoveryEncoding = base64.RawURLEncoding.Strict()

// Recover takes a saved recovery code. Whatever is wrong, with the name or with the code,
// is KindAuthentication and costs the same. A code that fits is used up, and every session
// of the account ends.
func (rp *RelyingParty) Recover(ctx context.Context, r Request, username, code string) (Recovery, error) {
	switch {
	case username == "":
		return Recovery{}, field("username", "too_short")
	case len(username) > maxIdentifier:
		return Recovery{}, field("username", "too_long")
	case len(code) > maxTypedCode:
		return Recovery{}, field("code", "too_long")
	}
	a, err := rp.cfg.Accounts.Recoverable(ctx, username)
	if err != nil {
		return Recovery{}, unavailable(err)
	}
	if err := rp.mayTry(ctx, r, a); err != nil {
		return Recovery{}, err
	}
	begun, ok, err := rp.useCode(ctx, r, a, code)
	switch {
	case err != nil:
		return Recovery{}, err
	case !ok:
		return Recovery{}, rp.failed(ctx, r, nameRecovery, refuse(KindAuthentication, "", recoveryRefused))
	}
	t := ticket.Recovery{Common: ticket.Common{
		Door: r.Door, RPID: rp.cfg.RPID, Account: begun.Account.ID(), AccountKnown: true,
		TicketEpoch: begun.Account.TicketEpoch(), SessionEpoch: begun.Account.SessionEpoch(),
	}}
	if !begun.HeldUntil.IsZero() {
		t.HeldUntil = begun.HeldUntil.UnixMilli()
	}
	raw, _, err := ticket.MintLink(rp.cfg.Tickets, t, recoveryLife, rp.cfg.Now())
	if err != nil {
		return Recovery{}, unavailable(err)
	}
	return Recovery{
		Ticket: recoveryEncoding.EncodeToString(raw), ExpiresIn: recoveryLife, HoldUntil: begun.HeldUntil,
	}, nil
}

// mayTry counts a code that is shown, before anything is compared. A browser that has
// signed the account in before has an allowance of its own: others in its network do not
// use it up.
func (rp *RelyingParty) mayTry(ctx context.Context, r Request, a record.Account) error {
	network := []byte(r.Caller.Network().String())
	hit := store.Hit{
		Key:   rp.cfg.Vault.LimitKey("recovery", network),
		Rates: []store.Rate{{Count: recoveryTries, Per: time.Hour}},
	}
	if rp.cfg.Sessions.Recognizes(r.Known, a) {
		hit.Key = rp.cfg.Vault.LimitKey("recovery-known", network, a.Key())
	}
	wait, err := rp.cfg.Store.Hit(ctx, store.Hits{At: rp.cfg.Now(), Hits: []store.Hit{hit}})
	switch {
	case err != nil:
		return unavailable(err)
	case wait > 0:
		return rp.failed(ctx, r, nameRecovery, &Error{Kind: KindLimited, Code: "recovery_limited", RetryAfter: wait})
	}
	return nil
}

// useCode uses up a code. ok is false when it is none of the account's, or was used up by
// somebody who was quicker.
func (rp *RelyingParty) useCode(ctx context.Context, r Request, a record.Account, code string) (begun account.Begun, ok bool, err error) {
	for range conflictTries {
		begun, ok, err = rp.cfg.Accounts.UseRecoveryCode(ctx, a, code, r.Caller)
		if !errors.Is(err, store.ErrConflict) {
			if err != nil {
				return account.Begun{}, false, unavailable(err)
			}
			return begun, ok, nil
		}
		latest, known, err := rp.cfg.Accounts.Get(ctx, a.ID())
		switch {
		case err != nil:
			return account.Begun{}, false, unavailable(err)
		case !known:
			return account.Begun{}, false, nil
		}
		a = latest
	}
	return account.Begun{}, false, unavailable(errMoved)
}

// BeginRecovery makes creation options for the account whose recovery code was shown.
// Opening the ticket twice is fine, finishing twice is not.
func (rp *RelyingParty) BeginRecovery(ctx context.Context, r Request, recovery string) (webauthn.CreationOptions, error) {
	permit, err := rp.openRecovery(r, recovery)
	if err != nil {
		return webauthn.CreationOptions{}, err
	}
	a, ok, err := rp.cfg.Accounts.Get(ctx, record.ID(permit.Account))
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	if !ok || !a.Active() || !current(permit.Common, a) {
		return webauthn.CreationOptions{}, &Error{Kind: KindExpired, Code: recoveryUnusable}
	}
	exclude, err := rp.usedBy(ctx, a)
	if err != nil {
		return webauthn.CreationOptions{}, err
	}
	t := ticket.RecoveryBinding{
		Algorithms: webauthn.DefaultAlgorithms(), UserVerification: webauthn.VerificationRequired, HeldUntil: permit.HeldUntil,
	}
	if t.Common, err = rp.begin(ctx, r, nameRecovery, "", &a); err != nil {
		return webauthn.CreationOptions{}, err
	}
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	return rp.creationOptions(challenge, userEntity(a), exclude), nil
}

// openRecovery opens the ticket that a recovery code gave.
func (rp *RelyingParty) openRecovery(r Request, text string) (ticket.Recovery, error) {
	unusable := &Error{Kind: KindExpired, Code: recoveryUnusable}
	if strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return ticket.Recovery{}, unusable
	}
	raw, err := recoveryEncoding.DecodeString(text)
	if err != nil {
		return ticket.Recovery{}, unusable
	}
	t, err := ticket.OpenLink[ticket.Recovery](rp.cfg.Tickets, raw, rp.want(r))
	if err != nil {
		unusable.Cause = err
		return ticket.Recovery{}, unusable
	}
	return t, nil
}

// Recovered is a passkey that a recovery made. Nobody is signed in by it.
type Recovered struct {
	Passkey   account.Passkey
	HoldUntil time.Time // when it may sign in; zero: at once
}

// FinishRecovery verifies a registration (§7.1) and binds the passkey to the account whose
// recovery code was shown, which ends the recovery.
func (rp *RelyingParty) FinishRecovery(ctx context.Context, r Request, in Finish) (done Recovered, err error) {
	var t ticket.RecoveryBinding
	err = rp.register(ctx, r, in, registration{
		ceremony: nameRecovery,
		open: func(challenge []byte) (_ begun, err error) {
			t, err = ticket.Open[ticket.RecoveryBinding](rp.cfg.Tickets, challenge, rp.want(r))
			return begun{Common: t.Common, algorithms: t.Algorithms, verification: t.UserVerification}, err
		},
		commit: func(op store.OpID, reg registered) (err error) {
			done, err = rp.recover(ctx, r, op, t, reg)
			return err
		},
	})
	return done, err
}

// recover judges the account as it stands and commits the passkey.
func (rp *RelyingParty) recover(
	ctx context.Context, r Request, op store.OpID, t ticket.RecoveryBinding, reg registered,
) (Recovered, error) {
	a, ok, err := rp.cfg.Accounts.Get(ctx, record.ID(t.Account))
	if err != nil {
		return Recovered{}, unavailable(err)
	}
	if !ok || !a.Active() || !current(t.Common, a) {
		return Recovered{}, &Error{Kind: KindExpired, Code: recoveryUnusable}
	}
	facts := a.Facts()
	// Whoever lost every passkey is not kept out because they had many: there is room for
	// one more for each code.
	if len(facts.Ways) >= rp.cfg.PasskeysPerAccount+account.RecoveryCodes {
		return Recovered{}, &Error{Kind: KindPolicy, Code: tooManyPasskeys}
	}
	firstWay(&facts)
	row, passkey, err := rp.credential(&facts, reg)
	if err != nil {
		return Recovered{}, err
	}
	way := &facts.Ways[len(facts.Ways)-1]
	way.HeldUntil, way.Recovery = t.HeldUntil, t.TicketEpoch
	// The recovery is over: its ticket, and what else it began, is dead from here on.
	facts.TicketEpoch++
	owed, err := rp.passkeyAdded(r, facts, row, reg)
	if err != nil {
		return Recovered{}, err
	}
	next, err := rp.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return Recovered{}, unavailable(err)
	}
	err = rp.cfg.Store.RecordBinding(ctx, store.Binding{
		Op: op, Spend: t.Spend(), Account: a.Ref(), Next: next, Credential: row,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: audit.PasskeyAdded, Account: facts.ID, Passkey: passkey, Code: nameRecovery, Challenge: t.Team,
		}.By(r.Caller), owed),
	})
	if err != nil {
		return Recovered{}, commitError(err)
	}
	_, view, err := rp.opened(next, row, nil)
	done := Recovered{Passkey: view}
	if t.HeldUntil != 0 {
		done.HoldUntil = time.UnixMilli(t.HeldUntil).UTC()
	}
	return done, err
}
