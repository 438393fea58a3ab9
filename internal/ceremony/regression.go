package ceremony

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// suspendWithin is how soon a second regression suspends a credential.
const suspendWithin = 24 * time.Hour

// regressed answers a counter that went back on a valid signature (§7.2 step 22): a
// signal that a single-device key was copied, not a proof, since two honest
// assertions handled out of order look the same. So the attempt is refused, the
// credential flagged, and only a second regression within a day suspends it; what
// comes within one ticket's life of the first counts as the first.
//
// The signature was valid, so this is no stranger: the write is not paid from the
// failure budget. It returns the refusal, or store.ErrConflict to be judged again.
func (rp *RelyingParty) regressed(
	ctx context.Context, r Request, op store.OpID, t ticket.Common, a record.Account, c record.Credential,
) error {
	refused := refuse(KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
	now := rp.cfg.Now()
	since := now.Sub(time.UnixMilli(c.Use().RegressedAt))
	if c.Use().RegressedAt != 0 && since < ticketLife {
		return spent(rp.cfg.Store.Spend(ctx, op, t.Spend()), refused)
	}
	change, err := rp.regression(r, a, c, c.Use().RegressedAt != 0 && since < suspendWithin)
	if err != nil {
		return unavailable(err)
	}
	change.Op, change.Spend = op, t.Spend()
	return spent(rp.cfg.Store.RecordRegression(ctx, change), refused)
}

// spent gives the refusal when its write went through or the ticket was spent
// before; a conflict is judged again.
func spent(err error, refused *Error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrSpent):
		return refused
	case errors.Is(err, store.ErrConflict):
		return store.ErrConflict
	default:
		return unavailable(err)
	}
}

// regression flags a credential, and suspends it when asked to: its state moves in
// the account's map and in its own seal.
func (rp *RelyingParty) regression(r Request, a record.Account, c record.Credential, suspend bool) (store.Regression, error) {
	use := c.Use()
	use.Edition++
	use.RegressedAt = rp.cfg.Now().UnixMilli()
	entry := audit.Entry{
		Name: audit.PasskeyRegressed, Account: a.ID(), Passkey: c.Facts().Passkey, Code: webauthn.CodeSignCountRegressed,
	}
	change := store.Regression{Account: a.Ref(), Credential: store.Ref{Key: c.Key(), Version: c.Version()}}
	facts, state := a.Facts(), c.State()
	if suspend {
		entry.Name = audit.PasskeySuspended
		state++
		i := slices.IndexFunc(facts.Ways, func(w record.Way) bool { return slices.Equal(w.Credential, c.Key()) })
		facts.Ways[i].Suspended, facts.Ways[i].State = true, state
		facts.TicketEpoch++
		next, err := rp.cfg.Vault.SealAccount(facts, a.Version()+1)
		if err != nil {
			return store.Regression{}, err
		}
		change.Next = &next
	}
	owed, err := rp.cfg.Accounts.Notify(mail.Notice{Account: facts, About: entry.Name, Name: c.Name(), By: r.Caller})
	if err != nil {
		return store.Regression{}, err
	}
	replace, err := rp.cfg.Vault.SealCredential(record.NewCredential{
		Facts: c.Facts(), Use: use, State: state, Name: c.Name(), Account: facts,
	})
	if err != nil {
		return store.Regression{}, err
	}
	change.Replace = replace
	change.Event = rp.cfg.Audit.Event(entry.By(r.Caller), owed)
	return change, nil
}
