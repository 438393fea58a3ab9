package webauthn

import (
	"errors"
	"time"
)

// The attestation types of §6.5.3, as [Registration] has them.
const (
	attestationNone     = "none"
	attestationSelf     = "self"
	attestationBasic    = "basic"
	attestationCA       = "attca"
	attestationAnonCA   = "anonca"
	attestationCompound = "compound"
)

// The attestation statement formats that there is a procedure for (§8).
const (
	formatNone       = "none"
	formatPacked     = "packed"
	formatU2F        = "fido-u2f"
	formatTPM        = "tpm"
	formatAndroidKey = "android-key"
	formatSafetyNet  = "android-safetynet" // Level 2 only; its service is gone
	formatApple      = "apple"
	formatCompound   = "compound"
)

// Limits of certificate chains in statements.
const (
	maxCertificates = 8
	maxCertificate  = 8 << 10
	maxCompound     = 4
)

// attestationObject is the structure of §6.5.4, or a statement within a compound
// one, which has no authenticator data of its own. Of members and parts, the format
// decides which is there.
type attestationObject struct {
	format   string
	members  map[any]any // of the statement
	parts    []any       // of a compound statement, instead
	authData []byte
}

var (
	errMembers   = errors.New("not exactly the members of its type")
	errStatement = errors.New("statement is not of the format's shape")
)

// parseAttestationObject reads a canonical CBOR map of exactly fmt, attStmt and
// authData, in any order.
func parseAttestationObject(raw []byte) (*attestationObject, error) {
	if o := noneObject(raw); o != nil {
		return o, nil
	}
	return anyAttestationObject(raw)
}

// anyAttestationObject is parseAttestationObject for every form.
func anyAttestationObject(raw []byte) (*attestationObject, error) {
	m, n, err := clientCBOR.entries(raw)
	deep := err != nil
	if deep { // only a compound one may be
		m, n, err = compoundCBOR.entries(raw)
	}
	switch {
	case err != nil:
		return nil, err
	case n != len(raw):
		return nil, errTrailing
	}
	authData, ok := m["authData"].([]byte)
	delete(m, "authData")
	o := newStatement(m)
	switch {
	case !ok || o == nil:
		return nil, errMembers
	case deep && o.format != formatCompound:
		return nil, errCBOR
	}
	o.authData = authData
	return o, nil
}

// newStatement takes exactly the two members that a statement within a compound one
// has too: a format, and a statement of the kind that it takes. It returns nil for
// anything else.
func newStatement(m map[any]any) *attestationObject {
	format, _ := m["fmt"].(string)
	if len(m) != 2 || format == "" {
		return nil
	}
	o := &attestationObject{format: format}
	var ok bool
	if format == formatCompound {
		o.parts, ok = m["attStmt"].([]any)
	} else {
		o.members, ok = m["attStmt"].(map[any]any)
	}
	if !ok {
		return nil
	}
	return o
}

// statement is the input of a format's verification procedure (§6.5.2).
type statement struct {
	*attestationObject
	data           *authenticatorData
	key            *publicKey // the credential's
	clientDataHash []byte
	now            time.Time
}

// verify runs the procedure of the statement's format (§8) and returns the
// attestation type.
func (s *statement) verify() (string, error) {
	switch s.format {
	case formatNone:
		return s.none()
	case formatPacked:
		return s.packed()
	case formatU2F:
		return s.u2f()
	case formatCompound:
		return s.compound()
	}
	return s.library()
}

// supported reports whether there is a procedure for a format, by exact name.
func supported(format string) bool {
	switch format {
	case formatNone, formatPacked, formatU2F, formatTPM, formatAndroidKey, formatSafetyNet, formatApple, formatCompound:
		return true
	}
	return false
}

// none is §8.7: the statement is the empty map.
func (s *statement) none() (string, error) {
	if len(s.members) != 0 {
		return "", errStatement
	}
	return attestationNone, nil
}

// compound is §8.9: two or more statements about the same credential, none of them
// compound or empty, all of which must verify.
func (s *statement) compound() (string, error) {
	if len(s.parts) < 2 || len(s.parts) > maxCompound {
		return "", errStatement
	}
	for _, part := range s.parts {
		m, _ := part.(map[any]any)
		one := newStatement(m)
		if one == nil || one.format == formatNone || one.format == formatCompound || !supported(one.format) {
			return "", errStatement
		}
		one.authData = s.authData
		sub := *s
		sub.attestationObject = one
		if _, err := sub.verify(); err != nil {
			return "", err
		}
	}
	return attestationCompound, nil
}
