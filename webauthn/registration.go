package webauthn

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
)

// registration is a run of section 7.1: what it is given, and what its steps
// leave for the later ones.
type registration struct {
	ceremony
	response *RegistrationResponse
	expect   *RegistrationExpectation
	hash     [sha256.Size]byte // of the client data
	object   *attestationObject
	key      *publicKey
	typ      string // of the attestation
}

// Verify runs the steps of section 7.1 that are not done elsewhere, in their
// order, and stops at the first that refuses. Errors are *Error. That the
// credential ID belongs to nobody yet (step 26) is for the caller's store to say.
func (r *RegistrationResponse) Verify(e RegistrationExpectation) (*Registration, error) {
	run := newRegistration(r, &e)
	for i := range registrationTable {
		s := &registrationTable[i]
		if s.check == nil {
			continue
		}
		if err := s.check(run); err != nil {
			return nil, at(s.Ref, err)
		}
	}
	return run.result(), nil
}

func newRegistration(r *RegistrationResponse, e *RegistrationExpectation) *registration {
	return &registration{response: r, expect: e, ceremony: ceremony{
		client:           r.client,
		challenge:        e.Challenge,
		rpID:             e.RPID,
		origins:          e.Origins,
		topOrigins:       e.TopOrigins,
		framed:           e.CrossOrigin,
		userVerification: e.UserVerification,
	}}
}

func (r *registration) result() *Registration {
	d := r.data
	return &Registration{
		CredentialID:      d.credentialID,
		PublicKey:         d.key.raw,
		Algorithm:         r.key.algorithm,
		AAGUID:            d.aaguid,
		SignCount:         d.signCount,
		UserPresent:       d.has(flagUP),
		UserVerified:      d.has(flagUV),
		BackupEligible:    d.has(flagBE),
		BackupState:       d.has(flagBS),
		Format:            r.object.format,
		AttestationType:   r.typ,
		AttestationObject: r.response.attestationObject,
		Transports:        r.response.transports,
		Attachment:        r.response.attachment,
		Discoverable:      r.response.outputs.discoverable,
	}
}

// checkObject is step 13, and the part of step 3 that had to wait for it.
func (r *registration) checkObject() *Error {
	var err error
	if r.object, err = parseAttestationObject(r.response.attestationObject); err != nil {
		return refuse(CodeAttestationObjectMalformed, err)
	}
	if r.data, err = parseAuthenticatorData(r.object.authData, true); err != nil {
		return refuse(CodeAuthenticatorDataMalformed, err)
	}
	if !bytes.Equal(r.data.credentialID, r.response.id) && lengthSound(r.data.credentialID) {
		return &Error{"7.1/3", CodeCredentialIDMismatch, errors.New("not the ID in the authenticator data")}
	}
	return nil
}

// lengthSound reports whether step 25 will let a credential ID pass.
func lengthSound(id []byte) bool {
	return len(id) >= minCredentialID && len(id) <= maxCredentialID
}

func (r *registration) checkPresence() *Error {
	if r.expect.Conditional {
		return nil
	}
	return r.checkUserPresence()
}

func (r *registration) checkBackupEligible() *Error {
	eligible, policy := r.data.has(flagBE), r.expect.BackupEligible
	if policy == BackupAllow || policy == BackupRequire && eligible || policy == BackupRefuse && !eligible {
		return nil
	}
	if eligible {
		return refuse(CodeBackupEligibleNotAllowed, nil)
	}
	return refuse(CodeBackupEligibleRequired, nil)
}

func (r *registration) checkKey() *Error {
	algorithm, err := r.data.key.algorithm()
	if err != nil {
		return refuse(CodePublicKeyInvalid, err)
	}
	if !slices.Contains(r.expect.Algorithms, algorithm) {
		return refuse(CodeAlgorithmNotAllowed, nil)
	}
	if r.key, err = r.data.key.parse(); err != nil {
		return refuse(CodePublicKeyInvalid, err)
	}
	return nil
}

func (r *registration) checkFormat() *Error {
	if !slices.Contains(r.expect.Formats, r.object.format) || !supported(r.object.format) {
		return refuse(CodeAttestationFormatUnsupported, nil)
	}
	return nil
}

func (r *registration) checkStatement() *Error {
	s := &statement{
		attestationObject: r.object,
		data:              r.data,
		key:               r.key,
		clientDataHash:    r.hash[:],
		now:               r.expect.Now,
	}
	var err error
	if r.typ, err = s.verify(); err != nil {
		return refuse(CodeAttestationInvalid, err)
	}
	return nil
}

func (r *registration) checkTrust() *Error {
	p := r.expect.Attestation
	switch {
	case r.typ == attestationNone && !p.AllowNone:
		return refuse(CodeAttestationNoneNotAllowed, nil)
	case r.typ == attestationSelf && !p.AllowSelf:
		return refuse(CodeAttestationSelfNotAllowed, nil)
	case r.typ != attestationNone && r.typ != attestationSelf && !p.AllowUntrusted:
		return refuse(CodeAttestationUntrusted, nil)
	}
	return nil
}

func (r *registration) checkIDLength() *Error {
	switch n := len(r.data.credentialID); {
	case n > maxCredentialID:
		return refuse(CodeCredentialIDTooLong, nil)
	case n < minCredentialID:
		return refuse(CodeCredentialIDTooShort, nil)
	}
	return nil
}

// checkOutputs acts on the one output there is a policy for. A client that does not
// say whether the credential is discoverable is not held to it.
func (r *registration) checkOutputs() *Error {
	d := r.response.outputs.discoverable
	if r.expect.DiscoverableRequired && d != nil && !*d {
		return refuse(CodeDiscoverableCredentialRequired, nil)
	}
	return nil
}
