// Package record is the only translation between a row and a fact.
//
// It owns the key ring (founding, loading, refreshing), the encoding of facts, and
// what each body is sealed under. On the way in it seals; on the way out it opens,
// authenticates and compares every column copied out for queries. Account,
// Credential and Session have private fields and come only from here: whoever
// holds one has had it checked.
//
// It hides keys, ciphertexts and codecs: nobody above sees inside a Body, and no
// key leaves, only one narrow function per keyed thing.
//
// It never judges policy, never changes rows on its own except to found a store's
// keys, and never takes absence for permission: a row that is empty, sealed by
// somebody else, or moved is *Tampered.
package record

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

// Keys is what the vault needs of a store.
type Keys interface{ store.Keys }

// Config is what a vault is opened with. All fields are required.
type Config struct {
	Store  Keys
	Server seal.ServerKey // S
	KMS    seal.KMS       // wraps R; seal.NoKMS(Server) says plainly that there is none
	Now    func() time.Time
	Rand   io.Reader
}

// Vault seals and opens rows. It is safe for concurrent use.
type Vault struct {
	cfg        Config
	codec      codec
	deployment []byte
	epoch      []byte
	ring       *seal.Ring
	index      *seal.Index
	link       *seal.Purpose
	tickets    *seal.Purpose
	refreshing *seal.Purpose
	purposes   map[store.Table]*seal.Purpose

	mu      sync.Mutex // guards what follows, and is held while key rows are read
	roots   map[uint32]root
	refresh time.Time // when key rows were last read
}

// Open loads the key ring of a store, or founds it in a store that has neither
// keys nor markers. Founding is one PutKeys: of two processes that race, one
// founds and the other loads. Errors are *KeyError when the keys do not fit the
// store, *Tampered when a key or marker row is not what was sealed, and the
// store's own otherwise. A store is never founded again.
func Open(ctx context.Context, c Config) (*Vault, error) {
	if c.Store == nil || c.KMS == nil || c.Now == nil || c.Rand == nil {
		return nil, &KeyError{Code: CodeConfig, Detail: "a vault needs a store, a server key, a KMS, a clock and randomness"}
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	v := &Vault{cfg: c, codec: codec}
	for range 3 {
		held, err := readKeys(ctx, c.Store)
		if err != nil {
			return nil, err
		}
		if !held.empty() {
			if err := v.load(ctx, held); err != nil {
				return nil, err
			}
			return v, nil
		}
		err = v.found(ctx)
		if err != nil && !errors.Is(err, store.ErrTaken) {
			return nil, err
		}
	}
	return nil, &KeyError{Code: CodeKeysMissing, Detail: "the store does not keep the keys that were put into it"}
}

// Refresh reads the key rows again: new roots become usable, retired ones stop
// sealing, those gone stop opening. When it fails the ring stays as it was.
func (v *Vault) Refresh(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.reload(ctx)
}

// refreshTimeout bounds the read that an unknown version triggers: the caller
// waits for it, and has no context of its own.
const refreshTimeout = 2 * time.Second

// missing is the ring's cry for an unknown root. Strangers choose the version that
// stands in a ticket, so it reads at most once a second.
func (v *Vault) missing() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.cfg.Now(); now.Sub(v.refresh).Abs() < time.Second {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
	defer cancel()
	// A failure leaves the ring as it was, and the version that was asked for unknown.
	_ = v.reload(ctx)
}

// Deployment is the random name of this store's founding. It enters every key.
func (v *Vault) Deployment() []byte { return slices.Clone(v.deployment) }

// Epoch is the store epoch: drawn anew whenever a store forgets what was spent.
func (v *Vault) Epoch() []byte { return slices.Clone(v.epoch) }

// TicketKeys is the handle that package ticket seals with.
func (v *Vault) TicketKeys() *seal.Purpose { return v.tickets }

// sealBody seals facts as the body of the row of table under key at version.
func (v *Vault) sealBody(table store.Table, key []byte, version uint64, plaintext []byte) ([]byte, error) {
	return v.purposes[table].Seal(bodyAD(table, key, version), nil, plaintext)
}

func (v *Vault) openBody(table store.Table, row store.Row) ([]byte, error) {
	return v.purposes[table].Open(bodyAD(table, row.Key, row.Version), nil, row.Body)
}

// bodyAD binds a body to its place: table, primary key, edition.
func bodyAD(table store.Table, key []byte, version uint64) [][]byte {
	return [][]byte{[]byte(table), []byte("body"), key, number(version)}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func instant(t time.Time) []byte { return number(uint64(t.UnixMilli())) }

// errColumns is the cause of a *Tampered whose seal opened but whose columns, or
// whose place, say something else.
var errColumns = errors.New("columns do not say what is sealed")
