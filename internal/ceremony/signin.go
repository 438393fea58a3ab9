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

// signIn names the ceremony in failure counts.
const signIn = "sign_in"

// SignIn is what a sign-in begins with.
type SignIn struct {
	Username  string // a username or a proved address; empty: whoever the passkey names
	Mediation string // "conditional" for autofill, else empty
	Scope     string
}

// BeginSignIn makes request options (§5.5). It stores nothing, and says nothing of
// whether the name is known: an unknown one gets decoys.
func (rp *RelyingParty) BeginSignIn(ctx context.Context, r Request, in SignIn) (webauthn.RequestOptions, error) {
	if in.Mediation != "" && in.Mediation != "conditional" {
		return webauthn.RequestOptions{}, field("mediation", "unknown")
	}
	if len(in.Username) > maxIdentifier {
		return webauthn.RequestOptions{}, field("username", "too_long")
	}
	if err := checkScope(in.Scope); err != nil {
		return webauthn.RequestOptions{}, err
	}
	t := ticket.SignIn{
		Common:           rp.common(r, in.Scope),
		UserVerification: webauthn.VerificationRequired,
		Conditional:      in.Mediation == "conditional",
	}
	allowed := []webauthn.Descriptor{}
	if in.Username != "" {
		t.Named = true
		var err error
		if allowed, err = rp.named(ctx, in.Username, &t); err != nil {
			return webauthn.RequestOptions{}, err
		}
	}
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.RequestOptions{}, unavailable(err)
	}
	return webauthn.RequestOptions{
		Challenge: challenge, Timeout: int(optionsLife / time.Millisecond), RPID: rp.cfg.RPID,
		AllowCredentials: allowed, UserVerification: t.UserVerification,
	}, nil
}

// maxIdentifier bounds what is looked up, in bytes.
const maxIdentifier = 254

// named binds the ticket to the account of a name and lists its credentials. A name
// that nobody has, or whose account cannot sign in, gets a decoy account and decoys.
func (rp *RelyingParty) named(ctx context.Context, name string, t *ticket.SignIn) ([]webauthn.Descriptor, error) {
	a, ok, err := rp.cfg.Accounts.Find(ctx, name)
	if err != nil {
		return nil, unavailable(err)
	}
	var list []webauthn.Descriptor
	if ok && a.Active() {
		if list, err = rp.usable(ctx, a); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		t.Decoy = true
		list = rp.decoys.list(name)
	} else {
		bind(&t.Common, a)
	}
	if !rp.cfg.AllowList {
		return []webauthn.Descriptor{}, nil
	}
	return list, nil
}

// usable lists the credentials that may sign an account in.
func (rp *RelyingParty) usable(ctx context.Context, a record.Account) ([]webauthn.Descriptor, error) {
	credentials, err := rp.cfg.Accounts.Credentials(ctx, a)
	if err != nil {
		return nil, unavailable(err)
	}
	var list []webauthn.Descriptor
	for _, c := range credentials {
		if f := c.Facts(); f.RPID == rp.cfg.RPID && open(c.Way(), rp.cfg.Now()) {
			list = append(list, webauthn.Descriptor{Type: "public-key", ID: f.ID, Transports: f.Transports})
		}
	}
	return list, nil
}

// open tells whether a way in may be used: neither suspended nor held.
func open(w record.Way, now time.Time) bool {
	return !w.Suspended && now.UnixMilli() >= w.HeldUntil
}

// bind seals an account and its epochs into a ticket: what calls the account back
// calls the ticket back.
func bind(c *ticket.Common, a record.Account) {
	c.Account, c.AccountKnown = a.ID(), true
	c.TicketEpoch, c.SessionEpoch = a.TicketEpoch(), a.SessionEpoch()
}

// FinishSignIn verifies an assertion (§7.2) and signs its account in.
func (rp *RelyingParty) FinishSignIn(ctx context.Context, r Request, in Finish) (Proof, error) {
	response, err := webauthn.ParseAssertion(in.Credential)
	if err != nil {
		return Proof{}, rp.failed(ctx, r, signIn, refusal(KindAuthentication, err))
	}
	t, err := ticket.Open[ticket.SignIn](rp.cfg.Tickets, response.Challenge(), rp.want(r))
	if err != nil {
		return Proof{}, rp.failed(ctx, r, signIn, refusal(KindAuthentication, challengeError(err)))
	}
	op, err := rp.operation()
	if err != nil {
		return Proof{}, err
	}
	for range conflictTries {
		proof, err := rp.signIn(ctx, r, op, t, response)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		var failure *Error
		if !errors.As(err, &failure) {
			return proof, err
		}
		if failure.Kind == KindUnavailable {
			return Proof{}, failure
		}
		failure = rp.failed(ctx, r, signIn, failure)
		if failure.Code == webauthn.CodeChallengeConsumed || failure.Code == webauthn.CodeSignCountRegressed {
			return Proof{}, failure // the ticket is spent already
		}
		return Proof{}, rp.burn(ctx, r, op, t.Spend(), failure)
	}
	return Proof{}, unavailable(store.ErrConflict)
}

// failed counts a failure and gives it back.
func (rp *RelyingParty) failed(ctx context.Context, r Request, ceremony string, failure *Error) *Error {
	rp.cfg.Audit.Fail(ctx, r.Caller, ceremony, failure.Code)
	return failure
}

