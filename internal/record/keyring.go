package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

// Names of key kinds and markers in the store. They are for ever.
const (
	kindRoot       = "root"
	kindIndex      = "index"
	markerEpoch    = "store_epoch"
	markerFirst    = "awaiting_first_administrator"
	codeKey        = "key_record_tampered"
	codeMarker     = "marker_record_tampered"
	deploymentSize = 16
	epochSize      = 32
)

// Codes of KeyError.
const (
	CodeConfig        = "keys_not_configured"
	CodeServerKey     = "server_key_wrong"
	CodeKMSKey        = "kms_key_wrong"
	CodeKeysMissing   = "keys_missing"
	CodeEpochMissing  = "store_epoch_missing"
	CodePrimaryAbsent = "primary_root_missing"
)

// KeyError says that the keys at hand and the store do not fit together. An
// operator must look: nothing is founded, guessed or overwritten.
type KeyError struct {
	Code   string
	Detail string
	Err    error
}

func (e *KeyError) Error() string { return "record: " + e.Code + ": " + e.Detail }

func (e *KeyError) Unwrap() error { return e.Err }

// held is what a store holds of keys and markers.
type held struct {
	keys    []store.Key
	markers []store.Marker
}

func (h held) empty() bool { return len(h.keys) == 0 && len(h.markers) == 0 }

// readKeys reads markers, then keys. Both are put in one verb, so a reader that
// came between the two reads of a founding sees one half; the second look tells.
func readKeys(ctx context.Context, s Keys) (h held, err error) {
	for range 2 {
		if h.markers, err = s.Markers(ctx); err != nil {
			return held{}, fmt.Errorf("record: reading markers: %w", err)
		}
		if h.keys, err = s.Keys(ctx); err != nil {
			return held{}, fmt.Errorf("record: reading keys: %w", err)
		}
		if (len(h.keys) == 0) == (len(h.markers) == 0) {
			break
		}
	}
	return h, nil
}

// rootBody is the body of a root's row. It must be read before any key is there,
// so only Life is sealed; the rest is bound by the wrapping.
type rootBody struct {
	Deployment []byte `cbor:"1,keyasint"`
	Wrapped    []byte `cbor:"2,keyasint"`
	Life       []byte `cbor:"3,keyasint"` // rootLife, sealed under this very root
}

type rootLife struct {
	Life  KeyLife   `cbor:"1,keyasint"`
	Since time.Time `cbor:"2,keyasint"`
}

// root is a root that has been opened, with the edition of its row.
type root struct {
	version uint64
	key     seal.Root
	life    rootLife
}

// epochFacts and firstFacts are what the markers say.
type epochFacts struct {
	Epoch []byte    `cbor:"1,keyasint"`
	Since time.Time `cbor:"2,keyasint"`
}

type firstFacts struct {
	Since time.Time `cbor:"1,keyasint"`
}

// found draws root, index root, deployment and epoch, and puts them into the store.
func (v *Vault) found(ctx context.Context) error {
	deployment, epoch := make([]byte, deploymentSize), make([]byte, epochSize)
	for _, b := range [][]byte{deployment, epoch} {
		if _, err := io.ReadFull(v.cfg.Rand, b); err != nil {
			return fmt.Errorf("record: founding: %w", err)
		}
	}
	now := milli(v.cfg.Now())
	first, wrapped, err := seal.NewRoot(ctx, v.cfg.KMS, v.cfg.Rand, seal.RootID{Deployment: deployment, Version: 1})
	if err != nil {
		return fmt.Errorf("record: founding: %w", err)
	}
	ring, err := v.newRing(deployment, first)
	if err != nil {
		return err
	}
	rootRow, err := v.sealRoot(ring, rootBody{Deployment: deployment, Wrapped: wrapped}, 1, rootLife{KeyPrimary, now})
	if err != nil {
		return err
	}
	index := store.Key{Kind: kindIndex, Number: 1, Row: store.Row{Key: keyRowKey(kindIndex, 1), Version: 1}}
	_, index.Body, err = ring.Purpose(string(store.TableKeys)).NewIndex(bodyAD(store.TableKeys, index.Key, 1))
	if err != nil {
		return fmt.Errorf("record: founding: %w", err)
	}
	epochRow, err := sealMarker(v.codec, ring, markerEpoch, epochFacts{Epoch: epoch, Since: now})
	if err != nil {
		return err
	}
	firstRow, err := sealMarker(v.codec, ring, markerFirst, firstFacts{Since: now})
	if err != nil {
		return err
	}
	return v.cfg.Store.PutKeys(ctx, []store.Key{rootRow, index}, []store.Marker{epochRow, firstRow})
}

