package ceremony

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// enrolment names the ceremony in failure counts.
const enrolment = "enrolment"

// BeginEnrolment makes creation options for the account that an enrolment link names.
// The link is not used up by it: opening it twice is fine, finishing twice is not.
func (rp *RelyingParty) BeginEnrolment(ctx context.Context, r Request, link string) (webauthn.CreationOptions, error) {
	a, permit, err := rp.cfg.Accounts.OpenEnrolmentLink(ctx, link, r.Door)
	if err != nil {
		return webauthn.CreationOptions{}, linkError(err)
	}
	credentials, err := rp.cfg.Accounts.Credentials(ctx, a)
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	exclude := make([]webauthn.Descriptor, 0, len(credentials))
	for _, c := range credentials {
		f := c.Facts()
		exclude = append(exclude, webauthn.Descriptor{Type: "public-key", ID: f.ID, Transports: f.Transports})
	}
	t := ticket.Enrolment{
		Common: rp.common(r, ""), Algorithms: webauthn.DefaultAlgorithms(),
		UserVerification: webauthn.VerificationRequired, Permit: permit,
	}
	bind(&t.Common, a)
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	f := a.Facts()
	user := webauthn.UserEntity{ID: f.UserHandle, Name: f.Username, DisplayName: f.DisplayName}
	if user.Name == "" {
		user.Name = f.PendingEmail
	}
	if user.DisplayName == "" {
		user.DisplayName = user.Name
	}
	return rp.creationOptions(challenge, user, exclude), nil
}

// FinishEnrolment verifies a registration (§7.1), binds the passkey to the account of
// the link, uses the link up and signs the account in.
func (rp *RelyingParty) FinishEnrolment(ctx context.Context, r Request, in Finish) (Proof, error) {
	name, err := account.PasskeyName(in.Name)
	if err != nil {
		return Proof{}, nameError(err)
	}
	response, err := webauthn.ParseRegistration(in.Credential)
	if err != nil {
		return Proof{}, rp.failed(ctx, r, enrolment, refusal(KindRegistration, err))
	}
	t, err := ticket.Open[ticket.Enrolment](rp.cfg.Tickets, response.Challenge(), rp.want(r))
	if err != nil {
		return Proof{}, rp.failed(ctx, r, enrolment, registrationChallenge(err))
	}
	op, err := rp.operation()
	if err != nil {
		return Proof{}, err
	}
	registration, failure := rp.verify(response, expected{algorithms: t.Algorithms, verification: t.UserVerification})
	if failure != nil {
		rp.failed(ctx, r, enrolment, failure)
		if !pastCredentialStep(failure) {
			return Proof{}, failure
		}
		return Proof{}, rp.burn(ctx, r, op, t.Spend(), failure)
	}
	reg := registered{registration, passkeyName(name, registration)}
	for range conflictTries {
		proof, err := rp.enrol(ctx, r, op, t, reg)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if errors.As(err, &failure) && failure.Kind == KindRegistered {
			return Proof{}, rp.burn(ctx, r, op, t.Spend(), rp.failed(ctx, r, enrolment, failure))
		}
		return proof, err
	}
	return Proof{}, &Error{Kind: KindConflict, Code: "conflict"}
}

// enrol judges the account as it stands and commits the binding.
func (rp *RelyingParty) enrol(ctx context.Context, r Request, op store.OpID, t ticket.Enrolment, reg registered) (Proof, error) {
	a, ok, err := rp.cfg.Accounts.Get(ctx, record.ID(t.Account))
	if err != nil {
		return Proof{}, unavailable(err)
	}
	if !ok || !a.Active() || t.TicketEpoch != a.TicketEpoch() || t.SessionEpoch != a.SessionEpoch() {
		return Proof{}, &Error{Kind: KindExpired, Code: "link_unusable"}
	}
	permit, err := rp.cfg.Accounts.EnrolmentPermit(ctx, t.Permit)
	if err != nil {
		return Proof{}, linkError(err)
	}
	facts := a.Facts()
	if len(facts.Ways) >= rp.cfg.PasskeysPerAccount {
		return Proof{}, &Error{Kind: KindPolicy, Code: "too_many_passkeys"}
	}
	added, err := rp.add(r, t.Common, &facts, reg)
	if err != nil {
		return Proof{}, err
	}
	next, err := rp.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	spend := t.Spend()
	spend.Issued = added.session.Row.Key
	err = rp.cfg.Store.RecordBinding(ctx, store.Binding{
		Op: op, Spend: spend, Ticket: &permit, Account: a.Ref(), Next: next,
		Credential: added.row, Session: &added.session.Row,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: audit.PasskeyAdded, Account: facts.ID, Session: uuid.UUID(added.session.Row.Key),
			Passkey: added.passkey, Code: enrolment, AAL: added.level.AAL, Reasons: added.level.Reasons,
		}.By(r.Caller)),
	})
	if errors.Is(err, store.ErrConflict) {
		return Proof{}, store.ErrConflict
	}
	if err != nil {
		return Proof{}, commitError(err)
	}
	return rp.registered(added.session, next, added.row)
}
