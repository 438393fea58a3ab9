package webauthn

import "encoding/json"

// COSE algorithm identifiers (IANA COSE registry) that this package verifies.
const (
	ES256 int64 = -7
	EdDSA int64 = -8
	ES384 int64 = -35
	ES512 int64 = -36
	PS256 int64 = -37
	PS384 int64 = -38
	PS512 int64 = -39
	RS256 int64 = -257
	RS384 int64 = -258
	RS512 int64 = -259
)

// PublicKey is the only credential type there is.
const PublicKey = "public-key"

// DefaultAlgorithms returns what to offer when nothing else was asked for, most
// preferred first: ES256, EdDSA, and RS256, which Windows TPMs need.
func DefaultAlgorithms() []int64 { return []int64{ES256, EdDSA, RS256} }

// CreationOptions is PublicKeyCredentialCreationOptionsJSON (Level 3 §5.4):
// what a browser's parseCreationOptionsFromJSON takes.
type CreationOptions struct {
	RP                     RPEntity               `json:"rp"`
	User                   UserEntity             `json:"user"`
	Challenge              Bytes                  `json:"challenge"`
	PubKeyCredParams       []CredentialParameter  `json:"pubKeyCredParams"`
	Timeout                int                    `json:"timeout,omitempty"` // milliseconds
	ExcludeCredentials     []Descriptor           `json:"excludeCredentials"`
	AuthenticatorSelection AuthenticatorSelection `json:"authenticatorSelection"`
	Hints                  []string               `json:"hints,omitempty"`
	Attestation            string                 `json:"attestation,omitempty"`
	AttestationFormats     []string               `json:"attestationFormats,omitempty"`
	Extensions             map[string]any         `json:"extensions,omitempty"`
}

// MarshalJSON writes the lists as arrays even when they are nil, as the standard's
// JSON has them.
func (o CreationOptions) MarshalJSON() ([]byte, error) {
	type plain CreationOptions
	if o.ExcludeCredentials == nil {
		o.ExcludeCredentials = []Descriptor{}
	}
	if o.PubKeyCredParams == nil {
		o.PubKeyCredParams = []CredentialParameter{}
	}
	return json.Marshal(plain(o))
}

// RequestOptions is PublicKeyCredentialRequestOptionsJSON (Level 3 §5.5).
type RequestOptions struct {
	Challenge        Bytes          `json:"challenge"`
	Timeout          int            `json:"timeout,omitempty"` // milliseconds
	RPID             string         `json:"rpId,omitempty"`
	AllowCredentials []Descriptor   `json:"allowCredentials"`
	UserVerification string         `json:"userVerification,omitempty"`
	Hints            []string       `json:"hints,omitempty"`
	Extensions       map[string]any `json:"extensions,omitempty"`
}

// MarshalJSON writes the list as an array even when it is nil.
func (o RequestOptions) MarshalJSON() ([]byte, error) {
	type plain RequestOptions
	if o.AllowCredentials == nil {
		o.AllowCredentials = []Descriptor{}
	}
	return json.Marshal(plain(o))
}

// RPEntity names the relying party (§5.4.2).
type RPEntity struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// UserEntity names the account (§5.4.3). ID is the user handle, 1 to 64 bytes.
type UserEntity struct {
	ID          Bytes  `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

// CredentialParameter offers an algorithm (§5.3).
type CredentialParameter struct {
	Type string `json:"type"`
	Alg  int64  `json:"alg"`
}

// AuthenticatorSelection is what the relying party wants of the authenticator (§5.4.4).
type AuthenticatorSelection struct {
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
	ResidentKey             string `json:"residentKey,omitempty"`
	RequireResidentKey      bool   `json:"requireResidentKey,omitempty"`
	UserVerification        string `json:"userVerification,omitempty"`
}

// Descriptor names a credential (§5.8.3).
type Descriptor struct {
	Type       string   `json:"type"`
	ID         Bytes    `json:"id"`
	Transports []string `json:"transports,omitempty"`
}
