package webauthn

import "time"

// User verification requirements (§5.8.6). Anything else reads as required.
const (
	VerificationRequired    = "required"
	VerificationPreferred   = "preferred"
	VerificationDiscouraged = "discouraged"
)

// BackupPolicy says which credentials a registration takes by backup
// eligibility, the BE flag (§6.1.3).
type BackupPolicy int

// The zero value allows both: eligibility is a fact about a credential, not a
// fault, and what it may do is judged when it is used. A value outside these
// refuses every registration.
const (
	BackupAllow   BackupPolicy = iota // either kind
	BackupRequire                     // only multi-device credentials
	BackupRefuse                      // only single-device credentials
)

// AttestationPolicy says which kinds of attestation suffice (7.1 step 24). The
// zero value takes none of them.
type AttestationPolicy struct {
	AllowNone bool // no attestation
	AllowSelf bool // signed by the credential's own key
	// AllowUntrusted takes a statement whose certificates end at no anchor this
	// package knows: the statement is verified, its maker is not.
	AllowUntrusted bool
}

// RegistrationExpectation is what the relying party knows about a registration
// ceremony before the answer comes. An empty list allows nothing.
type RegistrationExpectation struct {
	Challenge            []byte       // as issued
	RPID                 string       // as in the options
	Origins              []string     // compared byte for byte
	TopOrigins           []string     // compared byte for byte; read only when framed
	CrossOrigin          bool         // the ceremony is expected in a cross-origin frame
	UserVerification     string       // VerificationRequired unless one of the other two
	Conditional          bool         // mediation was "conditional": user presence is not demanded
	Algorithms           []int64      // COSE identifiers that were offered
	Formats              []string     // enabled attestation statement formats
	BackupEligible       BackupPolicy // which credentials by backup eligibility
	Attestation          AttestationPolicy
	DiscoverableRequired bool      // refuse a credential that says it is not discoverable
	Now                  time.Time // certificates are judged as of this time
}

// Registration is what a registration proved, ready to be stored.
type Registration struct {
	CredentialID      []byte
	PublicKey         []byte // COSE_Key, as received
	Algorithm         int64  // COSE identifier
	AAGUID            [16]byte
	SignCount         uint32
	UserPresent       bool
	UserVerified      bool
	BackupEligible    bool
	BackupState       bool
	Format            string // attestation statement format
	AttestationType   string // "none", "self", "basic", "attca", "anonca" or "compound"
	AttestationObject []byte // as received
	Transports        []string
	Attachment        string // "platform", "cross-platform" or empty
	Discoverable      *bool  // credProps.rk; nil when the client did not say
}

// Credential is the stored record that an assertion is judged by.
type Credential struct {
	ID             []byte
	PublicKey      []byte // COSE_Key
	RPID           string // it was registered for
	SignCount      uint32
	BackupEligible bool
	UserHandle     []byte // of the account it was registered to
}

// AssertionExpectation is what the relying party knows about an authentication
// ceremony, and the record it found for the credential that answered.
type AssertionExpectation struct {
	Challenge        []byte
	RPID             string
	Origins          []string
	TopOrigins       []string
	CrossOrigin      bool
	UserVerification string
	Credential       Credential
	// Allowed: the caller judged that this ceremony may be answered by this
	// credential (7.2 step 5).
	Allowed bool
	// AccountKnown: the user was identified before the ceremony; otherwise the
	// answer must carry a user handle (7.2 step 6).
	AccountKnown bool
	// UserHandle of the account that this ceremony signs in.
	UserHandle []byte
}

// Assertion is what an authentication proved.
type Assertion struct {
	UserPresent    bool
	UserVerified   bool
	BackupEligible bool
	BackupState    bool
	SignCount      uint32
	// CountRegressed: the signature counter of a backup-eligible credential did
	// not grow. A signal, not a proof (7.2 step 22).
	CountRegressed bool
}
