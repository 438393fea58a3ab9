package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// MaxEmails is the most addresses that an account proves.
const MaxEmails = 5

// NameTooMany is the code of a *NameError for one address more than MaxEmails.
const NameTooMany = "too_many"

var (
	// ErrEmailTaken: the address was proved by another account meanwhile. Only whoever
	// reads the mails of the address is told.
	ErrEmailTaken = errors.New("account: the address belongs to another account")
	// ErrOtherPerson: the link is for another account than the one that is signed in. It
	// is an ErrLink, and the link is not used up.
	ErrOtherPerson = fmt.Errorf("%w: another account is signed in", ErrLink)
)

// LimitError says that no more mails may be asked for just now.
type LimitError struct {
	RetryAfter time.Duration // above zero
}

func (e *LimitError) Error() string { return "account: too many mails were asked for" }

// AskEmail claims an address for who is signed in and owes the mail whose link proves it.
// Asking again for the one that is pending sends another mail. It takes a fresh proof.
// Errors are *NameError, *LimitError, ErrStepUp, ErrConflict, session.ErrNone.
func (d *Directory) AskEmail(ctx context.Context, c session.Current, email string, by audit.Caller) error {
	if email == "" {
		return &NameError{Field: "email", Code: NameTooShort}
	}
	_, err := d.EditProfile(ctx, c, Profile{Email: &email}, by)
	return err
}

// claim puts a claimed address into the facts and gives what that owes. An address that
// the account has proved already is left alone; an empty one withdraws the claim.
func (d *Directory) claim(facts *record.AccountFacts, email string, by audit.Caller) (audit.Owed, error) {
	has := slices.ContainsFunc(facts.Emails, func(e string) bool { return sameAddress(e, email) })
	switch {
	case email == "" || has:
		facts.PendingEmail = ""
		return audit.Owed{}, nil
	case len(facts.Emails) >= MaxEmails:
		return audit.Owed{}, &NameError{Field: "email", Code: NameTooMany}
	}
	facts.PendingEmail = email
	return d.OweProof(*facts, email, linkDoor, by)
}

// askable asks the limits for one more mail to an address that a person claims. What they
// count is the same whoever has the address.
func (d *Directory) askable(ctx context.Context, c session.Current, email string, by audit.Caller) error {
	if !d.cfg.Policy.Mail || email == "" || proved(c.Account(), email) != "" {
		return nil
	}
	wait, err := d.cfg.Store.Hit(ctx, store.Hits{
		At: d.cfg.Now(), Hits: d.MailHits(email, false, by),
	})
	if err != nil {
		return fmt.Errorf("account: count a mail: %w", err)
	}
	if wait > 0 {
		return &LimitError{RetryAfter: wait}
	}
	return nil
}

// ProveEmail proves the address that who is signed in has claimed, by the link that was
// mailed to it: the address becomes the first of the account's. That it takes a session of
// the account which claimed it, and the mailbox, keeps apart whoever has only one of both.
// When another account proved the address meanwhile, the claim ends. Errors are ErrLink
// (ErrOtherPerson among them), ErrEmailTaken, *NameError, ErrConflict, session.ErrNone.
func (d *Directory) ProveEmail(ctx context.Context, c session.Current, token string, by audit.Caller) (session.Person, error) {
	raw, err := parseLink(token)
	if err != nil {
		return session.Person{}, err
	}
	t, err := ticket.OpenLink[ticket.EmailProof](d.cfg.Tickets, raw, ticket.Want{Door: linkDoor, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	switch {
	case err != nil:
		return session.Person{}, fmt.Errorf("%w: %w", ErrLink, err)
	case !t.AccountKnown:
		return session.Person{}, ErrLink
	case record.ID(t.Account) != c.Person().ID:
		return session.Person{}, ErrOtherPerson
	}
	var after record.AccountFacts
	err = d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if t.TicketEpoch != a.TicketEpoch() || t.SessionEpoch != a.SessionEpoch() || !sameAddress(facts.PendingEmail, t.Address) {
			return ErrLink
		}
		permit, err := d.permit(ctx, t.ID, purposeProof)
		if err != nil {
			return err
		}
		p := proving{
			facts: facts, address: t.Address, by: by, verb: store.AccountChange{Op: op, Ticket: &permit, Account: a.Ref()},
			entry: audit.Entry{Account: a.ID(), Session: c.View().ID}.By(by),
		}
		after, err = d.prove(ctx, p)
		return err
	})
	if err != nil {
		return session.Person{}, err
	}
	return session.PersonOf(after), nil
}

