package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// AccountDraft is an account that an administrator makes for somebody. It needs a username
// or an address.
type AccountDraft struct {
	Username    string
	Email       string // claimed for them: pending until they prove it
	DisplayName string
	Role        string // empty: "member"
	// Deliver mails the enrolment link to Email, and the maker does not see it.
	Deliver bool
}

// Add makes an account and the link with which its person makes the first passkey. The
// link of an account that could act like its maker is mailed or not made: whoever sees it
// could be that account. Errors are *NameError, ErrTaken, ErrForbidden, ErrStepUp,
// ErrUninvitable when nothing can be mailed, session.ErrNone.
func (m Administration) Add(ctx context.Context, in AccountDraft) (Summary, Enrolment, error) {
	if err := m.allowed(actAdd); err != nil {
		return Summary{}, Enrolment{}, err
	}
	facts, err := m.drafted(ctx, in)
	if err != nil {
		return Summary{}, Enrolment{}, err
	}
	if err := m.d.add(ctx, facts, m.entry(audit.AccountAdded, facts.ID, "")); err != nil {
		return Summary{}, Enrolment{}, err
	}
	a, ok, err := m.d.Get(ctx, facts.ID)
	if err != nil {
		return Summary{}, Enrolment{}, err
	}
	if !ok {
		return Summary{}, Enrolment{}, ErrUnknown
	}
	e, err := m.enrol(ctx, a, in.Deliver, "")
	return summary(facts), e, err
}

// drafted judges a draft and gives the account as it will be.
func (m Administration) drafted(ctx context.Context, in AccountDraft) (facts record.AccountFacts, err error) {
	if facts, err = Blank(m.d.cfg.Rand, m.d.cfg.Now()); err != nil {
		return facts, err
	}
	if facts.Role, err = roleOf(in.Role); err != nil {
		return facts, err
	}
	if facts.DisplayName, err = DisplayName(in.DisplayName); err != nil {
		return facts, err
	}
	if in.Username != "" {
		if facts.Username, err = Username(in.Username); err != nil {
			return facts, err
		}
	}
	if facts.PendingEmail, err = optional(Email)(in.Email); err != nil {
		return facts, err
	}
	if in.Email != "" {
		_, taken, err := m.d.Find(ctx, in.Email)
		if err != nil {
			return facts, err
		}
		if taken {
			return facts, &NameError{Field: "email", Code: NameTaken}
		}
	}
	switch {
	case in.Username == "" && in.Email == "":
		return facts, &NameError{Field: "email", Code: "required"}
	case in.Deliver && in.Email == "":
		return facts, &NameError{Field: "email", Code: "required"}
	case in.Deliver && !m.d.cfg.Policy.Mail:
		return facts, ErrUninvitable
	case !in.Deliver && m.allowedOn(actAdd, facts.Role) != nil:
		return facts, &NameError{Field: "deliver", Code: "required"}
	}
	return facts, nil
}

// Amendment is what may be changed about somebody else's account. Nil leaves it as it is.
type Amendment struct {
	DisplayName *string
	Disabled    *bool
	Role        *string
	Reason      string
}

// Change names, disables or enables an account, or gives it another role, each as one
// event and in this order; a repeat changes nothing more. Errors are *NameError,
// ErrForbidden, ErrStepUp, ErrUnknown, ErrConflict, session.ErrNone.
func (m Administration) Change(ctx context.Context, id uuid.UUID, in Amendment) (Summary, error) {
	note, err := reason(in.Reason, false)
	if err != nil {
		return Summary{}, err
	}
	var display string
	if in.DisplayName != nil {
		if display, err = DisplayName(*in.DisplayName); err != nil {
			return Summary{}, err
		}
	}
	var role record.Role
	if in.Role != nil {
		if role, err = roleOf(*in.Role); err != nil {
			return Summary{}, err
		}
	}
	if in.DisplayName != nil {
		if err := m.rename(ctx, id, display, note); err != nil {
			return Summary{}, err
		}
	}
	if in.Disabled != nil {
		if err := m.disable(ctx, id, *in.Disabled, note); err != nil {
			return Summary{}, err
		}
	}
	if in.Role == nil {
		return m.Look(ctx, id)
	}
	return m.promote(ctx, id, role, note)
}

