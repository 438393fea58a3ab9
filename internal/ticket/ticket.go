// Package ticket makes and opens sealed single-use tickets: state that nobody has
// to store. The challenge of a WebAuthn ceremony is such a ticket.
//
// It owns the format of a ticket, the closed set of purposes with what each says,
// and the order in which a ticket is judged: it opens, it lives, it is shown by the
// client that asked for it. It hides keys, encoding and padding: tickets of one
// purpose have one length, whatever they say.
//
// It never stores or spends (Common.Spend names what a store verb spends), never
// tries one key after another, and never judges what a ticket permits: policy,
// epochs and stored halves are its callers'.
package ticket

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

// Modes of a client: how its session will be carried, chosen when it asks.
const (
	ModeCookie = "cookie"
	ModeToken  = "token"
)

// MaxLife is the longest life of a ticket that nothing stored can call back.
const MaxLife = 15 * time.Minute

// MaxLinkLife is the longest life of a link; its stored half can be revoked.
const MaxLinkLife = 31 * 24 * time.Hour

// MaxSkew is how far ahead of ours the clock that minted a ticket may be.
const MaxSkew = 60 * time.Second

// Codes of Error.
const (
	// CodeUnknown: it does not open. Forged, or of another purpose, door, RP ID,
	// deployment or store epoch: which, cannot be told.
	CodeUnknown = "challenge_unknown"
	// CodeExpired: its life is over, or begins more than MaxSkew from now.
	CodeExpired = "challenge_expired"
	// CodeMismatch: shown by another client than the one that asked.
	CodeMismatch = "challenge_mismatch"
	// CodeTooLarge: what it should say does not fit into its purpose's length.
	CodeTooLarge = "challenge_too_large"
	// CodeInvalid: the caller asked for a ticket that may not exist.
	CodeInvalid = "challenge_invalid"
)

// Error says why a ticket was not made or is refused.
type Error struct {
	Code string
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "ticket: " + e.Code
	}
	return "ticket: " + e.Code + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Is matches an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Common is what every ticket says. Mint draws ID and sets Issued, Expires and
// Mode; the caller sets the rest.
type Common struct {
	ID           [16]byte  `cbor:"-"`
	Door         string    `cbor:"-"` // bound, not said: it comes back from Want
	RPID         string    `cbor:"-"` // bound, not said: it comes back from Want
	Issued       time.Time `cbor:"-"` // milliseconds
	Expires      time.Time `cbor:"-"` // milliseconds
	Mode         string    `cbor:"1,keyasint,omitempty"`
	Account      [16]byte  `cbor:"2,keyasint,omitzero"` // zero: none
	AccountKnown bool      `cbor:"3,keyasint,omitempty"`
	TicketEpoch  uint64    `cbor:"4,keyasint,omitempty"`
	SessionEpoch uint64    `cbor:"5,keyasint,omitempty"`
	Session      [16]byte  `cbor:"6,keyasint,omitzero"` // zero: nobody is signed in
	Scope        string    `cbor:"7,keyasint,omitempty"`
	Team         []byte    `cbor:"8,keyasint,omitempty"` // the team's own bytes, for the signature to cover
}

// Spend names the ticket to the verb that it permits.
func (c Common) Spend() store.Spend { return store.Spend{ID: c.ID, Expires: c.Expires} }

func (c *Common) common() *Common { return c }

// Client is the client that asks for a ticket, or shows one.
type Client struct {
	Mode       string // at mint: ModeCookie or ModeToken; ignored at open, where the sealed mode decides
	Secret     []byte // of the ceremony cookie; decides in cookie mode
	Origin     string // of the call; decides in token mode
	OriginSent bool   // the absence of an Origin is a value
}

// Want is what the caller of Open knows without the ticket. Door and RPID are
// required: a ticket of another does not open.
type Want struct {
	Door   string
	RPID   string
	Client Client // as presented; not looked at for links
	Now    time.Time
}

// Config is what a sealer is made of. All fields are required.
type Config struct {
	Keys       *seal.Purpose
	Deployment []byte
	Epoch      []byte    // the store epoch
	Rand       io.Reader // for IDs
}

// Sealer mints and opens tickets. It is safe for concurrent use if Rand is.
type Sealer struct {
	keys       *seal.Purpose
	deployment []byte
	epoch      []byte
	random     io.Reader
	enc        cbor.EncMode
	dec        cbor.DecMode
}

// New makes a sealer.
func New(c Config) (*Sealer, error) {
	if c.Keys == nil || len(c.Deployment) == 0 || len(c.Epoch) == 0 || c.Rand == nil {
		return nil, errors.New("ticket: a sealer needs keys, a deployment, an epoch and randomness")
	}
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	return &Sealer{
		keys:       c.Keys,
		deployment: slices.Clone(c.Deployment),
		epoch:      slices.Clone(c.Epoch),
		random:     c.Rand,
		enc:        enc,
		dec:        dec,
	}, nil
}
