package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// code is what went wrong, as clients read it. Codes are forever: one that is
// retired is never given another meaning.
type code string

// The codes that this door gives today.
const (
	codeMalformed            code = "malformed"
	codeInvalidField         code = "invalid_field"
	codeTwoCredentials       code = "two_credentials"
	codeUnauthenticated      code = "unauthenticated"
	codeAuthenticationFailed code = "authentication_failed"
	codeStepUpRequired       code = "step_up_required"
	codeForbidden            code = "forbidden"
	codeOriginRefused        code = "origin_refused"
	codeSignUpClosed         code = "sign_up_closed"
	codePolicyRefused        code = "policy_refused"
	codeNotFound             code = "not_found"
	codeAccountUnknown       code = "account_unknown"
	codeMethodNotAllowed     code = "method_not_allowed"
	codeNameTaken            code = "name_taken"
	codeAlreadyRegistered    code = "already_registered"
	codeLastPasskey          code = "last_passkey"
	codeConflict             code = "conflict"
	codeOtherBrowser         code = "other_browser"
	codeExpired              code = "expired"
	codeTooLarge             code = "too_large"
	codeUnsupportedType      code = "unsupported_type"
	codeMisdirected          code = "misdirected"
	codeRegistrationRefused  code = "registration_refused"
	codeUsernameNotAllowed   code = "username_not_allowed"
	codeRateLimited          code = "rate_limited"
	codeInternal             code = "internal"
	codeUnavailable          code = "unavailable"
)

// meaning is how a code is answered. The detail is one sentence for the developer
// of a client: it never holds anything of the request.
type meaning struct {
	status int
	detail string
}

var meanings = map[code]meaning{
	codeMalformed:            {http.StatusBadRequest, "The request is not of the shape that this call takes."},
	codeInvalidField:         {http.StatusBadRequest, "A field of the request is not valid."},
	codeTwoCredentials:       {http.StatusBadRequest, "Send either an access token or the session cookie, and only one of it."},
	codeUnauthenticated:      {http.StatusUnauthorized, "Nobody is signed in."},
	codeAuthenticationFailed: {http.StatusUnauthorized, "The sign-in was refused."},
	codeStepUpRequired:       {http.StatusUnauthorized, "This takes a fresh proof: step up, and call again."},
	codeForbidden:            {http.StatusForbidden, "This is not allowed."},
	codeOriginRefused:        {http.StatusForbidden, "The origin of the request may not make this call."},
	codeSignUpClosed:         {http.StatusForbidden, "New accounts need a ticket: an invitation, or a proved address."},
	codePolicyRefused:        {http.StatusForbidden, "The policy of this server refuses it."},
	codeNotFound:             {http.StatusNotFound, "There is nothing here."},
	codeAccountUnknown:       {http.StatusNotFound, "Nobody has that name."},
	codeMethodNotAllowed:     {http.StatusMethodNotAllowed, "This method cannot be used here; Allow says which can."},
	codeNameTaken:            {http.StatusConflict, "The name belongs to another account."},
	codeAlreadyRegistered:    {http.StatusConflict, "The passkey is registered already."},
	codeLastPasskey:          {http.StatusConflict, "Nothing else could sign in to the account."},
	codeConflict:             {http.StatusConflict, "Something else changed at the same moment. Begin again."},
	codeOtherBrowser:         {http.StatusConflict, "The link was asked for by another client. It is still good there."},
	codeExpired:              {http.StatusGone, "It is too old, was used before, or was withdrawn. Begin again."},
	codeTooLarge:             {http.StatusRequestEntityTooLarge, "The request is too large."},
	codeUnsupportedType:      {http.StatusUnsupportedMediaType, "Send application/json in UTF-8, not compressed."},
	codeMisdirected:          {http.StatusMisdirectedRequest, "This server does not answer for that host."},
	codeRegistrationRefused:  {http.StatusUnprocessableEntity, "The passkey was refused at the step named."},
	codeUsernameNotAllowed:   {http.StatusUnprocessableEntity, "The username cannot be used."},
	codeRateLimited:          {http.StatusTooManyRequests, "Too many requests. Retry-After says when to try again."},
	codeInternal:             {http.StatusInternalServerError, "Something went wrong here. The request id helps to find out what."},
	codeUnavailable:          {http.StatusServiceUnavailable, "Not available at the moment. Retry-After says when to try again."},
}

