package ticket

// The purposes. A name is for ever: it is part of the key. A size is that of the
// whole ticket in bytes, the same for every ticket of the purpose. Only a link that a
// mail carries to its one reader has a usual size beside it, so that most are short
// enough for every mail program.
var _ = []Purposeful{SignUp{}, SignIn{}, Enrolment{}, Binding{}, StepUp{}, RecoveryBinding{}}

var _ = []Linked{
	FirstAdmin{}, EnrolmentLink{}, EmailLink{}, EmailProof{}, EmailRight{}, Invitation{}, Notice{}, Recovery{},
}

// form is the shape of one purpose's tickets.
type form struct {
	name  string
	size  int
	usual int // the size of those that fit into it; 0: none is smaller than size
}

// Purposeful is a ticket that is bound to the client that asks for it and lives at
// most MaxLife. The set of purposes is closed: SignUp, SignIn, Enrolment, Binding,
// StepUp, RecoveryBinding.
type Purposeful interface{ challenge() form }

// Linked is a ticket that travels to a client nobody has seen yet, by mail or by
// hand, and lives up to MaxLinkLife. One that lives longer than MaxLife names a stored
// half: without that row, it permits nothing. The set is closed: FirstAdmin,
// EnrolmentLink, EmailLink, EmailProof, EmailRight, Invitation, Notice, Recovery.
type Linked interface{ link() form }

// settable gives access to what a ticket of type T has in common with all.
type settable[T any] interface {
	*T
	common() *Common
}

// SignUp is the challenge of a registration that opens an account.
type SignUp struct {
	Common
	UserHandle       []byte   `cbor:"20,keyasint"`
	Username         string   `cbor:"21,keyasint,omitempty"`
	Email            string   `cbor:"22,keyasint,omitempty"`
	DisplayName      string   `cbor:"23,keyasint,omitempty"` // ≤ 128 bytes
	Algorithms       []int64  `cbor:"24,keyasint"`           // COSE, as offered
	UserVerification string   `cbor:"25,keyasint,omitempty"`
	FirstAdmin       bool     `cbor:"26,keyasint,omitempty"`
	Permit           [16]byte `cbor:"27,keyasint,omitzero"`  // ID of the link that permits it; zero: none
	Permitted        string   `cbor:"28,keyasint,omitempty"` // purpose of that link's stored half
	EmailProved      bool     `cbor:"29,keyasint,omitempty"` // Email came with the link, which proves it
	Role             string   `cbor:"30,keyasint,omitempty"` // as the invitation has it; absent: a member
}

func (SignUp) challenge() form { return form{name: "sign-up", size: 1024} }

// SignIn is the challenge of an assertion by somebody who is not signed in.
type SignIn struct {
	Common
	UserVerification string `cbor:"20,keyasint,omitempty"`
	Conditional      bool   `cbor:"21,keyasint,omitempty"`
	Named            bool   `cbor:"22,keyasint,omitempty"` // a username was given
	Decoy            bool   `cbor:"23,keyasint,omitempty"` // the name is nobody's
}

func (SignIn) challenge() form { return form{name: "sign-in", size: 480} }

// Enrolment is the challenge of a registration that an enrolment link permits.
type Enrolment struct {
	Common
	Algorithms       []int64  `cbor:"20,keyasint"`
	UserVerification string   `cbor:"21,keyasint,omitempty"`
	Permit           [16]byte `cbor:"22,keyasint"` // ID of the link
}

func (Enrolment) challenge() form { return form{name: "enrolment", size: 480} }

// Binding is the challenge of a registration that adds a passkey to the account of
// a signed-in person.
type Binding struct {
	Common
	Algorithms       []int64 `cbor:"20,keyasint"`
	UserVerification string  `cbor:"21,keyasint,omitempty"`
	Conditional      bool    `cbor:"22,keyasint,omitempty"`
}

func (Binding) challenge() form { return form{name: "binding", size: 480} }

// StepUp is the challenge of an assertion by a signed-in person.
type StepUp struct {
	Common
	UserVerification string   `cbor:"20,keyasint,omitempty"`
	MaxAge           int64    `cbor:"21,keyasint,omitempty"` // seconds, as asked for
	ACRValues        []string `cbor:"22,keyasint,omitempty"` // as asked for
	Binding          []byte   `cbor:"23,keyasint,omitempty"` // what the person approves by it; nil: nothing in particular
}

func (StepUp) challenge() form { return form{name: "step-up", size: 480} }

// FirstAdmin is the link that opens a store's first administrator's account.
type FirstAdmin struct{ Common }

func (FirstAdmin) link() form { return form{name: "first-admin", size: 256} }

// EnrolmentLink is the link that lets the person of an account make a passkey.
type EnrolmentLink struct{ Common }

func (EnrolmentLink) link() form { return form{name: "enrolment-link", size: 256} }

// RecoveryBinding is the challenge of a registration that a recovery permits.
type RecoveryBinding struct {
	Common
	Algorithms       []int64 `cbor:"20,keyasint"`
	UserVerification string  `cbor:"21,keyasint,omitempty"`
	HeldUntil        int64   `cbor:"22,keyasint,omitempty"` // Unix milliseconds; 0: the passkey is not held
}

func (RecoveryBinding) challenge() form { return form{name: "recovery-binding", size: 480} }

// EmailLink is a mailed link that signs in, or lets whoever has no account sign up.
type EmailLink struct {
	Common
	Address  string `cbor:"20,keyasint"` // as its owner spells it
	Request  []byte `cbor:"21,keyasint"` // keyed hash of the asking client's secret
	Session  string `cbor:"22,keyasint"` // how the session will be carried: ModeCookie or ModeToken
	ReturnTo string `cbor:"23,keyasint,omitempty"`
	Network  string `cbor:"24,keyasint,omitempty"` // whence it was asked for
	Agent    string `cbor:"25,keyasint,omitempty"` // what asked, in at most 96 bytes
}

func (EmailLink) link() form { return form{name: "email-link", size: 1024, usual: 480} }

// EmailProof is a mailed link that proves an address of an account.
type EmailProof struct {
	Common
	Address string `cbor:"20,keyasint"`
}

func (EmailProof) link() form { return form{name: "email-proof", size: 480} }

// EmailRight lets whoever proved an address that is nobody's sign up with it.
type EmailRight struct {
	Common
	Address string `cbor:"20,keyasint"`
}

func (EmailRight) link() form { return form{name: "email-right", size: 480} }

// Invitation lets somebody sign up. What it grants stands in its stored half.
type Invitation struct {
	Common
	Proves string `cbor:"20,keyasint,omitempty"` // the address it was mailed to; absent: it was handed over
}

func (Invitation) link() form { return form{name: "invitation", size: 480} }

// Notice is the link of a notice by which its reader says "this was not me". What it
// undoes stands in its stored half.
type Notice struct {
	Common
	Address string `cbor:"20,keyasint"` // where the notice went
}

func (Notice) link() form { return form{name: "notice", size: 480} }

// Recovery lets whoever showed a recovery code bind a passkey, and do nothing else.
type Recovery struct {
	Common
	HeldUntil int64 `cbor:"20,keyasint,omitempty"` // Unix milliseconds; 0: the passkey is not held
}

func (Recovery) link() form { return form{name: "recovery", size: 256} }
