package webauthntest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
)

// Create answers creation options: it makes a credential, keeps it, and returns
// RegistrationResponseJSON. The errors are those of this package; an answer made
// wrong by mutations is still an answer, and its credential is kept.
//
// The attestation statement is that of the model where the options ask for
// attestation, and where the client has nothing to hide (self attestation without
// AAGUID, §5.1.3 step 22); else "none".
func (a *Authenticator) Create(optionsJSON []byte, c Client, mutations ...Mutation) ([]byte, error) {
	o, err := parseCreation(optionsJSON)
	if err != nil {
		return nil, err
	}
	p := newPlan(mutations)
	if !p.ignoreExcluded && a.holds(o.RP.ID, o.ExcludeCredentials) {
		return nil, ErrExcluded
	}
	if o.AuthenticatorSelection.UserVerification == "required" && !a.model.UserVerifying {
		return nil, ErrUserVerification
	}
	if o.discoverable() && !a.model.Discoverable {
		return nil, ErrDiscoverable
	}
	var alg int64
	if p.algorithm != nil {
		alg = *p.algorithm
	} else if alg, err = o.algorithm(a.model.Algorithms); err != nil {
		return nil, err
	}
	cred, err := a.add(alg, o.RP.ID, o.User, p.newID)
	if err != nil {
		return nil, err
	}
	return a.registration(p, o, cred, c)
}

// Enrol makes and keeps an ES256 credential as if a registration with attestation "none"
// had made it, and returns it with its attestation object: for a store that is filled
// without ceremonies. userHandle is 1 to 64 bytes.
func (a *Authenticator) Enrol(rpID string, userHandle []byte, userName string) (cred Credential, attestation []byte, err error) {
	cred, err = a.add(ES256, rpID, userEntity{ID: userHandle, Name: &userName}, nil)
	if err != nil {
		return Credential{}, nil, err
	}
	p := newPlan(nil)
	auth, err := a.authDataBytes(p, cred, true)
	if err != nil {
		return Credential{}, nil, err
	}
	attestation, err = a.attestationObject(p, cred, "none", auth, nil)
	return cred, attestation, err
}

func (a *Authenticator) registration(p *plan, o creationOptions, cred Credential, c Client) ([]byte, error) {
	clientData, err := p.clientDataJSON("webauthn.create", o.Challenge, c)
	if err != nil {
		return nil, err
	}
	auth, err := a.authDataBytes(p, cred, true)
	if err != nil {
		return nil, err
	}
	format := "none"
	if a.model.Attestation == "packed" && (o.conveys() || a.model.AAGUID == [16]byte{}) {
		format = "packed"
	}
	object, err := a.attestationObject(p, cred, format, auth, clientData)
	if err != nil {
		return nil, err
	}
	spki, err := cred.key.spki()
	if err != nil {
		return nil, err
	}
	extensions := map[string]any{}
	if _, asked := o.Extensions["credProps"]; asked {
		extensions["credProps"] = map[string]any{"rk": cred.Discoverable}
	}
	return p.marshal(a.answer(cred, extensions, map[string]any{
		"clientDataJSON":     encode64(clientData),
		"attestationObject":  encode64(object),
		"authenticatorData":  encode64(auth),
		"transports":         slices.Clone(a.model.Transports),
		"publicKey":          encode64(spki),
		"publicKeyAlgorithm": cred.Algorithm,
	}))
}

// attestationObject makes the object of §6.5.4 with a statement of §8.2 (self) or §8.7.
func (a *Authenticator) attestationObject(p *plan, cred Credential, format string, auth, clientData []byte) ([]byte, error) {
	statement := map[string]any{}
	if format == "packed" {
		sig, err := a.sign(p, cred, auth, clientData)
		if err != nil {
			return nil, err
		}
		statement["alg"] = cred.Algorithm
		statement["sig"] = sig
	}
	apply(p.statement, statement)
	object := map[string]any{"fmt": format, "attStmt": statement, "authData": auth}
	apply(p.attestation, object)
	b, err := encode(object)
	if err != nil {
		return nil, err
	}
	return applyBytes(p.attestBytes, b), nil
}

// Get answers request options: it picks the credential, counts its use, signs,
// and returns AuthenticationResponseJSON.
func (a *Authenticator) Get(optionsJSON []byte, c Client, mutations ...Mutation) ([]byte, error) {
	o, err := parseRequest(optionsJSON)
	if err != nil {
		return nil, err
	}
	if o.UserVerification == "required" && !a.model.UserVerifying {
		return nil, ErrUserVerification
	}
	p := newPlan(mutations)
	cred, err := a.use(o.RPID, o.AllowCredentials, p.use)
	if err != nil {
		return nil, err
	}
	clientData, err := p.clientDataJSON("webauthn.get", o.Challenge, c)
	if err != nil {
		return nil, err
	}
	auth, err := a.authDataBytes(p, cred, false)
	if err != nil {
		return nil, err
	}
	sig, err := a.sign(p, cred, auth, clientData)
	if err != nil {
		return nil, err
	}
	response := map[string]any{
		"clientDataJSON":    encode64(clientData),
		"authenticatorData": encode64(auth),
		"signature":         encode64(sig),
	}
	if cred.Discoverable {
		response["userHandle"] = encode64(cred.UserHandle)
	}
	return p.marshal(a.answer(cred, map[string]any{}, response))
}

// sign signs authenticator data and the hash of the client data (§6.3.3 step 11,
// §8.2) with the credential's key, or with the one that the plan wants.
func (a *Authenticator) sign(p *plan, cred Credential, auth, clientData []byte) ([]byte, error) {
	k := cred.key
	switch {
	case p.signWith != nil:
		k = p.signWith
	case p.signWithNew:
		var err error
		if k, err = a.otherKey(cred.Algorithm); err != nil {
			return nil, err
		}
	}
	hash := sha256.Sum256(clientData)
	sig, err := k.sign(slices.Concat(auth, hash[:]))
	if err != nil {
		return nil, err
	}
	return applyBytes(p.signature, sig), nil
}

func (a *Authenticator) answer(cred Credential, extensions, response map[string]any) map[string]any {
	return map[string]any{
		"id":                      encode64(cred.ID),
		"rawId":                   encode64(cred.ID),
		"type":                    "public-key",
		"authenticatorAttachment": a.attachment(),
		"clientExtensionResults":  extensions,
		"response":                response,
	}
}

func (p *plan) marshal(answer map[string]any) ([]byte, error) {
	apply(p.json, answer)
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: JSON: %w", err)
	}
	return applyBytes(p.jsonBytes, b), nil
}

// conveys tells whether the client passes attestation on (§5.4.7).
func (o creationOptions) conveys() bool {
	switch o.Attestation {
	case "direct", "indirect", "enterprise":
		return true
	}
	return false
}