// signIn judges an assertion against the rows as they stand and commits the outcome.
// It is repeated when one of them moved in between.
func (rp *RelyingParty) signIn(
	ctx context.Context, r Request, op store.OpID, t ticket.SignIn, response *webauthn.AssertionResponse,
) (Proof, error) {
	a, c, err := rp.find(ctx, r, response.CredentialID())
	if err != nil {
		return Proof{}, err
	}
	facts, use := c.Facts(), c.Use()
	assertion, err := response.Verify(webauthn.AssertionExpectation{
		Challenge: response.Challenge(), // it opened as our ticket: it is the one we issued
		RPID:      rp.cfg.RPID,
		Origins:   rp.cfg.Origins, TopOrigins: rp.cfg.TopOrigins, CrossOrigin: len(rp.cfg.TopOrigins) > 0,
		UserVerification: t.UserVerification,
		Credential: webauthn.Credential{
			ID: facts.ID, PublicKey: facts.PublicKey, RPID: facts.RPID,
			SignCount: use.SignCount, BackupEligible: facts.BackupEligible, UserHandle: a.UserHandle(),
		},
		Allowed:      allowed(t, a) && open(c.Way(), rp.cfg.Now()),
		AccountKnown: t.Named, UserHandle: a.UserHandle(),
	})
	if errors.Is(err, &webauthn.Error{Code: webauthn.CodeSignCountRegressed}) {
		return Proof{}, rp.regressed(ctx, r, op, t, a, c)
	}
	if err != nil {
		return Proof{}, refusal(KindAuthentication, err)
	}
	if !a.Active() {
		return Proof{}, refuse(KindAuthentication, "7.2/6", webauthn.CodePolicyDenied)
	}
	level := assurance.OfAssertion(assertion, assurance.Credential{UVInitialized: use.UVInitialized})
	started, err := rp.cfg.Sessions.Start(session.Draft{
		Account: a.Facts(), Mode: session.Mode(t.Mode), Door: t.Door,
		Credential: c.Key(), State: c.State(), Verified: assertion.UserVerified && use.UVInitialized,
		AAL: level.AAL, ACR: level.ACR, AMR: level.AMR, Scope: t.Scope, UserAgent: r.Caller.UserAgent,
	})
	if err != nil {
		return Proof{}, unavailable(err)
	}
	moved, err := rp.use(c, assertion)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	spend := t.Spend()
	spend.Issued = started.Row.Key
	err = rp.cfg.Store.RecordSignIn(ctx, store.SignIn{
		Op: op, Spend: spend, Account: a.Ref(), Use: moved, Session: &started.Row,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: audit.SignedIn, Account: a.ID(), Session: uuid.UUID(started.Row.Key), Passkey: facts.Passkey,
			AAL: level.AAL, Reasons: level.Reasons,
		}.By(r.Caller)),
	})
	switch {
	case err == nil:
		return Proof{current: started.Current(a), cookie: started.Cookie}, nil
	case errors.Is(err, store.ErrSpent):
		return Proof{}, refuse(KindAuthentication, "7.2/11", webauthn.CodeChallengeConsumed)
	case errors.Is(err, store.ErrConflict):
		return Proof{}, store.ErrConflict
	default:
		return Proof{}, unavailable(err)
	}
}

// find reads and opens the credential that answered and its account.
func (rp *RelyingParty) find(ctx context.Context, r Request, id []byte) (record.Account, record.Credential, error) {
	row, accountRow, err := rp.cfg.Store.CredentialAndAccount(ctx, rp.cfg.Vault.LookupCredential(rp.cfg.RPID, id))
	if errors.Is(err, store.ErrNotFound) {
		return record.Account{}, record.Credential{}, refuse(KindAuthentication, "7.2/6", webauthn.CodeCredentialUnknown)
	}
	if err != nil {
		return record.Account{}, record.Credential{}, unavailable(err)
	}
	a, err := rp.cfg.Vault.OpenAccount(accountRow)
	if err == nil {
		var c record.Credential
		if c, err = rp.cfg.Vault.OpenCredential(row, a); err == nil {
			return a, c, nil
		}
	}
	if code, tampered := rp.alarm(ctx, r, err); tampered {
		return record.Account{}, record.Credential{}, refuse(KindAuthentication, "7.2/21", code)
	}
	return record.Account{}, record.Credential{}, unavailable(err)
}

// allowed is step 5 of §7.2: a ticket for a named account is answered by a credential
// of that account, as long as nothing has called the ticket back. A decoy's ticket is
// answered by none.
func allowed(t ticket.SignIn, a record.Account) bool {
	if !t.Named {
		return true
	}
	return !t.Decoy && t.AccountKnown && record.ID(t.Account) == a.ID() &&
		t.TicketEpoch == a.TicketEpoch() && t.SessionEpoch == a.SessionEpoch()
}

// use says how the credential's facts move (steps 22 and 24 of §7.2). The counter of
// a backup-eligible key, which several devices share, is stored if greater and not
// compared; every other movement is compare-and-set. uvInitialized is left as it is:
// an assertion alone does not raise it.
func (rp *RelyingParty) use(c record.Credential, a *webauthn.Assertion) (store.CredentialUse, error) {
	before := c.Use()
	after := before
	if a.SignCount > before.SignCount {
		after.SignCount = a.SignCount
	}
	moved := store.CredentialUse{
		Key: c.Key(), State: c.State(), Version: c.Version(), Within: c.Version(), At: rp.cfg.Now(),
	}
	switch {
	case after.BackupState != a.BackupState:
		after.BackupState = a.BackupState
		after.Edition++
	case a.BackupEligible:
		moved.Within = before.EditionEnd()
	}
	if after == before {
		return moved, nil
	}
	var err error
	moved.Next, moved.Body, err = rp.cfg.Vault.SealUse(c, after)
	return moved, err
}
