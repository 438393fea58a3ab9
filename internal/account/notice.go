package account

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

// Notify makes what a notice owes, for the verb of what it tells of. Nothing is owed
// where no mail is sent. Its link leads to our own pages, whatever door it happened at.
func (d *Directory) Notify(n mail.Notice) (audit.Owed, error) {
	if !d.cfg.Policy.Mail {
		return audit.Owed{}, nil
	}
	n.Door = linkDoor
	owed, err := d.cfg.Mail.Notify(n)
	if err != nil {
		return audit.Owed{}, fmt.Errorf("account: owe a notice: %w", err)
	}
	return owed, nil
}

// Undoable tells whether a notice of this event has a link by which its reader says "this
// was not me".
func Undoable(about audit.Name) bool {
	return about == audit.PasskeyAdded || about == audit.EmailAdded || about == audit.RecoveryUsed || about == audit.CodesMade
}

// recoverySubject is how a notice names a recovery: by the account's ticket epoch after
// its code was used, as the ways in that came of it do.
func recoverySubject(epoch uint64) []byte { return binary.BigEndian.AppendUint64(nil, epoch) }

// codesSubject is how a notice names recovery codes: by when they were made.
func codesSubject(made time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(made.UnixMilli()))
}

// About is what a notice is about.
type About struct {
	Name    audit.Name
	Subject string // what people call it: a passkey's name, an address; empty: nothing, or it is gone
	At      time.Time
}

// shown is a notice whose link was shown and works.
type shown struct {
	right   record.TicketFacts
	ref     store.Ref
	address string // where the notice went
}

// openNotice opens the link of a notice. It uses nothing up. ErrLink.
func (d *Directory) openNotice(ctx context.Context, token string) (shown, error) {
	raw, err := parseLink(token)
	if err != nil {
		return shown{}, err
	}
	t, err := ticket.OpenLink[ticket.Notice](d.cfg.Tickets, raw, ticket.Want{Door: linkDoor, RPID: d.cfg.RPID, Now: d.cfg.Now()})
	if err != nil {
		return shown{}, fmt.Errorf("%w: %w", ErrLink, err)
	}
	right, ref, err := d.right(ctx, t.ID, mail.PurposeNotice)
	if err != nil {
		return shown{}, err
	}
	if right.Account != record.ID(t.Account) || !Undoable(audit.Name(right.About)) {
		return shown{}, ErrLink
	}
	return shown{right: right, ref: ref, address: t.Address}, nil
}

// SeeNotice tells what the link of a notice is about. It writes nothing. ErrLink when the
// link cannot be used.
func (d *Directory) SeeNotice(ctx context.Context, token string) (About, error) {
	n, err := d.openNotice(ctx, token)
	if err != nil {
		return About{}, err
	}
	a, ok, err := d.Get(ctx, n.right.Account)
	if err != nil {
		return About{}, err
	}
	if !ok || d.disowned(a, n.address) {
		return About{}, ErrLink
	}
	about := About{Name: audit.Name(n.right.About), At: n.right.Created}
	switch about.Name {
	case audit.PasskeyAdded:
		_, about.Subject, err = d.known(ctx, a, n.right.Subject)
	case audit.EmailAdded:
		about.Subject = string(n.right.Subject)
	}
	return about, err
}

// Undo honours "this was not me": the passkey that the notice told of is suspended, the
// address removed, the recovery ended with what came of it and the codes beside the one that
// was used, the recovery codes good for nothing; and every session of the account ends. It
// touches nothing else that was there before, gives nothing back, and happens once, whichever
// of the notice's copies is shown; the other addresses are told of it.
//
// It takes no proof but the link, because it only makes things safer (NIST SP 800-63B-4
// §4.6): so it may leave an account without a way in that works, and works on one that is
// disabled. Errors are ErrLink when the link cannot be used, ErrConflict, or the store's.
func (d *Directory) Undo(ctx context.Context, token string, by audit.Caller) error {
	n, err := d.openNotice(ctx, token)
	if err != nil {
		return err
	}
	op, err := d.operation()
	if err != nil {
		return err
	}
	for range conflictTries {
		a, ok, err := d.Get(ctx, n.right.Account)
		if err != nil {
			return err
		}
		if !ok || d.disowned(a, n.address) {
			return ErrLink
		}
		err = d.undo(ctx, a, n, op, by)
		switch {
		case errors.Is(err, store.ErrConflict):
			continue
		case errors.Is(err, store.ErrSpent):
			return ErrLink // a copy of it was quicker
		}
		return err
	}
	return ErrConflict
}

func (d *Directory) operation() (op store.OpID, err error) {
	if _, err = io.ReadFull(d.cfg.Rand, op[:]); err != nil {
		return op, fmt.Errorf("account: draw an operation: %w", err)
	}
	return op, nil
}

