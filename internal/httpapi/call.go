package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/session"
)

// endpoint says how a call takes its body. The zero endpoint is that of a call
// whose body has a required member.
type endpoint struct {
	limit    int64 // bytes; 0: bodyLimit
	optional bool  // a request without a body is one with an empty object
	status   int   // of success; 0: 200
}

// answer is what a call gives back: the body, or nothing for 204.
type answer any

// call is the one JSON handler: limit, content type, decode, identify (which the
// call does through identify when it needs somebody), call, map; the exchange counts.
func call[In any](a *API, e endpoint, do func(x *exchange, r *http.Request, in In) (answer, error)) func(*exchange, *http.Request) {
	if e.limit == 0 {
		e.limit = bodyLimit
	}
	if e.status == 0 {
		e.status = http.StatusOK
	}
	return func(x *exchange, r *http.Request) {
		in, err := taken[In](a, e, x, r)
		var out answer
		if err == nil {
			out, err = do(x, r, in)
		}
		if err != nil {
			a.fail(x, err)
			return
		}
		reply(x, e.status, out)
	}
}

// taken lets a call through and reads its body.
func taken[In any](a *API, e endpoint, x *exchange, r *http.Request) (in In, err error) {
	if err := a.admit(x, r); err != nil {
		return in, err
	}
	body, present, err := read(x, r, mediaJSON, e.limit)
	switch {
	case err != nil:
		return in, err
	case present:
		err = decode(body, &in)
	case !e.optional:
		err = refused(codeMalformed)
	}
	return in, err
}

// get is call for what takes no body: reading and deleting.
func get(a *API, do func(x *exchange, r *http.Request) (answer, error)) func(*exchange, *http.Request) {
	return func(x *exchange, r *http.Request) {
		err := a.admit(x, r)
		var out answer
		if err == nil {
			out, err = do(x, r)
		}
		if err != nil {
			a.fail(x, err)
			return
		}
		reply(x, http.StatusOK, out)
	}
}

// admit lets a call of the API through: not more of them than the caller's network may
// make, and none that comes with two credentials.
func (a *API) admit(x *exchange, r *http.Request) error {
	if retry, ok := a.cfg.Flood.Allow(x.caller.Network()); !ok {
		return &problem{code: codeRateLimited, retry: retry, reason: "flood"}
	}
	x.caller.Language = a.pages.languages.best(r)
	cookies := len(a.cookies.sessions(r))
	if cookies > 1 || cookies == 1 && len(r.Header["Authorization"]) > 0 {
		return refused(codeTwoCredentials)
	}
	return nil
}

// identify tells who is signed in: the bearer of an access token, or whoever holds
// the session cookie. unsafe is true for a call that changes something: with a cookie
// it must come from our own page, with a token from a page that is allowed.
func (a *API) identify(r *http.Request, unsafe bool) (session.Current, error) {
	if cookies := a.cookies.sessions(r); len(cookies) == 1 {
		if unsafe && !a.origins.same(r.Header) {
			return session.Current{}, refused(codeOriginRefused)
		}
		current, err := a.cfg.Sessions.Check(r.Context(), cookies[0])
		return current, asked(err)
	}
	if unsafe && !a.origins.allowed(r.Header) {
		return session.Current{}, refused(codeOriginRefused)
	}
	bearer, ok := bearerOf(r.Header)
	if !ok {
		return session.Current{}, session.ErrNone
	}
	current, err := a.cfg.Tokens.Verify(r.Context(), bearer)
	return current, asked(err)
}

// asked judges what came back from asking who is signed in: an error that does not
// say "nobody" says that the store could not be asked.
func asked(err error) error {
	if err == nil || errors.Is(err, session.ErrNone) {
		return err
	}
	return unavailable(err)
}

// bearerOf is the access token of a request (RFC 6750 §2.1). Two Authorization
// headers are none.
func bearerOf(h http.Header) (token string, ok bool) {
	sent := h.Values("Authorization")
	if len(sent) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(sent[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// managed judges what came back from changing or reading what is somebody's own: an
// error that names no refusal says that the store could not be asked.
func managed(err error) error {
	if err == nil || judge(err).code != codeInternal {
		return err
	}
	return unavailable(err)
}

// identifier reads the identifier that a path names something by, in its one
// canonical text. What is none names nothing.
func identifier(r *http.Request) (uuid.UUID, error) {
	text := r.PathValue("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil, refused(codeNotFound)
	}
	return id, nil
}

// reply answers with out as JSON, or 204 when there is nothing to say.
func reply(x *exchange, status int, out answer) {
	if out == nil {
		x.WriteHeader(http.StatusNoContent)
		return
	}
	write(x, status, mediaJSON, encode(out))
}

// write sends a whole answer. A client that has gone is nobody's failure.
func write(x *exchange, status int, media string, body []byte) {
	x.Header().Set("Content-Type", media)
	x.WriteHeader(status)
	_, _ = x.Write(body)
}
