package webauthntest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// What an authenticator or its client declines to do. A browser shows a page
// InvalidStateError for ErrExcluded, TypeError or EncodingError for ErrOptions,
// and NotAllowedError for the others.
var (
	// ErrExcluded: excludeCredentials names a credential of this authenticator.
	ErrExcluded = errors.New("webauthntest: this authenticator holds an excluded credential")
	// ErrNoCredential: no credential here answers the request.
	ErrNoCredential = errors.New("webauthntest: no credential for this request")
	// ErrAlgorithm: none of the algorithms asked for is one of the model's.
	ErrAlgorithm = errors.New("webauthntest: no algorithm in common")
	// ErrUserVerification: the options require it and the model has none.
	ErrUserVerification = errors.New("webauthntest: cannot verify the user")
	// ErrDiscoverable: the options require a discoverable credential and the model makes none.
	ErrDiscoverable = errors.New("webauthntest: cannot make a discoverable credential")
	// ErrOptions: the options are not what a browser accepts.
	ErrOptions = errors.New("webauthntest: options refused")
)

// Model says what kind of authenticator it is. The zero Model is a bare security
// key: ES256, no counter, no user verification, nothing discoverable.
type Model struct {
	AAGUID         [16]byte  // names the make; usually all zero
	Algorithms     []int64   // COSE algorithms it can make keys for; empty: ES256
	Counts         bool      // signature counter starts at 1 and rises by 1; false: always 0
	BackupEligible bool      // flag BE: a multi-device credential
	BackedUp       bool      // flag BS
	UserVerifying  bool      // it verifies its user in every ceremony, whatever was asked
	Discoverable   bool      // every credential is discoverable; false: none is
	Attestation    string    // "packed": self attestation; "" or "none"
	Transports     []string  // as getTransports() tells; "internal" among them: a platform authenticator
	Random         io.Reader // nil: crypto/rand; else keys, IDs and signatures follow from it alone
}

// Phone is the model of a synced passkey on the device itself.
func Phone() Model {
	return Model{
		Algorithms:     []int64{ES256, EdDSA, RS256},
		BackupEligible: true,
		BackedUp:       true,
		UserVerifying:  true,
		Discoverable:   true,
		Transports:     []string{"hybrid", "internal"},
	}
}

// SecurityKey is the model of a USB key with a PIN and a counter, whose credentials
// are found by a list of IDs only.
func SecurityKey() Model {
	return Model{
		Algorithms:    []int64{ES256, EdDSA},
		Counts:        true,
		UserVerifying: true,
		Attestation:   "packed",
		Transports:    []string{"nfc", "usb"},
	}
}

// Client is the page that asks: what a browser writes into the client data.
type Client struct {
	Origin      string // serialised origin of the page
	TopOrigin   string // origin of the top-level page when framed by another; else ""
	CrossOrigin bool   // the page is in a frame that is not same-origin with its ancestors
}

// Credential is what an authenticator knows of a key it made.
type Credential struct {
	ID           []byte
	RPID         string
	UserHandle   []byte
	UserName     string
	PublicKey    []byte // COSE key, canonical CBOR
	Algorithm    int64
	SignCount    uint32 // of the last answer
	Discoverable bool

	key *key
}

// Authenticator holds credentials and answers for them. It is safe for concurrent
// use.
type Authenticator struct {
	model  Model
	random io.Reader

	mu          sync.Mutex // guards what follows, and random
	credentials []*Credential
}

// New makes an authenticator without credentials.
func New(m Model) *Authenticator {
	if len(m.Algorithms) == 0 {
		m.Algorithms = []int64{ES256}
	}
	random := m.Random
	if random == nil {
		random = rand.Reader
	}
	return &Authenticator{model: m, random: random}
}

// Clone is a copy at this moment: the same keys, counters that go their own way
// from here.
func (a *Authenticator) Clone() *Authenticator {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &Authenticator{model: a.model, random: a.random}
	for _, cred := range a.credentials {
		copied := *cred
		c.credentials = append(c.credentials, &copied)
	}
	return c
}

// Credentials tells the credentials it holds, oldest first.
func (a *Authenticator) Credentials() []Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Credential, 0, len(a.credentials))
	for _, c := range a.credentials {
		list = append(list, *c)
	}
	return list
}

// Forget deletes a credential, as its owner would in the settings of the device.
func (a *Authenticator) Forget(id []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credentials = slices.DeleteFunc(a.credentials, func(c *Credential) bool { return bytes.Equal(c.ID, id) })
}

// holds tells whether one of ids is a credential here for rpID.
func (a *Authenticator) holds(rpID string, ids []descriptor) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.credentials, func(c *Credential) bool {
		return c.RPID == rpID && slices.ContainsFunc(ids, func(d descriptor) bool { return bytes.Equal(d.ID, c.ID) })
	})
}

// add makes a key pair and keeps the credential.
func (a *Authenticator) add(alg int64, rpID string, user userEntity, id []byte) (Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, err := newKey(alg, a.random)
	if err != nil {
		return Credential{}, err
	}
	if id == nil {
		id = make([]byte, 32)
		if _, err := io.ReadFull(a.random, id); err != nil {
			return Credential{}, fmt.Errorf("webauthntest: randomness: %w", err)
		}
	}
	public, err := encode(k.cose)
	if err != nil {
		return Credential{}, err
	}
	c := &Credential{
		ID: id, RPID: rpID, UserHandle: user.ID, UserName: *user.Name,
		PublicKey: public, Algorithm: alg, Discoverable: a.model.Discoverable, key: k,
	}
	if a.model.Counts {
		c.SignCount = 1
	}
	a.credentials = append(a.credentials, c)
	return *c, nil
}

// use finds the credential that answers and counts the use: the one named by
// force, else the youngest of allowed, else the youngest discoverable one.
func (a *Authenticator) use(rpID string, allowed []descriptor, force []byte) (Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range slices.Backward(a.credentials) {
		var fits bool
		switch {
		case force != nil:
			fits = bytes.Equal(c.ID, force)
		case len(allowed) > 0:
			fits = c.RPID == rpID && slices.ContainsFunc(allowed, func(d descriptor) bool { return bytes.Equal(d.ID, c.ID) })
		default:
			fits = c.RPID == rpID && c.Discoverable
		}
		if !fits {
			continue
		}
		if a.model.Counts {
			c.SignCount++
		}
		return *c, nil
	}
	return Credential{}, ErrNoCredential
}

// otherKey makes a key that belongs to no credential.
func (a *Authenticator) otherKey(alg int64) (*key, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return newKey(alg, a.random)
}

// flags are those the model sets in every answer.
func (a *Authenticator) flags() Flags {
	f := FlagUP
	if a.model.UserVerifying {
		f |= FlagUV
	}
	if a.model.BackupEligible {
		f |= FlagBE
	}
	if a.model.BackedUp {
		f |= FlagBS
	}
	return f
}

// attachment is the authenticatorAttachment that the client reports.
func (a *Authenticator) attachment() string {
	if slices.Contains(a.model.Transports, "internal") {
		return "platform"
	}
	return "cross-platform"
}
