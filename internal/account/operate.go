package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// What an operator on the machine can get wrong.
var (
	// ErrTaken: the username belongs to somebody.
	ErrTaken = errors.New("account: the username is taken")
	// ErrUnknown: there is no such account.
	ErrUnknown = errors.New("account: no such account")
)

// NewAccount is an account that an operator makes. It has no way in until its
// enrolment link is used.
type NewAccount struct {
	Username    string
	DisplayName string
	Admin       bool
}

// Add makes an account and the link with which its person makes the first passkey.
// Errors are *NameError, ErrTaken, or the store's.
func (d *Directory) Add(ctx context.Context, n NewAccount, by audit.Caller) (uuid.UUID, Link, error) {
	username, err := Username(n.Username)
	if err != nil {
		return uuid.Nil, Link{}, err
	}
	display, err := DisplayName(n.DisplayName)
	if err != nil {
		return uuid.Nil, Link{}, err
	}
	facts, err := Blank(d.cfg.Rand, d.cfg.Now())
	if err != nil {
		return uuid.Nil, Link{}, err
	}
	facts.Username, facts.DisplayName = username, display
	if n.Admin {
		facts.Role = record.RoleAdmin
	}
	if err := d.add(ctx, facts, audit.Entry{Name: audit.AccountAdded, Account: facts.ID}.By(by)); err != nil {
		return uuid.Nil, Link{}, err
	}
	a, ok, err := d.Get(ctx, facts.ID)
	if err != nil || !ok {
		return uuid.Nil, Link{}, errors.Join(ErrUnknown, err)
	}
	link, err := d.operatorsLink(ctx, a, by)
	return facts.ID, link, err
}

// add writes a new account without a way in, with its username if it has one.
func (d *Directory) add(ctx context.Context, facts record.AccountFacts, entry audit.Entry) error {
	row, err := d.cfg.Vault.SealAccount(facts, 1)
	if err != nil {
		return fmt.Errorf("account: seal: %w", err)
	}
	op, err := d.operation()
	if err != nil {
		return err
	}
	verb := store.SignUp{Op: op, Account: row, Event: d.cfg.Audit.Event(entry)}
	if facts.Username != "" {
		identifier, err := d.cfg.Vault.SealIdentifier(KindUsername, facts.Username, facts.ID)
		if err != nil {
			return fmt.Errorf("account: seal identifier: %w", err)
		}
		verb.Identifiers = []store.Identifier{identifier}
	}
	err = d.cfg.Store.RecordSignUp(ctx, verb)
	if errors.Is(err, store.ErrTaken) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("account: add: %w", err)
	}
	return nil
}

// Link makes an enrolment link for an account, named by username or identifier.
func (d *Directory) Link(ctx context.Context, nameOrID string, by audit.Caller) (Link, error) {
	a, ok, err := d.named(ctx, nameOrID)
	if err != nil {
		return Link{}, err
	}
	if !ok || !a.Active() {
		return Link{}, ErrUnknown
	}
	return d.operatorsLink(ctx, a, by)
}

func (d *Directory) named(ctx context.Context, nameOrID string) (record.Account, bool, error) {
	if id, err := uuid.Parse(nameOrID); err == nil {
		return d.Get(ctx, id)
	}
	return d.Find(ctx, nameOrID)
}

// Summary is what an operator sees of an account in a list.
type Summary struct {
	ID           uuid.UUID
	Username     string
	DisplayName  string
	Emails       []string // proved
	PendingEmail string   // claimed
	Role         string
	State        string
	Passkeys     int
	Created      time.Time
}

func summary(f record.AccountFacts) Summary {
	return Summary{
		ID: f.ID, Username: f.Username, DisplayName: f.DisplayName, Emails: f.Emails, PendingEmail: f.PendingEmail,
		Role: string(f.Role), State: string(f.State), Passkeys: len(f.Ways), Created: f.Created,
	}
}

// List reads up to limit accounts after the one given (uuid.Nil: from the oldest),
// oldest first. Accounts whose row was tampered with are left out, with an alarm.
// next is uuid.Nil at the end.
func (d *Directory) List(ctx context.Context, after uuid.UUID, limit int) (accounts []Summary, next uuid.UUID, err error) {
	var from []byte
	if after != uuid.Nil {
		from = after[:]
	}
	rows, err := d.cfg.Store.ListAccounts(ctx, from, limit)
	if err != nil {
		return nil, uuid.Nil, fmt.Errorf("account: list: %w", err)
	}
	for _, row := range rows {
		a, err := d.cfg.Vault.OpenAccount(row)
		if err != nil {
			if err := d.tampered(ctx, err); err != nil {
				return nil, uuid.Nil, err
			}
			continue
		}
		accounts = append(accounts, summary(a.Facts()))
	}
	if len(rows) == limit && limit > 0 {
		copy(next[:], rows[len(rows)-1].Key)
	}
	return accounts, next, nil
}
