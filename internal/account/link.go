package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// ErrLink says that a link cannot be used: forged, expired, used up, withdrawn, or
// its account is gone. Which of these is in no answer.
var ErrLink = errors.New("account: the link cannot be used")

// LinkLife is how long an enrolment link and the first administrator's link live.
const LinkLife = 30 * time.Minute

// linkDoor is the door that links lead to.
const linkDoor = "rest"

// The purposes of stored tickets.
const (
	purposeAdministrator = "first_admin"
	purposeEnrolment     = "enrolment"
	purposeInvitation    = "invitation"
	purposeEmailRight    = "email_right"
	purposeProof         = "email_proof"
)

// Link is a one-time right in the hands of whoever holds its ticket. The ticket is a
// secret: it is shown once to whom it is for, and is in no log.
type Link struct {
	Ticket  string
	Expires time.Time
}

var linkEncoding = base64.RawURLEncoding.Strict()

// parseLink decodes the one text of a link: the decoder would skip line ends.
func parseLink(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrLink
	}
	raw, err := linkEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrLink
	}
	return raw, nil
}

// AdministratorLink makes the link that opens the store's first administrator's
// account. ok is false when the store has, or had, one: the right to it is a marker
// that was written once and is consumed once, never an empty table.
func (d *Directory) AdministratorLink(ctx context.Context, by audit.Caller) (link Link, ok bool, err error) {
	_, ok, err = d.cfg.Vault.AwaitingAdministrator(ctx)
	if err != nil || !ok {
		return Link{}, false, err
	}
	raw, t, err := ticket.MintLink(d.cfg.Tickets, ticket.FirstAdmin{
		Common: ticket.Common{Door: linkDoor, RPID: d.cfg.RPID},
	}, LinkLife, d.cfg.Now())
	if err != nil {
		return Link{}, false, fmt.Errorf("account: mint a link: %w", err)
	}
	link, err = d.put(ctx, raw, t.Common, purposeAdministrator, audit.Entry{Name: audit.AccountLinkMade, Code: purposeAdministrator}.By(by))
	return link, err == nil, err
}

// enrolmentLink makes a link that lets the person of an account make a passkey.
func (d *Directory) enrolmentLink(ctx context.Context, a record.Account, entry audit.Entry) (Link, error) {
	raw, t, err := ticket.MintLink(d.cfg.Tickets, ticket.EnrolmentLink{Common: ticket.Common{
		Door: linkDoor, RPID: d.cfg.RPID, Account: a.ID(), AccountKnown: true,
		TicketEpoch: a.TicketEpoch(), SessionEpoch: a.SessionEpoch(),
	}}, LinkLife, d.cfg.Now())
	if err != nil {
		return Link{}, fmt.Errorf("account: mint a link: %w", err)
	}
	return d.put(ctx, raw, t.Common, purposeEnrolment, entry)
}

// operatorsLink is an enrolment link made by the operator on the machine.
func (d *Directory) operatorsLink(ctx context.Context, a record.Account, by audit.Caller) (Link, error) {
	entry := audit.Entry{Name: audit.AccountLinkMade, Account: a.ID(), Code: purposeEnrolment}
	return d.enrolmentLink(ctx, a, entry.By(by))
}

// put stores the half of a link that can be listed, revoked and consumed.
func (d *Directory) put(ctx context.Context, raw []byte, c ticket.Common, purpose string, entry audit.Entry) (Link, error) {
	row, err := d.cfg.Vault.SealTicketRow(record.TicketFacts{
		ID: c.ID, Purpose: purpose, Account: c.Account, Created: c.Issued, Expires: c.Expires,
	})
	if err != nil {
		return Link{}, fmt.Errorf("account: seal a link: %w", err)
	}
	if err := d.cfg.Store.PutTicket(ctx, row, d.cfg.Audit.Event(entry)); err != nil {
		return Link{}, fmt.Errorf("account: put a link: %w", err)
	}
	return Link{Ticket: linkEncoding.EncodeToString(raw), Expires: c.Expires}, nil
}

