package httpapi

import (
	"errors"
	"net/http"

	"github.com/keyturn/keyturn/internal/session"
)

func (a *API) getAccount(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	return newAccountAnswer(current.Person()), nil
}

func (a *API) listPasskeys(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	passkeys, err := a.cfg.Accounts.Passkeys(r.Context(), current)
	if err != nil {
		return nil, unavailable(err)
	}
	out := passkeysAnswer{Passkeys: []passkeyAnswer{}}
	for _, p := range passkeys {
		out.Passkeys = append(out.Passkeys, newPasskeyAnswer(p))
	}
	return out, nil
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
