package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// InvitationLife is how long an invitation lives.
const InvitationLife = 7 * 24 * time.Hour

// What inviting can be refused for.
var (
	// ErrForbidden: the role does not allow it.
	ErrForbidden = errors.New("account: the role does not allow it")
	// ErrUninvitable: nobody may sign up, or nothing could be delivered.
	ErrUninvitable = errors.New("account: the settings do not allow it")
)

// InvitationDraft is whom to invite, and as what.
type InvitationDraft struct {
	Email       string // whom it is for; empty: whoever holds the link
	Role        record.Role
	DisplayName string
	// Deliver mails it to Email, whose owner then need not prove it again.
	Deliver bool
}

// Invite makes an invitation: one account may be opened by it. It takes an administrator
// and a fresh proof. The link that is given is for handing over: unlike the mailed one it
// proves no address. Errors are *NameError, ErrForbidden, ErrStepUp, ErrUninvitable,
// session.ErrNone.
func (d *Directory) Invite(ctx context.Context, c session.Current, in InvitationDraft, by audit.Caller) (Link, error) {
	if err := d.Administer(c, by).allowed(actInvite); err != nil {
		return Link{}, err
	}
	return d.invite(ctx, c.Person().ID, in, by)
}

// InviteByOperator is Invite for the operator on the machine, who is no account.
func (d *Directory) InviteByOperator(ctx context.Context, in InvitationDraft, by audit.Caller) (Link, error) {
	return d.invite(ctx, uuid.Nil, in, by)
}

func (d *Directory) invite(ctx context.Context, actor record.ID, in InvitationDraft, by audit.Caller) (Link, error) {
	facts, err := d.invitation(ctx, actor, in)
	if err != nil {
		return Link{}, err
	}
	raw, t, err := ticket.MintLink(d.cfg.Tickets, ticket.Invitation{
		Common: ticket.Common{Door: linkDoor, RPID: d.cfg.RPID},
	}, InvitationLife, d.cfg.Now())
	if err != nil {
		return Link{}, fmt.Errorf("account: mint an invitation: %w", err)
	}
	facts.ID, facts.Created, facts.Expires = t.ID, t.Issued, t.Expires
	row, err := d.cfg.Vault.SealTicketRow(facts)
	if err != nil {
		return Link{}, fmt.Errorf("account: seal an invitation: %w", err)
	}
	var owed audit.Owed
	if in.Deliver {
		letter, err := d.cfg.Mail.Owe(record.MailFacts{
			Kind: string(mail.KindInvitation), Language: by.Language, Address: facts.Email,
			Door: linkDoor, Right: facts.ID, Expires: facts.Expires,
		})
		if err != nil {
			return Link{}, fmt.Errorf("account: owe a mail: %w", err)
		}
		owed.Mails = []store.Mail{letter}
	}
	entry := audit.Entry{Name: audit.InvitationMade, Actor: actor, Code: string(facts.Role)}
	if err := d.cfg.Store.PutTicket(ctx, row, d.cfg.Audit.Event(entry.By(by), owed)); err != nil {
		return Link{}, fmt.Errorf("account: put an invitation: %w", err)
	}
	return Link{Ticket: linkEncoding.EncodeToString(raw), Expires: t.Expires}, nil
}

// invitation judges a draft and gives what its stored half says.
func (d *Directory) invitation(ctx context.Context, actor record.ID, in InvitationDraft) (record.TicketFacts, error) {
	none := record.TicketFacts{}
	policy := d.cfg.Policy
	if !policy.invites() || in.Deliver && !policy.Mail {
		return none, ErrUninvitable
	}
	display, err := DisplayName(in.DisplayName)
	if err != nil {
		return none, err
	}
	if in.Deliver && in.Email == "" {
		return none, &NameError{Field: "email", Code: "required"}
	}
	if in.Email != "" {
		if in.Email, err = Email(in.Email); err != nil {
			return none, err
		}
		_, taken, err := d.Find(ctx, in.Email)
		if err != nil {
			return none, err
		}
		if taken {
			return none, &NameError{Field: "email", Code: NameTaken}
		}
	}
	if in.Role, err = roleOf(string(in.Role)); err != nil {
		return none, err
	}
	return record.TicketFacts{
		Purpose: purposeInvitation, Email: in.Email, Role: in.Role, DisplayName: display, By: actor,
	}, nil
}

