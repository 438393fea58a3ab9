package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Whoever is signed in to an account makes its person get a mail with each thing that they
// change. So that nobody fills a mailbox that way, or hides one mail among hundreds, an
// address gets so many notices an hour. Of those beyond, none is dropped in silence: what
// can still be undone waits, and all else is summed up in one mail, which is written after
// the last of what it stands for.

// liveRates is how many notices an address gets of one kind that can be undone, noticeRates
// of all others together.
var (
	liveRates   = [...]store.Rate{{Count: 10, Per: time.Hour}}
	noticeRates = [...]store.Rate{{Count: 30, Per: time.Hour}, {Count: 60, Per: longestRate}}
)

const (
	longestRate = 24 * time.Hour
	// noticeMemory is for how long a notice that was counted is known, so that it counts
	// once however often it is tried. It outlasts every mail by longestRate.
	noticeMemory = 3 * longestRate
)

// noticeRoom lets a notice be written now, once. mail.ErrObsolete: a mail that sums it up is
// owed. *mail.Later: it waits.
//
// live says that its link undoes something still. Such notices are counted by themselves, so
// that whatever else happens does not hold them up.
func (d *Directory) noticeRoom(ctx context.Context, owed record.MailFacts, live bool) error {
	_, canonical := Canonical(owed.Address)
	about, rates := "", noticeRates[:]
	if live {
		about, rates = owed.About, liveRates[:]
	}
	wait, err := d.cfg.Store.Hit(ctx, store.Hits{At: d.cfg.Now(), Hits: []store.Hit{
		{Key: d.cfg.Vault.LimitKey("notice", []byte(canonical), []byte(about)), Rates: rates},
		{Key: d.cfg.Vault.LimitKey("notice-mail", owed.ID[:]), Rates: []store.Rate{{Count: 1, Per: noticeMemory}}},
	}})
	switch {
	case err != nil:
		return fmt.Errorf("account: count a notice: %w", err)
	case wait == 0, wait > longestRate: // no address waits so long: the notice itself was counted before
		return nil
	case live:
		return &mail.Later{After: wait}
	}
	return d.sumUp(ctx, owed, canonical)
}

// sumUp owes the mail that stands for a notice and others, at most one an hour for each
// address. It is owed in the same verb that counts it.
func (d *Directory) sumUp(ctx context.Context, owed record.MailFacts, canonical string) error {
	now := d.cfg.Now()
	sum, err := d.cfg.Mail.Owe(record.MailFacts{
		Kind: string(mail.KindNotice), Language: owed.Language, Account: owed.Account, Address: owed.Address,
		Door: owed.Door, About: string(mail.More),
	})
	if err != nil {
		return fmt.Errorf("account: owe a mail: %w", err)
	}
	wait, err := d.cfg.Store.Hit(ctx, store.Hits{
		At: now,
		Hits: []store.Hit{{
			Key: d.cfg.Vault.LimitKey("notice-sum", []byte(canonical)), Rates: []store.Rate{{Count: 1, Per: time.Hour}},
		}},
		Mails: []store.Mail{sum},
	})
	switch {
	case err != nil:
		return fmt.Errorf("account: count a notice: %w", err)
	case wait > 0 && !owed.Created.Before(now.Add(wait-time.Hour)):
		return &mail.Later{After: wait} // the last one was owed before this happened
	}
	return mail.ErrObsolete
}

// live tells whether the link of a notice undoes something still.
func (d *Directory) live(a record.Account, right record.TicketFacts) bool {
	facts := a.Facts()
	switch audit.Name(right.About) {
	case audit.PasskeyAdded:
		w, ok := facts.Way(right.Subject)
		return ok && !w.Suspended
	case audit.EmailAdded:
		return proved(a, string(right.Subject)) != ""
	case audit.CodesMade:
		return slices.Equal(codesSubject(facts.CodesMade), right.Subject)
	default:
		return true
	}
}
