package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
)

// The errors of a token endpoint (RFC 6749 §5.2). The last is one of the authorization
// endpoint (§4.1.2.1): clients know it, and a token endpoint has none of its own for it.
const (
	grantInvalidRequest  = "invalid_request"
	grantInvalidGrant    = "invalid_grant"
	grantUnsupportedType = "unsupported_grant_type"
	grantInvalidScope    = "invalid_scope"
	grantUnavailable     = "temporarily_unavailable"
)

// clientID is the one client there is: whoever signed in here. A client that names
// itself must be it.
const clientID = "keyturn"

// refreshGrant is the one grant there is (RFC 6749 §6).
const refreshGrant = "refresh_token"

// grantError is a failure on its way to an OAuth client.
type grantError struct {
	status int
	code   string
	detail string
	cause  error
}

func (e *grantError) Error() string { return "httpapi: " + e.code + ": " + e.detail }

func (e *grantError) Unwrap() error { return e.cause }

func badGrant(code, detail string) *grantError {
	return &grantError{status: http.StatusBadRequest, code: code, detail: detail}
}

// granting is the handler of the two calls that speak OAuth: form in, JSON out, and
// its own errors. No cookie is read here, so that none can help: what is presented in
// the body is all there is.
func (a *API) granting(do func(x *exchange, r *http.Request, form url.Values) (answer, error)) func(*exchange, *http.Request) {
	return func(x *exchange, r *http.Request) {
		x.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
		form, err := a.form(x, r)
		var out answer
		if err == nil {
			out, err = do(x, r, form)
		}
		if err != nil {
			a.failGrant(x, err)
			return
		}
		reply(x, http.StatusOK, out)
	}
}

// form takes the parameters of a call: each at most once, one without a value as if it
// were not there (RFC 6749 §3.2), and none in the address, which ends up in logs.
func (a *API) form(x *exchange, r *http.Request) (url.Values, error) {
	if retry, ok := a.cfg.Flood.Allow(x.caller.Network()); !ok {
		return nil, &problem{code: codeRateLimited, retry: retry, reason: "flood"}
	}
	if !a.origins.allowed(r.Header) {
		return nil, refused(codeOriginRefused)
	}
	if r.URL.RawQuery != "" {
		return nil, badGrant(grantInvalidRequest, "Parameters belong into the body.")
	}
	body, _, err := read(x, r, mediaForm, bodyLimit)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, badGrant(grantInvalidRequest, "The body is not a form.")
	}
	for name, values := range form {
		switch {
		case len(values) > 1:
			return nil, badGrant(grantInvalidRequest, "A parameter is there twice.")
		case values[0] == "":
			delete(form, name)
		}
	}
	if form.Has("client_id") && form.Get("client_id") != clientID {
		return nil, badGrant(grantInvalidGrant, "It was given to another client.")
	}
	return form, nil
}

// renew exchanges a refresh token (RFC 6749 §6).
func (a *API) renew(x *exchange, r *http.Request, form url.Values) (answer, error) {
	switch {
	case !form.Has("grant_type"):
		return nil, badGrant(grantInvalidRequest, "grant_type is required.")
	case form.Get("grant_type") != refreshGrant || !slices.Contains(a.cfg.Modes, session.ModeToken):
		return nil, badGrant(grantUnsupportedType, "There is no such grant here.")
	case !form.Has("refresh_token"):
		return nil, badGrant(grantInvalidRequest, "refresh_token is required.")
	}
	issued, current, err := a.cfg.Tokens.Renew(r.Context(), form.Get("refresh_token"), form.Get("scope"), x.caller)
	if err != nil {
		return nil, managedGrant(err)
	}
	out := tokenAnswer{Session: newSessionAnswer(current.View()), Account: newAccountAnswer(current.Person())}
	out.carry(issued)
	return out, nil
}

// revoke ends the session of a refresh token (RFC 7009). What is no such token is
// revoked already: the answer is the same (§2.2).
func (a *API) revoke(x *exchange, r *http.Request, form url.Values) (answer, error) {
	if !form.Has("token") {
		return nil, badGrant(grantInvalidRequest, "token is required.")
	}
	if err := a.cfg.Sessions.Revoke(r.Context(), door, form.Get("token"), x.caller); err != nil {
		return nil, managedGrant(err)
	}
	return struct{}{}, nil
}

// managedGrant tells the refusals of a grant from a store that could not be asked.
func managedGrant(err error) error {
	switch {
	case errors.Is(err, session.ErrNone):
		return &grantError{http.StatusBadRequest, grantInvalidGrant, "The token is not good, or was used before.", err}
	case errors.Is(err, token.ErrScope):
		return &grantError{http.StatusBadRequest, grantInvalidScope, "The scope is wider than what was granted.", err}
	}
	return managed(err)
}

// grantErrorOf words a problem as OAuth does. None of them is internal: what is not
// foreseen comes from a store or a key that could not be asked.
func grantErrorOf(p *problem) *grantError {
	m := meanings[p.code]
	e := &grantError{status: m.status, code: grantInvalidRequest, detail: m.detail, cause: p.cause}
	switch p.code {
	case codeRateLimited, codeUnavailable:
		e.code = grantUnavailable
	case codeUnsupportedType:
		e.status, e.detail = http.StatusBadRequest, "Send "+mediaForm+"."
	}
	return e
}

// failGrant answers with an error of RFC 6749 §5.2.
func (a *API) failGrant(x *exchange, err error) {
	var e *grantError
	if !errors.As(err, &e) {
		p := judge(err)
		e = grantErrorOf(p)
		x.reason = p.reason
		if p.code == codeRateLimited || p.code == codeUnavailable {
			x.Header().Set("Retry-After", retryAfter(p.retry))
		}
	}
	x.code = code(e.code)
	if e.status >= http.StatusInternalServerError {
		x.cause = e.cause
	}
	body, err := json.Marshal(struct {
		Error  string `json:"error"`
		Detail string `json:"error_description"`
	}{e.code, e.detail})
	if err != nil {
		panic(err) // strings always marshal
	}
	write(x, e.status, mediaJSON, append(body, '\n'))
}
