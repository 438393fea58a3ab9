package httpapi

import (
	"encoding/base64"
	"net/http"

	"github.com/keyturn/keyturn/internal/ceremony"
)

type stepUpOptions struct {
	MaxAge    int64    `json:"max_age"` // seconds
	ACRValues []string `json:"acr_values"`
	Binding   string   `json:"binding"` // base64url without padding
}

func (a *API) beginStepUp(x *exchange, r *http.Request, in stepUpOptions) (answer, error) {
	binding, err := base64.RawURLEncoding.Strict().DecodeString(in.Binding)
	if err != nil {
		return nil, invalid("binding", "base64url")
	}
	if len(binding) == 0 {
		binding = nil
	}
	request, current, err := a.beginSignedIn(x, r)
	if err != nil {
		return nil, err
	}
	publicKey, err := a.cfg.Ceremonies.BeginStepUp(r.Context(), request, current, ceremony.StepUp{
		MaxAge: in.MaxAge, ACRValues: in.ACRValues, Binding: binding,
	})
	return options{publicKey}, err
}

// finishStepUp gives a session of the same kind with a new identifier; the one that
// asked has ended with the same commit.
func (a *API) finishStepUp(x *exchange, r *http.Request, in finishing) (answer, error) {
	request, current, err := a.finishSignedIn(x, r, in.Credential)
	if err != nil {
		return nil, err
	}
	proof, err := a.cfg.Ceremonies.FinishStepUp(r.Context(), request, current, ceremony.Finish{Credential: in.Credential})
	return a.issue(x, r, proof, err)
}
