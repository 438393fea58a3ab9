package ceremony

import (
	"errors"
	"time"

	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// creationOptions are the options of every registration (§5.4). Discoverable keys are
// preferred, not required: a security key without room for one still works by name.
func (rp *RelyingParty) creationOptions(challenge []byte, user webauthn.UserEntity, exclude []webauthn.Descriptor) webauthn.CreationOptions {
	offered := webauthn.DefaultAlgorithms()
	parameters := make([]webauthn.CredentialParameter, len(offered))
	for i, alg := range offered {
		parameters[i] = webauthn.CredentialParameter{Type: "public-key", Alg: alg}
	}
	if exclude == nil {
		exclude = []webauthn.Descriptor{}
	}
	return webauthn.CreationOptions{
		RP: webauthn.RPEntity{ID: rp.cfg.RPID, Name: rp.cfg.RPName}, User: user,
		Challenge: challenge, PubKeyCredParams: parameters, Timeout: int(optionsLife / time.Millisecond),
		ExcludeCredentials: exclude,
		AuthenticatorSelection: webauthn.AuthenticatorSelection{
			ResidentKey: "preferred", UserVerification: webauthn.VerificationRequired,
		},
		Attestation: "none",
		Extensions:  map[string]any{"credProps": true},
	}
}

// expected is what a ticket says of the registration it began.
type expected struct {
	algorithms   []int64
	verification string
}

// verify runs §7.1 over a registration whose challenge opened as our ticket.
func (rp *RelyingParty) verify(response *webauthn.RegistrationResponse, want expected) (*webauthn.Registration, *Error) {
	registration, err := response.Verify(webauthn.RegistrationExpectation{
		Challenge: response.Challenge(), RPID: rp.cfg.RPID,
		Origins: rp.cfg.Origins, TopOrigins: rp.cfg.TopOrigins, CrossOrigin: len(rp.cfg.TopOrigins) > 0,
		UserVerification: want.verification, Algorithms: want.algorithms, Formats: formats(),
		Attestation: webauthn.AttestationPolicy{AllowNone: true, AllowSelf: true, AllowUntrusted: true},
		Now:         rp.cfg.Now(),
	})
	if err != nil {
		return nil, refusal(KindRegistration, err)
	}
	return registration, nil
}

// registrationChallenge is step 8 of §7.1 refusing a challenge: a ticket of ours that
// is too old is told apart, because the remedy is to begin again.
func registrationChallenge(err error) *Error {
	failure := challengeError(err)
	kind := KindRegistration
	if failure.Code == webauthn.CodeChallengeExpired {
		kind = KindExpired
	}
	var t *ticket.Error
	if !errors.As(err, &t) {
		return unavailable(err)
	}
	return &Error{Kind: kind, Step: "7.1/8", Code: failure.Code, Cause: err}
}

// passkeyName is the name given, or a suggestion from what the authenticator says of
// itself; people can rename it.
func passkeyName(given string, reg *webauthn.Registration) string {
	switch {
	case given != "":
		return given
	case reg.Attachment == "cross-platform" && !reg.BackupEligible:
		return "Security key"
	case reg.BackupEligible:
		return "Synced passkey"
	default:
		return "Passkey"
	}
}