// undo judges the account as it stands and writes what is undone.
func (d *Directory) undo(ctx context.Context, a record.Account, n shown, op store.OpID, by audit.Caller) error {
	facts := a.Facts()
	facts.SessionEpoch++
	facts.TicketEpoch++
	s := standing{op: op, ticket: &n.ref, suspended: true}
	told := mail.Notice{About: audit.NoticeUndone, By: by}
	switch audit.Name(n.right.About) {
	case audit.PasskeyAdded:
		s.way = n.right.Subject
		if w, _ := facts.Way(s.way); w.Recovery != 0 {
			told.CodesEnded = endSheet(&facts, n.right.Created)
		}
	case audit.RecoveryUsed:
		s.way = cameOf(facts.Ways, n.right.Subject)
		told.CodesEnded = endSheet(&facts, n.right.Created)
	case audit.CodesMade:
		if slices.Equal(codesSubject(facts.CodesMade), n.right.Subject) {
			endCodes(&facts)
		}
	case audit.EmailAdded:
		told.Name = string(n.right.Subject)
		told.Also = d.dropEmail(&facts, &s, told.Name)
		d.disown(&facts, told.Name)
	}
	entry := audit.Entry{Name: audit.NoticeUndone, Account: a.ID(), Code: n.right.About}
	if s.way != nil {
		var err error
		if entry.Passkey, told.Name, err = d.known(ctx, a, s.way); err != nil {
			return err
		}
		if i := place(facts.Ways, s.way); i >= 0 {
			facts.Ways[i].Suspended = true
		}
	}
	// The tickets of recoveries are dead by the epoch: only what was bound is held still.
	facts.HeldUntil = heldLongest(facts, d.cfg.Now())
	told.Account = facts
	elsewhere := func(e string) bool { return sameAddress(e, n.address) }
	told.Account.Emails = slices.DeleteFunc(slices.Clone(facts.Emails), elsewhere)
	told.Also = slices.DeleteFunc(told.Also, elsewhere)
	owed, err := d.Notify(told)
	if err != nil {
		return err
	}
	return d.stand(ctx, a, facts, s, d.cfg.Audit.Event(entry.By(by), owed))
}

// endSheet makes the codes good for nothing that there were when one of them was used:
// whoever has that one has the sheet. Those that were made since stay. It tells whether any
// were left.
func endSheet(facts *record.AccountFacts, used time.Time) bool {
	return !facts.CodesMade.After(used) && endCodes(facts)
}

// maxDisowned is how many disowned addresses an account remembers.
const maxDisowned = 8

// ownerKey is how an account remembers an address that it does not have.
func (d *Directory) ownerKey(address string) []byte {
	_, canonical := Canonical(address)
	return d.cfg.Vault.LookupIdentifier(KindEmail, canonical)[:16]
}

// disown remembers that an address is not the person's. Whoever put it there got the
// notices of all that happened since, and would undo what the person does.
func (d *Directory) disown(facts *record.AccountFacts, address string) {
	facts.Disowned = append(facts.Disowned, d.ownerKey(address))
	facts.Disowned = facts.Disowned[max(0, len(facts.Disowned)-maxDisowned):]
}

// reown forgets it: the address was proved again.
func (d *Directory) reown(facts *record.AccountFacts, address string) {
	key := d.ownerKey(address)
	facts.Disowned = slices.DeleteFunc(slices.Clone(facts.Disowned), func(k []byte) bool { return slices.Equal(k, key) })
}

func (d *Directory) disowned(a record.Account, address string) bool {
	key := d.ownerKey(address)
	return slices.ContainsFunc(a.Facts().Disowned, func(k []byte) bool { return slices.Equal(k, key) })
}

// cameOf is the way in that came of a recovery, named as a notice's subject. A recovery
// binds one at most: its ticket dies of it. Nil: none did.
func cameOf(ways []record.Way, subject []byte) []byte {
	for _, w := range ways {
		if w.Recovery != 0 && slices.Equal(recoverySubject(w.Recovery), subject) {
			return w.Credential
		}
	}
	return nil
}

// dropEmail takes a proved address, in its canonical form, out of the facts and its
// identifier out of the store with them. It gives the address as it was spelled.
func (d *Directory) dropEmail(facts *record.AccountFacts, s *standing, canonical string) (dropped []string) {
	facts.Emails = slices.DeleteFunc(facts.Emails, func(e string) bool {
		_, own := Canonical(e)
		if own != canonical {
			return false
		}
		dropped = append(dropped, e)
		s.drop = append(s.drop, d.cfg.Vault.LookupIdentifier(KindEmail, canonical))
		return true
	})
	return dropped
}
