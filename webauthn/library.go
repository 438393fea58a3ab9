package webauthn

import (
	"crypto/rsa"
	"crypto/x509"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
)

// library has the library run the procedures of §8.3, §8.4 and §8.8, and of Level
// 2's SafetyNet. Two things it does that we would not are on the list of
// divergences: it judges certificates by the machine's clock too, and it knows the
// vendors' roots itself.
func (s *statement) library() (string, error) {
	if err := s.bounded(); err != nil {
		return "", err
	}
	members := make(map[string]any, len(s.members))
	for k, v := range s.members {
		name, ok := k.(string)
		if !ok {
			return "", errStatement
		}
		members[name] = v
	}
	o := protocol.AttestationObject{
		AuthData: protocol.AuthenticatorData{
			RPIDHash: s.data.rpIDHash,
			Flags:    protocol.AuthenticatorFlags(s.data.flags),
			Counter:  s.data.signCount,
			AttData: protocol.AttestedCredentialData{
				AAGUID:              s.data.aaguid[:],
				CredentialID:        s.data.credentialID,
				CredentialPublicKey: s.data.key.raw,
			},
		},
		RawAuthData:  s.authData,
		Format:       s.format,
		AttStatement: members,
	}
	if err := o.VerifyAttestation(s.clientDataHash, nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return "", err
	}
	switch metadata.AuthenticatorAttestationType(o.Type) {
	case metadata.AttCA:
		return attestationCA, nil
	case metadata.AnonCA:
		return attestationAnonCA, nil
	}
	return attestationBasic, nil
}

// bounded holds the certificates to our limits, and to the time of the ceremony,
// before the library works on them.
func (s *statement) bounded() error {
	x5c, present := s.members["x5c"]
	if !present {
		return nil
	}
	chain, ok := certificates(x5c)
	if !ok {
		return errStatement
	}
	for i, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			if i > 0 {
				continue // the library says what becomes of a chain with such a link
			}
			return errCertificate
		}
		if key, isRSA := c.PublicKey.(*rsa.PublicKey); isRSA && key.N.BitLen() > maxRSABits {
			return errKeyAlgorithm
		}
		if i == 0 {
			if err := validAt(c, s.now); err != nil {
				return err
			}
		}
	}
	return nil
}
