package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/ticket"
)

// A Directory is who writes the letters: at the moment of sending it looks at what has
// become of the account, decides what its person may be sent, and mints the link.
var _ mail.Author = (*Directory)(nil)

// The pages that links lead to. What a link grants stands in its fragment, which no
// browser sends: it is in no log, and no scanner that only fetches pages uses it up.
const (
	pageLink      = "/link#"
	pageSignUp    = "/sign-up#"
	pageEnrolment = "/enrol#"
	pageProof     = "/confirm-email#"
	pageNotice    = "/undo#"
)

// Letter writes the letter of an owed mail. mail.ErrObsolete when it is no longer due.
func (d *Directory) Letter(ctx context.Context, owed record.MailFacts) (mail.Letter, error) {
	letter := mail.Letter{
		Kind: mail.Kind(owed.Kind), Language: owed.Language, To: owed.Address, Expires: owed.Expires,
		About: owed.About, Subject: owed.Subject, Network: owed.Network, Agent: owed.Agent, At: owed.Created,
		HeldUntil: owed.HeldUntil, CodesEnded: owed.CodesEnded,
	}
	switch letter.Kind {
	case mail.KindSignIn:
		return d.signInLetter(ctx, owed, letter)
	case mail.KindProof:
		return d.proofLetter(ctx, owed, letter)
	case mail.KindInvitation:
		return d.invitationLetter(ctx, owed, letter)
	case mail.KindEnrolment:
		return d.enrolmentLetter(ctx, owed, letter)
	case mail.KindNotice:
		return d.noticeLetter(ctx, owed, letter)
	default:
		// Perhaps a newer version owes it, and sends it: it stays.
		return mail.Letter{}, fmt.Errorf("account: a mail of the unknown kind %q", owed.Kind)
	}
}

// signInLetter answers whoever asked for a link: with one that signs in, with word that
// the account signs in by passkey alone, with a link to sign up, or not at all. Who asked
// sees none of it but in the mailbox.
func (d *Directory) signInLetter(ctx context.Context, owed record.MailFacts, letter mail.Letter) (mail.Letter, error) {
	if !d.cfg.Now().Before(owed.Expires) {
		return mail.Letter{}, mail.ErrObsolete
	}
	a, known, err := d.Find(ctx, owed.Address)
	if err != nil {
		return mail.Letter{}, err
	}
	t := ticket.EmailLink{
		Common:  ticket.Common{Door: owed.Door, RPID: d.cfg.RPID, Scope: owed.Scope},
		Request: owed.Request, Session: string(owed.Mode), ReturnTo: owed.ReturnTo, Network: owed.Network,
		Agent: shortAgent(owed.Agent),
	}
	switch {
	case known && !a.Active(), !known && !d.cfg.Policy.LinkSignsUp():
		return mail.Letter{}, mail.ErrObsolete
	case known:
		// To the address as it was proved: what was typed may only look like it to somebody.
		letter.To = proved(a, owed.Address)
		letter.Person = person(a)
		if !d.cfg.Policy.LinkSignsIn(a) {
			letter.Kind = mail.KindUsePasskey
			return letter, nil
		}
		t.Common = d.linkCommon(owed.Door, a)
		t.Scope = owed.Scope
	default:
		letter.Kind = mail.KindSignUp
	}
	t.Address = letter.To
	raw, err := ticket.MintLinkAs(d.cfg.Tickets, t, d.cfg.Vault.LinkID(owed.ID), owed.Created, owed.Expires)
	return d.linked(letter, pageLink, raw, err)
}

// proofLetter sends a link that proves an address, as long as the account still claims it
// and nobody has proved it. It says nothing of the account: whose address it is, is just
// what is not known.
func (d *Directory) proofLetter(ctx context.Context, owed record.MailFacts, letter mail.Letter) (mail.Letter, error) {
	if _, err := d.permit(ctx, owed.Right, purposeProof); err != nil {
		return mail.Letter{}, obsolete(err)
	}
	a, ok, err := d.Get(ctx, owed.Account)
	if err != nil {
		return mail.Letter{}, err
	}
	if !ok || !a.Active() || !sameAddress(a.Facts().PendingEmail, owed.Address) {
		return mail.Letter{}, mail.ErrObsolete
	}
	_, taken, err := d.Find(ctx, owed.Address)
	if err != nil {
		return mail.Letter{}, err
	}
	if taken {
		return mail.Letter{}, mail.ErrObsolete
	}
	t := ticket.EmailProof{Common: d.linkCommon(owed.Door, a), Address: owed.Address}
	t.TicketEpoch, t.SessionEpoch = owed.TicketEpoch, owed.SessionEpoch
	raw, err := ticket.MintLinkAs(d.cfg.Tickets, t, owed.Right, owed.Created, owed.Expires)
	return d.linked(letter, pageProof, raw, err)
}

