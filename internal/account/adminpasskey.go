package account

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// byAdministrator is the code of a suspension that was not the person's doing.
const byAdministrator = "by_administrator"

// SetSuspended suspends a passkey of an account, with the sessions that it proved, or
// restores it, for which there must be a reason. It may be the last one that works.
// Errors are *NameError, ErrForbidden, ErrStepUp, ErrUnknown, ErrPasskey when the account
// has none of that name, ErrConflict, session.ErrNone.
func (m Administration) SetSuspended(ctx context.Context, id, passkey uuid.UUID, suspended bool, why string) (Passkey, error) {
	do, about := actRestore, audit.PasskeyRestored
	if suspended {
		do, about = actSuspend, audit.PasskeySuspended
	}
	note, err := reason(why, !suspended)
	if err != nil {
		return Passkey{}, err
	}
	err = m.judged(ctx, do, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		credential, err := m.d.passkey(ctx, a, passkey)
		if err != nil || credential.Suspended() == suspended {
			return err
		}
		entry := m.entry(about, a.ID(), note)
		entry.Passkey = passkey
		if suspended {
			entry.Code = byAdministrator
			facts.TicketEpoch++
		}
		owed, err := m.told(about, facts, credential.Name())
		if err != nil {
			return err
		}
		s := standing{op: op, way: credential.Key(), suspended: suspended}
		return m.d.stand(ctx, a, facts, s, m.d.cfg.Audit.Event(entry, owed))
	})
	if err != nil {
		return Passkey{}, err
	}
	return m.viewed(ctx, id, passkey)
}

// viewed reads a passkey back as it stands now.
func (m Administration) viewed(ctx context.Context, id, passkey uuid.UUID) (Passkey, error) {
	list, err := m.Passkeys(ctx, id)
	if err != nil {
		return Passkey{}, err
	}
	i := slices.IndexFunc(list, func(p Passkey) bool { return p.ID == passkey })
	if i < 0 {
		return Passkey{}, ErrPasskey
	}
	return list[i], nil
}

// RemovePasskey removes a passkey of an account, with the sessions that it proved. It may
// be the last one: the account is then without a way in, and a mailed link may sign its
// person in. Errors as SetSuspended.
func (m Administration) RemovePasskey(ctx context.Context, id, passkey uuid.UUID, why string) error {
	note, err := reason(why, false)
	if err != nil {
		return err
	}
	return m.judged(ctx, actRemove, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		credential, err := m.d.passkey(ctx, a, passkey)
		if err != nil {
			return err
		}
		facts.Ways = slices.DeleteFunc(facts.Ways, func(w record.Way) bool { return slices.Equal(w.Credential, credential.Key()) })
		facts.HadWay = true
		facts.TicketEpoch++
		owed, err := m.told(audit.PasskeyRemoved, facts, credential.Name())
		if err != nil {
			return err
		}
		next, err := m.d.cfg.Vault.SealAccount(facts, a.Version()+1)
		if err != nil {
			return fmt.Errorf("account: seal: %w", err)
		}
		entry := m.entry(audit.PasskeyRemoved, a.ID(), note)
		entry.Passkey = passkey
		return m.d.cfg.Store.RecordUnbinding(ctx, store.Unbinding{
			Op: op, Account: a.Ref(), Next: next, Credential: credential.Key(), Event: m.d.cfg.Audit.Event(entry, owed),
		})
	})
}
