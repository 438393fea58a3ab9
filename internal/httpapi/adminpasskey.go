package httpapi

import "net/http"

func (a *API) adminListPasskeys(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, false)
	if err != nil {
		return nil, err
	}
	passkeys, err := admin.Passkeys(r.Context(), id)
	if err != nil {
		return nil, managed(err)
	}
	out := passkeysAnswer{Passkeys: []passkeyAnswer{}}
	for _, p := range passkeys {
		out.Passkeys = append(out.Passkeys, newPasskeyAnswer(p))
	}
	return out, nil
}

type standingEdit struct {
	Suspended *bool  `json:"suspended"`
	Reason    string `json:"reason"`
}

func (a *API) adminEditPasskey(x *exchange, r *http.Request, in standingEdit) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	which, err := identifierOf(r, "passkey")
	if err != nil {
		return nil, err
	}
	if in.Suspended == nil {
		return nil, invalid("suspended", "required")
	}
	passkey, err := admin.SetSuspended(r.Context(), id, which, *in.Suspended, in.Reason)
	if err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return newPasskeyAnswer(passkey), nil
}

func (a *API) adminRemovePasskey(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, true)
	if err != nil {
		return nil, err
	}
	which, err := identifierOf(r, "passkey")
	if err != nil {
		return nil, err
	}
	why, err := parameter(r, "reason")
	if err != nil {
		return nil, err
	}
	if err := admin.RemovePasskey(r.Context(), id, which, why); err != nil {
		return nil, managed(err)
	}
	a.mailOwed()
	return nil, nil
}
