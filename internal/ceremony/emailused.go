package ceremony

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// The spend of a link decides alone whether it may be used. Beside it, in the same commit,
// stands a mark that says what came of it, for whoever shows the link again: a page can say
// that it is over before anything is tried, and who did not use it ends what it gave. Only
// the holder of the link can name the mark. Without it the link is no better.

// purposeUsed is the purpose of the mark of a link that is over.
const purposeUsed = "email_used"

// usedID is the ID of a link's mark.
func (rp *RelyingParty) usedID(t ticket.EmailLink) [16]byte {
	return [16]byte(rp.cfg.Vault.HashSecret("email-used", t.ID[:])[:16])
}

// used is what the commit owes that ends a link: its mark, which lives as long as the link
// would. gave is the key of the session, or of the right to sign up, that came of it; nil:
// nothing did.
func (rp *RelyingParty) used(t ticket.EmailLink, account record.ID, gave []byte) (audit.Owed, error) {
	row, err := rp.cfg.Vault.SealTicketRow(record.TicketFacts{
		ID: rp.usedID(t), Purpose: purposeUsed, Account: account, Created: rp.cfg.Now(), Expires: t.Expires, Subject: gave,
	})
	if err != nil {
		return audit.Owed{}, unavailable(fmt.Errorf("seal a mark: %w", err))
	}
	return audit.Owed{Tickets: []store.Ticket{row}}, nil
}

// usedLink reads the mark of a link. ok is false when it has none.
func (rp *RelyingParty) usedLink(ctx context.Context, r Request, t ticket.EmailLink) (facts record.TicketFacts, ok bool, err error) {
	row, err := rp.cfg.Store.Ticket(ctx, rp.cfg.Vault.TicketKey(rp.usedID(t)))
	if errors.Is(err, store.ErrNotFound) {
		return facts, false, nil
	}
	if err != nil {
		return facts, false, unavailable(err)
	}
	facts, err = rp.cfg.Vault.OpenTicketRow(row)
	if _, tampered := rp.alarm(ctx, r, err); tampered {
		return record.TicketFacts{}, false, nil
	}
	if err != nil {
		return facts, false, unavailable(err)
	}
	return facts, facts.Purpose == purposeUsed, nil
}

// DenyEmail burns a link: whoever got it did not ask for it. Where it was used, the session
// that it opened ends, or the right that it gave. One that is over already is nil.
func (rp *RelyingParty) DenyEmail(ctx context.Context, r Request, token string) error {
	t, err := rp.openLink(ctx, r, token)
	if err != nil {
		return err
	}
	op, err := rp.operation()
	if err != nil {
		return err
	}
	mark, err := rp.used(t, record.ID(t.Account), nil)
	if err != nil {
		return err
	}
	entry := audit.Entry{Name: audit.LinkDenied, Account: t.Account}.By(r.Caller)
	err = rp.cfg.Store.RecordLink(ctx, store.Link{Op: op, Spend: t.Spend(), Event: rp.cfg.Audit.Event(entry, mark)})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrSpent):
		return rp.endUsed(ctx, r, t)
	default:
		return unavailable(err)
	}
}

// endUsed ends what came of a link. It only makes things safer, so the link alone permits
// it (NIST SP 800-63B-4 §4.6).
func (rp *RelyingParty) endUsed(ctx context.Context, r Request, t ticket.EmailLink) error {
	facts, ok, err := rp.usedLink(ctx, r, t)
	if err != nil || !ok || len(facts.Subject) == 0 {
		return err
	}
	if facts.Account == (record.ID{}) {
		entry := audit.Entry{Name: audit.LinkDenied}.By(r.Caller)
		if err := rp.cfg.Store.RevokeTicket(ctx, facts.Subject, rp.cfg.Audit.Event(entry)); err != nil {
			return unavailable(err)
		}
		return nil
	}
	id, err := uuid.FromBytes(facts.Subject)
	if err != nil {
		return unavailable(err)
	}
	a, ok, err := rp.cfg.Accounts.Get(ctx, facts.Account)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return nil
	}
	if err := rp.cfg.Sessions.EndOf(ctx, a, id, session.Current{}, r.Caller); err != nil && !errors.Is(err, session.ErrNone) {
		return unavailable(err)
	}
	return nil
}
