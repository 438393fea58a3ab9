package httpapi

import (
	"net/http"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/session"
)

type recovery struct {
	Username string `json:"username"`
	Code     string `json:"code"`
}

type recoveryRight struct {
	Recovery  string `json:"recovery"`
	ExpiresIn int    `json:"expires_in"` // seconds
	HoldUntil string `json:"hold_until,omitempty"`
}

// useRecoveryCode takes a recovery code. What it gives is no session.
func (a *API) useRecoveryCode(x *exchange, r *http.Request, in recovery) (answer, error) {
	if in.Username == "" {
		return nil, invalid("username", "required")
	}
	if in.Code == "" {
		return nil, invalid("code", "required")
	}
	request, err := a.presented(r, x)
	if err != nil {
		return nil, err
	}
	right, err := a.cfg.Ceremonies.Recover(r.Context(), request, in.Username, in.Code)
	if err != nil {
		return nil, err
	}
	return recoveryRight{Recovery: right.Ticket, ExpiresIn: seconds(right.ExpiresIn), HoldUntil: moment(right.HoldUntil)}, nil
}

type recoveryOptions struct {
	Recovery string `json:"recovery"`
}

// beginRecovery begins a ceremony that ends without a session, so nothing is carried
// by a cookie: it is bound to the origin that begins it.
func (a *API) beginRecovery(x *exchange, r *http.Request, in recoveryOptions) (answer, error) {
	if in.Recovery == "" {
		return nil, invalid("recovery", "required")
	}
	if !a.origins.allowed(r.Header) {
		return nil, refused(codeOriginRefused)
	}
	client := ceremony.Client{Mode: session.ModeToken}
	client.Origin, client.OriginSent = sentOrigin(r.Header)
	request := a.request(x, r, client)
	publicKey, err := a.cfg.Ceremonies.BeginRecovery(r.Context(), request, in.Recovery)
	return options{publicKey}, err
}

type recovered struct {
	Passkey   passkeyAnswer `json:"passkey"`
	HoldUntil string        `json:"hold_until,omitempty"`
}

func (a *API) finishRecovery(x *exchange, r *http.Request, in naming) (answer, error) {
	request, err := a.finish(r, x, in.Credential)
	if err != nil {
		return nil, err
	}
	done, err := a.cfg.Ceremonies.FinishRecovery(r.Context(), request, ceremony.Finish{Credential: in.Credential, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return recovered{Passkey: newPasskeyAnswer(done.Passkey), HoldUntil: moment(done.HoldUntil)}, nil
}
