package ceremony

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// BeginEnrolment makes creation options for the account that an enrolment link names.
// The link is not used up by it: opening it twice is fine, finishing twice is not.
func (rp *RelyingParty) BeginEnrolment(ctx context.Context, r Request, link string) (webauthn.CreationOptions, error) {
	a, permit, err := rp.cfg.Accounts.OpenEnrolmentLink(ctx, link, r.Door)
	if err != nil {
		return webauthn.CreationOptions{}, linkError(err)
	}
	exclude, err := rp.usedBy(ctx, a)
	if err != nil {
		return webauthn.CreationOptions{}, err
	}
	t := ticket.Enrolment{
		Algorithms: webauthn.DefaultAlgorithms(), UserVerification: webauthn.VerificationRequired, Permit: permit,
	}
	if t.Common, err = rp.begin(ctx, r, nameEnrolment, "", &a); err != nil {
		return webauthn.CreationOptions{}, err
	}
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	return rp.creationOptions(challenge, userEntity(a), exclude), nil
}

// FinishEnrolment verifies a registration (§7.1), binds the passkey to the account of
// the link, uses the link up and signs the account in. A passkey that has to wait signs
// nobody in yet: its Proof has no session, and says until when.
func (rp *RelyingParty) FinishEnrolment(ctx context.Context, r Request, in Finish) (proof Proof, err error) {
	var t ticket.Enrolment
	err = rp.register(ctx, r, in, registration{
		ceremony: nameEnrolment,
		open: func(challenge []byte) (_ begun, err error) {
			t, err = ticket.Open[ticket.Enrolment](rp.cfg.Tickets, challenge, rp.want(r))
			return begun{Common: t.Common, algorithms: t.Algorithms, verification: t.UserVerification}, err
		},
		commit: func(op store.OpID, reg registered) (err error) {
			proof, err = rp.enrol(ctx, r, op, t, reg)
			return err
		},
	})
	return proof, err
}

// enrol judges the account as it stands and commits the passkey: with a session, or, where
// it has to wait, without one.
func (rp *RelyingParty) enrol(ctx context.Context, r Request, op store.OpID, t ticket.Enrolment, reg registered) (Proof, error) {
	a, ok, err := rp.cfg.Accounts.Get(ctx, record.ID(t.Account))
	if err != nil {
		return Proof{}, unavailable(err)
	}
	if !ok || !a.Active() || !current(t.Common, a) {
		return Proof{}, &Error{Kind: KindExpired, Code: "link_unusable"}
	}
	permit, held, err := rp.cfg.Accounts.EnrolmentPermit(ctx, a, t.Permit)
	if err != nil {
		return Proof{}, linkError(err)
	}
	facts := a.Facts()
	if len(facts.Ways) >= rp.cfg.PasskeysPerAccount {
		return Proof{}, &Error{Kind: KindPolicy, Code: tooManyPasskeys}
	}
	// The link is dead from here on, whatever becomes of its stored half.
	facts.TicketEpoch++
	firstWay(&facts)
	verb := store.Binding{Op: op, Spend: t.Spend(), Ticket: &permit, Account: a.Ref()}
	entry := audit.Entry{Name: audit.PasskeyAdded, Account: facts.ID, Code: nameEnrolment, Challenge: t.Team}
	if verb.Credential, entry.Passkey, err = rp.credential(&facts, reg); err != nil {
		return Proof{}, err
	}
	hold(&facts, held)
	owed, err := rp.passkeyAdded(r, facts, verb.Credential, reg)
	if err != nil {
		return Proof{}, err
	}
	var started session.Started
	if held.IsZero() {
		level := assurance.OfRegistration(reg.Registration)
		if started, err = rp.start(r, t.Common, facts, verb.Credential.Key, level); err != nil {
			return Proof{}, err
		}
		verb.Session, verb.Spend.Issued = &started.Row, started.Row.Key
		entry.Session, entry.AAL, entry.Reasons = uuid.UUID(started.Row.Key), level.AAL, level.Reasons
	}
	if verb.Next, err = rp.cfg.Vault.SealAccount(facts, a.Version()+1); err != nil {
		return Proof{}, unavailable(err)
	}
	verb.Event = rp.cfg.Audit.Event(entry.By(r.Caller), owed)
	err = rp.cfg.Store.RecordBinding(ctx, verb)
	if errors.Is(err, store.ErrSpent) {
		// The challenge or the link: whoever lost the link to another is told that.
		if _, _, gone := rp.cfg.Accounts.EnrolmentPermit(ctx, a, t.Permit); gone != nil {
			return Proof{}, linkError(gone)
		}
	}
	if err != nil {
		return Proof{}, commitError(err)
	}
	if !held.IsZero() {
		_, passkey, err := rp.opened(verb.Next, verb.Credential, nil)
		return Proof{passkey: &passkey}, err
	}
	return rp.registeredProof(started, verb.Next, verb.Credential, t.Common)
}

// hold makes the passkey that was just put into an account's map wait; zero: not at all.
func hold(facts *record.AccountFacts, until time.Time) {
	if until.IsZero() {
		return
	}
	facts.Ways[len(facts.Ways)-1].HeldUntil = until.UnixMilli()
	facts.HeldUntil = max(facts.HeldUntil, until.UnixMilli())
}
