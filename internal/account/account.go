// Package account owns people and their ways in: what they are called, which
// passkeys they have, who invited them.
//
// It hides how names are made comparable and where they are stored. It runs no
// ceremony and issues nothing: it never decides whether somebody is signed in, and
// what it does for a signed-in person it does for a session.Current.
package account

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// Store is what accounts need of the store.
type Store interface {
	store.Ceremonies
	store.Reader
	store.Ways
	store.Accounts
	store.Tickets
	store.Limits
}

// Config is what a Directory needs; every field but Policy is required.
type Config struct {
	Store   Store
	Vault   *record.Vault
	Tickets *ticket.Sealer
	Audit   *audit.Log
	Mail    *mail.Office
	RPID    string
	// PublicURL is the base of the links in mails, without a slash at its end. It comes
	// from the settings: a request never says where a link leads.
	PublicURL string
	Policy    Policy
	Now       func() time.Time
	Rand      io.Reader
}

// Directory knows the accounts. It is safe for concurrent use.
type Directory struct {
	cfg      Config
	standIns standIns
}

// New makes a Directory.
func New(cfg Config) *Directory {
	return &Directory{cfg: cfg, standIns: standIns{seed: maphash.MakeSeed()}}
}

// Policy is what the operator decided.
func (d *Directory) Policy() Policy { return d.cfg.Policy }

// Passkey is what a person may know of one of their passkeys.
type Passkey struct {
	ID             uuid.UUID
	CredentialID   []byte
	Name           string
	Created        time.Time
	LastUsed       time.Time // zero: never
	TimesUsed      uint64
	Transports     []string
	AAGUID         [16]byte
	BackupEligible bool
	BackedUp       bool
	UserVerified   bool
	Suspended      bool
	HeldUntil      time.Time // zero: it waits for nothing
	RPID           string
	Format         string
	Trust          string
	ThisSession    bool // this session was proved by it
}

// View tells of a credential to its owner, now. proof is the key of the credential that
// proved the session, if any.
func View(c record.Credential, proof []byte, now time.Time) Passkey {
	f, u := c.Facts(), c.Use()
	var until time.Time
	if held(c.Way(), now) {
		until = time.UnixMilli(c.Way().HeldUntil).UTC()
	}
	return Passkey{
		ID: f.Passkey, CredentialID: f.ID, Name: c.Name(), Created: f.Created,
		LastUsed: c.LastUsed(), TimesUsed: c.TimesUsed(), Transports: f.Transports, AAGUID: f.AAGUID,
		BackupEligible: f.BackupEligible, BackedUp: u.BackupState, UserVerified: u.UVInitialized,
		Suspended: c.Suspended(), HeldUntil: until, RPID: f.RPID, Format: f.Format, Trust: f.Trust,
		ThisSession: len(proof) > 0 && slices.Equal(proof, c.Key()),
	}
}

// Passkeys lists the passkeys of who is signed in, oldest first. A passkey whose
// record was tampered with is left out, with an alarm: the others stay usable.
func (d *Directory) Passkeys(ctx context.Context, c session.Current) ([]Passkey, error) {
	credentials, err := d.Credentials(ctx, c.Account())
	if err != nil {
		return nil, err
	}
	passkeys := make([]Passkey, 0, len(credentials))
	for _, credential := range credentials {
		passkeys = append(passkeys, View(credential, c.Credential(), d.cfg.Now()))
	}
	return passkeys, nil
}

// Credentials opens the credentials of an account, oldest first, suspended ones
// included.
func (d *Directory) Credentials(ctx context.Context, a record.Account) ([]record.Credential, error) {
	ways := a.Facts().Ways
	keys := make([][]byte, len(ways))
	for i, w := range ways {
		keys[i] = w.Credential
	}
	return d.credentials(ctx, a, keys)
}

// credentials opens those of an account's credentials that are named, oldest first.
// One that was tampered with is left out, with an alarm. One that does not open because
// the account has moved since it was read is no such thing: both are read again.
func (d *Directory) credentials(ctx context.Context, a record.Account, keys [][]byte) ([]record.Credential, error) {
	for range conflictTries {
		rows, err := d.rows(ctx, keys)
		if err != nil {
			return nil, err
		}
		credentials, tampered, err := d.open(a, rows)
		if err != nil || len(tampered) == 0 {
			return credentials, err
		}
		latest, ok, err := d.Get(ctx, a.ID())
		if err != nil {
			return nil, err
		}
		if ok && latest.Version() != a.Version() {
			a = latest
			continue
		}
		for _, t := range tampered {
			d.cfg.Audit.Alarm(ctx, audit.Caller{}, t.Code, t)
		}
		return credentials, nil
	}
	return nil, fmt.Errorf("account: read credentials: %w", store.ErrConflict)
}

