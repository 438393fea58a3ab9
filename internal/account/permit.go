package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// RightLife is how long whoever proved an address may sign up with it.
const RightLife = 30 * time.Minute

// Permit is the right to sign up that a link gives.
type Permit struct {
	ID          [16]byte // of the link's stored half
	Purpose     string   // of the stored half
	FirstAdmin  bool     // it opens the store's first administrator's account
	Email       string   // whom it is for; empty: anybody
	Proved      bool     // whoever shows the link has proved Email
	Role        record.Role
	DisplayName string
}

// OpenSignUpLink checks a link that permits a sign-up: the first administrator's, an
// invitation, or the right of somebody who proved an address. Opening does not use it up.
// ErrLink when it cannot be used, whichever it is and whatever is wrong with it.
func (d *Directory) OpenSignUpLink(ctx context.Context, text, door string) (Permit, error) {
	id, err := d.OpenAdministratorLink(ctx, text, door)
	if !errors.Is(err, ErrLink) {
		return Permit{ID: id, Purpose: purposeAdministrator, FirstAdmin: true}, err
	}
	p, err := d.openInvitation(ctx, text, door)
	if !errors.Is(err, ErrLink) {
		return p, err
	}
	return d.openEmailRight(ctx, text, door)
}

func (d *Directory) openInvitation(ctx context.Context, text, door string) (Permit, error) {
	raw, err := parseLink(text)
	if err != nil {
		return Permit{}, err
	}
	t, err := ticket.OpenLink[ticket.Invitation](d.cfg.Tickets, raw, ticket.Want{Door: door, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	if err != nil {
		return Permit{}, fmt.Errorf("%w: %w", ErrLink, err)
	}
	f, _, err := d.SignUpPermit(ctx, t.ID, purposeInvitation)
	if err != nil {
		return Permit{}, err
	}
	return Permit{
		ID: t.ID, Purpose: f.Purpose, Email: f.Email, Proved: f.Email != "" && t.Proves == f.Email,
		Role: f.Role, DisplayName: f.DisplayName,
	}, nil
}

func (d *Directory) openEmailRight(ctx context.Context, text, door string) (Permit, error) {
	raw, err := parseLink(text)
	if err != nil {
		return Permit{}, err
	}
	t, err := ticket.OpenLink[ticket.EmailRight](d.cfg.Tickets, raw, ticket.Want{Door: door, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	if err != nil {
		return Permit{}, fmt.Errorf("%w: %w", ErrLink, err)
	}
	f, _, err := d.SignUpPermit(ctx, t.ID, purposeEmailRight)
	if err != nil {
		return Permit{}, err
	}
	return Permit{ID: t.ID, Purpose: f.Purpose, Email: f.Email, Proved: true}, nil
}

// SignUpPermit reads the stored half of a link that permits a sign-up, and names it to
// the verb that consumes it. ErrLink when it is gone, or the settings or whoever made it
// no longer allow it.
func (d *Directory) SignUpPermit(ctx context.Context, id [16]byte, purpose string) (record.TicketFacts, store.Ref, error) {
	policy := d.cfg.Policy
	switch {
	case purpose == purposeInvitation && policy.invites():
		return d.invited(ctx, id)
	case purpose == purposeAdministrator,
		purpose == purposeEmailRight && policy.LinkSignsUp():
		return d.right(ctx, id, purpose)
	default:
		return record.TicketFacts{}, store.Ref{}, ErrLink
	}
}

// invited opens the stored half of an invitation, which is worth what the administrator
// who made it is worth now: a session that was stolen for a moment must not outlive its
// account's role. ErrLink when they are one no longer; an operator on the machine always
// is.
func (d *Directory) invited(ctx context.Context, id [16]byte) (record.TicketFacts, store.Ref, error) {
	f, ref, err := d.right(ctx, id, purposeInvitation)
	if err != nil || f.By == (record.ID{}) {
		return f, ref, err
	}
	by, ok, err := d.Get(ctx, f.By)
	if err != nil {
		return record.TicketFacts{}, store.Ref{}, err
	}
	if !ok || !by.Active() || rank(by.Facts().Role) < rank(actInvite.least()) {
		return record.TicketFacts{}, store.Ref{}, ErrLink
	}
	return f, ref, nil
}

// GiveEmailRight makes the right to sign up with an address that was just proved: the
// link for its holder, and the stored half that the verb puts which says so.
func (d *Directory) GiveEmailRight(address, door string) (Link, store.Ticket, error) {
	raw, t, err := ticket.MintLink(d.cfg.Tickets, ticket.EmailRight{
		Common: ticket.Common{Door: door, RPID: d.cfg.RPID}, Address: address,
	}, RightLife, d.cfg.Now())
	if err != nil {
		return Link{}, store.Ticket{}, fmt.Errorf("account: mint a right: %w", err)
	}
	row, err := d.cfg.Vault.SealTicketRow(record.TicketFacts{
		ID: t.ID, Purpose: purposeEmailRight, Email: address, Created: t.Issued, Expires: t.Expires,
	})
	if err != nil {
		return Link{}, store.Ticket{}, fmt.Errorf("account: seal a right: %w", err)
	}
	return Link{Ticket: linkEncoding.EncodeToString(raw), Expires: t.Expires}, row, nil
}
