package webauthn

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
)

// assertion is a run of section 7.2.
type assertion struct {
	ceremony
	response  *AssertionResponse
	expect    *AssertionExpectation
	hash      [sha256.Size]byte // of the client data
	regressed bool
}

// Verify runs the steps of section 7.2 that are not done elsewhere, in their
// order, and stops at the first that refuses. Errors are *Error.
//
// The signature counter (step 22) is judged after the signature: an error with
// CodeSignCountRegressed says that every check before it passed, that is, that the
// answer was made with the credential's private key.
func (a *AssertionResponse) Verify(e AssertionExpectation) (*Assertion, error) {
	run := newAssertion(a, &e)
	for i := range assertionTable {
		s := &assertionTable[i]
		if s.check == nil {
			continue
		}
		if err := s.check(run); err != nil {
			return nil, at(s.Ref, err)
		}
	}
	d := run.data
	return &Assertion{
		UserPresent:    d.has(flagUP),
		UserVerified:   d.has(flagUV),
		BackupEligible: d.has(flagBE),
		BackupState:    d.has(flagBS),
		SignCount:      d.signCount,
		CountRegressed: run.regressed,
	}, nil
}

func newAssertion(a *AssertionResponse, e *AssertionExpectation) *assertion {
	return &assertion{response: a, expect: e, ceremony: ceremony{
		client:           a.client,
		challenge:        e.Challenge,
		rpID:             e.RPID,
		origins:          e.Origins,
		topOrigins:       e.TopOrigins,
		framed:           e.CrossOrigin,
		userVerification: e.UserVerification,
	}}
}

func (a *assertion) checkAllowed() *Error {
	if !a.expect.Allowed {
		return refuse(CodeCredentialNotAllowed, nil)
	}
	return nil
}

// checkOwner is unconditional: the record is that of the credential that answered,
// it belongs to the account that is to be signed in, and a user handle that came
// says the same.
func (a *assertion) checkOwner() *Error {
	c, owner := &a.expect.Credential, a.expect.UserHandle
	switch handle := a.response.userHandle; {
	case !bytes.Equal(a.response.id, c.ID):
		return refuse(CodeCredentialUnknown, nil)
	case len(owner) == 0 || !bytes.Equal(owner, c.UserHandle):
		return refuse(CodeUserHandleMismatch, errors.New("the record is another account's"))
	case handle == nil && !a.expect.AccountKnown:
		return refuse(CodeUserHandleMissing, nil)
	case handle != nil && !bytes.Equal(handle, owner):
		return refuse(CodeUserHandleMismatch, errors.New("the response names another account"))
	}
	return nil
}

// checkRecordRPID is step 15, for the ceremony's RP ID and the record's. It is the
// first that reads the authenticator data; a fault of their form is reported for
// step 21, which verifies them.
func (a *assertion) checkRecordRPID() *Error {
	var err error
	if a.data, err = parseAuthenticatorData(a.response.authenticatorData, false); err != nil {
		return &Error{"7.2/21", CodeAuthenticatorDataMalformed, err}
	}
	if a.expect.Credential.RPID != a.rpID {
		return refuse(CodeRPIDMismatch, errors.New("the record is another RP ID's"))
	}
	return a.checkRPID()
}

func (a *assertion) checkEligibilityKept() *Error {
	if a.data.has(flagBE) != a.expect.Credential.BackupEligible {
		return refuse(CodeBackupEligibilityChanged, nil)
	}
	return nil
}

func (a *assertion) checkSignature() *Error {
	key, err := parseKey(a.expect.Credential.PublicKey)
	if err != nil {
		return refuse(CodeCredentialRecordTampered, err)
	}
	message := slices.Concat(a.response.authenticatorData, a.hash[:])
	if err := key.verify(message, a.response.signature); err != nil {
		return refuse(CodeSignatureInvalid, err)
	}
	return nil
}

// checkSignCount takes a counter that does not grow for a sign of a cloned
// authenticator. Keys that are synchronised have no single counter, so for them it
// is only reported.
func (a *assertion) checkSignCount() *Error {
	stored, now := a.expect.Credential.SignCount, a.data.signCount
	a.regressed = now <= stored && (now != 0 || stored != 0)
	if a.regressed && !a.expect.Credential.BackupEligible {
		return refuse(CodeSignCountRegressed, nil)
	}
	return nil
}
