package account

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Enrolment is what became of an enrolment link: it was mailed, or is here to be handed
// over, never both.
type Enrolment struct {
	Link    Link // zero: it was mailed
	Mailed  bool
	Expires time.Time
}

// SendLink makes an enrolment link for the person of an account. It is mailed to the
// first address that they have proved, and the others are told. Without one it is given
// to whoever asks, but only for an account that nobody ever had a passkey of: for any
// other it would be a way to become that person. Errors are *NameError, ErrForbidden,
// ErrStepUp, ErrUnknown, ErrUnreachable, session.ErrNone.
func (m Administration) SendLink(ctx context.Context, id uuid.UUID, why string) (Enrolment, error) {
	note, err := reason(why, false)
	if err != nil {
		return Enrolment{}, err
	}
	a, err := m.subject(ctx, actLink, id)
	if err != nil {
		return Enrolment{}, err
	}
	if !a.Active() {
		return Enrolment{}, ErrUnreachable
	}
	return m.enrol(ctx, a, false, note)
}

// untouched tells that an account never had a way in: nobody is in it yet.
func untouched(f record.AccountFacts) bool { return len(f.Ways) == 0 && !f.HadWay }

// enrol makes the link. claimed lets it go to an address that is not proved, which is for
// an account that is just being made.
func (m Administration) enrol(ctx context.Context, a record.Account, claimed bool, note string) (Enrolment, error) {
	facts := a.Facts()
	entry := m.entry(audit.AccountLinkMade, a.ID(), note)
	entry.Code = purposeEnrolment
	switch {
	case claimed:
		return m.mailLink(ctx, a, facts.PendingEmail, entry)
	case m.d.cfg.Policy.Mail && len(facts.Emails) > 0:
		return m.mailLink(ctx, a, facts.Emails[0], entry)
	case !untouched(facts):
		return Enrolment{}, ErrUnreachable
	}
	link, err := m.d.enrolmentLink(ctx, a, entry)
	return Enrolment{Link: link, Expires: link.Expires}, err
}

// mailLink owes the mail with the link. Nobody but its reader sees it: what is stored is
// the right, and the link is made when the mail is sent.
func (m Administration) mailLink(ctx context.Context, a record.Account, address string, entry audit.Entry) (Enrolment, error) {
	now := m.d.cfg.Now()
	right := record.TicketFacts{
		Purpose: purposeEnrolment, Account: a.ID(), Created: now, Expires: now.Add(LinkLife), By: m.id(),
	}
	if _, err := io.ReadFull(m.d.cfg.Rand, right.ID[:]); err != nil {
		return Enrolment{}, fmt.Errorf("account: draw a right: %w", err)
	}
	row, err := m.d.cfg.Vault.SealTicketRow(right)
	if err != nil {
		return Enrolment{}, fmt.Errorf("account: seal a right: %w", err)
	}
	letter, err := m.d.cfg.Mail.Owe(record.MailFacts{
		Kind: string(mail.KindEnrolment), Language: m.by.Language, Account: a.ID(), Address: address, Door: linkDoor,
		TicketEpoch: a.TicketEpoch(), SessionEpoch: a.SessionEpoch(), Right: right.ID, Expires: right.Expires,
	})
	if err != nil {
		return Enrolment{}, fmt.Errorf("account: owe a mail: %w", err)
	}
	others := a.Facts()
	if len(others.Emails) > 0 {
		others.Emails = others.Emails[1:]
	}
	notices, err := m.told(audit.AccountLinkMade, others, "")
	if err != nil {
		return Enrolment{}, err
	}
	event := m.d.cfg.Audit.Event(entry, audit.Owed{Mails: []store.Mail{letter}}, notices)
	if err := m.d.cfg.Store.PutTicket(ctx, row, event); err != nil {
		return Enrolment{}, fmt.Errorf("account: put a link: %w", err)
	}
	return Enrolment{Mailed: true, Expires: right.Expires}, nil
}
