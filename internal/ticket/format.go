package ticket

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
)

// The format of a ticket:
//
//	format (1) ‖ root version (4) ‖ server version (4) ‖ id (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
//
// One key per ticket: K(ticket) with info {"ticket/v1", deployment, store epoch,
// door, purpose, id}. The header and the RP ID are associated data. Inside, the
// length of the content (2) stands before the content, and zeros after it.
const (
	ticketFormat = 1
	versionEnd   = 1 + 8
	headerSize   = versionEnd + 16
	overhead     = headerSize + seal.SubOverhead + 2
)

// minSecret is the length below which a ceremony cookie's secret could be guessed.
const minSecret = 16

// envelope is what is sealed.
type envelope[T any] struct {
	Issued  int64  `cbor:"1,keyasint"` // Unix milliseconds
	Expires int64  `cbor:"2,keyasint"`
	Bind    []byte `cbor:"3,keyasint,omitempty"` // hash of what the client must show again
	Body    T      `cbor:"4,keyasint"`
}

// Mint makes a ticket for the client that asks. The life is above zero and at most
// MaxLife. Door and RPID of t are required. Errors are *Error, or of the sealer's
// keys and randomness.
func Mint[T Purposeful, P settable[T]](s *Sealer, c Client, t T, life time.Duration, now time.Time) ([]byte, error) {
	if c.Mode != ModeCookie && c.Mode != ModeToken {
		return nil, &Error{Code: CodeInvalid, Err: fmt.Errorf("mode %q", c.Mode)}
	}
	if c.Mode == ModeCookie && len(c.Secret) < minSecret {
		return nil, &Error{Code: CodeInvalid, Err: fmt.Errorf("a cookie secret of %d bytes", len(c.Secret))}
	}
	if life > MaxLife {
		return nil, &Error{Code: CodeInvalid, Err: fmt.Errorf("a life of %v", life)}
	}
	common := P(&t).common()
	common.Mode, common.ID = c.Mode, [16]byte{}
	return mint[T, P](s, t.challenge(), &envelope[T]{Bind: bind(c.Mode, c), Body: t}, life, now)
}

// MintLink makes a link, and returns what it says, ID and Expires included: its
// caller puts the stored half. The life is above zero and at most MaxLinkLife.
func MintLink[T Linked, P settable[T]](s *Sealer, t T, life time.Duration, now time.Time) ([]byte, T, error) {
	if life > MaxLinkLife {
		return nil, t, &Error{Code: CodeInvalid, Err: fmt.Errorf("a life of %v", life)}
	}
	c := P(&t).common()
	c.Mode, c.ID = "", [16]byte{}
	e := &envelope[T]{Body: t}
	raw, err := mint[T, P](s, t.link(), e, life, now)
	return raw, e.Body, err
}

// MintLinkAs makes the link with the given ID and times, so that one that is made again
// is spent with the first: the same ID and Expires are one spend. The expiry is in
// milliseconds.
func MintLinkAs[T Linked, P settable[T]](s *Sealer, t T, id [16]byte, issued, expires time.Time) ([]byte, error) {
	life := expires.Sub(issued)
	if id == [16]byte{} || life > MaxLinkLife {
		return nil, &Error{Code: CodeInvalid, Err: fmt.Errorf("a link without ID, or with a life of %v", life)}
	}
	c := P(&t).common()
	c.Mode, c.ID = "", id
	return mint[T, P](s, t.link(), &envelope[T]{Body: t}, life, issued)
}

// Open opens a challenge that the client shows. The caller names the purpose by T,
// and door and RP ID in w. Errors are *Error, judged in the order CodeUnknown,
// CodeExpired, CodeMismatch.
func Open[T Purposeful, P settable[T]](s *Sealer, raw []byte, w Want) (T, error) {
	var none T
	e, err := open[T, P](s, none.challenge(), raw, w)
	if err != nil {
		return none, err
	}
	mode := P(&e.Body).common().Mode
	known := mode == ModeCookie || mode == ModeToken
	if !known || subtle.ConstantTimeCompare(e.Bind, bind(mode, w.Client)) != 1 {
		return none, &Error{Code: CodeMismatch}
	}
	return e.Body, nil
}

