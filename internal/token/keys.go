package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// refreshEvery bounds how often an unknown key identifier makes us read the keys
// again: anybody can send one.
const refreshEvery = time.Second

// ring is what a process knows of a door's signing keys.
type ring struct {
	mu      sync.RWMutex
	keys    map[string]jose.JSONWebKey // public, by kid
	order   []string                   // oldest first
	last    uint32                     // highest number in use
	primary *signers                   // nil: none for the algorithm that is set
	read    time.Time
}

// signers sign with one key, a type of token each.
type signers struct{ access, id signer }

func (r *ring) signers() (s signers, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.primary == nil {
		return signers{}, false
	}
	return *r.primary, true
}

func (r *ring) next() uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.last + 1
}

func (r *ring) key(kid string) (jose.JSONWebKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	key, ok := r.keys[kid]
	return key, ok
}

func (r *ring) public() []jose.JSONWebKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	keys := make([]jose.JSONWebKey, 0, len(r.order))
	for _, kid := range r.order {
		keys = append(keys, r.keys[kid])
	}
	return keys
}

// found loads the door's keys, and puts one when none is primary for the algorithm
// that is set. Of two processes that start at once, one wins the unique insert and
// both use its key.
func (i *Issuer) found(ctx context.Context) error {
	for range 3 {
		if err := i.Refresh(ctx); err != nil {
			return err
		}
		if _, ok := i.ring.signers(); ok {
			return nil
		}
		err := i.putKey(ctx, i.ring.next())
		if err != nil && !errors.Is(err, store.ErrTaken) {
			return err
		}
	}
	return errors.New("token: the store does not keep the signing key that was put into it")
}

func (i *Issuer) putKey(ctx context.Context, number uint32) error {
	private, err := i.generate()
	if err != nil {
		return fmt.Errorf("token: generate a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("token: encode a key: %w", err)
	}
	row, err := i.cfg.Vault.SealSigningKey(record.SigningKey{
		Number: number, Issuer: i.cfg.Door, Algorithm: i.cfg.Algorithm, PKCS8: der,
		Life: record.KeyPrimary, Since: i.cfg.Now(),
	})
	if err != nil {
		return fmt.Errorf("token: seal a key: %w", err)
	}
	if err := i.cfg.Store.PutKeys(ctx, []store.Key{row}, nil); err != nil {
		return fmt.Errorf("token: put a key: %w", err)
	}
	return nil
}

func (i *Issuer) generate() (crypto.Signer, error) {
	if jose.SignatureAlgorithm(i.cfg.Algorithm) == jose.EdDSA {
		_, private, err := ed25519.GenerateKey(i.cfg.Rand)
		return private, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), i.cfg.Rand)
}

// Refresh reads the signing keys again.
func (i *Issuer) Refresh(ctx context.Context) error {
	rows, err := i.cfg.Store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("token: read keys: %w", err)
	}
	next := &ring{keys: make(map[string]jose.JSONWebKey)}
	for _, row := range rows {
		if row.Kind != record.SigningKind(i.cfg.Door) {
			continue
		}
		stored, err := i.cfg.Vault.OpenSigningKey(row)
		var tampered *record.Tampered
		if errors.As(err, &tampered) {
			i.cfg.Audit.Alarm(ctx, audit.Caller{}, tampered.Code, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("token: open key: %w", err)
		}
		if err := next.add(stored, i.cfg.Algorithm, i.cfg.Rand); err != nil {
			return err
		}
	}
	i.ring.mu.Lock()
	defer i.ring.mu.Unlock()
	i.ring.keys, i.ring.order, i.ring.last, i.ring.primary = next.keys, next.order, next.last, next.primary
	i.ring.read = i.cfg.Now()
	return nil
}

// add takes a stored key into a ring that is being built. The newest primary key of
// the algorithm that is set signs; the others verify.
func (r *ring) add(stored record.SigningKey, algorithm string, random io.Reader) error {
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	if err != nil {
		return fmt.Errorf("token: parse key %d: %w", stored.Number, err)
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return fmt.Errorf("token: key %d cannot sign", stored.Number)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: stored.Algorithm, Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return fmt.Errorf("token: thumbprint of key %d: %w", stored.Number, err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	r.keys[public.KeyID] = public
	r.order = append(r.order, public.KeyID)
	r.last = max(r.last, stored.Number)
	if stored.Life != record.KeyPrimary || stored.Algorithm != algorithm {
		return nil
	}
	access, err := newSigner(private, public, typeAccess, random)
	if err != nil {
		return err
	}
	id, err := newSigner(private, public, typeID, random)
	r.primary = &signers{access: access, id: id}
	return err
}

// lookup finds a key by its identifier, reading the keys again when it is not known.
func (i *Issuer) lookup(ctx context.Context, kid string) (jose.JSONWebKey, bool) {
	if key, ok := i.ring.key(kid); ok {
		return key, true
	}
	i.ring.mu.RLock()
	fresh := i.cfg.Now().Sub(i.ring.read).Abs() < refreshEvery
	i.ring.mu.RUnlock()
	if fresh || i.Refresh(ctx) != nil {
		return jose.JSONWebKey{}, false
	}
	return i.ring.key(kid)
}

// algorithms are those that our keys may sign with; a token naming another does not
// even parse. Which of them counts is the key's to say.
func algorithms() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA} }

// canonical tells whether a compact token is the one text of its bytes: three parts,
// base64url without padding and with zero trailing bits; go-jose is laxer. It does not
// make a token unique: whoever has an ES256 signature (r, s) can write down (r, n−s),
// which is as good. Remember tokens by their jti, never by their text.
func canonical(token string) bool {
	parts := strings.Split(token, ".")
	return len(parts) == 3 && !slices.ContainsFunc(parts, func(part string) bool {
		_, err := base64.RawURLEncoding.Strict().DecodeString(part)
		return part == "" || err != nil || strings.ContainsAny(part, "\r\n")
	})
}
