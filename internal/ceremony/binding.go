package ceremony

import (
	"context"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// conditional is the mediation in which the browser asks nobody (Credential
// Management §2.3.2).
const conditional = "conditional"

// tooManyPasskeys is the code of a policy refusal.
const tooManyPasskeys = "too_many_passkeys"

// BeginBinding makes creation options for another passkey of who is signed in. It
// takes a fresh proof. mediation is "conditional" when the browser may make the
// passkey by itself after a sign-in, else empty.
func (rp *RelyingParty) BeginBinding(ctx context.Context, r Request, c session.Current, mediation string) (webauthn.CreationOptions, error) {
	if mediation != "" && mediation != conditional {
		return webauthn.CreationOptions{}, field("mediation", "unknown")
	}
	if err := rp.fresh(c); err != nil {
		return webauthn.CreationOptions{}, err
	}
	a := c.Account()
	if len(a.Facts().Ways) >= rp.cfg.PasskeysPerAccount {
		return webauthn.CreationOptions{}, &Error{Kind: KindPolicy, Code: tooManyPasskeys}
	}
	exclude, err := rp.registeredTo(ctx, a)
	if err != nil {
		return webauthn.CreationOptions{}, err
	}
	t := ticket.Binding{
		Algorithms: webauthn.DefaultAlgorithms(), UserVerification: webauthn.VerificationRequired,
		Conditional: mediation == conditional,
	}
	if t.Conditional {
		// The browser asks nobody then, so it can neither see nor verify anybody
		// (§5.1.3): the passkey counts as a single factor.
		t.UserVerification = webauthn.VerificationPreferred
	}
	r.Client.Mode = c.View().Mode
	if t.Common, err = rp.begin(ctx, r, nameBinding, "", &a); err != nil {
		return webauthn.CreationOptions{}, err
	}
	t.Session = c.View().ID
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.CreationOptions{}, unavailable(err)
	}
	options := rp.creationOptions(challenge, userEntity(a), exclude)
	options.AuthenticatorSelection.UserVerification = t.UserVerification
	return options, nil
}

// fresh demands a fresh proof.
func (rp *RelyingParty) fresh(c session.Current) error {
	if err := rp.cfg.Accounts.Fresh(c); err != nil {
		return &Error{Kind: KindStepUp, Code: webauthn.CodeReauthenticationRequired, Cause: err}
	}
	return nil
}

// userEntity is how options name an account (§5.4.3).
func userEntity(a record.Account) webauthn.UserEntity {
	f := a.Facts()
	name, display := account.Names(f)
	return webauthn.UserEntity{ID: f.UserHandle, Name: name, DisplayName: display}
}

// registeredTo lists every credential of an account, so that no authenticator
// registers twice.
func (rp *RelyingParty) registeredTo(ctx context.Context, a record.Account) ([]webauthn.Descriptor, error) {
	return rp.descriptors(ctx, a, func(record.Credential) bool { return true })
}

// usedBy lists the credentials of an account that are not suspended. Who comes in by a
// code or a link may hold nothing but the authenticator of a suspended one: a new passkey
// may take its place there.
func (rp *RelyingParty) usedBy(ctx context.Context, a record.Account) ([]webauthn.Descriptor, error) {
	return rp.descriptors(ctx, a, func(c record.Credential) bool { return !c.Suspended() })
}

func (rp *RelyingParty) descriptors(ctx context.Context, a record.Account, listed func(record.Credential) bool) ([]webauthn.Descriptor, error) {
	credentials, err := rp.cfg.Accounts.Credentials(ctx, a)
	if err != nil {
		return nil, unavailable(err)
	}
	list := make([]webauthn.Descriptor, 0, len(credentials))
	for _, c := range credentials {
		if !listed(c) {
			continue
		}
		f := c.Facts()
		list = append(list, webauthn.Descriptor{Type: publicKey, ID: f.ID, Transports: f.Transports})
	}
	return list, nil
}

// FinishBinding verifies a registration (§7.1) and adds the passkey to the account of
// who is signed in. The session stays as it is; its proof must still be fresh. The first
// passkey of an account ends its other sessions.
func (rp *RelyingParty) FinishBinding(ctx context.Context, r Request, c session.Current, in Finish) (passkey account.Passkey, err error) {
	if err := rp.fresh(c); err != nil {
		return account.Passkey{}, err
	}
	var t ticket.Binding
	err = rp.register(ctx, r, in, registration{
		ceremony: nameBinding,
		open: func(challenge []byte) (_ begun, err error) {
			t, err = ticket.Open[ticket.Binding](rp.cfg.Tickets, challenge, rp.want(r))
			if err == nil && record.ID(t.Session) != c.View().ID {
				err = &ticket.Error{Code: ticket.CodeMismatch}
			}
			return begun{t.Common, t.Algorithms, t.UserVerification, t.Conditional}, err
		},
		commit: func(op store.OpID, reg registered) (err error) {
			passkey, err = rp.bind(ctx, r, c, op, t, reg)
			return err
		},
	})
	return passkey, err
}

// bind judges the account as it stands and commits the passkey.
func (rp *RelyingParty) bind(
	ctx context.Context, r Request, c session.Current, op store.OpID, t ticket.Binding, reg registered,
) (account.Passkey, error) {
	a, ok, err := rp.cfg.Accounts.Get(ctx, c.Person().ID)
	if err != nil {
		return account.Passkey{}, unavailable(err)
	}
	if !ok || !a.Active() {
		return account.Passkey{}, &Error{Kind: KindExpired, Code: "ticket_called_back"}
	}
	if err := rp.fresh(c.On(a)); err != nil {
		return account.Passkey{}, err // by link, and the account has got its first way in
	}
	if !c.Holds(a) || !current(t.Common, a) {
		return account.Passkey{}, &Error{Kind: KindExpired, Code: "ticket_called_back"}
	}
	facts := a.Facts()
	if len(facts.Ways) >= rp.cfg.PasskeysPerAccount {
		return account.Passkey{}, &Error{Kind: KindPolicy, Code: tooManyPasskeys}
	}
	firstWay(&facts)
	row, passkey, err := rp.credential(&facts, reg)
	if err != nil {
		return account.Passkey{}, err
	}
	owed, err := rp.passkeyAdded(r, facts, row, reg)
	if err != nil {
		return account.Passkey{}, err
	}
	next, err := rp.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return account.Passkey{}, unavailable(err)
	}
	err = rp.cfg.Store.RecordBinding(ctx, store.Binding{
		Op: op, Spend: t.Spend(), Account: a.Ref(), Next: next, Credential: row,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: audit.PasskeyAdded, Account: facts.ID, Session: c.View().ID, Passkey: passkey,
			Code: nameBinding, Challenge: t.Team,
		}.By(r.Caller), owed),
	})
	if err != nil {
		return account.Passkey{}, commitError(err)
	}
	a, view, err := rp.opened(next, row, c.Credential())
	if err != nil {
		return account.Passkey{}, err
	}
	if err := rp.cfg.Sessions.Keep(ctx, c, a); err != nil {
		// The passkey is there, and signs its person in again.
		rp.cfg.Audit.Fail(ctx, r.Caller, nameBinding, "session_not_kept")
	}
	return view, nil
}

// firstWay ends every session of an account that is about to get its first way in: each
// was opened by a mailed link, perhaps by somebody who read the mailbox once.
func firstWay(facts *record.AccountFacts) {
	if len(facts.Ways) == 0 {
		facts.SessionEpoch++
	}
}
