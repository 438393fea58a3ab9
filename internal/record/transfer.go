package record

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// Moving is an account with its passkeys, free of every key of a deployment: what moves
// from one store to another. It holds no secret but what people told us of themselves.
//
// Account has no Salt, for another store draws its own; no RecoveryCodes and no Disowned,
// for they are hashed under a key that stays where it is; and no Ways: they stand with the passkeys,
// without the key of a row.
type Moving struct {
	Account  AccountFacts    `cbor:"1,keyasint"`
	Passkeys []MovingPasskey `cbor:"2,keyasint,omitempty"` // in the order of the account's map
}

// MovingPasskey is a passkey of a Moving.
type MovingPasskey struct {
	Way       Way             `cbor:"1,keyasint"` // without Credential
	Facts     CredentialFacts `cbor:"2,keyasint"`
	Use       UseFacts        `cbor:"3,keyasint"`
	Name      string          `cbor:"4,keyasint,omitempty"`
	LastUsed  time.Time       `cbor:"5,keyasint,omitzero"`
	TimesUsed uint64          `cbor:"6,keyasint,omitempty"`
}

// Leave makes a Moving of an account and those of its credentials that are to move with
// it. An account that leaves one behind is from then on one that had a way in.
func Leave(a Account, credentials []Credential) Moving {
	m := Moving{Account: a.Facts()}
	for _, way := range m.Account.Ways {
		i := slices.IndexFunc(credentials, func(c Credential) bool { return string(c.way.Credential) == string(way.Credential) })
		if i < 0 {
			m.Account.HadWay = true
			continue
		}
		c := credentials[i]
		way.Credential = nil
		m.Passkeys = append(m.Passkeys, MovingPasskey{
			Way: way, Facts: c.Facts(), Use: c.use, Name: c.name, LastUsed: milli(c.lastUsed), TimesUsed: c.timesUsed,
		})
	}
	m.Account.Ways, m.Account.Salt = nil, nil
	m.Account.RecoveryCodes, m.Account.CodesSaved, m.Account.CodesMade, m.Account.CodesHeldUntil = nil, false, time.Time{}, 0
	m.Account.Disowned = nil // what their readers may undo stays behind too
	return m
}

// Arrive makes the rows of an account that comes from elsewhere, under a salt that it
// draws. The first edition of the account's row is 1; a credential keeps its own. The
// error is *Invalid for what no account of ours can be.
func (v *Vault) Arrive(m Moving) (account store.Row, credentials []store.Credential, err error) {
	f := m.Account
	switch {
	case f.State != StateActive && f.State != StateDisabled:
		return account, nil, &Invalid{fmt.Sprintf("an account in state %q", f.State)}
	case f.Role != RoleMember && f.Role != RoleSupport && f.Role != RoleAdmin:
		return account, nil, &Invalid{fmt.Sprintf("an account of role %q", f.Role)}
	case len(f.Ways) > 0 || len(f.Salt) > 0 || len(f.RecoveryCodes) > 0 || len(f.Disowned) > 0:
		return account, nil, &Invalid{"an account that is bound to another store"}
	}
	f.Salt = make([]byte, saltSize)
	if _, err := io.ReadFull(v.cfg.Rand, f.Salt); err != nil {
		return account, nil, fmt.Errorf("record: drawing a salt: %w", err)
	}
	for _, p := range m.Passkeys {
		if p.Way.Kind != WayPasskey || len(p.Way.Credential) > 0 || len(p.Facts.PublicKey) == 0 || p.Facts.Passkey == (ID{}) {
			return account, nil, &Invalid{"a passkey without kind, name or key, or bound to another store"}
		}
		p.Way.Credential = v.LookupCredential(p.Facts.RPID, p.Facts.ID)
		f.Ways = append(f.Ways, p.Way)
	}
	for _, p := range m.Passkeys {
		c, err := v.SealCredential(NewCredential{Facts: p.Facts, Use: p.Use, State: p.Way.State, Name: p.Name, Account: f})
		if err != nil {
			return account, nil, err
		}
		c.LastUsed, c.TimesUsed = milli(p.LastUsed), p.TimesUsed
		credentials = append(credentials, c)
	}
	account, err = v.SealAccount(f, 1)
	return account, credentials, err
}

// exportKey is the key that exports of this deployment are signed with. It follows from
// the index root, so it never changes, and a copy of the store signs as the store does.
func (v *Vault) exportKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(v.index.MAC("export", []byte("Ed25519")))
}

// ExportKey is the public key that exports of this deployment verify with.
func (v *Vault) ExportKey() ed25519.PublicKey {
	return ed25519.PublicKey(v.exportKey()[ed25519.SeedSize:])
}

// SignExport signs a part of an export (Ed25519, RFC 8032 §5.1). Only package transfer
// says what such a part is; nothing else is signed with this key.
func (v *Vault) SignExport(part []byte) []byte { return ed25519.Sign(v.exportKey(), part) }
