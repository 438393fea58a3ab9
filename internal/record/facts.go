package record

import (
	"encoding/hex"
	"time"

	"github.com/google/uuid"
)

// ID is the key of an account, a passkey or a session: a UUIDv7, so that rows made
// one after another stand side by side.
type ID = uuid.UUID

// State says whether an account may be used. The zero value is not valid: a row
// without a state reads as StateDisabled, the strictest.
type State string

// The states of an account.
const (
	StateActive   State = "active"
	StateDisabled State = "disabled"
)

// Role is what an account may do to others. Anything unknown reads as RoleMember.
type Role string

// The roles, weakest first.
const (
	RoleMember  Role = "member"
	RoleSupport Role = "support"
	RoleAdmin   Role = "admin"
)

// WayKind is the kind of a way in.
type WayKind string

// WayPasskey is a WebAuthn credential.
const WayPasskey WayKind = "passkey"

// Way is one entry of an account's map of the ways in. A credential that the map
// does not name with its very State is tampered with; an entry whose credential is
// gone still counts as present.
type Way struct {
	Credential []byte  `cbor:"1,keyasint"` // the credential row's key
	Kind       WayKind `cbor:"2,keyasint"`
	State      uint64  `cbor:"3,keyasint"`
	Suspended  bool    `cbor:"4,keyasint,omitempty"`
	HeldUntil  int64   `cbor:"5,keyasint,omitempty"` // Unix milliseconds; 0: not held
	Verified   bool    `cbor:"6,keyasint,omitempty"` // its registration verified the person
	// Recovery is the account's TicketEpoch as it was after the recovery code was used that
	// let it be registered: it names that recovery. 0: it came another way.
	Recovery uint64 `cbor:"7,keyasint,omitempty"`
}

// AccountFacts is what an account row says. The row is the hinge: whatever
// restricts a person's sign-in stands in it, under one seal and one version.
type AccountFacts struct {
	ID           ID        `cbor:"1,keyasint"`
	UserHandle   []byte    `cbor:"2,keyasint"` // 1–64 bytes (WebAuthn §4), never derived from a name
	State        State     `cbor:"3,keyasint"`
	Role         Role      `cbor:"4,keyasint"`
	TicketEpoch  uint64    `cbor:"5,keyasint"` // +1 when something is taken away or changes hands
	SessionEpoch uint64    `cbor:"6,keyasint"` // +1 ends every session
	Salt         []byte    `cbor:"7,keyasint"` // 32 bytes; without it the account's credentials cannot be opened
	Username     string    `cbor:"8,keyasint,omitempty"`
	DisplayName  string    `cbor:"9,keyasint,omitempty"`
	Emails       []string  `cbor:"10,keyasint,omitempty"` // proved, as the person spells them
	PendingEmail string    `cbor:"11,keyasint,omitempty"` // claimed, not proved: resolves nothing
	Ways         []Way     `cbor:"12,keyasint,omitempty"`
	Created      time.Time `cbor:"13,keyasint"`
	// RecoveryCodes are keyed hashes of the codes that are left, 16 bytes each.
	RecoveryCodes [][]byte  `cbor:"14,keyasint,omitempty"`
	CodesSaved    bool      `cbor:"15,keyasint,omitempty"` // one was entered to prove that they were saved
	CodesMade     time.Time `cbor:"16,keyasint,omitzero"`
	// HeldUntil is until when a recovery is held, whether or not a way in has come of it
	// yet: an older way in that signs in before then cancels it. Unix milliseconds; 0: none.
	HeldUntil int64 `cbor:"17,keyasint,omitempty"`
	// HadWay: a way in was taken from it by somebody else. Without any it is then not an
	// account that never had one.
	HadWay bool `cbor:"18,keyasint,omitempty"`
	// Disowned are the keys of the addresses of which somebody said last that they are not
	// theirs, 16 bytes each: what a notice told their readers, they may not undo.
	Disowned [][]byte `cbor:"19,keyasint,omitempty"`
	// CodesHeldUntil is until when a recovery is held that one of these codes began: whoever
	// began it has the others too, so they end with it when it is cancelled before then. Unix
	// milliseconds; 0: none.
	CodesHeldUntil int64 `cbor:"20,keyasint,omitempty"`
}