// OpenAdministratorLink checks a first administrator's link and gives the identifier
// of its stored half. Opening does not use it up. ErrLink when it cannot be used.
func (d *Directory) OpenAdministratorLink(ctx context.Context, text, door string) ([16]byte, error) {
	raw, err := parseLink(text)
	if err != nil {
		return [16]byte{}, err
	}
	t, err := ticket.OpenLink[ticket.FirstAdmin](d.cfg.Tickets, raw, ticket.Want{Door: door, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	if err != nil {
		return [16]byte{}, fmt.Errorf("%w: %w", ErrLink, err)
	}
	if _, ok, err := d.cfg.Vault.AwaitingAdministrator(ctx); err != nil || !ok {
		return [16]byte{}, errors.Join(ErrLink, err)
	}
	_, err = d.permit(ctx, t.ID, purposeAdministrator)
	return t.ID, err
}

// OpenEnrolmentLink checks an enrolment link and gives its account and the identifier
// of its stored half. Opening does not use it up. ErrLink when it cannot be used.
func (d *Directory) OpenEnrolmentLink(ctx context.Context, text, door string) (record.Account, [16]byte, error) {
	raw, err := parseLink(text)
	if err != nil {
		return record.Account{}, [16]byte{}, err
	}
	t, err := ticket.OpenLink[ticket.EnrolmentLink](d.cfg.Tickets, raw, ticket.Want{Door: door, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	if err != nil {
		return record.Account{}, [16]byte{}, fmt.Errorf("%w: %w", ErrLink, err)
	}
	a, ok, err := d.Get(ctx, t.Account)
	if err != nil {
		return record.Account{}, [16]byte{}, err
	}
	if !ok || !t.AccountKnown || !a.Active() || t.TicketEpoch != a.TicketEpoch() || t.SessionEpoch != a.SessionEpoch() {
		return record.Account{}, [16]byte{}, ErrLink
	}
	_, err = d.permit(ctx, t.ID, purposeEnrolment)
	return a, t.ID, err
}

// AdministratorPermit names the stored half of a first administrator's link to the
// verb that consumes it. ErrLink when it is gone.
func (d *Directory) AdministratorPermit(ctx context.Context, id [16]byte) (store.Ref, error) {
	return d.permit(ctx, id, purposeAdministrator)
}

// EnrolmentPermit names the stored half of an enrolment link to the verb that consumes
// it, and tells until when the passkey that comes of it waits; zero: it does not. A link
// that an administrator had sent is one secret in one mailbox, which is a recovery and no
// binding (NIST SP 800-63B-4 §4.1.2, §4.2): where the account has a way in already,
// suspended or not, its person gets the time to object. What the operator on the machine
// hands over does not wait. ErrLink when the link is gone.
func (d *Directory) EnrolmentPermit(ctx context.Context, a record.Account, id [16]byte) (permit store.Ref, held time.Time, err error) {
	right, permit, err := d.right(ctx, id, purposeEnrolment)
	if err != nil {
		return store.Ref{}, time.Time{}, err
	}
	if right.By != (record.ID{}) && len(a.Facts().Ways) > 0 && d.cfg.Policy.Hold > 0 {
		held = d.cfg.Now().Add(d.cfg.Policy.Hold)
	}
	return permit, held, nil
}

func (d *Directory) permit(ctx context.Context, id [16]byte, purpose string) (store.Ref, error) {
	_, ref, err := d.right(ctx, id, purpose)
	return ref, err
}

// right opens the stored half of a link. ErrLink when it is gone, expired, or for
// something else.
func (d *Directory) right(ctx context.Context, id [16]byte, purpose string) (record.TicketFacts, store.Ref, error) {
	row, err := d.cfg.Store.Ticket(ctx, d.cfg.Vault.TicketKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return record.TicketFacts{}, store.Ref{}, ErrLink
	}
	if err != nil {
		return record.TicketFacts{}, store.Ref{}, fmt.Errorf("account: read a link: %w", err)
	}
	facts, err := d.cfg.Vault.OpenTicketRow(row)
	if err != nil {
		return record.TicketFacts{}, store.Ref{}, errors.Join(ErrLink, d.tampered(ctx, err))
	}
	if facts.ID != id || facts.Purpose != purpose || !d.cfg.Now().Before(facts.Expires) {
		return record.TicketFacts{}, store.Ref{}, ErrLink
	}
	return facts, store.Ref{Key: row.Key, Version: row.Version}, nil
}