// rows reads credentials by the keys of their rows.
func (d *Directory) rows(ctx context.Context, keys [][]byte) ([]store.Credential, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := d.cfg.Store.Credentials(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("account: read credentials: %w", err)
	}
	return rows, nil
}

// open opens credentials of an account, oldest first, and tells which were tampered
// with.
func (d *Directory) open(a record.Account, rows []store.Credential) (credentials []record.Credential, tampered []*record.Tampered, err error) {
	credentials = make([]record.Credential, 0, len(rows))
	for _, row := range rows {
		credential, err := d.cfg.Vault.OpenCredential(row, a)
		var t *record.Tampered
		switch {
		case err == nil:
			credentials = append(credentials, credential)
		case errors.As(err, &t):
			tampered = append(tampered, t)
		default:
			return nil, tampered, fmt.Errorf("account: open credential: %w", err)
		}
	}
	slices.SortFunc(credentials, func(a, b record.Credential) int {
		return a.Facts().Created.Compare(b.Facts().Created)
	})
	return credentials, tampered, nil
}

// The kinds of identifiers.
const (
	KindUsername = "username"
	KindEmail    = "email" // proved addresses only
)

// name is what somebody is called, as it is looked up.
type name struct {
	kind, canonical string
	key             []byte // of the identifier's row
}

// called is how a name that somebody typed is looked up.
func (d *Directory) called(typed string) name {
	kind, canonical := Canonical(typed)
	return name{kind, canonical, d.cfg.Vault.LookupIdentifier(kind, canonical)}
}

// Find resolves a username or a proved address. ok is false when nobody has it, and
// when its row was tampered with.
func (d *Directory) Find(ctx context.Context, name string) (a record.Account, ok bool, err error) {
	called := d.called(name)
	row, ok, err := d.identifier(ctx, called.key)
	if err != nil || !ok {
		return record.Account{}, false, err
	}
	return d.bearer(ctx, called, row)
}

// identifier reads an identifier by its row's key. ok is false when it is not there.
func (d *Directory) identifier(ctx context.Context, key []byte) (row store.Identifier, ok bool, err error) {
	row, err = d.cfg.Store.Identifier(ctx, key)
	switch {
	case err == nil:
		return row, true, nil
	case errors.Is(err, store.ErrNotFound):
		return row, false, nil
	default:
		return row, false, fmt.Errorf("account: read identifier: %w", err)
	}
}

// bearer opens the row of an identifier and gives the account it leads to. ok is false
// when a row was tampered with or the account is not there.
func (d *Directory) bearer(ctx context.Context, called name, row store.Identifier) (a record.Account, ok bool, err error) {
	id, err := d.cfg.Vault.OpenIdentifier(called.kind, called.canonical, row)
	if err != nil {
		return record.Account{}, false, d.tampered(ctx, err)
	}
	a, ok, err = d.Get(ctx, id)
	if err != nil || !ok || !names(a.Facts(), called.kind, called.canonical) {
		// An identifier the account itself does not carry grants nothing: the account
		// row is the hinge, the identifier only the way to it.
		return record.Account{}, false, err
	}
	return a, true, nil
}

// names tells whether an account carries an identifier.
func names(f record.AccountFacts, kind, canonical string) bool {
	if kind == KindUsername {
		_, own := Canonical(f.Username)
		return f.Username != "" && own == canonical
	}
	return slices.ContainsFunc(f.Emails, func(e string) bool {
		_, own := Canonical(e)
		return own == canonical
	})
}

// Get reads an account by its identifier. ok is false when it is not there or was
// tampered with.
func (d *Directory) Get(ctx context.Context, id uuid.UUID) (a record.Account, ok bool, err error) {
	row, err := d.cfg.Store.Account(ctx, id[:])
	if errors.Is(err, store.ErrNotFound) {
		return record.Account{}, false, nil
	}
	if err != nil {
		return record.Account{}, false, fmt.Errorf("account: read: %w", err)
	}
	if a, err = d.cfg.Vault.OpenAccount(row); err != nil {
		return record.Account{}, false, d.tampered(ctx, err)
	}
	return a, true, nil
}

// tampered raises the alarm for a row that does not open and hides it from the
// caller: such a row is as good as absent, and absence never grants.
func (d *Directory) tampered(ctx context.Context, err error) error {
	var t *record.Tampered
	if errors.As(err, &t) {
		d.cfg.Audit.Alarm(ctx, audit.Caller{}, t.Code, err)
		return nil
	}
	return fmt.Errorf("account: open: %w", err)
}
