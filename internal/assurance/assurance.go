// Package assurance turns evidence into what may be claimed of a sign-in: the NIST
// SP 800-63B-4 assurance level, the acr and amr values, and the reasons.
//
// It claims what was verified and nothing more: a method the authenticator does not
// report (face, fingerprint, PIN) is never named, and "hwk" never without verified
// attestation. It is pure and knows no account.
package assurance

import "github.com/keyturn/keyturn/webauthn"

// Level is what may be claimed. AAL is 0 (none) to 3; ACR and AMR are as they stand
// in a token (OpenID Connect Core §2, RFC 8176 and the "pop" of OIDC EAP).
type Level struct {
	AAL     int
	ACR     string
	AMR     []string
	Reasons []string
}

// Credential is what the stored record says of the credential that was used.
type Credential struct {
	// UVInitialized says that this credential has verified its person before, under
	// conditions that count. A credential without it is a single factor even when it
	// claims user verification now (WebAuthn §4, uvInitialized).
	UVInitialized bool
}

// OfAssertion judges a verified assertion.
func OfAssertion(a *webauthn.Assertion, c Credential) Level {
	return ofPasskey(a.UserVerified, a.BackupEligible, c.UVInitialized)
}

// OfRegistration judges a verified registration, which opens the first session of a
// new account.
func OfRegistration(r *webauthn.Registration) Level {
	return ofPasskey(r.UserVerified, r.BackupEligible, r.UserVerified)
}

func ofPasskey(verified, synced, initialized bool) Level {
	reasons := []string{"phishing_resistant"}
	if synced {
		reasons = append(reasons, "key_exportable")
	} else {
		reasons = append(reasons, "key_unattested")
	}
	if verified && initialized {
		return Level{AAL: 2, ACR: "phr", AMR: []string{"pop", "user", "mfa"}, Reasons: append(reasons, "user_verified")}
	}
	return Level{AAL: 1, ACR: "phr", AMR: []string{"pop", "user"}, Reasons: append(reasons, "single_factor")}
}
