package webauthn

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

// ceremony is what the steps that both procedures share look at.
type ceremony struct {
	client           *clientData
	challenge        []byte
	rpID             string
	origins          []string
	topOrigins       []string
	framed           bool // expected to be
	userVerification string
	data             *authenticatorData
}

// checkType demands the client data type of the procedure.
func (c *ceremony) checkType(want string) *Error {
	if c.client.typ != want {
		return refuse(CodeClientDataTypeMismatch, nil)
	}
	return nil
}

// checkChallenge compares decoded bytes, which is comparing texts: the decoding is
// one to one.
func (c *ceremony) checkChallenge() *Error {
	if len(c.challenge) == 0 || subtle.ConstantTimeCompare(c.client.challenge, c.challenge) != 1 {
		return refuse(CodeChallengeMismatch, nil)
	}
	return nil
}

// checkOrigin compares whole strings. An origin is never parsed: whatever a parser
// forgives, an attacker can use.
func (c *ceremony) checkOrigin() *Error {
	if !slices.Contains(c.origins, c.client.origin) {
		return refuse(CodeOriginNotAllowed, nil)
	}
	return nil
}

func (c *ceremony) checkCrossOrigin() *Error {
	if c.client.crossOrigin && !c.framed {
		return refuse(CodeCrossOriginNotAllowed, nil)
	}
	return nil
}

// checkTopOrigin also refuses a top origin where there is no frame, a
// contradiction that no step of the standard names.
func (c *ceremony) checkTopOrigin() *Error {
	switch {
	case !c.client.framed:
		return nil
	case !c.client.crossOrigin:
		return refuse(CodeTopOriginWithoutCrossOrigin, nil)
	case !slices.Contains(c.topOrigins, c.client.topOrigin):
		return refuse(CodeTopOriginNotAllowed, nil)
	}
	return nil
}

func (c *ceremony) checkRPID() *Error {
	want := sha256.Sum256([]byte(c.rpID))
	if c.rpID == "" || subtle.ConstantTimeCompare(c.data.rpIDHash, want[:]) != 1 {
		return refuse(CodeRPIDMismatch, nil)
	}
	return nil
}

func (c *ceremony) checkUserPresence() *Error {
	if !c.data.has(flagUP) {
		return refuse(CodeUserPresenceMissing, nil)
	}
	return nil
}

// checkUserVerification takes every requirement but the two lesser ones for
// required, the empty one included.
func (c *ceremony) checkUserVerification() *Error {
	lesser := c.userVerification == VerificationPreferred || c.userVerification == VerificationDiscouraged
	if !lesser && !c.data.has(flagUV) {
		return refuse(CodeUserVerificationMissing, nil)
	}
	return nil
}

func (c *ceremony) checkBackupFlags() *Error {
	if c.data.has(flagBS) && !c.data.has(flagBE) {
		return refuse(CodeBackupFlagsInvalid, nil)
	}
	return nil
}
