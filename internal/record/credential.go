package record

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

const codeCredential = "credential_record_tampered"

// errMap is the cause of a *Tampered whose account does not name the credential.
var errMap = errors.New("the account's map does not name it with its state")

// NewCredential is what a credential's row is made of: the first, or a next edition.
type NewCredential struct {
	Facts   CredentialFacts
	Use     UseFacts // Edition is at least 1
	State   uint64   // equal to State of the account's Way
	Name    string
	Account AccountFacts // the owner: ID, UserHandle and Salt are used
}

// Credential is a credential row that was opened, authenticated and found in its
// account's map.
type Credential struct {
	facts     CredentialFacts
	use       UseFacts
	name      string
	way       Way
	account   ID
	salt      []byte
	lastUsed  time.Time
	timesUsed uint64
}

// SealCredential makes a credential's row. Its key is LookupCredential's, its
// version Use's. The error is *Invalid for facts that could not be opened again.
func (v *Vault) SealCredential(c NewCredential) (store.Credential, error) {
	switch {
	case c.Use.Edition == 0:
		return store.Credential{}, &Invalid{"a credential whose use has edition 0"}
	case len(c.Facts.ID) == 0 || c.Facts.RPID == "":
		return store.Credential{}, &Invalid{"a credential without credential ID or RP ID"}
	case len(c.Account.Salt) != saltSize || c.Account.ID == ID{}:
		return store.Credential{}, &Invalid{"a credential of an account without ID or salt"}
	}
	c.Facts.Created = milli(c.Facts.Created)
	row := store.Credential{
		Row:     store.Row{Key: v.LookupCredential(c.Facts.RPID, c.Facts.ID), Version: c.Use.Version()},
		Account: slices.Clone(c.Account.ID[:]),
		State:   c.State,
	}
	plain, err := v.codec.credential.encode(c.Facts)
	if err != nil {
		return store.Credential{}, err
	}
	row.Sealed, err = v.purposes[store.TableCredentials].Seal(factsAD(row, c.Account.UserHandle), c.Account.Salt, plain)
	if err != nil {
		return store.Credential{}, err
	}
	if row.Body, err = v.sealUse(row, c.Account.Salt, c.Use); err != nil {
		return store.Credential{}, err
	}
	row.Name, err = v.sealName(row.Key, c.Account.Salt, c.Name)
	return row, err
}

// factsAD binds what never moves to its row, owner and state. RP ID and credential
// ID stand in it through the key, which is a keyed hash of both: they are sealed,
// and must be known before they can be read.
func factsAD(row store.Credential, userHandle []byte) [][]byte {
	return [][]byte{[]byte(store.TableCredentials), []byte("sealed"), row.Key, row.Account, userHandle, number(row.State)}
}

func useAD(row store.Credential) [][]byte {
	return [][]byte{[]byte(store.TableCredentials), []byte("body"), row.Key, number(row.Version), row.Account, number(row.State)}
}

func nameAD(key []byte) [][]byte {
	return [][]byte{[]byte(store.TableCredentials), []byte("name"), key}
}

func (v *Vault) sealUse(row store.Credential, salt []byte, use UseFacts) ([]byte, error) {
	plain, err := v.codec.use.encode(use)
	if err != nil {
		return nil, err
	}
	return v.purposes[store.TableCredentials].Seal(useAD(row), salt, plain)
}

// SealUse makes the body and version of the credential's next use. It holds for
// the credential's present owner and state only.
func (v *Vault) SealUse(c Credential, next UseFacts) (version uint64, body []byte, err error) {
	if next.Edition == 0 || c.account == (ID{}) {
		return 0, nil, &Invalid{"a use with edition 0, or of no credential"}
	}
	row := store.Credential{
		Row:     store.Row{Key: c.way.Credential, Version: next.Version()},
		Account: c.account[:],
		State:   c.way.State,
	}
	body, err = v.sealUse(row, c.salt, next)
	return next.Version(), body, err
}

// SealName seals another friendly name for a credential.
func (v *Vault) SealName(c Credential, name string) ([]byte, error) {
	return v.sealName(c.way.Credential, c.salt, name)
}

