package ceremony

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

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
	t := ticket.SignUp{Algorithms: webauthn.DefaultAlgorithms(), UserVerification: webauthn.VerificationRequired}
	if err := rp.permit(ctx, r, in.Ticket, &t); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if err := names(in, &t); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if err := checkScope(in.Scope); err != nil {
		return webauthn.CreationOptions{}, err
	}
	var err error
	if t.Common, err = rp.begin(ctx, r, nameSignUp, in.Scope, nil); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if t.UserHandle, err = account.UserHandle(rp.cfg.Rand); err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	user := webauthn.UserEntity{ID: t.UserHandle}
	user.Name, user.DisplayName = account.Names(described(t))
	return rp.creationOptions(challenge, user, nil), nil
}

// described are the names of the account that a ticket describes.
func described(t ticket.SignUp) record.AccountFacts {
	return record.AccountFacts{Username: t.Username, DisplayName: t.DisplayName, PendingEmail: t.Email}
}

// permit decides whether this sign-up may begin: sign-up is open, or a ticket whose
// stored half is still there permits it.
func (rp *RelyingParty) permit(ctx context.Context, r Request, presented string, t *ticket.SignUp) error {
	if presented == "" {
		if rp.cfg.Accounts.Policy().SignUp != account.SignUpOpen {
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
func (rp *RelyingParty) FinishSignUp(ctx context.Context, r Request, in Finish) (proof Proof, err error) {
	var t ticket.SignUp
	err = rp.register(ctx, r, in, registration{
		ceremony: nameSignUp,
		open: func(challenge []byte) (_ begun, err error) {
			t, err = ticket.Open[ticket.SignUp](rp.cfg.Tickets, challenge, rp.want(r))
			return begun{Common: t.Common, algorithms: t.Algorithms, verification: t.UserVerification}, err
		},
		commit: func(op store.OpID, reg registered) (err error) {
			proof, err = rp.signUp(ctx, r, op, t, reg)
			return err
		},
	})
	return proof, err
}

// signUp commits a new account.
func (rp *RelyingParty) signUp(ctx context.Context, r Request, op store.OpID, t ticket.SignUp, reg registered) (Proof, error) {
	facts, err := account.Blank(rp.cfg.Rand, rp.cfg.Now())
	if err != nil {
		return Proof{}, unavailable(err)
	}
	facts.UserHandle = t.UserHandle // the authenticator knows the account by it
	facts.Username, facts.DisplayName, facts.PendingEmail = t.Username, t.DisplayName, t.Email
	verb := store.SignUp{Op: op}
	entry := audit.Entry{Name: audit.AccountSignedUp, Account: facts.ID, Challenge: t.Team}
	if t.FirstAdmin {
		entry.Name, facts.Role = audit.FirstAdminSigned, record.RoleAdmin
		if err := rp.consumeAdministrator(ctx, t, &verb); err != nil {
			return Proof{}, err
		}
	}
	row, passkey, err := rp.credential(&facts, reg)
	if err != nil {
		return Proof{}, err
	}
	level := assurance.OfRegistration(reg.Registration)
	started, err := rp.start(r, t.Common, facts, row.Key, level)
	if err != nil {
		return Proof{}, err
	}
	if verb.Account, err = rp.cfg.Vault.SealAccount(facts, 1); err != nil {
		return Proof{}, unavailable(err)
	}
	if verb.Identifiers, err = rp.identifiers(facts); err != nil {
		return Proof{}, err
	}
	spend := t.Spend()
	spend.Issued = started.Row.Key
	verb.Spend, verb.Credential, verb.Session = &spend, &row, &started.Row
	entry.Session, entry.Passkey, entry.AAL, entry.Reasons = uuid.UUID(started.Row.Key), passkey, level.AAL, level.Reasons
	verb.Event = rp.cfg.Audit.Event(entry.By(r.Caller))
	err = rp.cfg.Store.RecordSignUp(ctx, verb)
	if t.FirstAdmin && errors.Is(err, store.ErrSpent) {
		// The challenge, the link or the right itself: whoever lost it to another is told.
		if gone := rp.consumeAdministrator(ctx, t, &verb); gone != nil {
			return Proof{}, gone
		}
	}
	if err != nil {
		return Proof{}, commitError(err)
	}
	return rp.registeredProof(started, verb.Account, row, t.Common)
}

// identifiers are the names that an account claims for itself alone.
func (rp *RelyingParty) identifiers(facts record.AccountFacts) ([]store.Identifier, error) {
	if facts.Username == "" {
		return nil, nil
	}
	identifier, err := rp.cfg.Vault.SealIdentifier(account.KindUsername, facts.Username, facts.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	return []store.Identifier{identifier}, nil
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
