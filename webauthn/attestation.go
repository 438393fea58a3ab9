package webauthn

import (
	"bytes"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
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

// Limits of certificate chains in statements.
const (
	maxCertificates = 8
	maxCertificate  = 8 << 10
	maxCompound     = 4
)

// attestationObject is the structure of §6.5.4.
type attestationObject struct {
	format    string
	statement []byte // CBOR
	authData  []byte
}

var (
	errMembers   = errors.New("not the members of its type")
	errStatement = errors.New("statement is not of the format's shape")
)

// parseAttestationObject reads a canonical CBOR map of exactly fmt, attStmt and
// authData, in any order.
func parseAttestationObject(raw []byte) (*attestationObject, error) {
	o := new(attestationObject)
	members := 0
	n, err := cborRules{depth: maxCBORDepthCompound}.entries(raw, func(key, value []byte) error {
		members++
		name, _ := cborString(key, majorText)
		var ok bool
		switch string(name) {
		case "fmt":
			var s []byte
			s, ok = cborString(value, majorText)
			o.format = string(s)
		case "attStmt":
			o.statement, ok = value, value[0]>>5 == majorMap || value[0]>>5 == majorArray
		case "authData":
			o.authData, ok = cborString(value, majorBytes)
		}
		if !ok {
			return errMembers
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case n != len(raw):
		return nil, errTrailing
	case members != 3:
		return nil, errMembers
	case (o.statement[0]>>5 == majorArray) != (o.format == "compound"):
		return nil, errMembers
	}
	if o.format != "compound" {
		if _, err := (cborRules{depth: maxCBORDepth}).item(raw); err != nil {
			return nil, err
		}
	}
	return o, nil
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
	case "none":
		return s.none()
	case "packed":
		return s.packed()
	}
	return s.library()
}

// supported reports whether there is a procedure for a format, by exact name.
func supported(format string) bool {
	switch format {
	case "none", "packed", "fido-u2f", "tpm", "android-key", "apple", "android-safetynet", "compound":
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

// library has the statement verified by the procedure of the library.
func (s *statement) library() (string, error) {
	o := protocol.AttestationObject{
		AuthData: protocol.AuthenticatorData{
			RPIDHash: s.data.rpIDHash,
			Flags:    protocol.AuthenticatorFlags(s.data.flags),
			Counter:  s.data.signCount,
			AttData: protocol.AttestedCredentialData{
				AAGUID:              s.data.aaguid[:],
				CredentialID:        s.data.credentialID,
				CredentialPublicKey: s.data.publicKey,
			},
		},
		RawAuthData: s.authData,
		Format:      s.format,
	}
	var err error
	if s.format == "compound" {
		err = webauthncbor.Unmarshal(s.statement, &o.SubStatements)
	} else {
		err = webauthncbor.Unmarshal(s.statement, &o.AttStatement)
	}
	if err != nil {
		return "", errStatement
	}
	if err := o.VerifyAttestation(s.clientDataHash, nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return "", err
	}
	if s.format == "compound" {
		return attestationCompound, nil
	}
	return attestationType(o.Type), nil
}

// attestationType translates the library's name; one that it does not know is
// read as the least that a certificate can prove.
func attestationType(name string) string {
	switch metadata.AuthenticatorAttestationType(name) {
	case metadata.BasicSurrogate:
		return attestationSelf
	case metadata.AttCA:
		return attestationCA
	case metadata.AnonCA:
		return attestationAnonCA
	}
	return attestationBasic
}