// Way finds the entry of a credential. ok is false when the map does not name it.
func (f AccountFacts) Way(credential []byte) (way Way, ok bool) {
	for _, w := range f.Ways {
		if string(w.Credential) == string(credential) {
			return w, true
		}
	}
	return Way{}, false
}

// CredentialFacts is what never moves in a credential: sealed under its RP ID,
// credential ID, owner's user handle and state.
type CredentialFacts struct {
	Passkey           ID        `cbor:"1,keyasint"` // our name for it in the API
	ID                []byte    `cbor:"2,keyasint"` // the credential ID
	RPID              string    `cbor:"3,keyasint"`
	PublicKey         []byte    `cbor:"4,keyasint"` // COSE_Key as received
	Algorithm         int64     `cbor:"5,keyasint"`
	AAGUID            [16]byte  `cbor:"6,keyasint"`
	Transports        []string  `cbor:"7,keyasint,omitempty"`
	Attachment        string    `cbor:"8,keyasint,omitempty"`
	BackupEligible    bool      `cbor:"9,keyasint,omitempty"`
	Format            string    `cbor:"10,keyasint"` // attestation statement format
	Trust             string    `cbor:"11,keyasint"` // "none", "self": what attestation proved
	AttestationObject []byte    `cbor:"12,keyasint,omitempty"`
	Created           time.Time `cbor:"13,keyasint"`
}

// UseFacts is what moves with use. Its row version is Edition in the high 32 bits
// and SignCount in the low 32, so that equal versions mean equal facts and a higher
// count within an edition is a higher version.
type UseFacts struct {
	Edition       uint32 `cbor:"1,keyasint"` // +1 when anything here but SignCount moves
	SignCount     uint32 `cbor:"2,keyasint"`
	BackupState   bool   `cbor:"3,keyasint,omitempty"`
	UVInitialized bool   `cbor:"4,keyasint,omitempty"`
	RegressedAt   int64  `cbor:"5,keyasint,omitempty"` // Unix milliseconds of the last counted regression; 0: never
}

// Version is the row version of these facts.
func (f UseFacts) Version() uint64 { return uint64(f.Edition)<<32 | uint64(f.SignCount) }

// EditionEnd is the highest version of this edition.
func (f UseFacts) EditionEnd() uint64 { return uint64(f.Edition)<<32 | 0xffffffff }

// Mode is how a session is carried: by cookie or by tokens, for life.
type Mode string

// The modes.
const (
	ModeCookie Mode = "cookie"
	ModeToken  Mode = "token"
)

// SessionFacts is what a session row says.
type SessionFacts struct {
	ID           ID        `cbor:"1,keyasint"`
	Account      ID        `cbor:"2,keyasint"`
	Mode         Mode      `cbor:"3,keyasint"`
	Door         string    `cbor:"4,keyasint"`
	SecretHash   []byte    `cbor:"5,keyasint,omitempty"` // keyed hash of the cookie's secret (cookie mode)
	SessionEpoch uint64    `cbor:"6,keyasint"`
	Credential   []byte    `cbor:"7,keyasint,omitempty"` // credential row key of the proof
	State        uint64    `cbor:"8,keyasint,omitempty"` // its State at the proof
	AuthTime     time.Time `cbor:"9,keyasint"`
	ProvedAt     time.Time `cbor:"10,keyasint"` // last user-verifying assertion in this session
	AAL          int       `cbor:"11,keyasint"`
	ACR          string    `cbor:"12,keyasint"`
	AMR          []string  `cbor:"13,keyasint"`
	Scope        string    `cbor:"14,keyasint,omitempty"`
	Created      time.Time `cbor:"15,keyasint"`
	LastSeen     time.Time `cbor:"16,keyasint"`
	Idle         int64     `cbor:"17,keyasint"` // seconds
	Expires      time.Time `cbor:"18,keyasint"` // absolute
	UserAgent    string    `cbor:"19,keyasint,omitempty"`
	Generation   uint64    `cbor:"20,keyasint,omitempty"` // of the refresh family (token mode)
	RotatedAt    time.Time `cbor:"21,keyasint,omitzero"`
}

