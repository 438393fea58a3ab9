package httpapi

import (
	"net/http"
	"strings"
)

// contentPolicy lets a page load scripts, styles, fonts and images of this origin, talk to
// it, and nothing else: no inline code, no markup from strings, no frames.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// permissions leaves a page its passkeys and takes everything else that asks people
// for something.
const permissions = "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
	"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), serial=(), hid=()"

// transportSecurity is two years, for this host and what is below it (RFC 6797;
// OWASP ASVS 3.4.1).
const transportSecurity = "max-age=63072000; includeSubDomains"

// dataPolicy lets an answer of the API, should a browser ever show one as a page, load
// nothing and stand in no frame.
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

// headerSet are headers that are the same in every answer of a kind. The lists of values
// are shared by all of them: net/http replaces such a list or appends a copy to it.
type headerSet []steadyHeader

type steadyHeader struct {
	name   string // canonical
	values []string
}

// dataHeaders are those of the API's answers, the refused ones included: what protects an
// answer that is no page (OWASP ASVS 3.4, 3.5.8). What only a page heeds is not in it: each
// header costs 0.4 µs of every answer.
func dataHeaders(https bool) headerSet {
	set := headerSet{
		{"Cache-Control", []string{"no-store"}},
		{"Content-Security-Policy", []string{dataPolicy}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	}
	if https {
		set = append(set, steadyHeader{"Strict-Transport-Security", []string{transportSecurity}})
	}
	return set
}

// pageHeaders are those of everything else: pages, their files, and whatever else is asked
// for. A route that may be cached replaces Cache-Control.
func pageHeaders(https bool) headerSet {
	set := headerSet{
		{"Cache-Control", []string{"no-store"}},
		{"Content-Security-Policy", []string{contentPolicy}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Frame-Options", []string{"DENY"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Permissions-Policy", []string{permissions}},
	}
	if https {
		set = append(set, steadyHeader{"Strict-Transport-Security", []string{transportSecurity}})
	}
	return set
}

// setHeaders sets what every answer carries.
func (a *API) setHeaders(h http.Header, path string, requestID []string) {
	set := a.pageHeaders
	if strings.HasPrefix(path, apiPrefix) {
		set = a.dataHeaders
	}
	for _, header := range set {
		h[header.name] = header.values
	}
	h["Keyturn-Request-Id"] = requestID
}