// fieldFault is one entry of the member errors.
type fieldFault struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// problem is a failure on its way to the client. What it holds below the line is
// for the log alone.
type problem struct {
	code   code
	fields []fieldFault
	step   string        // of the standard's procedure; registration only
	retry  time.Duration // 429 and 503

	reason string // internal code
	cause  error
}

func (p *problem) Error() string {
	if p.cause == nil {
		return "httpapi: " + string(p.code)
	}
	return fmt.Sprintf("httpapi: %s: %v", p.code, p.cause)
}

func (p *problem) Unwrap() error { return p.cause }

func refused(c code) *problem { return &problem{code: c} }

// invalid is invalid_field for one field.
func invalid(field, why string) *problem {
	return &problem{code: codeInvalidField, fields: []fieldFault{fault(field, why)}}
}

// fault words the codes of field errors. A code without a sentence of its own is
// told by its name.
func fault(field, why string) fieldFault {
	detail := "Not valid."
	switch why {
	case "required":
		detail = "This field is required."
	case "type":
		detail = "This field has another JSON type."
	case "not_allowed":
		detail = "This value is not one of those allowed."
	case "too_short":
		detail = "Too short."
	case "too_long":
		detail = "Too long."
	case "characters":
		detail = "It holds a character that is not allowed."
	case "malformed":
		detail = "This is not of the shape that the field has."
	case "negative":
		detail = "This must not be negative."
	case "base64url":
		detail = "This field must be base64url without padding."
	case "not_a_path":
		detail = "It must be a path on this server."
	case "taken":
		detail = "It belongs to another account."
	case "too_many":
		detail = "There are as many as there may be."
	case "wrong":
		detail = "It is none of those that are good."
	case "shape":
		detail = "It could be taken for an address, a number or an identifier."
	}
	return fieldFault{Field: field, Code: why, Detail: detail}
}

// document is application/problem+json (RFC 9457). No page describes a code yet, so
// the type is about:blank and the title that of the status (§4.2.1); the member code
// is what clients go by.
type document struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Code      code         `json:"code"`
	RequestID string       `json:"request_id"`
	Errors    []fieldFault `json:"errors,omitempty"`
	Step      string       `json:"step,omitempty"`
}

// stepUpChallenge asks for a proof that is at most five minutes old (RFC 9470 §3).
const stepUpChallenge = `Bearer error="insufficient_user_authentication", max_age=300`

// fail answers with the problem that err is; anything unforeseen is internal.
func (a *API) fail(x *exchange, err error) {
	p := judge(err)
	m := meanings[p.code]
	x.code, x.reason, x.step = p.code, p.reason, p.step
	if m.status >= http.StatusInternalServerError {
		x.cause = p.cause
	}
	h := x.Header()
	switch p.code {
	case codeUnauthenticated, codeAuthenticationFailed: // RFC 9110 §15.5.2: every 401 has one
		h.Set("WWW-Authenticate", "Bearer")
	case codeStepUpRequired:
		h.Set("WWW-Authenticate", stepUpChallenge)
	case codeRateLimited, codeUnavailable:
		h.Set("Retry-After", retryAfter(p.retry))
	}
	body, err := json.Marshal(document{
		Type: "about:blank", Title: http.StatusText(m.status), Status: m.status, Detail: m.detail,
		Code: p.code, RequestID: x.id, Errors: p.fields, Step: p.step,
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	h.Set("Cache-Control", "no-store")
	write(x, m.status, "application/problem+json", append(body, '\n'))
}

// retryAfter is in whole seconds, at least one (RFC 9110 §10.2.3).
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
