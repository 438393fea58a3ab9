package webauthntest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// bytesJSON is base64url without padding, decoded as a browser does: strictly.
type bytesJSON []byte

func (b *bytesJSON) UnmarshalText(text []byte) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	*b = decoded
	return err
}

type descriptor struct {
	Type string    `json:"type"`
	ID   bytesJSON `json:"id"`
}

type userEntity struct {
	ID          bytesJSON `json:"id"`
	Name        *string   `json:"name"`
	DisplayName *string   `json:"displayName"`
}

// creationOptions is what is needed of PublicKeyCredentialCreationOptionsJSON (§5.1.8).
type creationOptions struct {
	RP struct {
		ID   string  `json:"id"`
		Name *string `json:"name"`
	} `json:"rp"`
	User             userEntity `json:"user"`
	Challenge        bytesJSON  `json:"challenge"`
	PubKeyCredParams []struct {
		Type string `json:"type"`
		Alg  int64  `json:"alg"`
	} `json:"pubKeyCredParams"`
	ExcludeCredentials     []descriptor `json:"excludeCredentials"`
	AuthenticatorSelection struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"`
		UserVerification   string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string                     `json:"attestation"`
	Extensions  map[string]json.RawMessage `json:"extensions"`
}

// requestOptions is what is needed of PublicKeyCredentialRequestOptionsJSON (§5.1.9).
type requestOptions struct {
	Challenge        bytesJSON    `json:"challenge"`
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// parseCreation refuses what create() refuses, and options that leave the RP ID or
// the algorithms to the browser's defaults: a server should not.
func parseCreation(optionsJSON []byte) (creationOptions, error) {
	var o creationOptions
	if err := json.Unmarshal(optionsJSON, &o); err != nil {
		return o, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	for _, fault := range []struct {
		is   bool
		what string
	}{
		{o.RP.ID == "", "no rp.id"},
		{o.RP.Name == nil, "no rp.name"},
		{len(o.User.ID) < 1 || len(o.User.ID) > 64, "user.id is not 1 to 64 bytes"},
		{o.User.Name == nil, "no user.name"},
		{o.User.DisplayName == nil, "no user.displayName"},
		{len(o.Challenge) == 0, "no challenge"},
		{len(o.PubKeyCredParams) == 0, "no pubKeyCredParams"},
	} {
		if fault.is {
			return o, fmt.Errorf("%w: %s", ErrOptions, fault.what)
		}
	}
	return o, nil
}

// parseRequest refuses as parseCreation does.
func parseRequest(optionsJSON []byte) (requestOptions, error) {
	var o requestOptions
	if err := json.Unmarshal(optionsJSON, &o); err != nil {
		return o, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if o.RPID == "" {
		return o, fmt.Errorf("%w: no rpId", ErrOptions)
	}
	if len(o.Challenge) == 0 {
		return o, fmt.Errorf("%w: no challenge", ErrOptions)
	}
	return o, nil
}

// algorithm picks the first one offered that the model has.
func (o creationOptions) algorithm(has []int64) (int64, error) {
	for _, p := range o.PubKeyCredParams {
		for _, alg := range has {
			if p.Type == "public-key" && p.Alg == alg {
				return alg, nil
			}
		}
	}
	return 0, ErrAlgorithm
}

// discoverable tells whether the options insist on a discoverable credential.
func (o creationOptions) discoverable() bool {
	s := o.AuthenticatorSelection
	return s.ResidentKey == "required" || s.ResidentKey == "" && s.RequireResidentKey
}