// TicketFacts is what the stored half of a long-lived ticket says.
type TicketFacts struct {
	ID      [16]byte  `cbor:"1,keyasint"`
	Purpose string    `cbor:"2,keyasint"`
	Account ID        `cbor:"3,keyasint"`
	Created time.Time `cbor:"4,keyasint"`
	Expires time.Time `cbor:"5,keyasint"`

	Email       string `cbor:"6,keyasint,omitempty"` // an invitation: whom it is for; a right to sign up: what was proved
	Role        Role   `cbor:"7,keyasint,omitempty"` // an invitation: what the account will be; absent: a member
	DisplayName string `cbor:"8,keyasint,omitempty"`
	By          ID     `cbor:"9,keyasint,omitzero"` // whose doing it is; zero: an operator on the machine, or the person
	// About and Subject are what a notice is about: the event's name, and the credential
	// row's key or the canonical address.
	About   string `cbor:"10,keyasint,omitempty"`
	Subject []byte `cbor:"11,keyasint,omitempty"`
	// Link is the sealed link that a typed code stands for.
	Link []byte `cbor:"12,keyasint,omitempty"`
}

// MailFacts is what an owed mail says: what to write about and to whom, never the text,
// a link or a token.
type MailFacts struct {
	ID       ID        `cbor:"1,keyasint"` // UUIDv7
	Kind     string    `cbor:"2,keyasint"` // of package mail: which template
	Language string    `cbor:"3,keyasint,omitempty"`
	Account  ID        `cbor:"4,keyasint,omitzero"` // zero: whoever has proved Address, or nobody
	Address  string    `cbor:"5,keyasint"`          // as its owner spells it
	Created  time.Time `cbor:"6,keyasint"`

	// What asked for it, or caused it.
	Network string `cbor:"7,keyasint,omitempty"`
	Agent   string `cbor:"8,keyasint,omitempty"`
	Door    string `cbor:"9,keyasint,omitempty"`

	// A link: what its ticket will say.
	Request      []byte    `cbor:"10,keyasint,omitempty"` // keyed hash of the asking client's secret
	Mode         Mode      `cbor:"11,keyasint,omitempty"`
	Scope        string    `cbor:"12,keyasint,omitempty"`
	ReturnTo     string    `cbor:"13,keyasint,omitempty"`
	TicketEpoch  uint64    `cbor:"14,keyasint,omitempty"`
	SessionEpoch uint64    `cbor:"15,keyasint,omitempty"`
	Right        [16]byte  `cbor:"16,keyasint,omitzero"` // ID of the stored right that the link shows; zero: none
	Expires      time.Time `cbor:"17,keyasint,omitzero"` // of the right, or of the link

	// A notice: what happened. Subject is what people call it: a passkey's name, an address.
	About   string `cbor:"18,keyasint,omitempty"`
	Subject string `cbor:"19,keyasint,omitempty"`
	// HeldUntil is when the passkey that it tells of may sign in; zero: at once.
	HeldUntil time.Time `cbor:"20,keyasint,omitzero"`
	// CodesEnded: the recovery codes that were left are good for nothing because of it.
	CodesEnded bool `cbor:"21,keyasint,omitempty"`
}

// SigningKey is a token signing key, as rows keep it.
type SigningKey struct {
	Number    uint32    `cbor:"1,keyasint"`
	Issuer    string    `cbor:"2,keyasint"` // the door it signs for
	Algorithm string    `cbor:"3,keyasint"` // "ES256", "EdDSA"
	PKCS8     []byte    `cbor:"4,keyasint"`
	Life      KeyLife   `cbor:"5,keyasint"`
	Since     time.Time `cbor:"6,keyasint"` // when it entered this life
	// Edition is +1 whenever the row is replaced; the row's version is Edition + 1.
	Edition uint64 `cbor:"7,keyasint,omitempty"`
}

// KeyLife is where a key stands: prepared keys open but do not seal, retired ones
// open only.
type KeyLife string

// The lives of a key.
const (
	KeyPrepared KeyLife = "prepared"
	KeyPrimary  KeyLife = "primary"
	KeyRetired  KeyLife = "retired"
)

// Tampered says that a stored row is not what this deployment sealed: edited,
// moved, put in by somebody else, or sealed under a key we do not have.
type Tampered struct {
	Code string // for example "credential_record_tampered"
	Key  []byte
	Err  error
}

func (e *Tampered) Error() string { return e.Code + ": row " + hex.EncodeToString(e.Key) }

func (e *Tampered) Unwrap() error { return e.Err }
