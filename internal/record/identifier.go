package record

import (
	"bytes"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

const codeIdentifier = "identifier_record_tampered"

// identifierFacts is what an identifier row says. The name itself stands in it so
// that an export needs nothing else.
type identifierFacts struct {
	Kind      string `cbor:"1,keyasint"`
	Canonical string `cbor:"2,keyasint"`
	Account   ID     `cbor:"3,keyasint"`
}

func identifierAD(row store.Identifier) [][]byte {
	return [][]byte{[]byte(store.TableIdentifiers), []byte("body"), row.Key, row.Account}
}

// SealIdentifier makes the row that resolves a canonical name to an account. kind
// keeps kinds of names apart: "username", "email".
func (v *Vault) SealIdentifier(kind, canonical string, account ID) (store.Identifier, error) {
	if account == (ID{}) || canonical == "" {
		return store.Identifier{}, &Invalid{"an identifier without name or account"}
	}
	row := store.Identifier{Key: v.LookupIdentifier(kind, canonical), Account: slices.Clone(account[:])}
	plain, err := encode(v.codec, identifierFacts{kind, canonical, account})
	if err != nil {
		return store.Identifier{}, err
	}
	row.Body, err = v.purposes[store.TableIdentifiers].Seal(identifierAD(row), nil, plain)
	return row, err
}

// OpenIdentifier tells whose name the row found under (kind, canonical) is. The
// error is *Tampered with the code "identifier_record_tampered". An old row that
// was put back opens: compare with the account's own names where it matters.
func (v *Vault) OpenIdentifier(kind, canonical string, row store.Identifier) (ID, error) {
	tampered := func(err error) (ID, error) {
		return ID{}, &Tampered{Code: codeIdentifier, Key: row.Key, Err: err}
	}
	plain, err := v.purposes[store.TableIdentifiers].Open(identifierAD(row), nil, row.Body)
	if err != nil {
		return tampered(err)
	}
	f, err := decode[identifierFacts](v.codec, plain)
	if err != nil {
		return tampered(err)
	}
	if f.Kind != kind || f.Canonical != canonical || !bytes.Equal(row.Account, f.Account[:]) ||
		!bytes.Equal(row.Key, v.LookupIdentifier(kind, canonical)) {
		return tampered(errColumns)
	}
	return f.Account, nil
}