func (m Administration) rename(ctx context.Context, id uuid.UUID, display, note string) error {
	return m.judged(ctx, actName, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if facts.DisplayName == display {
			return nil
		}
		facts.DisplayName = display
		return m.d.replace(ctx, a, facts, standing{op: op}, m.d.cfg.Audit.Event(m.entry(audit.AccountChanged, a.ID(), note)))
	})
}

// disable ends or restores the use of an account. Every session ends and every ticket and
// link is dead by the same write, and stays so when the account is enabled again.
func (m Administration) disable(ctx context.Context, id uuid.UUID, disabled bool, note string) error {
	return m.judged(ctx, actDisable, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if a.Active() != disabled {
			return nil
		}
		about := audit.AccountEnabled
		facts.State = record.StateActive
		if disabled {
			about, facts.State = audit.AccountDisabled, record.StateDisabled
			facts.SessionEpoch++
			facts.TicketEpoch++
		}
		owed, err := m.told(about, facts, "")
		if err != nil {
			return err
		}
		return m.d.replace(ctx, a, facts, standing{op: op}, m.d.cfg.Audit.Event(m.entry(about, a.ID(), note), owed))
	})
}

// promote gives an account a role, up to the actor's own. Links that were made for what it
// was are dead: whoever saw one would otherwise come by a role above theirs.
func (m Administration) promote(ctx context.Context, id uuid.UUID, role record.Role, note string) (after Summary, err error) {
	err = m.judged(ctx, actRole, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		after = summary(facts)
		if facts.Role == role {
			return nil
		}
		facts.Role = role
		facts.TicketEpoch++
		after = summary(facts)
		owed, err := m.told(audit.RoleChanged, facts, string(role))
		if err != nil {
			return err
		}
		entry := m.entry(audit.RoleChanged, a.ID(), note)
		entry.Code = string(role)
		return m.d.replace(ctx, a, facts, standing{op: op}, m.d.cfg.Audit.Event(entry, owed))
	})
	return after, err
}

// Delete removes an account, as Directory.Delete does for one's own. Errors are
// *NameError, ErrForbidden, ErrStepUp, ErrUnknown when it is gone, ErrConflict,
// session.ErrNone.
func (m Administration) Delete(ctx context.Context, id uuid.UUID, why string) error {
	note, err := reason(why, false)
	if err != nil {
		return err
	}
	return m.judged(ctx, actDelete, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		owed, err := m.told(audit.AccountDeleted, facts, "")
		if err != nil {
			return err
		}
		verb := m.d.deletion(a)
		verb.Op, verb.Event = op, m.d.cfg.Audit.Event(m.entry(audit.AccountDeleted, a.ID(), note), owed)
		return m.d.cfg.Store.DeleteAccount(ctx, verb)
	})
}

// EndSessions ends every session of an account. Errors as Delete.
func (m Administration) EndSessions(ctx context.Context, id uuid.UUID, why string) error {
	note, err := reason(why, false)
	if err != nil {
		return err
	}
	return m.judged(ctx, actEndSessions, id, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		facts.SessionEpoch++
		owed, err := m.told(audit.AllSignedOut, facts, "")
		if err != nil {
			return err
		}
		return m.d.replace(ctx, a, facts, standing{op: op}, m.d.cfg.Audit.Event(m.entry(audit.AllSignedOut, a.ID(), note), owed))
	})
}

// Named finds the account that an operator means, by username, proved address or
// identifier. Errors as Look.
func (m Administration) Named(ctx context.Context, nameOrID string) (uuid.UUID, error) {
	found, err := m.Find(ctx, nameOrID)
	if err != nil {
		return uuid.Nil, fmt.Errorf("account: find: %w", err)
	}
	if len(found) != 1 {
		return uuid.Nil, ErrUnknown
	}
	return found[0].ID, nil
}