// newRing makes a ring of one root, which seals.
func (v *Vault) newRing(deployment []byte, only seal.Root) (*seal.Ring, error) {
	ring, err := seal.NewRing(seal.RingConfig{
		Deployment: deployment, Server: v.cfg.Server, Roots: []seal.Root{only}, Primary: only.Version(), Random: v.cfg.Rand,
	})
	if err != nil {
		return nil, &KeyError{Code: CodeConfig, Detail: "there is no usable server key", Err: err}
	}
	return ring, nil
}

// sealRoot makes the row of ring's only root at version.
func (v *Vault) sealRoot(ring *seal.Ring, body rootBody, version uint64, life rootLife) (store.Key, error) {
	n := ring.Primary().Root
	k := store.Key{Kind: kindRoot, Number: n, Row: store.Row{Key: keyRowKey(kindRoot, n), Version: version}}
	plain, err := encode(v.codec, life)
	if err != nil {
		return store.Key{}, err
	}
	body.Life, err = ring.Purpose(string(store.TableKeys)).Seal(bodyAD(store.TableKeys, k.Key, version), nil, plain)
	if err != nil {
		return store.Key{}, err
	}
	k.Body, err = encode(v.codec, body)
	return k, err
}

func sealMarker[T any](c codec, ring *seal.Ring, name string, facts T) (store.Marker, error) {
	return sealMarkerAt(c, ring, store.Marker{Name: name, Row: store.Row{Key: []byte(name), Version: 1}}, facts)
}

// sealMarkerAt fills in the body of m, which says where it stands and in which edition.
func sealMarkerAt[T any](c codec, ring *seal.Ring, m store.Marker, facts T) (store.Marker, error) {
	plain, err := encode(c, facts)
	if err != nil {
		return store.Marker{}, err
	}
	m.Body, err = ring.Purpose(string(store.TableMarkers)).Seal(bodyAD(store.TableMarkers, m.Key, m.Version), nil, plain)
	return m, err
}

func openMarker[T any](v *Vault, m store.Marker) (T, error) {
	var zero T
	if string(m.Key) != m.Name {
		return zero, &Tampered{Code: codeMarker, Key: m.Key, Err: errColumns}
	}
	plain, err := v.openBody(store.TableMarkers, m.Row)
	if err != nil {
		return zero, &Tampered{Code: codeMarker, Key: m.Key, Err: err}
	}
	facts, err := decode[T](v.codec, plain)
	if err != nil {
		return zero, &Tampered{Code: codeMarker, Key: m.Key, Err: err}
	}
	return facts, nil
}

func keyRowKey(kind string, n uint32) []byte { return fmt.Appendf(nil, "%s/%d", kind, n) }

// AwaitingAdministrator reads the marker that permits the first administrator. ok
// is false when it is not there any more. *Tampered when it is there and not ours.
func (v *Vault) AwaitingAdministrator(ctx context.Context) (ref store.Ref, ok bool, err error) {
	markers, err := v.cfg.Store.Markers(ctx)
	if err != nil {
		return store.Ref{}, false, fmt.Errorf("record: reading markers: %w", err)
	}
	for _, m := range markers {
		if m.Name != markerFirst {
			continue
		}
		if _, err := openMarker[firstFacts](v, m); err != nil {
			return store.Ref{}, false, err
		}
		return store.Ref{Key: m.Key, Version: m.Version}, true, nil
	}
	return store.Ref{}, false, nil
}

// wrapFault names the key that does not fit.
func wrapFault(err error) error {
	switch {
	case errors.Is(err, seal.ErrServerKey):
		return &KeyError{Code: CodeServerKey, Detail: "the store's root does not unwrap: this server key is not the one that the store was founded with", Err: err}
	case errors.Is(err, seal.ErrWrap):
		return &KeyError{Code: CodeKMSKey, Detail: "the store's root does not unwrap: this KMS key is not the one that the store was founded with", Err: err}
	}
	return fmt.Errorf("record: %w", err)
}
