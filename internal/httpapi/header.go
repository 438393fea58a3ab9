package httpapi

import "net/http"

// contentPolicy lets a page load scripts, styles, fonts and images of this origin, talk to
// it, and nothing else: no inline code, no markup from strings, no frames.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// permissions leaves a page its passkeys and takes everything else that asks people
// for something.
const permissions = "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
	"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), serial=(), bluetooth=(), hid=()"

// transportSecurity is two years, for this host and what is below it (RFC 6797;
// OWASP ASVS 3.4.1).
const transportSecurity = "max-age=63072000; includeSubDomains"

// setHeaders sets what is true of every answer, the refused ones included. A route
// that may be cached replaces Cache-Control.
func (a *API) setHeaders(h http.Header, requestID string) {
	h.Set("Keyturn-Request-Id", requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	if a.cfg.PublicURL.Scheme == "https" {
		h.Set("Strict-Transport-Security", transportSecurity)
	}
}
