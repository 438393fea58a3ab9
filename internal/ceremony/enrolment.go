package ceremony

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
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
	exclude, err := rp.registeredTo(ctx, a)
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
// the link, uses the link up and signs the account in.
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

// enrol judges the account as it stands and commits the passkey with a session.
func (rp *RelyingParty) enrol(ctx context.Context, r Request, op store.OpID, t ticket.Enrolment, reg registered) (Proof, error) {
	a, ok, err := rp.cfg.Accounts.Get(ctx, record.ID(t.Account))
	if err != nil {
		return Proof{}, unavailable(err)
	}
	if !ok || !a.Active() || !current(t.Common, a) {
		return Proof{}, &Error{Kind: KindExpired, Code: "link_unusable"}
	}
	permit, err := rp.cfg.Accounts.EnrolmentPermit(ctx, t.Permit)
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
	row, passkey, err := rp.credential(&facts, reg)
	if err != nil {
		return Proof{}, err
	}
	owed, err := rp.passkeyAdded(r, facts, row, reg)
	if err != nil {
		return Proof{}, err
	}
	level := assurance.OfRegistration(reg.Registration)
	started, err := rp.start(r, t.Common, facts, row.Key, level)
	if err != nil {
		return Proof{}, err
	}
	next, err := rp.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	spend := t.Spend()
	spend.Issued = started.Row.Key
	err = rp.cfg.Store.RecordBinding(ctx, store.Binding{
		Op: op, Spend: spend, Ticket: &permit, Account: a.Ref(), Next: next, Credential: row, Session: &started.Row,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: audit.PasskeyAdded, Account: facts.ID, Session: uuid.UUID(started.Row.Key), Passkey: passkey,
			Code: nameEnrolment, AAL: level.AAL, Reasons: level.Reasons, Challenge: t.Team,
		}.By(r.Caller), owed),
	})
	if errors.Is(err, store.ErrSpent) {
		// The challenge or the link: whoever lost the link to another is told that.
		if _, gone := rp.cfg.Accounts.EnrolmentPermit(ctx, t.Permit); gone != nil {
			return Proof{}, linkError(gone)
		}
	}
	if err != nil {
		return Proof{}, commitError(err)
	}
	return rp.registeredProof(started, next, row, t.Common)
}
