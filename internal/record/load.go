package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/store"
)

// load opens what a store holds and makes the ring of it.
func (v *Vault) load(ctx context.Context, h held) error {
	if len(h.keys) == 0 {
		return &KeyError{Code: CodeKeysMissing, Detail: "the store has markers but no keys; restore them from a backup"}
	}
	deployment, roots, err := v.openRoots(ctx, h.keys)
	if err != nil {
		return err
	}
	keys, primary, err := pickPrimary(roots)
	if err != nil {
		return err
	}
	ring, err := seal.NewRing(seal.RingConfig{
		Deployment: deployment, Server: v.cfg.Server, Roots: keys, Primary: primary, Random: v.cfg.Rand, Missing: v.missing,
	})
	if err != nil {
		return &KeyError{Code: CodeConfig, Detail: "there is no usable server key", Err: err}
	}
	v.deployment, v.roots, v.refresh = deployment, roots, v.cfg.Now()
	v.useRing(ring)
	if err := v.loadIndex(h.keys); err != nil {
		return err
	}
	return v.loadEpoch(h.markers)
}

func (v *Vault) useRing(ring *seal.Ring) {
	v.ring = ring
	v.purposes = map[store.Table]*seal.Purpose{}
	for _, t := range []store.Table{
		store.TableAccounts, store.TableIdentifiers, store.TableCredentials, store.TableSessions,
		store.TableTickets, store.TableKeys, store.TableMarkers, store.TableEvents, store.TableMails,
	} {
		v.purposes[t] = ring.Purpose(string(t))
	}
	v.link = ring.Purpose("event-link")
	v.tickets = ring.Purpose("ticket")
	v.refreshing = ring.Purpose("refresh")
}

func (v *Vault) loadIndex(keys []store.Key) error {
	for _, k := range keys {
		if k.Kind != kindIndex {
			continue
		}
		if k.Number != 1 || !bytes.Equal(k.Key, keyRowKey(kindIndex, 1)) {
			return &Tampered{Code: codeKey, Key: k.Key, Err: errColumns}
		}
		ix, err := v.purposes[store.TableKeys].OpenIndex(bodyAD(store.TableKeys, k.Key, k.Version), k.Body)
		if err != nil {
			return &Tampered{Code: codeKey, Key: k.Key, Err: err}
		}
		v.index = ix
		return nil
	}
	return &KeyError{Code: CodeKeysMissing, Detail: "the store has no index key; restore it from a backup"}
}

func (v *Vault) loadEpoch(markers []store.Marker) error {
	for _, m := range markers {
		if m.Name != markerEpoch {
			continue
		}
		facts, err := openMarker[epochFacts](v, m)
		if err != nil {
			return err
		}
		if len(facts.Epoch) != epochSize {
			return &Tampered{Code: codeMarker, Key: m.Key, Err: errColumns}
		}
		v.epoch = facts.Epoch
		return nil
	}
	return &KeyError{Code: CodeEpochMissing, Detail: "the store has keys but no store epoch; restore it from a backup"}
}

// reload is Refresh with mu held.
func (v *Vault) reload(ctx context.Context) error {
	v.refresh = v.cfg.Now()
	keys, err := v.cfg.Store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("record: reading keys: %w", err)
	}
	deployment, roots, err := v.openRoots(ctx, keys)
	if err != nil {
		return err
	}
	if !bytes.Equal(deployment, v.deployment) {
		return &KeyError{Code: CodeKeysMissing, Detail: "the store was founded anew under this process; start it again"}
	}
	list, primary, err := pickPrimary(roots)
	if err != nil {
		return err
	}
	if err := v.ring.Replace(list, primary); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	v.roots = roots
	return nil
}

// openRoots opens all root rows. One whose edition is known is not unwrapped again:
// the KMS is asked once per process and edition.
func (v *Vault) openRoots(ctx context.Context, keys []store.Key) (deployment []byte, roots map[uint32]root, err error) {
	roots = map[uint32]root{}
	for _, k := range keys {
		if k.Kind != kindRoot {
			continue
		}
		body, err := decode[rootBody](v.codec, k.Body)
		if err != nil || !bytes.Equal(k.Key, keyRowKey(kindRoot, k.Number)) {
			return nil, nil, &Tampered{Code: codeKey, Key: k.Key, Err: errors.Join(errColumns, err)}
		}
		if deployment != nil && !bytes.Equal(deployment, body.Deployment) {
			return nil, nil, &Tampered{Code: codeKey, Key: k.Key, Err: errColumns}
		}
		deployment = body.Deployment
		if known, ok := v.roots[k.Number]; ok && known.version == k.Version {
			roots[k.Number] = known
			continue
		}
		if roots[k.Number], err = v.openRoot(ctx, k, body); err != nil {
			return nil, nil, err
		}
	}
	return deployment, roots, nil
}

func (v *Vault) openRoot(ctx context.Context, k store.Key, body rootBody) (root, error) {
	id := seal.RootID{Deployment: body.Deployment, Version: k.Number}
	key, err := seal.UnwrapRoot(ctx, v.cfg.KMS, body.Wrapped, id)
	if err != nil {
		return root{}, wrapFault(err)
	}
	ring, err := v.newRing(body.Deployment, key)
	if err != nil {
		return root{}, err
	}
	plain, err := ring.Purpose(string(store.TableKeys)).Open(bodyAD(store.TableKeys, k.Key, k.Version), nil, body.Life)
	if err != nil {
		return root{}, &KeyError{Code: CodeServerKey, Detail: fmt.Sprintf("root %d unwraps but its record does not open: this server key is not the one that the store was founded with, or the record was edited", k.Number), Err: err}
	}
	life, err := decode[rootLife](v.codec, plain)
	if err != nil {
		return root{}, &Tampered{Code: codeKey, Key: k.Key, Err: err}
	}
	return root{version: k.Version, key: key, life: life}, nil
}

// pickPrimary lists the roots and finds the one that seals. While a rotation is
// under way two rows may say primary; the newer one is meant.
func pickPrimary(roots map[uint32]root) (keys []seal.Root, primary uint32, err error) {
	for n, r := range roots {
		keys = append(keys, r.key)
		if r.life.Life == KeyPrimary {
			primary = max(primary, n)
		}
	}
	if primary == 0 {
		return nil, 0, &KeyError{Code: CodePrimaryAbsent, Detail: "the store has no primary root key; restore it from a backup"}
	}
	return keys, primary, nil
}
