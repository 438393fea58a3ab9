package httpapi

import (
	"encoding/base64"
	"net/http"

	"github.com/keyturn/keyturn/internal/account"
)

type invitationAnswer struct {
	ID          string `json:"id"`
	Email       string `json:"email,omitempty"`
	Role        string `json:"role"`
	DisplayName string `json:"display_name,omitempty"`
	By          string `json:"by,omitempty"` // who invited; absent: an operator on the machine
	CreatedAt   string `json:"created_at"`
	ExpiresAt   string `json:"expires_at"`
}

type invitations struct {
	Invitations []invitationAnswer `json:"invitations"`
	NextCursor  string             `json:"next_cursor,omitempty"`
}

func (a *API) adminListInvitations(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	cursor := base64.RawURLEncoding.EncodeToString(page.cursor)
	listed, next, err := a.cfg.Accounts.Invitations(r.Context(), current, cursor, page.limit)
	if err != nil {
		return nil, managed(err)
	}
	out := invitations{Invitations: []invitationAnswer{}, NextCursor: next}
	for _, i := range listed {
		out.Invitations = append(out.Invitations, invitationAnswer{
			ID: i.ID, Email: i.Email, Role: i.Role, DisplayName: i.DisplayName, By: named(i.By),
			CreatedAt: moment(i.Created), ExpiresAt: moment(i.Expires),
		})
	}
	return out, nil
}

type invitationDraft struct {
	Email       string `json:"email"`
	Role        string `json:"role"`
	DisplayName string `json:"display_name"`
	Deliver     bool   `json:"deliver"`
}

type invited struct {
	Link      string `json:"link"`
	Mailed    bool   `json:"mailed,omitempty"`
	ExpiresAt string `json:"expires_at"`
}

func (a *API) adminInvite(x *exchange, r *http.Request, in invitationDraft) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	draft := account.InvitationDraft{
		Email: in.Email, Role: account.Role(in.Role), DisplayName: in.DisplayName, Deliver: in.Deliver,
	}
	link, err := a.cfg.Accounts.Invite(r.Context(), current, draft, x.caller)
	if err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return invited{Link: a.page("/sign-up", link.Ticket), Mailed: in.Deliver, ExpiresAt: moment(link.Expires)}, nil
}

func (a *API) adminWithdraw(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	return nil, managed(a.cfg.Accounts.Withdraw(r.Context(), current, r.PathValue("invitation"), x.caller))
}
