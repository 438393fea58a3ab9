package httpapi

import "net/http"

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

// steadyHeader is a header that is the same in every answer. The list of values is
// shared by all of them: net/http replaces such a list or appends a copy to it.
type steadyHeader struct {
	name   string // canonical
	values []string
}

// steadyHeaders are those of every answer, the refused ones included. A route that may
// be cached replaces Cache-Control.
func steadyHeaders(https bool) []steadyHeader {
	list := []steadyHeader{
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
		list = append(list, steadyHeader{"Strict-Transport-Security", []string{transportSecurity}})
	}
	return list
}

// setHeaders sets what every answer carries.
func (a *API) setHeaders(h http.Header, requestID string) {
	for _, header := range a.steady {
		h[header.name] = header.values
	}
	h.Set("Keyturn-Request-Id", requestID)
}
