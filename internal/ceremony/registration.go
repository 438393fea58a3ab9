package ceremony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// creationOptions are the options of every registration (§5.4). Discoverable keys are
// preferred, not required: a security key without room for one still works by name.
func (rp *RelyingParty) creationOptions(challenge []byte, user webauthn.UserEntity, exclude []webauthn.Descriptor) webauthn.CreationOptions {
	offered := webauthn.DefaultAlgorithms()
	parameters := make([]webauthn.CredentialParameter, len(offered))
	for i, alg := range offered {
		parameters[i] = webauthn.CredentialParameter{Type: publicKey, Alg: alg}
	}
	if exclude == nil {
		exclude = []webauthn.Descriptor{}
	}
	return webauthn.CreationOptions{
		RP: webauthn.RPEntity{ID: rp.cfg.RPID, Name: rp.cfg.RPName}, User: user,
		Challenge: challenge, PubKeyCredParams: parameters, Timeout: int(optionsLife / time.Millisecond),
		ExcludeCredentials: exclude,
		AuthenticatorSelection: webauthn.AuthenticatorSelection{
			ResidentKey: "preferred", UserVerification: webauthn.VerificationRequired,
		},
		Attestation: "none",
		Extensions:  map[string]any{"credProps": true},
	}
}

const publicKey = "public-key"

// formats are the attestation statement formats that a registration may carry. What
// the statement proves is judged by policy; a model that sends one although none was
// asked for is not turned away for it.
func formats() []string {
	return []string{"none", "packed", "tpm", "android-key", "apple", "fido-u2f"}
}

// begun is what a ticket says of the registration it began.
type begun struct {
	ticket.Common
	algorithms   []int64
	verification string
	conditional  bool
}

// registered is a verified registration and what its passkey will be called.
type registered struct {
	*webauthn.Registration
	name string
}

// registration is the second half of a ceremony that registers: how its ticket opens,
// and what its outcome commits.
type registration struct {
	ceremony string
	open     func(challenge []byte) (begun, error)
	commit   func(op store.OpID, reg registered) error
}

// register runs §7.1 and commits. commit is called again after store.ErrConflict, to
// judge afresh under the same operation.
func (rp *RelyingParty) register(ctx context.Context, r Request, in Finish, reg registration) error {
	name, err := account.PasskeyName(in.Name)
	if err != nil {
		return nameError(err)
	}
	response, err := webauthn.ParseRegistration(in.Credential)
	if err != nil {
		return rp.failed(ctx, r, reg.ceremony, refusal(KindRegistration, err))
	}
	t, err := reg.open(response.Challenge())
	if err == nil {
		err = rp.team(t.Common)
	}
	if err != nil {
		return rp.failed(ctx, r, reg.ceremony, registrationChallenge(err))
	}
	op, err := rp.operation()
	if err != nil {
		return err
	}
	verified, failure := rp.verify(response, t)
	if failure != nil {
		rp.failed(ctx, r, reg.ceremony, failure)
		if !pastCredentialStep(failure) {
			return failure
		}
		return rp.burn(ctx, r, op, t.Spend(), failure)
	}
	for range conflictTries {
		err := reg.commit(op, registered{verified, passkeyName(name, verified)})
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if errors.As(err, &failure) && (failure.Kind == KindRegistered || failure.Kind == KindNameTaken) {
			return rp.burn(ctx, r, op, t.Spend(), rp.failed(ctx, r, reg.ceremony, failure))
		}
		return err
	}
	return &Error{Kind: KindConflict, Code: "conflict"}
}

// verify runs §7.1 over a registration whose challenge opened as our ticket.
func (rp *RelyingParty) verify(response *webauthn.RegistrationResponse, t begun) (*webauthn.Registration, *Error) {
	verified, err := response.Verify(webauthn.RegistrationExpectation{
		Challenge: response.Challenge(), // it opened as our ticket: it is the one we issued
		RPID:      rp.cfg.RPID,
		Origins:   rp.cfg.Origins, TopOrigins: rp.cfg.TopOrigins, CrossOrigin: len(rp.cfg.TopOrigins) > 0,
		UserVerification: t.verification, Conditional: t.conditional,
		Algorithms: t.algorithms, Formats: formats(),
		Attestation: webauthn.AttestationPolicy{AllowNone: true, AllowSelf: true, AllowUntrusted: true},
		Now:         rp.cfg.Now(),
	})
	if err != nil {
		return nil, refusal(KindRegistration, err)
	}
	return verified, nil
}

