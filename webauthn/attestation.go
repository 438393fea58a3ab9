package webauthn

import (
	"bytes"
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

// attestationObject is the structure of §6.5.4.
type attestationObject struct {
	format    string
	statement []byte // CBOR, a map or, of a compound one, an array
	authData  []byte
}

var (
	errMembers   = errors.New("not exactly the members of its type")
	errStatement = errors.New("statement is not of the format's shape")
)

// parseAttestationObject reads a canonical CBOR map of exactly fmt, attStmt and
// authData, in any order.
func parseAttestationObject(raw []byte) (*attestationObject, error) {
	o := new(attestationObject)
	n, err := cborRules{depth: maxCBORDepthCompound}.entries(raw, func(key, value []byte) error {
		if name, ok := cborString(key, majorText); ok && string(name) == "authData" {
			if o.authData, ok = cborString(value, majorBytes); !ok {
				return errMembers
			}
			return nil
		}
		return o.part(key, value)
	})
	switch {
	case err != nil:
		return nil, err
	case n != len(raw):
		return nil, errTrailing
	case o.authData == nil || !o.complete():
		return nil, errMembers
	}
	if o.format != formatCompound {
		if _, err := (cborRules{depth: maxCBORDepth}).item(raw); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// part takes the two members that a statement within a compound one has too.
func (o *attestationObject) part(key, value []byte) error {
	name, _ := cborString(key, majorText)
	switch string(name) {
	case "fmt":
		if s, ok := cborString(value, majorText); ok {
			o.format = string(s)
			return nil
		}
	case "attStmt":
		o.statement = value
		return nil
	}
	return errMembers
}

// complete reports whether there is a format and a statement of the kind that it
// takes.
func (o *attestationObject) complete() bool {
	if o.format == "" || o.statement == nil {
		return false
	}
	major := o.statement[0] >> 5
	return major == majorMap && o.format != formatCompound || major == majorArray && o.format == formatCompound
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
	if !bytes.Equal(s.statement, []byte{majorMap << 5}) {
		return "", errStatement
	}
	return attestationNone, nil
}

// compound is §8.9: two or more statements about the same credential, none of them
// compound or empty, all of which must verify.
func (s *statement) compound() (string, error) {
	major, count, n, err := cborHead(s.statement)
	if err != nil || major != majorArray || count < 2 || count > maxCompound {
		return "", errStatement
	}
	for range count {
		one := &attestationObject{authData: s.authData}
		size, err := cborRules{depth: maxCBORDepth}.entries(s.statement[n:], one.part)
		if err != nil || !one.complete() {
			return "", errStatement
		}
		n += size
		if one.format == formatNone || one.format == formatCompound || !supported(one.format) {
			return "", errStatement
		}
		sub := *s
		sub.attestationObject = one
		if _, err := sub.verify(); err != nil {
			return "", err
		}
	}
	return attestationCompound, nil
}
