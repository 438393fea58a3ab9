package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// LookProof is how recent the proof must be for looking at what is other people's. For
// whatever changes something it is FreshProof.
const LookProof = time.Hour

// maxReason bounds why an administrator did something, in bytes.
const maxReason = 256

// ErrUnreachable: the account is disabled, or there is no way to hand its person a link.
var ErrUnreachable = errors.New("account: its person cannot be reached")

// Role is what an account may do to others: "member", "support" or "admin".
type Role = record.Role

// Administration is what somebody may do to accounts that are not their own. It is the
// one place where that is judged: each of its methods asks for the role, for a recent
// passkey, and for the order of roles, before it reads or writes anything, and again
// whenever the account moved in between; and writes what it does as an event that names
// who did it.
//
// The order: an administrator acts on members and support, support on members, and
// nobody on an equal or a superior, themselves included, nor does an administrator delete
// their own account (Directory.Delete). So no call can take the last administrator away,
// whatever others do at the same time: only somebody above could.
//
// The zero Administration may do nothing.
type Administration struct {
	d        *Directory
	actor    session.Current
	operator bool
	by       audit.Caller
}

// Administer is what who is signed in may do to others.
func (d *Directory) Administer(c session.Current, by audit.Caller) Administration {
	return Administration{d: d, actor: c, by: by}
}

// Operate is what the operator on the machine may do, who has the keys and the store:
// everything, to everybody.
func (d *Directory) Operate(by audit.Caller) Administration {
	return Administration{d: d, operator: true, by: by}
}

// act is a kind of thing to do to somebody else's account.
type act int

const (
	actLook act = iota
	actEndSessions
	actSuspend
	actLink
	// What follows takes an administrator.
	actRestore
	actRemove
	actName
	actRole
	actDisable
	actDelete
	actAdd
	actInvite
	actSeeInvitations
	actReadEvents // of everybody
)

// least is the weakest role that may do it.
func (a act) least() record.Role {
	if a < actRestore {
		return record.RoleSupport
	}
	return record.RoleAdmin
}

// reads tells an act that changes nothing.
func (a act) reads() bool { return a == actLook || a == actSeeInvitations || a == actReadEvents }

// rank orders the roles. What is unknown is a member.
func rank(r record.Role) int {
	switch r {
	case record.RoleAdmin:
		return 2
	case record.RoleSupport:
		return 1
	default:
		return 0
	}
}

// role is what the actor is.
func (m Administration) role() record.Role { return m.actor.Account().Facts().Role }

// id is who acts; the operator on the machine is nobody.
func (m Administration) id() record.ID { return m.actor.Person().ID }

// allowed demands the role, and a proof by passkey as recent as the act wants it. A
// session by mailed link administers nothing, whatever the account.
func (m Administration) allowed(do act) error {
	if m.operator {
		return nil
	}
	if m.actor.IsZero() {
		return session.ErrNone
	}
	if rank(m.role()) < rank(do.least()) {
		return ErrForbidden
	}
	age := FreshProof
	if do.reads() {
		age = LookProof
	}
	if len(m.actor.Credential()) == 0 || !m.actor.Fresh(m.d.cfg.Now(), age) {
		return ErrStepUp
	}
	return nil
}

// allowedOn judges the order of roles: whoever acts stands above, and whoever looks is
// not below. Support looks at members only.
func (m Administration) allowedOn(do act, target record.Role) error {
	if m.operator || rank(target) < rank(m.role()) || do.reads() && m.role() == record.RoleAdmin {
		return nil
	}
	return ErrForbidden
}

// subject reads an account that this may be done to.
func (m Administration) subject(ctx context.Context, do act, id uuid.UUID) (record.Account, error) {
	if err := m.allowed(do); err != nil {
		return record.Account{}, err
	}
	a, ok, err := m.d.Get(ctx, id)
	if err != nil {
		return record.Account{}, err
	}
	if !ok {
		return record.Account{}, ErrUnknown
	}
	return a, m.allowedOn(do, a.Facts().Role)
}

