package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"
)

// Faults of a packed statement.
var (
	errCertificate     = errors.New("attestation certificate does not parse or is out of bounds")
	errCertificateTime = errors.New("attestation certificate is not valid at the time of the ceremony")
	errRequirements    = errors.New("attestation certificate does not meet §8.2.1")
	errModel           = errors.New("attestation certificate is for another model")
	errSelfAlgorithm   = errors.New("algorithm is not the credential key's")
)

// certified is packedStmtFormat (§8.2), or u2fStmtFormat (§8.6), which has no alg.
type certified struct {
	alg int64
	sig []byte
	x5c [][]byte // nil is absent
}

// packed is §8.2. The library reads the wall clock for certificates, so this
// format, the one that most authenticators speak, is verified here.
func (s *statement) packed() (string, error) {
	p, err := s.parseCertified(true)
	if err != nil {
		return "", err
	}
	message := slices.Concat(s.authData, s.clientDataHash)
	if p.x5c != nil {
		return attestationBasic, s.packedFull(p, message)
	}
	if s.key.algorithm != p.alg {
		return "", errSelfAlgorithm
	}
	return attestationSelf, s.key.verify(message, p.sig)
}

// parseCertified reads the map; a member that the format does not have is a
// refusal.
func (s *statement) parseCertified(hasAlg bool) (*certified, error) {
	p := new(certified)
	for name, value := range s.members {
		var ok bool
		switch name {
		case "alg":
			p.alg, ok = cborInt(value)
			ok = ok && hasAlg
		case "sig":
			p.sig, ok = value.([]byte)
		case "x5c":
			p.x5c, ok = certificates(value)
		}
		if !ok {
			return nil, errStatement
		}
	}
	if hasAlg && p.alg == 0 || len(p.sig) == 0 {
		return nil, errStatement
	}
	return p, nil
}

// certificates reads an array of at least one byte string.
func certificates(value any) ([][]byte, bool) {
	elements, ok := value.([]any)
	if !ok || len(elements) == 0 || len(elements) > maxCertificates {
		return nil, false
	}
	out := make([][]byte, len(elements))
	for i, e := range elements {
		der, ok := e.([]byte)
		if !ok || len(der) > maxCertificate {
			return nil, false
		}
		out[i] = der
	}
	return out, true
}

// packedFull verifies a statement with certificates. Whether the chain ends at a
// trusted anchor is step 24's question.
func (s *statement) packedFull(p *certified, message []byte) error {
	var leaf *x509.Certificate
	for i, der := range p.x5c {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return errCertificate
		}
		if err := s.usable(c); err != nil {
			return err
		}
		if i == 0 {
			leaf = c
		}
	}
	key, ok := certificateKey(leaf.PublicKey, p.alg)
	if !ok {
		return errKeyAlgorithm
	}
	if err := key.verify(message, p.sig); err != nil {
		return err
	}
	return s.requirements(leaf)
}

// usable refuses a certificate that is not of the time of the ceremony, or whose key
// is so large that a stranger could make us work by it: what a certificate may hold
// in bytes is room for a modulus of sixty thousand bits.
func (s *statement) usable(c *x509.Certificate) error {
	if key, isRSA := c.PublicKey.(*rsa.PublicKey); isRSA && key.N.BitLen() > maxRSABits {
		return errKeyAlgorithm
	}
	return validAt(c, s.now)
}

func validAt(c *x509.Certificate, now time.Time) error {
	if now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return errCertificateTime
	}
	return nil
}

// certificateKey pairs a certificate's key with a stated algorithm. A curve other
// than the algorithm's customary one is legal here: X.509 does not tie them.
func certificateKey(key crypto.PublicKey, algorithm int64) (*publicKey, bool) {
	s, ok := schemeOf(algorithm)
	if !ok {
		return nil, false
	}
	switch key.(type) {
	case *ecdsa.PublicKey:
		ok = s.kty == ktyEC2
	case ed25519.PublicKey:
		ok = s.kty == ktyOKP
	case *rsa.PublicKey:
		ok = s.kty == ktyRSA
	default:
		ok = false
	}
	return &publicKey{algorithm: algorithm, scheme: s, key: key}, ok
}

// requirements are those of §8.2.1 on the leaf, and §8.2's on its AAGUID.
func (s *statement) requirements(leaf *x509.Certificate) error {
	n := leaf.Subject
	switch {
	case leaf.Version != 3,
		leaf.IsCA, !leaf.BasicConstraintsValid,
		len(n.Country) != 1 || !countryCode(n.Country[0]),
		len(n.Organization) == 0 || n.Organization[0] == "",
		len(n.OrganizationalUnit) != 1 || n.OrganizationalUnit[0] != "Authenticator Attestation",
		n.CommonName == "":
		return errRequirements
	}
	model := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(model) {
			continue
		}
		var aaguid []byte
		rest, err := asn1.Unmarshal(e.Value, &aaguid)
		if err != nil || len(rest) != 0 || len(aaguid) != 16 || e.Critical {
			return errRequirements
		}
		if !slices.Equal(aaguid, s.data.aaguid[:]) {
			return errModel
		}
	}
	return nil
}

// countryCode reports whether s has the form of an ISO 3166 alpha-2 code.
func countryCode(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
