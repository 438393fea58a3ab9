package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
)

// adminAccount is an account as administrators see it: nothing in it opens anything.
type adminAccount struct {
	ID           string   `json:"id"`
	Username     string   `json:"username,omitempty"`
	DisplayName  string   `json:"display_name,omitempty"`
	Emails       []string `json:"emails,omitempty"`
	PendingEmail string   `json:"pending_email,omitempty"`
	Role         string   `json:"role"`
	Disabled     bool     `json:"disabled"`
	Passkeys     int      `json:"passkeys"`
	CreatedAt    string   `json:"created_at"`
}

func newAdminAccount(s account.Summary) adminAccount {
	return adminAccount{
		ID: s.ID.String(), Username: s.Username, DisplayName: s.DisplayName, Emails: s.Emails, PendingEmail: s.PendingEmail,
		Role: s.Role, Disabled: s.State != "active", Passkeys: s.Passkeys, CreatedAt: moment(s.Created),
	}
}

type adminAccounts struct {
	Accounts   []adminAccount `json:"accounts"`
	NextCursor string         `json:"next_cursor,omitempty"`
}

func (a *API) adminListAccounts(x *exchange, r *http.Request) (answer, error) {
	admin, err := a.administer(x, r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	name, err := parameter(r, "search")
	if err != nil {
		return nil, err
	}
	var found []account.Summary
	var after, next uuid.UUID
	if name != "" {
		found, err = admin.Find(r.Context(), name)
	} else {
		if page.cursor != nil {
			if after, err = uuid.FromBytes(page.cursor); err != nil {
				return nil, invalid("cursor", "not_allowed")
			}
		}
		found, next, err = admin.List(r.Context(), after, page.limit)
	}
	if err != nil {
		return nil, managed(err)
	}
	out := adminAccounts{Accounts: []adminAccount{}}
	if next != uuid.Nil {
		out.NextCursor = cursorOf(next[:])
	}
	for _, s := range found {
		out.Accounts = append(out.Accounts, newAdminAccount(s))
	}
	return out, nil
}

type accountDraft struct {
	Username    string `json:"username"`
	Email       string `json:"email"`
	DisplayName string `json:"display_name"`
	Role        string `json:"role"`
	Deliver     bool   `json:"deliver"`
}

// enrolment is what became of an enrolment link.
type enrolment struct {
	Link      string `json:"link,omitempty"`
	Mailed    bool   `json:"mailed,omitempty"`
	ExpiresAt string `json:"expires_at"`
}

func (a *API) newEnrolment(e account.Enrolment) enrolment {
	out := enrolment{Mailed: e.Mailed, ExpiresAt: moment(e.Expires)}
	if e.Link.Ticket != "" {
		out.Link = a.page("/enrol", e.Link.Ticket)
	}
	return out
}

type addedAccount struct {
	Account   adminAccount `json:"account"`
	Enrolment enrolment    `json:"enrolment"`
}

func (a *API) adminAddAccount(x *exchange, r *http.Request, in accountDraft) (answer, error) {
	admin, err := a.administer(x, r, true)
	if err != nil {
		return nil, err
	}
	made, link, err := admin.Add(r.Context(), account.AccountDraft(in))
	if err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return addedAccount{newAdminAccount(made), a.newEnrolment(link)}, nil
}

func (a *API) adminGetAccount(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, false)
	if err != nil {
		return nil, err
	}
	found, err := admin.Look(r.Context(), id)
	if err != nil {
		return nil, managed(err)
	}
	return newAdminAccount(found), nil
}

type amendment struct {
	DisplayName *string `json:"display_name"`
	Disabled    *bool   `json:"disabled"`
	Role        *string `json:"role"`
	Reason      string  `json:"reason"`
}

func (a *API) adminEditAccount(x *exchange, r *http.Request, in amendment) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	changed, err := admin.Change(r.Context(), id, account.Amendment(in))
	if err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return newAdminAccount(changed), nil
}

func (a *API) adminDeleteAccount(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	why, err := parameter(r, "reason")
	if err != nil {
		return nil, err
	}
	if err := admin.Delete(r.Context(), id, why); err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return nil, nil
}

type because struct {
	Reason string `json:"reason"`
}

func (a *API) adminSendLink(x *exchange, r *http.Request, in because) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	link, err := admin.SendLink(r.Context(), id, in.Reason)
	if err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return a.newEnrolment(link), nil
}

func (a *API) adminListSessions(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	subject, err := admin.Subject(r.Context(), id, false)
	if err != nil {
		return nil, managed(err)
	}
	var before uuid.UUID
	if page.cursor != nil {
		if before, err = uuid.FromBytes(page.cursor); err != nil {
			return nil, invalid("cursor", "not_allowed")
		}
	}
	listed, next, err := a.cfg.Sessions.ListOf(r.Context(), subject, before, page.limit)
	if err != nil {
		return nil, managed(err)
	}
	return newSessionsAnswer(listed, next), nil
}

func (a *API) adminEndSessions(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	why, err := parameter(r, "reason")
	if err != nil {
		return nil, err
	}
	if err := admin.EndSessions(r.Context(), id, why); err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return nil, nil
}

func (a *API) adminEndSession(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	id, err := identifier(r)
	if err != nil {
		return nil, err
	}
	subject, err := a.cfg.Accounts.Administer(current, x.caller).Subject(r.Context(), id, true)
	if err != nil {
		return nil, managed(err)
	}
	which, err := identifierOf(r, "session")
	if err != nil {
		return nil, err
	}
	return nil, ended(a.cfg.Sessions.EndOf(r.Context(), subject, which, current, x.caller))
}