// judged lets change judge and write, on the account as it stands, and repeats it when
// the account moved in between.
func (m Administration) judged(ctx context.Context, do act, id uuid.UUID, change change) error {
	op, err := m.d.operation()
	if err != nil {
		return err
	}
	for range conflictTries {
		a, err := m.subject(ctx, do, id)
		if err != nil {
			return err
		}
		err = change(a, a.Facts(), op)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return ErrConflict
}

// entry is the event of what is done to an account.
func (m Administration) entry(name audit.Name, account record.ID, note string) audit.Entry {
	return audit.Entry{Name: name, Account: account, Actor: m.id(), Note: note}.By(m.by)
}

// told is what the person of the account is told of it: what happened, not from where. An
// administrator's browser and network are not the person's to know.
func (m Administration) told(about audit.Name, facts record.AccountFacts, name string) (audit.Owed, error) {
	return m.d.Notify(mail.Notice{Account: facts, About: about, Name: name, By: audit.Caller{Language: m.by.Language}})
}

// reason checks why something is done: a line of at most 256 bytes, for whoever reads the
// events. It is not shown to the person.
func reason(text string, required bool) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case required && text == "":
		return "", &NameError{Field: "reason", Code: "required"}
	case len(text) > maxReason:
		return "", &NameError{Field: "reason", Code: NameTooLong}
	case !printable(text):
		return "", &NameError{Field: "reason", Code: NameCharacters}
	}
	return text, nil
}

// roleOf reads a role; none is a member's.
func roleOf(text string) (record.Role, error) {
	switch role := record.Role(text); role {
	case "":
		return record.RoleMember, nil
	case record.RoleMember, record.RoleSupport, record.RoleAdmin:
		return role, nil
	default:
		return "", &NameError{Field: "role", Code: "not_allowed"}
	}
}

// List reads accounts as Directory.List does; those that may not be looked at are left
// out, so fewer than limit may come before the end.
func (m Administration) List(ctx context.Context, after uuid.UUID, limit int) ([]Summary, uuid.UUID, error) {
	if err := m.allowed(actLook); err != nil {
		return nil, uuid.Nil, err
	}
	list, next, err := m.d.List(ctx, after, limit)
	return slices.DeleteFunc(list, m.hides), next, err
}

func (m Administration) hides(s Summary) bool {
	return m.allowedOn(actLook, record.Role(s.Role)) != nil
}

// Find gives the account that has exactly this username, proved address or identifier:
// one, or none. Names are sealed and looked up by keyed hashes, so no part of one finds
// anything.
func (m Administration) Find(ctx context.Context, nameOrID string) ([]Summary, error) {
	if err := m.allowed(actLook); err != nil {
		return nil, err
	}
	a, ok, err := m.d.named(ctx, nameOrID)
	if err != nil || !ok {
		return nil, err
	}
	return slices.DeleteFunc([]Summary{summary(a.Facts())}, m.hides), nil
}

// Look gives an account. Errors are ErrForbidden, ErrStepUp, ErrUnknown, session.ErrNone.
func (m Administration) Look(ctx context.Context, id uuid.UUID) (Summary, error) {
	a, err := m.subject(ctx, actLook, id)
	if err != nil {
		return Summary{}, err
	}
	return summary(a.Facts()), nil
}

// Subject is an account whose sessions may be looked at, or ended, by package session.
// Errors as Look.
func (m Administration) Subject(ctx context.Context, id uuid.UUID, end bool) (record.Account, error) {
	if end {
		return m.subject(ctx, actEndSessions, id)
	}
	return m.subject(ctx, actLook, id)
}

// Passkeys lists an account's passkeys, oldest first. Errors as Look.
func (m Administration) Passkeys(ctx context.Context, id uuid.UUID) ([]Passkey, error) {
	a, err := m.subject(ctx, actLook, id)
	if err != nil {
		return nil, err
	}
	credentials, err := m.d.Credentials(ctx, a)
	if err != nil {
		return nil, err
	}
	list := make([]Passkey, 0, len(credentials))
	for _, c := range credentials {
		list = append(list, View(c, nil, m.d.cfg.Now()))
	}
	return list, nil
}
