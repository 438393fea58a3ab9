package httpapi

import "net/http"

type codesState struct {
	Left   int    `json:"left"`
	Saved  bool   `json:"saved"`
	MadeAt string `json:"made_at,omitempty"`
}

func (a *API) getRecoveryCodes(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	state := a.cfg.Accounts.RecoveryState(current)
	return codesState{Left: state.Left, Saved: state.Saved, MadeAt: moment(state.Made)}, nil
}

type newCodes struct {
	Codes []string `json:"codes"`
}

func (a *API) makeRecoveryCodes(x *exchange, r *http.Request, _ struct{}) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	codes, err := a.cfg.Accounts.NewRecoveryCodes(r.Context(), current, x.caller)
	if err != nil {
		return nil, managed(err)
	}
	return newCodes{codes}, nil
}

type recoveryCode struct {
	Code string `json:"code"`
}

func (a *API) confirmRecoveryCode(x *exchange, r *http.Request, in recoveryCode) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	if in.Code == "" {
		return nil, invalid("code", "required")
	}
	return nil, managed(a.cfg.Accounts.ConfirmRecoveryCode(r.Context(), current, in.Code, x.caller))
}
