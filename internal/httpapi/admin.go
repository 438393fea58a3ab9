package httpapi

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
)

// adminRoutes are the calls by which administrators and support look after other people's
// accounts. Who may do what, package account judges.
func (a *API) adminRoutes() []route {
	return []route{
		{"GET", "/v1/admin/accounts", get(a, a.adminListAccounts)},
		{"POST", "/v1/admin/accounts", call(a, endpoint{status: http.StatusCreated}, a.adminAddAccount)},
		{"GET", "/v1/admin/accounts/{id}", get(a, a.adminGetAccount)},
		{"PATCH", "/v1/admin/accounts/{id}", call(a, endpoint{}, a.adminEditAccount)},
		{"DELETE", "/v1/admin/accounts/{id}", get(a, a.adminDeleteAccount)},
		{"POST", "/v1/admin/accounts/{id}/enrolment-link", call(a, endpoint{optional: true, status: http.StatusCreated}, a.adminSendLink)},
		{"GET", "/v1/admin/accounts/{id}/sessions", get(a, a.adminListSessions)},
		{"DELETE", "/v1/admin/accounts/{id}/sessions", get(a, a.adminEndSessions)},
		{"DELETE", "/v1/admin/accounts/{id}/sessions/{session}", get(a, a.adminEndSession)},
		{"GET", "/v1/admin/accounts/{id}/passkeys", get(a, a.adminListPasskeys)},
		{"PATCH", "/v1/admin/accounts/{id}/passkeys/{passkey}", call(a, endpoint{}, a.adminEditPasskey)},
		{"DELETE", "/v1/admin/accounts/{id}/passkeys/{passkey}", get(a, a.adminRemovePasskey)},
		{"GET", "/v1/admin/accounts/{id}/events", get(a, a.adminListActivity)},
		{"GET", "/v1/admin/events", get(a, a.adminListEvents)},
		{"GET", "/v1/admin/events/export", a.adminExportEvents},
		{"GET", "/v1/admin/events/verify", get(a, a.adminVerifyEvents)},
		{"GET", "/v1/admin/invitations", get(a, a.adminListInvitations)},
		{"POST", "/v1/admin/invitations", call(a, endpoint{optional: true, status: http.StatusCreated}, a.adminInvite)},
		{"DELETE", "/v1/admin/invitations/{invitation}", get(a, a.adminWithdraw)},
	}
}

// administer tells who is signed in, as somebody who does something to others.
func (a *API) administer(x *exchange, r *http.Request, unsafe bool) (account.Administration, error) {
	current, err := a.identify(r, unsafe)
	if err != nil {
		return account.Administration{}, err
	}
	return a.cfg.Accounts.Administer(current, x.caller), nil
}

// administerOn is administer for a call about the account that the path names.
func (a *API) administerOn(x *exchange, r *http.Request, unsafe bool) (account.Administration, uuid.UUID, error) {
	admin, err := a.administer(x, r, unsafe)
	if err != nil {
		return admin, uuid.Nil, err
	}
	id, err := identifier(r)
	return admin, id, err
}

// identifierOf is identifier for another part of the path.
func identifierOf(r *http.Request, part string) (uuid.UUID, error) {
	text := r.PathValue(part)
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil, refused(codeNotFound)
	}
	return id, nil
}

// parameter reads a parameter of the query that stands there once or not at all.
func parameter(r *http.Request, name string) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", &problem{code: codeMalformed, reason: "query"}
	}
	if len(query[name]) > 1 {
		return "", invalid(name, "not_allowed")
	}
	return query.Get(name), nil
}

// page is where a page of ours leads with a ticket: fragments reach no server.
func (a *API) page(path, ticket string) string {
	return a.origins.own + path + "#ticket=" + ticket
}