func (v *Vault) sealName(key, salt []byte, name string) ([]byte, error) {
	plain, err := encode(v.codec, name)
	if err != nil {
		return nil, err
	}
	return v.purposes[store.TableCredentials].Seal(nameAD(key), salt, plain)
}

// OpenCredential opens a credential row together with the account it names. The
// error is *Tampered with the code "credential_record_tampered" unless everything
// opens in its place, under this owner and state, and the account's map names the
// credential with that very state.
func (v *Vault) OpenCredential(row store.Credential, a Account) (Credential, error) {
	c, err := v.openCredential(row, a)
	if err != nil {
		return Credential{}, &Tampered{Code: codeCredential, Key: row.Key, Err: err}
	}
	return c, nil
}

func (v *Vault) openCredential(row store.Credential, a Account) (Credential, error) {
	way, ok := a.facts.Way(row.Key)
	if !ok || way.State != row.State || way.Kind != WayPasskey {
		return Credential{}, errMap
	}
	if !bytes.Equal(row.Account, a.facts.ID[:]) {
		return Credential{}, errColumns
	}
	purpose := v.purposes[store.TableCredentials]
	c := Credential{way: way, account: a.facts.ID, salt: a.facts.Salt, lastUsed: row.LastUsed, timesUsed: row.TimesUsed}
	plain, err := purpose.Open(factsAD(row, a.facts.UserHandle), c.salt, row.Sealed)
	if err != nil {
		return Credential{}, fmt.Errorf("facts: %w", err)
	}
	if c.facts, err = v.codec.credential.decode(plain); err != nil {
		return Credential{}, err
	}
	if plain, err = purpose.Open(useAD(row), c.salt, row.Body); err != nil {
		return Credential{}, fmt.Errorf("use: %w", err)
	}
	if c.use, err = v.codec.use.decode(plain); err != nil {
		return Credential{}, err
	}
	if plain, err = purpose.Open(nameAD(row.Key), c.salt, row.Name); err != nil {
		return Credential{}, fmt.Errorf("name: %w", err)
	}
	if c.name, err = decode[string](v.codec, plain); err != nil {
		return Credential{}, err
	}
	if c.use.Version() != row.Version || !bytes.Equal(row.Key, v.LookupCredential(c.facts.RPID, c.facts.ID)) {
		return Credential{}, errColumns
	}
	return c, nil
}

// Facts is a deep copy of what never moves.
func (c Credential) Facts() CredentialFacts {
	f := c.facts
	f.ID = bytes.Clone(f.ID)
	f.PublicKey = bytes.Clone(f.PublicKey)
	f.Transports = slices.Clone(f.Transports)
	f.AttestationObject = bytes.Clone(f.AttestationObject)
	return f
}

// Use is what moves with use.
func (c Credential) Use() UseFacts { return c.use }

// Key is the key of the credential's row.
func (c Credential) Key() []byte { return bytes.Clone(c.way.Credential) }

// State moves with key, owner and suspension.
func (c Credential) State() uint64 { return c.way.State }

// Version is the edition of the row that was opened.
func (c Credential) Version() uint64 { return c.use.Version() }

// Ref names the edition that was opened, for verbs that condition on it.
func (c Credential) Ref() store.Ref { return store.Ref{Key: c.Key(), Version: c.Version()} }

// Name is the friendly name.
func (c Credential) Name() string { return c.name }

// LastUsed is when the credential last signed in; zero for never. It is under no
// seal and decides nothing.
func (c Credential) LastUsed() time.Time { return c.lastUsed }

// TimesUsed counts sign-ins. It is under no seal and decides nothing.
func (c Credential) TimesUsed() uint64 { return c.timesUsed }

// Way is the account's entry of this credential.
func (c Credential) Way() Way {
	way := c.way
	way.Credential = bytes.Clone(way.Credential)
	return way
}

// Suspended tells whether the credential may not sign in.
func (c Credential) Suspended() bool { return c.way.Suspended }
