package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// origins knows which pages may ask what.
//
// A cookie travels with requests that a foreign page causes, so every unsafe call
// that reads or sets one must prove that our own page makes it. In token mode there
// is nothing to steal by riding along, but a page of an origin that nobody allowed
// has no business here either.
type origins struct {
	own  string
	cors []string
	vary []string // the header of what may differ by Origin, shared by all such answers
}

func newOrigins(own string, cors []string) origins {
	return origins{own: own, cors: cors, vary: []string{"Origin"}}
}

// same tells whether our own page asks: Origin byte-equal to ours, or no Origin and
// the browser's word that the request is same-origin. A client that says neither
// proves nothing.
func (o origins) same(h http.Header) bool {
	if sent, ok := sentOrigin(h); ok {
		return sent == o.own
	}
	site := h.Values("Sec-Fetch-Site")
	return len(site) == 1 && site[0] == "same-origin"
}

// allowed tells whether an Origin, if one was sent, is ours or one of those allowed.
// Apps and command lines send none.
func (o origins) allowed(h http.Header) bool {
	sent, ok := sentOrigin(h)
	return !ok || sent == o.own || slices.Contains(o.cors, sent)
}

// sentOrigin is the Origin of the request. Two of them are one that nobody has.
func sentOrigin(h http.Header) (origin string, ok bool) {
	switch sent := h["Origin"]; len(sent) {
	case 0:
		return "", false
	case 1:
		return sent[0], true
	default:
		return "", true
	}
}

// shared tells whether other origins may read a path at all: the API and the public
// documents, never a page.
func shared(path string) bool {
	return strings.HasPrefix(path, apiPrefix) || strings.HasPrefix(path, "/.well-known/")
}

// apiPrefix begins the path of every call: what answers there is JSON, and no page.
const apiPrefix = "/v1/"

// share lets a page of an allowed origin read the answer, errors included.
// Access-Control-Allow-Credentials is never sent: a foreign origin can only use
// token mode.
func (o origins) share(h http.Header, r *http.Request) {
	h["Vary"] = o.vary
	if sent, ok := sentOrigin(r.Header); ok && slices.Contains(o.cors, sent) {
		h.Set("Access-Control-Allow-Origin", sent)
		h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate, Keyturn-Request-Id")
	}
}

// isPreflight tells a CORS preflight from other uses of OPTIONS.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" && r.Header.Get("Origin") != ""
}

// preflight answers what a browser asks before it lets a page of another origin
// call. methods are those of the path.
func (a *API) preflight(x *exchange, r *http.Request, methods []string) {
	h := x.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	if h.Get("Access-Control-Allow-Origin") == "" {
		a.fail(x, refused(codeOriginRefused))
		return
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	x.WriteHeader(http.StatusNoContent)
}
