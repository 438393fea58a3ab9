package ceremony

import (
	"context"
	"errors"
	"slices"

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
	// Ticket is the right to sign up: the first administrator's link, an invitation, or
	// what whoever proved an address got. Empty where sign-up is open.
	Ticket string
	Scope  string
}

// BeginSignUp makes creation options (§5.4) for a new account. It stores nothing, and
// never says whether a name is taken.
func (rp *RelyingParty) BeginSignUp(ctx context.Context, r Request, in SignUp) (webauthn.CreationOptions, error) {
	t := ticket.SignUp{Algorithms: webauthn.DefaultAlgorithms(), UserVerification: webauthn.VerificationRequired}
	permit, err := rp.permit(ctx, r, in.Ticket)
	if err != nil {
		return webauthn.CreationOptions{}, err
	}
	t.FirstAdmin, t.Permit, t.Permitted, t.Role = permit.FirstAdmin, permit.ID, permit.Purpose, string(permit.Role)
	if err := names(in, permit, &t); err != nil {
		return webauthn.CreationOptions{}, err
	}
	if err := checkScope(in.Scope); err != nil {
		return webauthn.CreationOptions{}, err
	}
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
	f := record.AccountFacts{Username: t.Username, DisplayName: t.DisplayName}
	if t.EmailProved {
		f.Emails = []string{t.Email}
	} else {
		f.PendingEmail = t.Email
	}
	return f
}

// permit decides whether this sign-up may begin: sign-up is open, or a ticket whose
// stored half is still there permits it.
func (rp *RelyingParty) permit(ctx context.Context, r Request, presented string) (account.Permit, error) {
	if presented == "" {
		return account.Permit{}, rp.openToAll()
	}
	permit, err := rp.cfg.Accounts.OpenSignUpLink(ctx, presented, r.Door)
	if err != nil {
		return account.Permit{}, linkError(err)
	}
	return permit, nil
}

// openToAll demands that anybody may open an account.
func (rp *RelyingParty) openToAll() error {
	if rp.cfg.Accounts.Policy().SignUp != account.SignUpOpen {
		return &Error{Kind: KindClosed, Code: "sign_up_closed"}
	}
	return nil
}

// linkError translates what package account says of a link.
func linkError(err error) error {
	if errors.Is(err, account.ErrLink) {
		return &Error{Kind: KindExpired, Code: "link_unusable", Cause: err}
	}
	return unavailable(err)
}

// names checks what the account will be called. What a permit says stands where the
// person says nothing; an address that it proves is the only one it can be used with.
func names(in SignUp, permit account.Permit, t *ticket.SignUp) (err error) {
	if in.Email == "" {
		in.Email = permit.Email
	}
	if in.DisplayName == "" {
		in.DisplayName = permit.DisplayName
	}
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
	if permit.Proved {
		_, claimed := account.Canonical(t.Email)
		if _, proved := account.Canonical(permit.Email); claimed != proved {
			return field("email", "not_proved")
		}
		t.Email, t.EmailProved = permit.Email, true
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
	said := described(t)
	facts.UserHandle = t.UserHandle // the authenticator knows the account by it
	facts.Username, facts.DisplayName = said.Username, said.DisplayName
	facts.Emails, facts.PendingEmail = said.Emails, said.PendingEmail
	verb := store.SignUp{Op: op}
	entry := audit.Entry{Name: audit.AccountSignedUp, Account: facts.ID, Code: t.Permitted, Challenge: t.Team}
	if t.Role != "" {
		facts.Role = record.Role(t.Role)
	}
	if t.FirstAdmin {
		entry.Name, entry.Code, facts.Role = audit.FirstAdminSigned, "", record.RoleAdmin
	}
	if err := rp.consume(ctx, t, &verb); err != nil {
		return Proof{}, err
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
	verb.Event = rp.cfg.Audit.Event(entry.By(r.Caller), rp.oweProof(ctx, r, facts))
	if err := rp.recordSignUp(ctx, t, verb); err != nil {
		return Proof{}, err
	}
	return rp.registeredProof(started, verb.Account, row, t.Common)
}

// recordSignUp commits. Whoever lost a right, or the address it proved, to another is
// told that the link is of no use, and not what took its place.
func (rp *RelyingParty) recordSignUp(ctx context.Context, t ticket.SignUp, verb store.SignUp) error {
	err := rp.cfg.Store.RecordSignUp(ctx, verb)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrSpent):
		// The challenge, the link or the right itself.
		if gone := rp.consume(ctx, t, &verb); gone != nil {
			return gone
		}
	case errors.Is(err, store.ErrTaken) && t.EmailProved:
		_, taken, look := rp.cfg.Accounts.Find(ctx, t.Email)
		if look != nil {
			return unavailable(look)
		}
		if taken {
			return &Error{Kind: KindExpired, Code: "address_taken", Cause: err}
		}
	}
	return commitError(err)
}

// oweProof asks for a proof of the address that a new account claims, if the address has
// room for a mail: whoever opens accounts in somebody's name must not fill their mailbox.
// Without room, or when it cannot be asked, the address stays pending and its person can
// ask again.
func (rp *RelyingParty) oweProof(ctx context.Context, r Request, f record.AccountFacts) audit.Owed {
	if f.PendingEmail == "" || !rp.cfg.Accounts.Policy().Mail {
		return audit.Owed{}
	}
	wait, err := rp.cfg.Store.Hit(ctx, store.Hits{
		At: rp.cfg.Now(), Hits: rp.cfg.Accounts.MailHits(f.PendingEmail, false, r.Caller),
	})
	if err != nil || wait > 0 {
		return audit.Owed{}
	}
	owed, err := rp.cfg.Accounts.OweProof(f, f.PendingEmail, r.Door, r.Caller)
	if err != nil {
		return audit.Owed{}
	}
	return owed
}

// identifiers are the names that an account has for itself alone.
func (rp *RelyingParty) identifiers(facts record.AccountFacts) ([]store.Identifier, error) {
	typed := slices.Clone(facts.Emails)
	if facts.Username != "" {
		typed = append(typed, facts.Username)
	}
	list := make([]store.Identifier, len(typed))
	for i, name := range typed {
		kind, canonical := account.Canonical(name)
		var err error
		if list[i], err = rp.cfg.Vault.SealIdentifier(kind, canonical, facts.ID); err != nil {
			return nil, unavailable(err)
		}
	}
	return list, nil
}

// consume names the rights that a sign-up consumes: the stored half of what permits it,
// and for the first administrator the store's marker. Without a permit, sign-up must be
// open to all.
func (rp *RelyingParty) consume(ctx context.Context, t ticket.SignUp, verb *store.SignUp) error {
	if t.FirstAdmin {
		return rp.consumeAdministrator(ctx, t, verb)
	}
	if t.Permitted == "" {
		return rp.openToAll()
	}
	_, permit, err := rp.cfg.Accounts.SignUpPermit(ctx, t.Permit, t.Permitted)
	if err != nil {
		return linkError(err)
	}
	verb.Ticket = &permit
	return nil
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
