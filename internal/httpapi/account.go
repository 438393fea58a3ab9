package httpapi

import (
	"errors"
	"net/http"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/session"
)

func (a *API) getAccount(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	return newProfileAnswer(current.Person()), nil
}

type profile struct {
	DisplayName *string `json:"display_name"`
	Username    *string `json:"username"`
	Email       *string `json:"email"`
}

func (a *API) editAccount(x *exchange, r *http.Request, in profile) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	person, err := a.cfg.Accounts.EditProfile(r.Context(), current, account.Profile(in), x.caller)
	if err != nil {
		return nil, managed(err)
	}
	return newProfileAnswer(person), nil
}

func (a *API) deleteAccount(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Accounts.Delete(r.Context(), current, x.caller); err != nil {
		return nil, managed(err)
	}
	a.forget(x, r)
	return nil, nil
}

// forget leaves a browser without the cookie of a session that has ended. A call may
// end the session it is made in: that of a removed passkey, of a deleted account, or
// the very one that it names.
func (a *API) forget(x *exchange, r *http.Request) {
	cookies := a.cookies.sessions(r)
	if len(cookies) != 1 {
		return
	}
	if _, err := a.cfg.Sessions.Check(r.Context(), cookies[0]); errors.Is(err, session.ErrNone) {
		a.cookies.clear(x.Header())
	}
}

type signOut struct {
	Everywhere bool `json:"everywhere"`
}

// endSession signs out. The cookies go first: a browser that asked to be signed out
// holds none afterwards, whether or not its session was still alive.
//
// Clear-Site-Data names "storage" alone. "cookies" would take those of every host
// under the same registrable domain, the application's own included, and "cache" has
// nothing to take: no answer of the API may be kept.
func (a *API) endSession(x *exchange, r *http.Request, in signOut) (answer, error) {
	current, err := a.identify(r, true)
	byCookie := len(a.cookies.sessions(r)) == 1
	if byCookie && (err == nil || errors.Is(err, session.ErrNone)) {
		a.cookies.clear(x.Header())
	}
	if err != nil {
		return nil, err
	}
	if err := asked(a.cfg.Sessions.End(r.Context(), current, in.Everywhere, x.caller)); err != nil {
		return nil, err
	}
	if byCookie {
		x.Header().Set("Clear-Site-Data", `"storage"`)
	}
	return nil, nil
}
