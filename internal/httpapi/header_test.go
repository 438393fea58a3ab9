package httpapi

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

// walk asks every route that there is, and some that are not, with and without what
// they want.
func (s *site) walk(visit func(name string, got answered)) {
	s.t.Helper()
	for _, r := range s.routes {
		path := strings.ReplaceAll(strings.ReplaceAll(r.path, "{$}", ""), "{name}", strings.TrimPrefix(s.anAsset(), "/assets/"))
		var body []byte
		if r.method == http.MethodPost {
			body = []byte("{}")
		}
		visit(r.method+" "+path, s.send(r.method, path, body))
		visit("DELETE "+path, s.send(http.MethodDelete, path, nil))
		visit("OPTIONS "+path, s.send(http.MethodOptions, path, nil))
	}
	visit("not there", s.get("/nothing"))
	visit("unclean", s.get("/v1/../sign-in"))
	visit("preflight", s.send(http.MethodOptions, "/v1/account", nil, origin(foreign), header("Access-Control-Request-Method", "GET")))
	visit("misdirected", s.get("/sign-in", host("evil.example")))
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Development = true })
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
	}
	page := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Frame-Options": "DENY",
		"Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
			"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), serial=(), hid=()",
	}
	data := map[string]string{ // what only pages heed is left out
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"X-Frame-Options":         "",
		"Permissions-Policy":      "",
	}
	id := regexp.MustCompile(`^[A-Z2-7]{26}$`)
	seen := map[string]bool{}
	answers := 0
	s.walk(func(name string, got answered) {
		answers++
		for h, v := range want {
			if got.header.Get(h) != v {
				t.Errorf("%s: %s is %q, want %q", name, h, got.header.Get(h), v)
			}
		}
		kind := page
		if strings.Contains(name, " /v1/") || name == "preflight" || name == "unclean" {
			kind = data
		}
		for h, v := range kind {
			if got.header.Get(h) != v {
				t.Errorf("%s: %s is %q, want %q", name, h, got.header.Get(h), v)
			}
		}
		if strings.Contains(got.header.Get("Content-Type"), "html") && got.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: a page with the headers of an answer that is none", name)
		}
		request := got.header.Get("Keyturn-Request-Id")
		if !id.MatchString(request) || seen[request] {
			t.Errorf("%s: request id %q", name, request)
		}
		seen[request] = true
		caching, kept := got.header.Get("Cache-Control"), false
		if got.status < 400 {
			kept = strings.Contains(name, "/.well-known/") || strings.HasSuffix(name, "/openapi.json") || strings.Contains(name, "/assets/")
		}
		if (caching == "no-store") == kept {
			t.Errorf("%s: Cache-Control %q", name, caching)
		}
		if got.status >= 400 && got.header.Get("Pragma") == "" {
			got.problem()
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s allows credentials", name)
		}
	})
	if answers < 3*len(s.routes) {
		t.Errorf("%d answers", answers)
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t)
	for path, allow := range map[string]string{
		"/v1/sign-in/passkey": "POST",
		"/v1/account":         "GET, HEAD, PATCH, DELETE",
		"/healthz":            "GET, HEAD",
		s.anAsset():           "GET, HEAD",
	} {
		for _, method := range []string{http.MethodPut, http.MethodTrace, "BREW"} {
			got := s.send(method, path, nil).wantCode(codeMethodNotAllowed)
			if got.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got.header.Get("Allow"), allow)
			}
		}
	}
	s.send(http.MethodHead, "/sign-in", nil).want(http.StatusOK)
	for _, path := range []string{"/v1", "/v1/", "/v1/account/", "//sign-in", "/./sign-in", "/sign-in/", "/assets/", "/assets/../sign-in", "/assets/..%2fconsole.go", "/pages/dev.html", "/v1/sign-in//passkey"} {
		s.get(path).wantCode(codeNotFound)
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	s := newSite(t)
	if got := s.get("/healthz", header("Keyturn-Request-Id", "mine")).header.Values("Keyturn-Request-Id"); len(got) != 1 || got[0] == "mine" {
		t.Errorf("request id %q", got)
	}
}

func TestOwnOriginIsExact(t *testing.T) {
	if s := newSite(t); s.origins.own != ceremonytest.Origin {
		t.Errorf("own origin %q", s.origins.own)
	}
}
