package httpapi

import (
	"net/http"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/session"
)

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

type bindingOptions struct {
	Mediation string `json:"mediation"`
}

func (a *API) beginBinding(x *exchange, r *http.Request, in bindingOptions) (answer, error) {
	if in.Mediation != "" && in.Mediation != "conditional" {
		return nil, invalid("mediation", "not_allowed")
	}
	request, current, err := a.beginSignedIn(x, r)
	if err != nil {
		return nil, err
	}
	publicKey, err := a.cfg.Ceremonies.BeginBinding(r.Context(), request, current, in.Mediation)
	return options{publicKey}, err
}

func (a *API) finishBinding(x *exchange, r *http.Request, in naming) (answer, error) {
	request, current, err := a.finishSignedIn(x, r, in.Credential)
	if err != nil {
		return nil, err
	}
	passkey, err := a.cfg.Ceremonies.FinishBinding(r.Context(), request, current, ceremony.Finish{Credential: in.Credential, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return newPasskeyAnswer(passkey), nil
}

// beginSignedIn is who begins a ceremony of a signed-in person. It is in the mode of
// the session, whatever else came along.
func (a *API) beginSignedIn(x *exchange, r *http.Request) (ceremony.Request, session.Current, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return ceremony.Request{}, session.Current{}, err
	}
	client := ceremony.Client{Mode: current.View().Mode}
	client.Origin, client.OriginSent = sentOrigin(r.Header)
	if client.Mode == session.ModeCookie {
		if client.Secret, err = a.cookies.bind(x.Header(), r, a.cfg.Rand); err != nil {
			return ceremony.Request{}, session.Current{}, err
		}
	}
	return a.request(x, r, client), current, nil
}

// finishSignedIn is who finishes such a ceremony, in the session that began it: the
// ceremony compares.
func (a *API) finishSignedIn(x *exchange, r *http.Request, credential []byte) (ceremony.Request, session.Current, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return ceremony.Request{}, session.Current{}, err
	}
	request, err := a.finish(r, x, credential)
	return request, current, err
}

type passkeyEdit struct {
	Name      *string `json:"name"`
	Suspended *bool   `json:"suspended"`
}

func (a *API) editPasskey(x *exchange, r *http.Request, in passkeyEdit) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	id, err := identifier(r)
	if err != nil {
		return nil, err
	}
	passkey, err := a.cfg.Accounts.EditPasskey(r.Context(), current, id, account.Edit(in), x.caller)
	if err != nil {
		return nil, managed(err)
	}
	a.forget(x, r)
	return newPasskeyAnswer(passkey), nil
}

func (a *API) removePasskey(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	id, err := identifier(r)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Accounts.RemovePasskey(r.Context(), current, id, x.caller); err != nil {
		return nil, managed(err)
	}
	a.forget(x, r)
	return nil, nil
}

func (a *API) signalPasskeys(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	signal, err := a.cfg.Accounts.Signal(r.Context(), current)
	if err != nil {
		return nil, managed(err)
	}
	return newSignalAnswer(signal), nil
}
