package webauthn

import "errors"

// Limits of the parts of a response.
const (
	maxAttestationObject = 64 << 10
	maxAuthenticatorData = 4 << 10 // an assertion's: 37 bytes and extensions
	maxSignature         = 1 << 10
)

// The two procedures, as a step's reference begins.
const (
	registrationSection = "7.1/"
	assertionSection    = "7.2/"
)

// RegistrationResponse is a RegistrationResponseJSON that parsed: steps 3 to 6 of
// section 7.1 have passed, nothing else has been judged. It is not changed by
// anything.
type RegistrationResponse struct {
	envelope
	attestationObject []byte
	transports        []string
}

// Challenge returns the challenge found in the client data. It is what the client
// says until Verify has compared it.
func (r *RegistrationResponse) Challenge() []byte { return r.client.challenge }

// ClientDataType returns the type found in the client data.
func (r *RegistrationResponse) ClientDataType() string { return r.client.typ }

// CredentialID returns the ID of the new credential, which is the client's word
// until Verify has passed.
func (r *RegistrationResponse) CredentialID() []byte { return r.id }

// Attachment returns "platform", "cross-platform", or nothing when the client gave
// no value or one that the standard does not know (§5.4.5).
func (r *RegistrationResponse) Attachment() string { return r.attachment }

// Transports returns the transports that the client named, unknown ones included
// (§5.8.4).
func (r *RegistrationResponse) Transports() []string { return r.transports }

// AssertionResponse is an AuthenticationResponseJSON that parsed: steps 3, 4 and 7
// to 9 of section 7.2 have passed, nothing else has been judged. It is not changed
// by anything.
type AssertionResponse struct {
	envelope
	authenticatorData []byte
	signature         []byte
	userHandle        []byte
}

// Challenge returns the challenge found in the client data. It is what the client
// says until Verify has compared it.
func (a *AssertionResponse) Challenge() []byte { return a.client.challenge }

// ClientDataType returns the type found in the client data.
func (a *AssertionResponse) ClientDataType() string { return a.client.typ }

// CredentialID returns the ID of the credential that answered, which is the
// client's word until Verify has passed.
func (a *AssertionResponse) CredentialID() []byte { return a.id }

// Attachment is as [RegistrationResponse.Attachment].
func (a *AssertionResponse) Attachment() string { return a.attachment }

// UserHandle returns the user handle, nil when there is none. An empty one counts
// as none: older clients write it for null.
func (a *AssertionResponse) UserHandle() []byte { return a.userHandle }

// ParseRegistration reads a posted RegistrationResponseJSON (§5.1): steps 3 to 6
// of section 7.1. Names are compared with case, unknown members are passed over,
// and a name may not stand twice in one object at any depth. Errors are *Error.
func ParseRegistration(body []byte) (*RegistrationResponse, error) {
	m, err := parseEnvelope(body, maxRegistrationBody, registrationSection)
	if err != nil {
		return nil, err
	}
	switch r := m.response; {
	case r.signature != nil:
		return nil, at("7.1/3", refuse(CodeResponseTypeInvalid, errors.New("signature in a registration")))
	case len(r.attestationObject) == 0:
		return nil, at("7.1/3", malformed(absent("attestationObject", r.attestationObject)))
	case len(r.attestationObject) > maxAttestationObject:
		return nil, at("7.1/13", refuse(CodeAttestationObjectMalformed, errTooLong))
	}
	if m.client, err = parseClientData(m.decoder, m.response.clientData); err != nil {
		return nil, at(clientDataStep(err, "7.1/5", "7.1/6"), refuse(CodeClientDataMalformed, err))
	}
	return &RegistrationResponse{
		envelope:          m.envelope,
		attestationObject: m.response.attestationObject,
		transports:        m.response.transports,
	}, nil
}

// ParseAssertion reads a posted AuthenticationResponseJSON (§5.1): steps 3, 4 and
// 7 to 9 of section 7.2, under the same rules as [ParseRegistration].
func ParseAssertion(body []byte) (*AssertionResponse, error) {
	m, err := parseEnvelope(body, maxAssertionBody, assertionSection)
	if err != nil {
		return nil, err
	}
	r := m.response
	if r.attestationObject != nil {
		return nil, at("7.2/3", refuse(CodeResponseTypeInvalid, errors.New("attestationObject in an assertion")))
	}
	for _, part := range []struct {
		name  string
		value []byte
		min   int
		max   int
	}{
		{"clientDataJSON", r.clientData, 1, maxClientData},
		{"authenticatorData", r.authenticatorData, 1, maxAuthenticatorData},
		{"signature", r.signature, 1, maxSignature},
		{"userHandle", r.userHandle, 0, maxUserHandle},
	} {
		switch {
		case len(part.value) < part.min:
			return nil, at("7.2/7", malformed(absent(part.name, part.value)))
		case len(part.value) > part.max:
			return nil, at("7.2/7", malformed(&memberError{part.name, errTooLong}))
		}
	}
	if m.client, err = parseClientData(m.decoder, r.clientData); err != nil {
		return nil, at(clientDataStep(err, "7.2/8", "7.2/9"), refuse(CodeClientDataMalformed, err))
	}
	a := &AssertionResponse{envelope: m.envelope, authenticatorData: r.authenticatorData, signature: r.signature}
	if len(r.userHandle) > 0 {
		a.userHandle = r.userHandle
	}
	return a, nil
}

// clientDataStep tells the decoding of UTF-8 from the parsing of JSON.
func clientDataStep(err error, decode, parse string) string {
	if errors.Is(err, errUTF8) || errors.Is(err, errTooLong) {
		return decode
	}
	return parse
}
