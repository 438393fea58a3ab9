package record

import (
	"bytes"
	"errors"

	"github.com/keyturn/keyturn/internal/store"
)

// SigningKind is the kind of the key rows of an issuer's signing keys.
func SigningKind(issuer string) string { return "sign/" + issuer }

// SealSigningKey makes the row of a token signing key: kind SigningKind, number
// Number, version Edition + 1.
func (v *Vault) SealSigningKey(k SigningKey) (store.Key, error) {
	if k.Issuer == "" || k.Number == 0 || len(k.PKCS8) == 0 {
		return store.Key{}, &Invalid{"a signing key without issuer, number or key"}
	}
	k.Since = milli(k.Since)
	plain, err := encode(v.codec, k)
	if err != nil {
		return store.Key{}, err
	}
	kind := SigningKind(k.Issuer)
	row := store.Key{Kind: kind, Number: k.Number, Row: store.Row{Key: keyRowKey(kind, k.Number), Version: k.Edition + 1}}
	row.Body, err = v.sealBody(store.TableKeys, row.Key, row.Version, plain)
	return row, err
}

// OpenSigningKey opens the row of a signing key. The error is *Tampered with the
// code "key_record_tampered". A life that is not known reads as KeyRetired.
func (v *Vault) OpenSigningKey(row store.Key) (SigningKey, error) {
	plain, err := v.openBody(store.TableKeys, row.Row)
	if err != nil {
		return SigningKey{}, &Tampered{Code: codeKey, Key: row.Key, Err: err}
	}
	k, err := decode[SigningKey](v.codec, plain)
	if err != nil || row.Kind != SigningKind(k.Issuer) || row.Number != k.Number || row.Version != k.Edition+1 ||
		!bytes.Equal(row.Key, keyRowKey(row.Kind, row.Number)) {
		return SigningKey{}, &Tampered{Code: codeKey, Key: row.Key, Err: errors.Join(errColumns, err)}
	}
	if k.Life != KeyPrepared && k.Life != KeyPrimary {
		k.Life = KeyRetired
	}
	return k, nil
}
