package record

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

const codeAccount = "account_record_tampered"

// saltSize is the length of an account's shredding salt.
const saltSize = 32

// Account is an account row that was opened and authenticated.
type Account struct {
	facts   AccountFacts
	version uint64
}

// SealAccount makes the account's row at version, which is at least 1. The error is
// *Invalid for facts that could not be opened again.
func (v *Vault) SealAccount(f AccountFacts, version uint64) (store.Row, error) {
	switch {
	case version == 0:
		return store.Row{}, &Invalid{"an account at version 0"}
	case f.ID == ID{}:
		return store.Row{}, &Invalid{"an account without ID"}
	case len(f.UserHandle) < 1 || len(f.UserHandle) > 64:
		return store.Row{}, &Invalid{fmt.Sprintf("a user handle of %d bytes", len(f.UserHandle))}
	case len(f.Salt) != saltSize:
		return store.Row{}, &Invalid{fmt.Sprintf("an account salt of %d bytes", len(f.Salt))}
	}
	f.Created, f.CodesMade = milli(f.Created), milli(f.CodesMade)
	plain, err := v.codec.account.encode(f)
	if err != nil {
		return store.Row{}, err
	}
	row := store.Row{Key: slices.Clone(f.ID[:]), Version: version}
	row.Body, err = v.sealBody(store.TableAccounts, row.Key, version, plain)
	return row, err
}

// OpenAccount opens an account row. The error is *Tampered with the code
// "account_record_tampered", for a zero row too. A state that is not known reads as
// StateDisabled, a role as RoleMember.
func (v *Vault) OpenAccount(row store.Row) (Account, error) {
	plain, err := v.openBody(store.TableAccounts, row)
	if err != nil {
		return Account{}, &Tampered{Code: codeAccount, Key: row.Key, Err: err}
	}
	f, err := v.codec.account.decode(plain)
	if err != nil {
		return Account{}, &Tampered{Code: codeAccount, Key: row.Key, Err: err}
	}
	if !bytes.Equal(row.Key, f.ID[:]) {
		return Account{}, &Tampered{Code: codeAccount, Key: row.Key, Err: errColumns}
	}
	if f.State != StateActive {
		f.State = StateDisabled
	}
	if f.Role != RoleSupport && f.Role != RoleAdmin {
		f.Role = RoleMember
	}
	return Account{facts: f, version: row.Version}, nil
}

// Facts is a deep copy: change it, and seal the next edition.
func (a Account) Facts() AccountFacts {
	f := a.facts
	f.UserHandle = bytes.Clone(f.UserHandle)
	f.Salt = bytes.Clone(f.Salt)
	f.Emails = slices.Clone(f.Emails)
	f.RecoveryCodes = slices.Clone(f.RecoveryCodes)
	for i := range f.RecoveryCodes {
		f.RecoveryCodes[i] = bytes.Clone(f.RecoveryCodes[i])
	}
	f.Disowned = slices.Clone(f.Disowned)
	for i := range f.Disowned {
		f.Disowned[i] = bytes.Clone(f.Disowned[i])
	}
	f.Ways = slices.Clone(f.Ways)
	for i := range f.Ways {
		f.Ways[i].Credential = bytes.Clone(f.Ways[i].Credential)
	}
	return f
}

// ID is the account's name in the API and in tokens.
func (a Account) ID() ID { return a.facts.ID }

// Key is the key of the account's row: the bytes of ID.
func (a Account) Key() []byte { return bytes.Clone(a.facts.ID[:]) }

// Version is the edition of the row that was opened.
func (a Account) Version() uint64 { return a.version }

// Ref names the edition that was opened, for verbs that condition on it.
func (a Account) Ref() store.Ref { return store.Ref{Key: a.Key(), Version: a.version} }

// UserHandle is the WebAuthn user handle, 1 to 64 bytes.
func (a Account) UserHandle() []byte { return bytes.Clone(a.facts.UserHandle) }

// Active tells whether the account may be used.
func (a Account) Active() bool { return a.facts.State == StateActive }

// TicketEpoch is what a ticket bound to the account must have been sealed with.
func (a Account) TicketEpoch() uint64 { return a.facts.TicketEpoch }

// SessionEpoch is what a session of the account must have been sealed with.
func (a Account) SessionEpoch() uint64 { return a.facts.SessionEpoch }

// Way finds the map's entry of a credential, by the key of its row.
func (a Account) Way(credential []byte) (Way, bool) {
	way, ok := a.facts.Way(credential)
	way.Credential = bytes.Clone(way.Credential)
	return way, ok
}
