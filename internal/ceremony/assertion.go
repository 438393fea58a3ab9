package ceremony

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// asserted is what a ticket says of the assertion it asked for.
type asserted struct {
	ticket.Common
	event        audit.Name
	named        bool // an account was named before
	decoy        bool // by a name that nobody has
	verification string
	binding      []byte
	replaces     []byte // key of the session that the new one takes the place of
}

// assert runs §7.2 and commits a session.
func (rp *RelyingParty) assert(
	ctx context.Context, r Request, in Finish, ceremony string, open func(challenge []byte) (asserted, error),
) (Proof, error) {
	response, err := webauthn.ParseAssertion(in.Credential)
	if err != nil {
		return Proof{}, rp.failed(ctx, r, ceremony, refusal(KindAuthentication, err))
	}
	t, err := open(response.Challenge())
	if err == nil {
		err = rp.team(t.Common)
	}
	if err != nil {
		return Proof{}, rp.failed(ctx, r, ceremony, signInChallenge(err))
	}
	op, err := rp.operation()
	if err != nil {
		return Proof{}, err
	}
	for range conflictTries {
		proof, err := rp.judge(ctx, r, op, t, response)
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
		rp.failed(ctx, r, ceremony, failure)
		if failure.Code == webauthn.CodeChallengeConsumed || failure.Code == webauthn.CodeSignCountRegressed {
			return Proof{}, failure // the ticket is spent already
		}
		return Proof{}, rp.burn(ctx, r, op, t.Spend(), failure)
	}
	return Proof{}, unavailable(errMoved)
}

// errMoved says that the rows of a ceremony moved each time it was judged.
var errMoved = errors.New("account or credential kept changing")

// signInChallenge is step 11 of §7.2 refusing a challenge.
func signInChallenge(err error) *Error {
	var t *ticket.Error
	if !errors.As(err, &t) {
		return unavailable(err)
	}
	return &Error{Kind: KindAuthentication, Step: "7.2/11", Code: t.Code, Cause: err}
}

// judge judges an assertion against the rows as they stand and commits the outcome. It
// is repeated, after store.ErrConflict, when one of them moved in between.
func (rp *RelyingParty) judge(
	ctx context.Context, r Request, op store.OpID, t asserted, response *webauthn.AssertionResponse,
) (Proof, error) {
	a, c, err := rp.find(ctx, r, response.CredentialID())
	if err != nil {
		return Proof{}, rp.costUnknown(ctx, t, response, err)
	}
	facts := c.Facts() // a deep copy: one is enough
	expected := rp.expectation(t, response, a, c, facts)
	assertion, err := response.Verify(expected)
	if errors.Is(err, &webauthn.Error{Code: webauthn.CodeSignCountRegressed}) {
		return Proof{}, rp.regressed(ctx, r, op, t.Common, a, c)
	}
	if err != nil {
		return Proof{}, rp.costKnown(ctx, c, response, expected, refusal(KindAuthentication, err))
	}
	if !a.Active() {
		return Proof{}, rp.costKnown(ctx, c, response, expected, refuse(KindAuthentication, "7.2/6", webauthn.CodePolicyDenied))
	}
	if a, err = rp.endHold(ctx, r, a); err != nil {
		return Proof{}, err
	}
	initialized := c.Use().UVInitialized
	level := assurance.OfAssertion(assertion, assurance.Credential{UVInitialized: initialized})
	started, err := rp.cfg.Sessions.Start(session.Draft{
		Account: a.Facts(), Mode: session.Mode(t.Mode), Door: t.Door,
		Credential: c.Key(), State: c.State(), Verified: assertion.UserVerified && initialized,
		AAL: level.AAL, ACR: level.ACR, AMR: level.AMR, Scope: t.Scope, UserAgent: r.Caller.UserAgent,
	})
	if err != nil {
		return Proof{}, unavailable(err)
	}
	moved, err := rp.use(c, assertion)
	if err != nil {
		return Proof{}, unavailable(err)
	}
	var owed audit.Owed
	if t.event == audit.SignedIn {
		if owed, err = rp.newBrowser(r, t.Mode, a); err != nil {
			return Proof{}, err
		}
	}
	spend := t.Spend()
	spend.Issued = started.Row.Key
	err = rp.cfg.Store.RecordSignIn(ctx, store.SignIn{
		Op: op, Spend: spend, Account: a.Ref(), Use: moved, Session: &started.Row, Ends: t.replaces,
		Event: rp.cfg.Audit.Event(audit.Entry{
			Name: t.event, Account: a.ID(), Session: uuid.UUID(started.Row.Key), Passkey: facts.Passkey,
			AAL: level.AAL, Reasons: level.Reasons, Binding: t.binding, Challenge: t.Team,
		}.By(r.Caller), owed),
	})
	switch {
	case err == nil:
		return Proof{current: started.Current(a), cookie: started.Cookie, binding: t.binding, challenge: t.Team}, nil
	case errors.Is(err, store.ErrSpent):
		return Proof{}, refuse(KindAuthentication, "7.2/11", webauthn.CodeChallengeConsumed)
	case errors.Is(err, store.ErrConflict):
		return Proof{}, store.ErrConflict
	default:
		return Proof{}, unavailable(err)
	}
}

// expectation is what §7.2 judges an assertion by.
func (rp *RelyingParty) expectation(
	t asserted, response *webauthn.AssertionResponse, a record.Account, c record.Credential, facts record.CredentialFacts,
) webauthn.AssertionExpectation {
	use, handle := c.Use(), a.UserHandle()
	// Step 5: a ticket for a named account is answered by a credential of that account,
	// as long as nothing has called the ticket back; a decoy's ticket by none.
	allowed := !t.named || !t.decoy && current(t.Common, a)
	return webauthn.AssertionExpectation{
		Challenge: response.Challenge(), // it opened as our ticket: it is the one we issued
		RPID:      rp.cfg.RPID,
		Origins:   rp.cfg.Origins, TopOrigins: rp.cfg.TopOrigins, CrossOrigin: len(rp.cfg.TopOrigins) > 0,
		UserVerification: t.verification,
		Credential: webauthn.Credential{
			ID: facts.ID, PublicKey: facts.PublicKey, RPID: facts.RPID,
			SignCount: use.SignCount, BackupEligible: facts.BackupEligible, UserHandle: handle,
		},
		Allowed:      allowed && open(c.Way(), rp.cfg.Now()),
		AccountKnown: t.named, UserHandle: handle,
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
