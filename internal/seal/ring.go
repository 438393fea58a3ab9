package seal

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Root is a data root R: 32 random bytes, one version of them.
type Root struct {
	version uint32
	key     hidden[*[keySize]byte]
}

// Version is the number of this root.
func (r Root) Version() uint32 { return r.version }

// RootID names a root to the KMS: what its wrapping is bound to.
type RootID struct {
	Deployment []byte
	Version    uint32
}

func (id RootID) binding() map[string]string {
	return map[string]string{
		"deployment": hex.EncodeToString(id.Deployment),
		"purpose":    "root",
		"version":    strconv.FormatUint(uint64(id.Version), 10),
	}
}

// NewRoot draws a root from random and wraps it. Keep the wrapped bytes: they are
// all that a later process has.
func NewRoot(ctx context.Context, kms KMS, random io.Reader, id RootID) (Root, []byte, error) {
	key := new([keySize]byte)
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return Root{}, nil, fmt.Errorf("seal: drawing a root: %w", err)
	}
	wrapped, err := kms.Wrap(ctx, key[:], id.binding())
	if err != nil {
		return Root{}, nil, fmt.Errorf("seal: wrapping root %d: %w", id.Version, err)
	}
	return Root{version: id.Version, key: hide(key)}, wrapped, nil
}

// UnwrapRoot is the inverse of NewRoot. The error matches ErrWrap when the bytes
// are not that root's under the provider's key.
func UnwrapRoot(ctx context.Context, kms KMS, wrapped []byte, id RootID) (Root, error) {
	key, err := kms.Unwrap(ctx, wrapped, id.binding())
	if err != nil {
		return Root{}, fmt.Errorf("seal: unwrapping root %d: %w", id.Version, err)
	}
	if len(key) != keySize {
		return Root{}, fmt.Errorf("seal: unwrapping root %d: %w: %d bytes", id.Version, ErrWrap, len(key))
	}
	return Root{version: id.Version, key: hide((*[keySize]byte)(slices.Clone(key)))}, nil
}

// RingConfig is what a ring is made of.
type RingConfig struct {
	Deployment []byte    // enters every derived key
	Server     ServerKey // S; its primary version seals
	Roots      []Root
	Primary    uint32    // version of the root that seals
	Random     io.Reader // for record salts
	// Missing is called when a blob names a root that the ring lacks, before it is
	// refused; it may call Replace. It must bound itself, for strangers choose the
	// version in a ticket. Nil: nothing is tried.
	Missing func()
}

// Ring holds the versions of R and S and derives from them. It is safe for
// concurrent use.
type Ring struct {
	deployment []byte
	server     hidden[*secrets]
	random     io.Reader
	missing    func()
	current    atomic.Pointer[generation]
	idle       sync.Pool // of *derivation
}

// generation is one set of roots with what was derived from them. A root that is
// replaced away takes its derived keys with it.
type generation struct {
	roots   map[uint32]Root
	primary uint32
	derived table[derivedID, *purposeKeys]
}

type derivedID struct {
	purpose string
	version Version
}

// purposeKeys are K(purpose) and what is computed under it again and again.
type purposeKeys struct {
	key    hidden[[]byte]
	mac    *keyed // under K(purpose)
	expand *keyed // under HKDF-Extract(K(purpose)) without salt: the half of HKDF that all subkeys share
}

// NewRing makes a ring. It refuses a config without server key, deployment,
// randomness or primary root.
func NewRing(c RingConfig) (*Ring, error) {
	if c.Server.s == nil || len(c.Deployment) == 0 || c.Random == nil {
		return nil, errors.New("seal: a ring needs a server key, a deployment and randomness")
	}
	r := &Ring{deployment: slices.Clone(c.Deployment), server: c.Server.s, random: c.Random, missing: c.Missing}
	r.idle.New = func() any { return new(derivation) }
	if err := r.Replace(c.Roots, c.Primary); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace exchanges the roots. Blobs under a root that is no longer there do not
// open any more.
func (r *Ring) Replace(roots []Root, primary uint32) error {
	g := &generation{roots: make(map[uint32]Root, len(roots)), primary: primary}
	for _, root := range roots {
		if root.key == nil || g.roots[root.version].key != nil {
			return fmt.Errorf("seal: root %d is empty or there twice", root.version)
		}
		g.roots[root.version] = root
	}
	if g.roots[primary].key == nil {
		return &VersionError{Version{Root: primary, Server: r.server().primary}}
	}
	r.current.Store(g)
	return nil
}

// Primary is the version that seals now.
func (r *Ring) Primary() Version {
	return Version{Root: r.current.Load().primary, Server: r.server().primary}
}

// Purpose is a handle to the keys of one purpose. Purposes are independent: what
// one seals no other opens.
func (r *Ring) Purpose(name string) *Purpose { return &Purpose{ring: r, name: name} }

// keys are those of a purpose under a version. *VersionError when the ring lacks it.
func (r *Ring) keys(purpose string, v Version) (*purposeKeys, error) {
	g := r.current.Load()
	id := derivedID{purpose, v}
	if k, ok := g.derived.get(id); ok {
		return k, nil
	}
	if g.roots[v.Root].key == nil && r.missing != nil {
		r.missing()
		g = r.current.Load()
	}
	root, server := g.roots[v.Root].key, r.server().keys[v.Server]
	if root == nil || server == nil {
		return nil, &VersionError{v}
	}
	key, err := r.derive(purpose, root()[:], server)
	if err != nil {
		return nil, err
	}
	extracted, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving a purpose key: %w", err)
	}
	k := &purposeKeys{key: hide(key), mac: newKeyed(key), expand: newKeyed(extracted)}
	g.derived.put(id, k)
	return k, nil
}

// derivation is memory to derive a record's key in. Whoever is done gives it back.
func (r *Ring) derivation() *derivation { return r.idle.Get().(*derivation) }

func (r *Ring) done(d *derivation) {
	d.text = kept(d.text)
	r.idle.Put(d)
}

// derive is K(purpose) = HKDF-SHA-256(R ‖ S, info = L{"seal/v1", purpose, deployment}).
func (r *Ring) derive(purpose string, root, server []byte) ([]byte, error) {
	info := join([]byte("seal/v1"), []byte(purpose), r.deployment)
	key, err := hkdf.Key(sha256.New, slices.Concat(root, server), nil, string(info), keySize)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving a purpose key: %w", err)
	}
	return key, nil
}
