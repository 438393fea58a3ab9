package httpapi

import "net/http"

type noticeSeen struct {
	About   string `json:"about"`
	Subject string `json:"subject,omitempty"`
	At      string `json:"at"`
}

func (a *API) seeNotice(x *exchange, r *http.Request, in link) (answer, error) {
	if _, err := a.linked(x, r, in.Token); err != nil {
		return nil, err
	}
	about, err := a.cfg.Accounts.SeeNotice(r.Context(), in.Token)
	if err != nil {
		return nil, managed(err)
	}
	return noticeSeen{About: string(about.Name), Subject: about.Subject, At: moment(about.At)}, nil
}

// undoNotice is "this was not me". It needs nobody signed in: who reads the account's
// mail may take back what somebody else may have done, and nothing more.
func (a *API) undoNotice(x *exchange, r *http.Request, in link) (answer, error) {
	if _, err := a.linked(x, r, in.Token); err != nil {
		return nil, err
	}
	if err := a.cfg.Accounts.Undo(r.Context(), in.Token, x.caller); err != nil {
		return nil, managed(err)
	}
	a.forget(x, r)
	return nil, nil
}
