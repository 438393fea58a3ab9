package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// Profile is what may be changed about an account in one call. Nil leaves it as it is.
type Profile struct {
	DisplayName *string
	Username    *string
	Email       *string // claimed: it stays pending until proved; empty withdraws the claim
}

// EditProfile changes what an account is called and gives the person as it is then.
// Username and address take a fresh proof: they are how somebody asks for a way in. A
// claimed address is owed the mail that proves it. Errors are *NameError, *LimitError,
// ErrStepUp, ErrTaken, ErrConflict, session.ErrNone.
func (d *Directory) EditProfile(ctx context.Context, c session.Current, p Profile, by audit.Caller) (session.Person, error) {
	p, err := p.checked()
	if err != nil {
		return session.Person{}, err
	}
	if p.weighs() {
		if err := d.Fresh(c); err != nil {
			return session.Person{}, err
		}
	}
	if p.Email != nil {
		if err := d.askable(ctx, c, *p.Email, by); err != nil {
			return session.Person{}, err
		}
	}
	var after record.AccountFacts
	err = d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if p.weighs() {
			if err := d.Fresh(c.On(a)); err != nil {
				return err
			}
		}
		verb := store.AccountChange{Op: op, Account: a.Ref()}
		entry := audit.Entry{Name: audit.AccountChanged, Account: a.ID(), Session: c.View().ID}
		if err := d.apply(p, &facts, &verb); err != nil {
			return err
		}
		var owed audit.Owed
		if p.Email != nil {
			var err error
			if owed, err = d.claim(&facts, *p.Email, by); err != nil {
				return err
			}
			if p.Username == nil && p.DisplayName == nil && facts.PendingEmail != "" {
				entry.Name = audit.EmailAsked
			}
		}
		after = facts
		if len(owed.Mails) == 0 && sameNames(facts, a.Facts()) {
			return nil // nothing differs: no row and no event
		}
		var err error
		if verb.Next, err = d.cfg.Vault.SealAccount(facts, a.Version()+1); err != nil {
			return fmt.Errorf("account: seal: %w", err)
		}
		verb.Event = d.cfg.Audit.Event(entry.By(by), owed)
		err = d.cfg.Store.ReplaceAccount(ctx, verb)
		if errors.Is(err, store.ErrTaken) {
			return ErrTaken
		}
		return err
	})
	if err != nil {
		return session.Person{}, err
	}
	return session.PersonOf(after), nil
}

// sameNames tells whether a profile is as it was.
func sameNames(a, b record.AccountFacts) bool {
	return a.Username == b.Username && a.DisplayName == b.DisplayName && a.PendingEmail == b.PendingEmail
}

// weighs tells whether a change takes a fresh proof.
func (p Profile) weighs() bool { return p.Username != nil || p.Email != nil }

// checked judges the new names and gives them in the form they are kept in.
func (p Profile) checked() (Profile, error) {
	checks := []struct {
		value **string
		check func(string) (string, error)
	}{{&p.DisplayName, DisplayName}, {&p.Username, Username}, {&p.Email, optional(Email)}}
	for _, c := range checks {
		if *c.value == nil {
			continue
		}
		canonical, err := c.check(**c.value)
		if err != nil {
			return Profile{}, err
		}
		*c.value = &canonical
	}
	return p, nil
}

func optional(check func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return check(s)
	}
}

// apply puts the new names into the facts and the identifiers into the verb.
func (d *Directory) apply(p Profile, facts *record.AccountFacts, verb *store.AccountChange) error {
	if p.DisplayName != nil {
		facts.DisplayName = *p.DisplayName
	}
	if p.Username == nil || *p.Username == facts.Username {
		return nil
	}
	identifier, err := d.cfg.Vault.SealIdentifier(KindUsername, *p.Username, facts.ID)
	if err != nil {
		return fmt.Errorf("account: seal identifier: %w", err)
	}
	verb.Add = []store.Identifier{identifier}
	if facts.Username != "" {
		verb.Drop = [][]byte{d.cfg.Vault.LookupIdentifier(KindUsername, facts.Username)}
	}
	facts.Username = *p.Username
	facts.TicketEpoch++ // a name changes hands: what was begun by the old one ends
	return nil
}

// Delete removes the account of who is signed in, with its passkeys, names and
// sessions. It takes a fresh proof. The events that tell of it stay, under keys that
// name no one. An administrator's stays until the operator on the machine took the role
// away: nobody acts on an administrator, themselves included, so that no two of them can be
// the last to go. Errors are ErrForbidden, ErrStepUp, ErrConflict, session.ErrNone.
func (d *Directory) Delete(ctx context.Context, c session.Current, by audit.Caller) error {
	if err := d.Fresh(c); err != nil {
		return err
	}
	return d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if facts.Role == record.RoleAdmin {
			return ErrForbidden
		}
		owed, err := d.Notify(mail.Notice{Account: facts, About: audit.AccountDeleted, By: by})
		if err != nil {
			return err
		}
		verb := d.deletion(a)
		verb.Op = op
		verb.Event = d.cfg.Audit.Event(audit.Entry{Name: audit.AccountDeleted, Account: a.ID(), Session: c.View().ID}.By(by), owed)
		return d.cfg.Store.DeleteAccount(ctx, verb)
	})
}

// deletion names all that is an account's own.
func (d *Directory) deletion(a record.Account) store.Deletion {
	facts := a.Facts()
	verb := store.Deletion{Account: a.Ref()}
	for _, w := range facts.Ways {
		verb.Credentials = append(verb.Credentials, w.Credential)
	}
	if facts.Username != "" {
		verb.Identifiers = append(verb.Identifiers, d.cfg.Vault.LookupIdentifier(KindUsername, facts.Username))
	}
	for _, address := range facts.Emails {
		kind, canonical := Canonical(address)
		verb.Identifiers = append(verb.Identifiers, d.cfg.Vault.LookupIdentifier(kind, canonical))
	}
	return verb
}
