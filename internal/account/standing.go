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

// standing is a change of an account in which at most one way in is suspended or
// restored.
type standing struct {
	op        store.OpID
	ticket    *store.Ref // stored right that permits it, consumed; nil: none is needed
	way       []byte     // key of the credential; nil: none moves
	suspended bool
	drop      [][]byte // identifiers that the account gives up, where none moves
}

// place finds a way in in a map; -1: it is not there.
func place(ways []record.Way, credential []byte) int {
	return slices.IndexFunc(ways, func(w record.Way) bool { return slices.Equal(w.Credential, credential) })
}

// stand writes the account's next edition. The state of the way in that moves moves with
// it, in the map and in the credential's own seal: the sessions it proved end in the same
// commit and do not come back, and an older edition of either row put back fits the other
// no more. A credential that is gone, or does not open, moves in the map alone.
func (d *Directory) stand(ctx context.Context, a record.Account, facts record.AccountFacts, s standing, event store.EventFunc) error {
	i := place(facts.Ways, s.way)
	if s.way == nil || i < 0 {
		return d.replace(ctx, a, facts, s, event)
	}
	facts.Ways[i].Suspended = s.suspended
	credentials, err := d.credentials(ctx, a, [][]byte{s.way})
	if err != nil {
		return err
	}
	if len(credentials) == 0 {
		return d.replace(ctx, a, facts, s, event)
	}
	credential := credentials[0]
	facts.Ways[i].State = credential.State() + 1
	next, err := d.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return fmt.Errorf("account: seal: %w", err)
	}
	use := credential.Use()
	use.Edition++
	moved, err := d.cfg.Vault.SealCredential(record.NewCredential{
		Facts: credential.Facts(), Use: use, State: facts.Ways[i].State, Name: credential.Name(), Account: facts,
	})
	if err != nil {
		return fmt.Errorf("account: seal credential: %w", err)
	}
	return d.cfg.Store.RecordStanding(ctx, store.Standing{
		Op: s.op, Ticket: s.ticket, Account: a.Ref(), Next: next,
		Credential: credential.Ref(), Replace: moved, Event: event,
	})
}

// replace writes the account's next edition and nothing but it.
func (d *Directory) replace(ctx context.Context, a record.Account, facts record.AccountFacts, s standing, event store.EventFunc) error {
	next, err := d.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return fmt.Errorf("account: seal: %w", err)
	}
	return d.cfg.Store.ReplaceAccount(ctx, store.AccountChange{
		Op: s.op, Ticket: s.ticket, Account: a.Ref(), Next: next, Drop: s.drop, Event: event,
	})
}

// held tells whether a way in waits for its hold to end.
func held(w record.Way, now time.Time) bool { return !w.Suspended && now.UnixMilli() < w.HeldUntil }

// heldLongest is until when a recovery is held, when its ticket is dead: as long as the
// last way in that came of one.
func heldLongest(facts record.AccountFacts, now time.Time) (until int64) {
	for _, w := range facts.Ways {
		if held(w, now) {
			until = max(until, w.HeldUntil)
		}
	}
	return until
}

// CancelHold ends what a recovery began on an account that an older way in is about to sign
// in: its ticket is dead, and what was bound by it is suspended, and its person is told. It
// gives the account as it stands then, which nothing else has touched. Nothing to cancel is
// the account itself, and costs nothing. Errors are the store's; store.ErrConflict when
// something else moved the account.
func (d *Directory) CancelHold(ctx context.Context, a record.Account, by audit.Caller) (record.Account, error) {
	for range maxHolds {
		facts := a.Facts()
		if d.cfg.Now().UnixMilli() >= facts.HeldUntil {
			return a, nil
		}
		if err := d.cancelHold(ctx, a, facts, by); err != nil {
			return record.Account{}, err
		}
		latest, ok, err := d.Get(ctx, a.ID())
		switch {
		case err != nil:
			return record.Account{}, err
		case !ok || latest.Version() != a.Version()+1:
			return record.Account{}, store.ErrConflict
		}
		a = latest // perhaps another is held
	}
	return record.Account{}, ErrConflict
}

// maxHolds bounds how many holds there are at once: each code may have begun one, and a
// mailed link another.
const maxHolds = RecoveryCodes + conflictTries

// cancelHold cancels one hold, with the codes that were saved beside the one that began it:
// who had that one has the sheet. The last one takes the account's own mark with it, so
// that what was left half done is done by the next sign-in.
func (d *Directory) cancelHold(ctx context.Context, a record.Account, facts record.AccountFacts, by audit.Caller) error {
	op, err := d.operation()
	if err != nil {
		return err
	}
	now := d.cfg.Now()
	s := standing{op: op, suspended: true}
	entry := audit.Entry{Name: audit.HoldCancelled, Account: a.ID()}
	if i := slices.IndexFunc(facts.Ways, func(w record.Way) bool { return held(w, now) }); i >= 0 {
		s.way = facts.Ways[i].Credential
		facts.Ways[i].Suspended = true
	}
	name := ""
	if entry.Passkey, name, err = d.known(ctx, a, s.way); err != nil {
		return err
	}
	ended := now.UnixMilli() < facts.CodesHeldUntil && endCodes(&facts)
	if ended {
		entry.Code = audit.CodeCodesEnded
	}
	facts.HeldUntil = heldLongest(facts, now)
	facts.TicketEpoch++
	owed, err := d.Notify(mail.Notice{Account: facts, About: audit.HoldCancelled, Name: name, CodesEnded: ended, By: by})
	if err != nil {
		return err
	}
	return d.stand(ctx, a, facts, s, d.cfg.Audit.Event(entry.By(by), owed))
}

// known gives our identifier and the name of a passkey, by the key of its row; neither,
// when it is not there or does not open.
func (d *Directory) known(ctx context.Context, a record.Account, credential []byte) (record.ID, string, error) {
	if credential == nil {
		return record.ID{}, "", nil
	}
	credentials, err := d.credentials(ctx, a, [][]byte{credential})
	if err != nil || len(credentials) == 0 {
		return record.ID{}, "", err
	}
	return credentials[0].Facts().Passkey, credentials[0].Name(), nil
}