// registrationChallenge is step 8 of §7.1 refusing a challenge: a ticket of ours that
// is too old is told apart, because the remedy is to begin again.
func registrationChallenge(err error) *Error {
	var t *ticket.Error
	if !errors.As(err, &t) {
		return unavailable(err)
	}
	kind := KindRegistration
	if t.Code == ticket.CodeExpired {
		kind = KindExpired
	}
	return &Error{Kind: kind, Step: "7.1/8", Code: t.Code, Cause: err}
}

// credential puts a verified registration into an account's map and makes its row.
func (rp *RelyingParty) credential(facts *record.AccountFacts, reg registered) (row store.Credential, passkey record.ID, err error) {
	if passkey, err = uuid.NewV7FromReader(rp.cfg.Rand); err != nil {
		return row, passkey, unavailable(fmt.Errorf("draw a passkey: %w", err))
	}
	key := rp.cfg.Vault.LookupCredential(rp.cfg.RPID, reg.CredentialID)
	facts.Ways = append(facts.Ways, record.Way{
		Credential: key, Kind: record.WayPasskey, State: firstState, Verified: reg.UserVerified,
	})
	row, err = rp.cfg.Vault.SealCredential(record.NewCredential{
		Facts: record.CredentialFacts{
			Passkey: passkey, ID: reg.CredentialID, RPID: rp.cfg.RPID, PublicKey: reg.PublicKey,
			Algorithm: reg.Algorithm, AAGUID: reg.AAGUID, Transports: reg.Transports, Attachment: reg.Attachment,
			BackupEligible: reg.BackupEligible, Format: reg.Format, Trust: trust(reg.AttestationType),
			AttestationObject: evidence(reg.AttestationObject), Created: rp.cfg.Now(),
		},
		Use:   record.UseFacts{Edition: 1, SignCount: reg.SignCount, BackupState: reg.BackupState, UVInitialized: reg.UserVerified},
		State: firstState, Name: reg.name, Account: *facts,
	})
	if err != nil {
		return row, passkey, unavailable(err)
	}
	return row, passkey, nil
}

// maxEvidence is how large an attestation object is kept, in bytes: room for what
// authenticators send. A stranger could fill the disk with more.
const maxEvidence = 4 << 10

// evidence is what is kept of an attestation object, for the day its trust is judged
// again.
func evidence(object []byte) []byte {
	if len(object) > maxEvidence {
		return nil
	}
	return object
}

// firstState is the State of a credential that was just registered.
const firstState = 1

// start drafts the session that a registration opens.
func (rp *RelyingParty) start(r Request, t ticket.Common, facts record.AccountFacts, key []byte, level assurance.Level) (session.Started, error) {
	started, err := rp.cfg.Sessions.Start(session.Draft{
		Account: facts, Mode: session.Mode(t.Mode), Door: t.Door, Credential: key, State: firstState,
		AAL: level.AAL, ACR: level.ACR, AMR: level.AMR, Scope: t.Scope, UserAgent: r.Caller.UserAgent,
	})
	if err != nil {
		return session.Started{}, unavailable(err)
	}
	return started, nil
}

// opened gives the account and the passkey that a commit wrote, by opening what was
// written: what the client is told is what the store holds.
func (rp *RelyingParty) opened(accountRow store.Row, credentialRow store.Credential, proof []byte) (record.Account, account.Passkey, error) {
	a, err := rp.cfg.Vault.OpenAccount(accountRow)
	if err != nil {
		return record.Account{}, account.Passkey{}, unavailable(err)
	}
	c, err := rp.cfg.Vault.OpenCredential(credentialRow, a)
	if err != nil {
		return record.Account{}, account.Passkey{}, unavailable(err)
	}
	return a, account.View(c, proof, rp.cfg.Now()), nil
}

// commitError translates the errors of a verb that commits a registration.
func commitError(err error) error {
	var taken *store.TakenError
	switch {
	case errors.Is(err, store.ErrConflict):
		return store.ErrConflict
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

// trust is what attestation proved. Until trust anchors are judged, a statement with
// certificates proves no more than none: only its signature was checked.
func trust(attestationType string) string {
	if attestationType == "self" {
		return "self"
	}
	return "none"
}

// passkeyName is the name given, or a suggestion from what the authenticator says of
// itself; people can rename it.
func passkeyName(given string, reg *webauthn.Registration) string {
	switch {
	case given != "":
		return given
	case reg.Attachment == "cross-platform" && !reg.BackupEligible:
		return "Security key"
	case reg.BackupEligible:
		return "Synced passkey"
	default:
		return "Passkey"
	}
}