// OpenLink opens a link. w.Client is not looked at: whoever holds a link may use
// it once. Errors are *Error: CodeUnknown, CodeExpired.
func OpenLink[T Linked, P settable[T]](s *Sealer, raw []byte, w Want) (T, error) {
	var none T
	e, err := open[T, P](s, none.link(), raw, w)
	if err != nil {
		return none, err
	}
	return e.Body, nil
}

// bind is what a ticket keeps of its client. A hash keeps its length, whatever the
// length of an origin; that an origin was sent is hashed with it.
func bind(mode string, c Client) []byte {
	h := sha256.New()
	h.Write([]byte("ticket-client/v1\x00" + mode + "\x00"))
	switch {
	case mode == ModeCookie:
		h.Write(c.Secret)
	case c.OriginSent:
		h.Write([]byte("sent\x00" + c.Origin))
	}
	return h.Sum(nil)
}

func mint[T any, P settable[T]](s *Sealer, f form, e *envelope[T], life time.Duration, now time.Time) ([]byte, error) {
	c := P(&e.Body).common()
	if c.Door == "" || c.RPID == "" || life < time.Millisecond {
		return nil, &Error{Code: CodeInvalid, Err: fmt.Errorf("a ticket without door, RP ID or life")}
	}
	e.Issued, e.Expires = now.UnixMilli(), now.Add(life).UnixMilli()
	c.Issued, c.Expires = time.UnixMilli(e.Issued).UTC(), time.UnixMilli(e.Expires).UTC()
	if c.ID == [16]byte{} {
		if _, err := io.ReadFull(s.random, c.ID[:]); err != nil {
			return nil, fmt.Errorf("ticket: drawing an id: %w", err)
		}
	}
	content, err := s.enc.Marshal(e)
	if err != nil {
		return nil, &Error{Code: CodeInvalid, Err: err}
	}
	size := f.size
	if overhead+len(content) <= f.usual {
		size = f.usual
	}
	if overhead+len(content) > size {
		return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("%d bytes too many", overhead+len(content)-size)}
	}
	padded := make([]byte, size-headerSize-seal.SubOverhead)
	binary.BigEndian.PutUint16(padded, uint16(len(content)))
	copy(padded[2:], content)

	v := s.keys.Primary()
	header := append(v.Append(append(make([]byte, 0, size), ticketFormat)), c.ID[:]...)
	raw, err := s.keys.SealSub(header, s.sub(v, f, header, c), padded)
	if err != nil {
		return nil, fmt.Errorf("ticket: sealing: %w", err)
	}
	return raw, nil
}

// fits tells whether a ticket of the form may be so many bytes long.
func (f form) fits(n int) bool { return n == f.size || f.usual > 0 && n == f.usual }

func open[T any, P settable[T]](s *Sealer, f form, raw []byte, w Want) (*envelope[T], error) {
	if !f.fits(len(raw)) || raw[0] != ticketFormat || w.Door == "" || w.RPID == "" {
		return nil, &Error{Code: CodeUnknown}
	}
	v, _ := seal.ParseVersion(raw[1:versionEnd])
	outer := Common{ID: [16]byte(raw[versionEnd:headerSize]), Door: w.Door, RPID: w.RPID}
	padded, err := s.keys.OpenSub(s.sub(v, f, raw[:headerSize], &outer), raw[headerSize:])
	if err != nil {
		return nil, &Error{Code: CodeUnknown, Err: err}
	}
	n := int(binary.BigEndian.Uint16(padded))
	if n > len(padded)-2 {
		return nil, &Error{Code: CodeUnknown}
	}
	var e envelope[T]
	if err := s.dec.Unmarshal(padded[2:2+n], &e); err != nil {
		return nil, &Error{Code: CodeUnknown, Err: err}
	}
	c := P(&e.Body).common()
	c.ID, c.Door, c.RPID = outer.ID, outer.Door, outer.RPID
	c.Issued, c.Expires = time.UnixMilli(e.Issued).UTC(), time.UnixMilli(e.Expires).UTC()
	if c.Issued.After(w.Now.Add(MaxSkew)) || c.Expires.Before(w.Now) {
		return nil, &Error{Code: CodeExpired}
	}
	return &e, nil
}

func (s *Sealer) sub(v seal.Version, f form, header []byte, c *Common) seal.Sub {
	return seal.Sub{
		Version: v,
		Info:    [][]byte{[]byte("ticket/v1"), s.deployment, s.epoch, []byte(c.Door), []byte(f.name), c.ID[:]},
		AD:      [][]byte{header, []byte(c.RPID)},
	}
}
