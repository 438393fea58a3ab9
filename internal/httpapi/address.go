package httpapi

import "net/http"

func (a *API) proveEmail(x *exchange, r *http.Request, in link) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	if in.Token == "" {
		return nil, invalid("token", "required")
	}
	person, err := a.cfg.Accounts.ProveEmail(r.Context(), current, in.Token, x.caller)
	if err != nil {
		return nil, managed(err)
	}
	return newProfileAnswer(person), nil
}

func (a *API) removeEmail(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	return nil, managed(a.cfg.Accounts.RemoveEmail(r.Context(), current, r.PathValue("email"), x.caller))
}
