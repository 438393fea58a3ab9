package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// ErrCursor: what Of was given to go on from did not come from it, for this account.
var ErrCursor = errors.New("audit: not a cursor of this account")

// personal tells whether an event is its person's to see. A name that is not here is
// not shown: one of a newer server, or one that tells of the server and not of them.
func personal(name Name) bool {
	switch name {
	case AccountSignedUp, AccountAdded, AccountImported, AccountLinkMade, AccountChanged, AccountDeleted, FirstAdminSigned,
		PasskeyAdded, PasskeySuspended, PasskeyRegressed, PasskeyRestored, PasskeyRenamed, PasskeyRemoved,
		SignedIn, SignedOut, AllSignedOut, RefreshReused, SteppedUp,
		LinkHonoured, LinkCodeMade, LinkDenied, EmailAdded, EmailRemoved, EmailAsked, CodesMade, CodesSaved,
		RecoveryUsed, HoldCancelled, NoticeUndone, AccountDisabled, AccountEnabled, RoleChanged,
		InvitationMade, InvitationEnded, BrowserRemarked:
		return true
	}
	return false
}

// Of reads the events that concern an account, newest first, up to limit (at least 1),
// those before a cursor (nil: from the newest). next is the cursor of those that follow,
// nil at the end; fewer than limit may come before it. ErrCursor for a cursor that is
// none of the account's.
//
// Each is opened by itself, without the one before it in its chain. One that does not
// open is left out, with an alarm: whoever writes to the database can hide what
// happened from a list, which Walk finds, and cannot make up anything.
func (l *Log) Of(ctx context.Context, account record.ID, before []byte, limit int) (list []Record, next []byte, err error) {
	var from store.Position
	if before != nil {
		if from, err = l.cfg.Vault.OpenPosition(account, before); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrCursor, err)
		}
	}
	events, err := l.cfg.Store.EventsOf(ctx, account[:], from, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("audit: read the events of an account: %w", err)
	}
	if len(events) > limit {
		events = events[:limit]
		last := events[limit-1]
		next, err = l.cfg.Vault.SealPosition(account, store.Position{At: last.At, Chain: last.Chain, Number: last.Number})
		if err != nil {
			return nil, nil, fmt.Errorf("audit: seal a cursor: %w", err)
		}
	}
	for _, e := range events {
		rec, err := l.openAlone(account, e)
		if err != nil {
			l.Alarm(ctx, Caller{}, "event_record_tampered", err)
			continue
		}
		if personal(rec.Name) {
			list = append(list, rec)
		}
	}
	return list, next, nil
}

// openAlone opens an event that was found under an account.
func (l *Log) openAlone(account record.ID, e store.Event) (Record, error) {
	body, err := l.cfg.Vault.OpenEventAlone(e)
	if err != nil {
		return Record{}, err
	}
	rec, err := l.read(e, body)
	if err == nil && rec.Account != account {
		err = &record.Tampered{Code: "event_record_tampered", Err: fmt.Errorf("chain %d: event %d concerns another account", e.Chain, e.Number)}
	}
	return rec, err
}
