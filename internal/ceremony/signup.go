package ceremony

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// signUp names the ceremony in failure counts.
const signUp = "sign_up"

// SignUp is what a new account begins with: a username, an address, or both.
type SignUp struct {
	Username    string
	Email       string // claimed; it stays pending until proved
	DisplayName string
	Ticket      string // the right to sign up, where sign-up is not open
	Scope       string
}

// BeginSignUp makes creation options (§5.4) for a new account. It stores nothing, and
// never says whether a name is taken.
func (rp *RelyingParty) BeginSignUp(ctx context.Context, r Request, in SignUp) (webauthn.CreationOptions, error) {
	t := ticket.SignUp{
		Common: rp.common(r, in.Scope), Algorithms: webauthn.DefaultAlgorithms(),
		UserVerification: webauthn.VerificationRequired,
	}
	if err := rp.permit(ctx, r, in.Ticket, &t); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if err := names(in, &t); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if err := checkScope(in.Scope); err != nil {
		return webauthn.CreationOptions{}, err
	}
	handle, err := account.UserHandle(rp.cfg.Rand)
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	t.UserHandle = handle
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	user := webauthn.UserEntity{ID: handle, Name: t.Username, DisplayName: t.DisplayName}
	if user.Name == "" {
		user.Name = t.Email
	}
	if user.DisplayName == "" {
		user.DisplayName = user.Name
	}
	return rp.creationOptions(challenge, user, nil), nil
}

// permit decides whether this sign-up may begin: sign-up is open, or a ticket whose
// stored half is still there permits it.
func (rp *RelyingParty) permit(ctx context.Context, r Request, presented string, t *ticket.SignUp) error {
	if presented == "" {
		if !rp.cfg.OpenSignUp {
			return &Error{Kind: KindClosed, Code: "sign_up_closed"}
		}
		return nil
	}
	link, err := rp.cfg.Accounts.OpenAdministratorLink(ctx, presented, r.Door)
	if err != nil {
		return linkError(err)
	}
	t.FirstAdmin, t.Permit = true, link
	return nil
}

// linkError translates what package account says of a link.
func linkError(err error) error {
	if errors.Is(err, account.ErrLink) {
		return &Error{Kind: KindExpired, Code: "link_unusable", Cause: err}
	}
	return unavailable(err)
}

// names checks what the account will be called.
func names(in SignUp, t *ticket.SignUp) (err error) {
	if in.Username == "" && in.Email == "" {
		return field("username", "required")
	}
	if in.Username != "" {
		if t.Username, err = account.Username(in.Username); err != nil {
			return nameError(err)
		}
	}
	if in.Email != "" {
		if t.Email, err = account.Email(in.Email); err != nil {
			return nameError(err)
		}
	}
	if t.DisplayName, err = account.DisplayName(in.DisplayName); err != nil {
		return nameError(err)
	}
	return nil
}

// FinishSignUp verifies a registration (§7.1) and opens the account with its first
// passkey and its first session.
func (rp *RelyingParty) FinishSignUp(ctx context.Context, r Request, in Finish) (Proof, error) {
	name, err := account.PasskeyName(in.Name)
	if err != nil {
		return Proof{}, nameError(err)
	}
	response, err := webauthn.ParseRegistration(in.Credential)
	if err != nil {
		return Proof{}, rp.failed(ctx, r, signUp, refusal(KindRegistration, err))
	}
	t, err := ticket.Open[ticket.SignUp](rp.cfg.Tickets, response.Challenge(), rp.want(r))
	if err != nil {
		return Proof{}, rp.failed(ctx, r, signUp, registrationChallenge(err))
	}
	op, err := rp.operation()
	if err != nil {
		return Proof{}, err
	}
	registration, failure := rp.verify(response, expected{algorithms: t.Algorithms, verification: t.UserVerification})
	if failure != nil {
		rp.failed(ctx, r, signUp, failure)
		if !pastCredentialStep(failure) {
			return Proof{}, failure
		}
		return Proof{}, rp.burn(ctx, r, op, t.Spend(), failure)
	}
	proof, err := rp.open(ctx, r, op, t, registered{registration, passkeyName(name, registration)})
	if errors.As(err, &failure) && (failure.Kind == KindNameTaken || failure.Kind == KindRegistered) {
		return Proof{}, rp.burn(ctx, r, op, t.Spend(), rp.failed(ctx, r, signUp, failure))
	}
	return proof, err
}

// registered is a verified registration and what its passkey will be called.
type registered struct {
	*webauthn.Registration
	name string
}