// Invitation is an invitation that was neither used nor withdrawn, and has not run out.
type Invitation struct {
	ID          string // names it to Withdraw; it is not its link
	Email       string
	Role        string
	DisplayName string
	By          uuid.UUID // uuid.Nil: an operator on the machine
	Created     time.Time
	Expires     time.Time
}

// listedAtOnce is how many stored rights one read of a list looks at.
const listedAtOnce = 100

// Invitations lists up to limit invitations after a cursor (empty: from the first), in
// no order that means anything. next is empty at the end; fewer than limit may come
// before it. Errors are ErrForbidden, ErrStepUp, *NameError for a cursor that is none,
// session.ErrNone.
func (d *Directory) Invitations(ctx context.Context, c session.Current, cursor string, limit int) (list []Invitation, next string, err error) {
	if err := d.Administer(c, audit.Caller{}).allowed(actSeeInvitations); err != nil {
		return nil, "", err
	}
	after, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(after) > 64 {
		return nil, "", &NameError{Field: "cursor", Code: NameMalformed}
	}
	for range listedAtOnce {
		rows, err := d.cfg.Store.ListTickets(ctx, after, listedAtOnce)
		if err != nil {
			return nil, "", fmt.Errorf("account: list invitations: %w", err)
		}
		for _, row := range rows {
			after = row.Key
			invitation, ok, err := d.listedInvitation(ctx, row)
			if err != nil {
				return nil, "", err
			}
			if ok {
				list = append(list, invitation)
			}
			if len(list) >= limit {
				return list, linkEncoding.EncodeToString(after), nil
			}
		}
		if len(rows) < listedAtOnce {
			return list, "", nil
		}
	}
	return list, linkEncoding.EncodeToString(after), nil
}

// listedInvitation reads a stored right as an invitation, if it is one that lives. One
// that was tampered with is left out, with an alarm.
func (d *Directory) listedInvitation(ctx context.Context, row store.Ticket) (Invitation, bool, error) {
	f, err := d.cfg.Vault.OpenTicketRow(row)
	if err != nil {
		return Invitation{}, false, d.tampered(ctx, err)
	}
	if f.Purpose != purposeInvitation || !d.cfg.Now().Before(f.Expires) {
		return Invitation{}, false, nil
	}
	return Invitation{
		ID: linkEncoding.EncodeToString(f.ID[:]), Email: f.Email, Role: string(f.Role), DisplayName: f.DisplayName,
		By: f.By, Created: f.Created, Expires: f.Expires,
	}, true, nil
}

// Withdraw ends an invitation; one that is gone already is nil. It takes an
// administrator and a fresh proof. Errors are ErrForbidden, ErrStepUp, session.ErrNone.
func (d *Directory) Withdraw(ctx context.Context, c session.Current, id string, by audit.Caller) error {
	if err := d.Administer(c, by).allowed(actInvite); err != nil {
		return err
	}
	raw, err := parseLink(id)
	if err != nil || len(raw) != 16 {
		return nil // no invitation has such a name
	}
	right := [16]byte(raw)
	// Nothing but an invitation is ended by this: another right is not this call's.
	_, ref, err := d.right(ctx, right, purposeInvitation)
	if errors.Is(err, ErrLink) {
		return nil
	}
	if err != nil {
		return err
	}
	entry := audit.Entry{Name: audit.InvitationEnded, Actor: c.Person().ID}
	if err := d.cfg.Store.RevokeTicket(ctx, ref.Key, d.cfg.Audit.Event(entry.By(by))); err != nil {
		return fmt.Errorf("account: withdraw an invitation: %w", err)
	}
	return nil
}