// proving is an address that is about to be an account's.
type proving struct {
	facts   record.AccountFacts // as they are
	address string
	verb    store.AccountChange // without what comes of it
	entry   audit.Entry         // without a name
	by      audit.Caller
}

// prove writes the account with the address that its person proved.
func (d *Directory) prove(ctx context.Context, p proving) (record.AccountFacts, error) {
	facts := p.facts
	if len(facts.Emails) >= MaxEmails {
		return facts, &NameError{Field: "email", Code: NameTooMany}
	}
	_, canonical := Canonical(p.address)
	facts.Emails, facts.PendingEmail = slices.Concat([]string{p.address}, facts.Emails), ""
	d.reown(&facts, p.address)
	identifier, err := d.cfg.Vault.SealIdentifier(KindEmail, canonical, facts.ID)
	if err != nil {
		return facts, fmt.Errorf("account: seal identifier: %w", err)
	}
	owed, err := d.Notify(mail.Notice{
		Account: facts, About: audit.EmailAdded, Subject: []byte(canonical), Name: p.address, Undo: true, By: p.by,
	})
	if err != nil {
		return facts, err
	}
	p.entry.Name = audit.EmailAdded
	verb := p.verb
	if verb.Next, err = d.cfg.Vault.SealAccount(facts, verb.Account.Version+1); err != nil {
		return facts, fmt.Errorf("account: seal: %w", err)
	}
	verb.Add, verb.Event = []store.Identifier{identifier}, d.cfg.Audit.Event(p.entry, owed)
	err = d.cfg.Store.ReplaceAccount(ctx, verb)
	switch {
	case errors.Is(err, store.ErrSpent):
		err = ErrLink
	case errors.Is(err, store.ErrTaken):
		err = d.withdraw(ctx, p)
	}
	return facts, err
}

// withdraw ends the claim of an address that another account has proved.
func (d *Directory) withdraw(ctx context.Context, p proving) (err error) {
	p.facts.PendingEmail = ""
	p.entry.Name, p.entry.Code = audit.AccountChanged, "email_taken"
	if p.verb.Next, err = d.cfg.Vault.SealAccount(p.facts, p.verb.Account.Version+1); err != nil {
		return fmt.Errorf("account: seal: %w", err)
	}
	p.verb.Event = d.cfg.Audit.Event(p.entry)
	err = d.cfg.Store.ReplaceAccount(ctx, p.verb)
	switch {
	case errors.Is(err, store.ErrSpent):
		return ErrLink
	case err != nil:
		return err
	}
	return ErrEmailTaken
}

// RemoveEmail takes an address from the account of who is signed in, or withdraws it when
// it is pending. It takes a fresh proof. One that is gone is nil. The last one stays while
// there is no passkey that could sign the person in: nothing else would lead back. Errors
// are ErrStepUp, ErrLastPasskey, ErrConflict, session.ErrNone.
func (d *Directory) RemoveEmail(ctx context.Context, c session.Current, email string, by audit.Caller) error {
	_, canonical := Canonical(email)
	return d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if err := d.Fresh(c.On(a)); err != nil {
			return err
		}
		s := standing{op: op}
		entry := audit.Entry{Name: audit.EmailRemoved, Account: a.ID(), Session: c.View().ID}
		dropped := d.dropEmail(&facts, &s, canonical)
		if len(dropped) == 0 {
			if facts.PendingEmail == "" || !sameAddress(facts.PendingEmail, email) {
				return nil
			}
			facts.PendingEmail, entry.Name = "", audit.AccountChanged
			return d.replace(ctx, a, facts, s, d.cfg.Audit.Event(entry.By(by)))
		}
		if len(facts.Emails) == 0 && d.others(a, nil) == 0 {
			return ErrLastPasskey
		}
		facts.TicketEpoch++
		owed, err := d.Notify(mail.Notice{Account: facts, About: audit.EmailRemoved, Name: dropped[0], Also: dropped, By: by})
		if err != nil {
			return err
		}
		return d.replace(ctx, a, facts, s, d.cfg.Audit.Event(entry.By(by), owed))
	})
}