// open commits a sign-up.
func (rp *RelyingParty) open(ctx context.Context, r Request, op store.OpID, t ticket.SignUp, reg registered) (Proof, error) {
	verb := store.SignUp{Op: op}
	facts, err := rp.newAccount(t)
	if err != nil {
		return Proof{}, err
	}
	entry := audit.Entry{Name: audit.AccountSignedUp, Account: facts.ID}
	if t.FirstAdmin {
		entry.Name, facts.Role = audit.FirstAdminSigned, record.RoleAdmin
		if err := rp.consumeAdministrator(ctx, t, &verb); err != nil {
			return Proof{}, err
		}
	}
	added, err := rp.add(r, t.Common, &facts, reg)
	if err != nil {
		return Proof{}, err
	}
	if verb.Account, err = rp.cfg.Vault.SealAccount(facts, 1); err != nil {
		return Proof{}, unavailable(err)
	}
	if facts.Username != "" {
		identifier, err := rp.cfg.Vault.SealIdentifier(account.KindUsername, facts.Username, facts.ID)
		if err != nil {
			return Proof{}, unavailable(err)
		}
		verb.Identifiers = []store.Identifier{identifier}
	}
	spend := t.Spend()
	spend.Issued = added.session.Row.Key
	verb.Spend, verb.Credential, verb.Session = &spend, &added.row, &added.session.Row
	entry.Session, entry.Passkey, entry.AAL, entry.Reasons = uuid.UUID(added.session.Row.Key), added.passkey, added.level.AAL, added.level.Reasons
	verb.Event = rp.cfg.Audit.Event(entry.By(r.Caller))
	if err := rp.cfg.Store.RecordSignUp(ctx, verb); err != nil {
		return Proof{}, commitError(err)
	}
	return rp.registered(added.session, verb.Account, added.row)
}

// newAccount are the facts of an account that a ticket describes.
func (rp *RelyingParty) newAccount(t ticket.SignUp) (record.AccountFacts, error) {
	facts, err := account.Blank(rp.cfg.Rand, rp.cfg.Now())
	if err != nil {
		return facts, unavailable(err)
	}
	facts.UserHandle = t.UserHandle // the authenticator knows the account by it
	facts.Username, facts.DisplayName, facts.PendingEmail = t.Username, t.DisplayName, t.Email
	return facts, nil
}

// consumeAdministrator names the two rights that a first administrator's sign-up
// consumes: the link's stored half and the store's marker.
func (rp *RelyingParty) consumeAdministrator(ctx context.Context, t ticket.SignUp, verb *store.SignUp) error {
	marker, ok, err := rp.cfg.Vault.AwaitingAdministrator(ctx)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return &Error{Kind: KindExpired, Code: "administrator_exists"}
	}
	permit, err := rp.cfg.Accounts.AdministratorPermit(ctx, t.Permit)
	if err != nil {
		return linkError(err)
	}
	verb.Marker, verb.Ticket = &marker, &permit
	return nil
}

// commitError translates the errors of a verb that commits a registration.
func commitError(err error) error {
	var taken *store.TakenError
	switch {
	case errors.As(err, &taken) && taken.Table == store.TableIdentifiers:
		return &Error{Kind: KindNameTaken, Code: "name_taken", Cause: err}
	case errors.As(err, &taken) && taken.Table == store.TableCredentials:
		return &Error{Kind: KindRegistered, Step: "7.1/26", Code: webauthn.CodeCredentialAlreadyRegistered, Cause: err}
	case errors.Is(err, store.ErrSpent):
		return &Error{Kind: KindRegistration, Step: "7.1/8", Code: webauthn.CodeChallengeConsumed, Cause: err}
	default:
		return unavailable(err)
	}
}

// draft is a credential and a session that a verb is about to write.
type draft struct {
	row     store.Credential
	passkey record.ID
	session session.Started
	level   assurance.Level
}

// add puts a verified registration into an account's map and drafts its rows.
func (rp *RelyingParty) add(r Request, t ticket.Common, facts *record.AccountFacts, reg registered) (draft, error) {
	passkey, err := uuid.NewV7FromReader(rp.cfg.Rand)
	if err != nil {
		return draft{}, unavailable(fmt.Errorf("draw a passkey: %w", err))
	}
	const state = 1
	key := rp.cfg.Vault.LookupCredential(rp.cfg.RPID, reg.CredentialID)
	facts.Ways = append(facts.Ways, record.Way{Credential: key, Kind: record.WayPasskey, State: state})
	row, err := rp.cfg.Vault.SealCredential(record.NewCredential{
		Facts: record.CredentialFacts{
			Passkey: passkey, ID: reg.CredentialID, RPID: rp.cfg.RPID, PublicKey: reg.PublicKey,
			Algorithm: reg.Algorithm, AAGUID: reg.AAGUID, Transports: reg.Transports, Attachment: reg.Attachment,
			BackupEligible: reg.BackupEligible, Format: reg.Format, Trust: trust(reg.AttestationType),
			AttestationObject: reg.AttestationObject, Created: rp.cfg.Now(),
		},
		Use:   record.UseFacts{Edition: 1, SignCount: reg.SignCount, BackupState: reg.BackupState, UVInitialized: reg.UserVerified},
		State: state, Name: reg.name, Account: *facts,
	})
	if err != nil {
		return draft{}, unavailable(err)
	}
	level := assurance.OfRegistration(reg.Registration)
	started, err := rp.cfg.Sessions.Start(session.Draft{
		Account: *facts, Mode: session.Mode(t.Mode), Door: t.Door, Credential: key, State: state,
		AAL: level.AAL, ACR: level.ACR, AMR: level.AMR, Scope: t.Scope, UserAgent: r.Caller.UserAgent,
	})
	if err != nil {
		return draft{}, unavailable(err)
	}
	return draft{row: row, passkey: passkey, session: started, level: level}, nil
}

// trust is what attestation proved. Until trust anchors are judged, a statement with
// certificates proves no more than none: only its signature was checked.
func trust(attestationType string) string {
	if attestationType == "self" {
		return "self"
	}
	return "none"
}
