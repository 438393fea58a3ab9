package webauthn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"slices"
)

var (
	errU2FKey   = errors.New("not a P-256 key")
	errU2FModel = errors.New("a U2F authenticator has no AAGUID")
)

// u2f is §8.6: a U2F registration message, put into the new envelope by the client.
func (s *statement) u2f() (string, error) {
	p, err := s.parseCertified(false)
	if err != nil {
		return "", err
	}
	if len(p.x5c) != 1 {
		return "", errStatement
	}
	leaf, err := x509.ParseCertificate(p.x5c[0])
	if err != nil {
		return "", errCertificate
	}
	if err := validAt(leaf, s.now); err != nil {
		return "", err
	}
	signer, okSigner := leaf.PublicKey.(*ecdsa.PublicKey)
	key, okKey := s.key.key.(*ecdsa.PublicKey)
	if !okSigner || !okKey || signer.Curve != elliptic.P256() || s.key.algorithm != ES256 {
		return "", errU2FKey
	}
	if s.data.aaguid != [16]byte{} {
		return "", errU2FModel
	}
	point, err := key.Bytes()
	if err != nil {
		return "", errU2FKey
	}
	message := slices.Concat([]byte{0}, s.data.rpIDHash, s.clientDataHash, s.data.credentialID, point)
	if err := leaf.CheckSignature(x509.ECDSAWithSHA256, message, p.sig); err != nil {
		return "", errSignature
	}
	return attestationBasic, nil
}