// invitationLetter sends an invitation. That it is shown proves the address it went to.
func (d *Directory) invitationLetter(ctx context.Context, owed record.MailFacts, letter mail.Letter) (mail.Letter, error) {
	if _, _, err := d.invited(ctx, owed.Right); err != nil {
		return mail.Letter{}, obsolete(err)
	}
	raw, err := ticket.MintLinkAs(d.cfg.Tickets, ticket.Invitation{
		Common: ticket.Common{Door: owed.Door, RPID: d.cfg.RPID}, Proves: owed.Address,
	}, owed.Right, owed.Created, owed.Expires)
	return d.linked(letter, pageSignUp, raw, err)
}

// enrolmentLetter sends an enrolment link to an address that the account has proved, or
// that an administrator gave when making an account in which nobody ever was.
func (d *Directory) enrolmentLetter(ctx context.Context, owed record.MailFacts, letter mail.Letter) (mail.Letter, error) {
	if _, err := d.permit(ctx, owed.Right, purposeEnrolment); err != nil {
		return mail.Letter{}, obsolete(err)
	}
	a, ok, err := d.Get(ctx, owed.Account)
	if err != nil {
		return mail.Letter{}, err
	}
	letter.To = owed.Address
	switch own := proved(a, owed.Address); {
	case !ok || !a.Active():
		return mail.Letter{}, mail.ErrObsolete
	case own != "":
		letter.To, letter.Person = own, person(a)
	case !untouched(a.Facts()) || !sameAddress(a.Facts().PendingEmail, owed.Address):
		return mail.Letter{}, mail.ErrObsolete
	}
	t := ticket.EnrolmentLink{Common: d.linkCommon(owed.Door, a)}
	t.TicketEpoch, t.SessionEpoch = owed.TicketEpoch, owed.SessionEpoch
	raw, err := ticket.MintLinkAs(d.cfg.Tickets, t, owed.Right, owed.Created, owed.Expires)
	return d.linked(letter, pageEnrolment, raw, err)
}

// noticeLetter tells of what happened, whatever has become of the account since: to an
// address that was taken away too, but then without a name. The link by which its reader
// undoes it is there as long as it works.
func (d *Directory) noticeLetter(ctx context.Context, owed record.MailFacts, letter mail.Letter) (mail.Letter, error) {
	a, ok, err := d.Get(ctx, owed.Account)
	if err != nil {
		return mail.Letter{}, err
	}
	right, _, err := d.right(ctx, owed.Right, mail.PurposeNotice)
	linked := !errors.Is(err, ErrLink)
	if linked && err != nil {
		return mail.Letter{}, err
	}
	// An address that was taken away, or whose account is gone, is told of that, and of
	// nothing after it.
	if ok && proved(a, owed.Address) != "" {
		letter.Person = person(a)
		if owed.About != string(mail.More) {
			if err := d.noticeRoom(ctx, owed, linked && d.live(a, right)); err != nil {
				return mail.Letter{}, err
			}
		}
	}
	if !linked {
		return letter, nil
	}
	raw, err := ticket.MintLinkAs(d.cfg.Tickets, ticket.Notice{
		Common:  ticket.Common{Door: owed.Door, RPID: d.cfg.RPID, Account: owed.Account, AccountKnown: true},
		Address: owed.Address,
	}, owed.Right, owed.Created, owed.Expires)
	return d.linked(letter, pageNotice, raw, err)
}

// obsolete makes of a right that is gone a mail that is no longer due.
func obsolete(err error) error {
	if errors.Is(err, ErrLink) {
		return mail.ErrObsolete
	}
	return err
}

// linkCommon is what the links of an account say.
func (d *Directory) linkCommon(door string, a record.Account) ticket.Common {
	return ticket.Common{
		Door: door, RPID: d.cfg.RPID, Account: a.ID(), AccountKnown: true,
		TicketEpoch: a.TicketEpoch(), SessionEpoch: a.SessionEpoch(),
	}
}

// linked puts a link into a letter.
func (d *Directory) linked(letter mail.Letter, page string, raw []byte, err error) (mail.Letter, error) {
	if err != nil {
		return mail.Letter{}, fmt.Errorf("account: mint a link: %w", err)
	}
	letter.Link = d.cfg.PublicURL + page + linkEncoding.EncodeToString(raw)
	return letter, nil
}

// proved is an address as the account proved it; empty when it has not.
func proved(a record.Account, address string) string {
	emails := a.Facts().Emails
	i := slices.IndexFunc(emails, func(e string) bool { return sameAddress(e, address) })
	if i < 0 {
		return ""
	}
	return emails[i]
}

// sameAddress tells whether two spellings are of one address.
func sameAddress(a, b string) bool {
	_, one := Canonical(a)
	_, two := Canonical(b)
	return one == two
}

// person is how a letter addresses somebody.
func person(a record.Account) string {
	f := a.Facts()
	if f.DisplayName != "" {
		return f.DisplayName
	}
	return f.Username
}
