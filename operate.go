package keyturn

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
)

// What an operator can get wrong; see Operator.
var (
	// ErrUsernameTaken: the username belongs to somebody.
	ErrUsernameTaken = account.ErrTaken
	// ErrAccountUnknown: there is no such account, or it is disabled.
	ErrAccountUnknown = account.ErrUnknown
	// ErrCannotInvite: sign-up is closed, or there is no mail to send it with.
	ErrCannotInvite = account.ErrUninvitable
	// ErrPasskeyUnknown: the account has no such passkey.
	ErrPasskeyUnknown = account.ErrPasskey
)

// Operator is what somebody on the machine itself may do, without signing in: whoever
// holds the keys and the store needs no further proof. Commands use it; never put it
// behind a network call.
type Operator struct{ server *Server }

// Operator gives the operator's view of the server.
func (s *Server) Operator() Operator { return Operator{server: s} }

// OneTimeLink is a link for one person, to be handed over in secret. It works once.
type OneTimeLink struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// AdministratorLink makes the link that opens the first administrator's account. ok
// is false when the store has, or had, an administrator made by it.
func (o Operator) AdministratorLink(ctx context.Context) (link OneTimeLink, ok bool, err error) {
	made, ok, err := o.server.accounts.AdministratorLink(ctx, audit.Caller{})
	if err != nil || !ok {
		return OneTimeLink{}, false, err
	}
	return o.link("/sign-up", made), true, nil
}

// NewAccount is an account to be made.
type NewAccount struct {
	Username    string
	DisplayName string
	Admin       bool
}

// AddAccount makes an account without a passkey, and the link with which its person
// makes the first one.
func (o Operator) AddAccount(ctx context.Context, n NewAccount) (uuid.UUID, OneTimeLink, error) {
	id, made, err := o.server.accounts.Add(ctx, account.NewAccount(n), audit.Caller{})
	if err != nil {
		return uuid.Nil, OneTimeLink{}, err
	}
	return id, o.link("/enrol", made), nil
}

// Invitation is whom to invite, and as what. The zero Invitation is for whoever holds
// its link.
type Invitation struct {
	Email       string
	Role        string // "member", "support" or "admin"; empty: "member"
	DisplayName string
	// Send mails it to Email too. Whoever comes by the mail has proved the address.
	Send bool
}

// Invite makes a link that opens one account, within seven days.
func (o Operator) Invite(ctx context.Context, in Invitation) (OneTimeLink, error) {
	made, err := o.server.accounts.InviteByOperator(ctx, account.InvitationDraft{
		Email: in.Email, Role: record.Role(in.Role), DisplayName: in.DisplayName, Deliver: in.Send,
	}, audit.Caller{})
	if err != nil {
		return OneTimeLink{}, err
	}
	return o.link("/sign-up", made), nil
}

// EnrolmentLink makes a link with which the person of an account, named by username
// or identifier, makes another passkey.
func (o Operator) EnrolmentLink(ctx context.Context, nameOrID string) (OneTimeLink, error) {
	made, err := o.server.accounts.Link(ctx, nameOrID, audit.Caller{})
	if err != nil {
		return OneTimeLink{}, err
	}
	return o.link("/enrol", made), nil
}

// link puts a ticket into the fragment of a page's address: fragments reach neither
// servers nor their logs.
func (o Operator) link(page string, made account.Link) OneTimeLink {
	return OneTimeLink{URL: o.server.settings.PublicURL + page + "#ticket=" + made.Ticket, Expires: made.Expires}
}

// Account is an account in a list.
type Account = account.Summary

// Accounts reads up to limit accounts after the one given (uuid.Nil: from the
// oldest), oldest first. next is uuid.Nil at the end.
func (o Operator) Accounts(ctx context.Context, after uuid.UUID, limit int) (accounts []Account, next uuid.UUID, err error) {
	return o.server.accounts.List(ctx, after, limit)
}
