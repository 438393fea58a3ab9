package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

func TestWellKnown(t *testing.T) {
	full := newSite(t, func(c *Config) {
		c.RelatedOrigins = []string{"https://shop.example"}
		c.AppleApps = []string{"TEAM.org.example.app"}
		c.AndroidApps = []AndroidApp{{Package: "org.example.app", Digests: []string{"AA:BB"}}}
		c.SecurityContact = "mailto:security@example.org"
	})
	bare := newSite(t)
	for path, test := range map[string]struct {
		want     string
		optional bool
	}{
		"openid-configuration": {`{"issuer":"https://login.example.org","jwks_uri":"https://login.example.org/.well-known/jwks.json",` +
			`"token_endpoint":"https://login.example.org/v1/token","revocation_endpoint":"https://login.example.org/v1/token/revoke",` +
			`"grant_types_supported":["refresh_token"],"token_endpoint_auth_methods_supported":["none"],` +
			`"revocation_endpoint_auth_methods_supported":["none"],"scopes_supported":["openid"],"subject_types_supported":["public"],` +
			`"acr_values_supported":["phr","0"],"id_token_signing_alg_values_supported":["ES256"]}`, false},
		"passkey-endpoints": {`{"manage":"https://login.example.org/account"}`, false},
		"webauthn":          {`{"origins":["https://shop.example"]}`, true},
		"apple-app-site-association": {
			`{"webcredentials":{"apps":["TEAM.org.example.app"]}}`, true,
		},
		"assetlinks.json": {`[{"relation":["delegate_permission/common.handle_all_urls","delegate_permission/common.get_login_creds"],` +
			`"target":{"namespace":"android_app","package_name":"org.example.app","sha256_cert_fingerprints":["AA:BB"]}}]`, true},
		"security.txt": {"Contact: mailto:security@example.org\nExpires: 2027-05-20T12:00:00Z\nCanonical: https://login.example.org/.well-known/security.txt", true},
	} {
		t.Run(path, func(t *testing.T) {
			got := full.get("/.well-known/" + path).want(http.StatusOK)
			if text := strings.TrimSpace(string(got.body)); text != test.want {
				t.Errorf("%s\nwant\n%s", text, test.want)
			}
			media := "application/json"
			if path == "security.txt" {
				media = "text/plain; charset=utf-8"
			}
			if got.header.Get("Content-Type") != media || !strings.HasPrefix(got.header.Get("Cache-Control"), "public, max-age=") {
				t.Errorf("headers %v", got.header)
			}
			if test.optional {
				bare.get("/.well-known/" + path).wantCode(codeNotFound)
			} else {
				bare.get("/.well-known/" + path).want(http.StatusOK)
			}
		})
	}
}

// Whoever reads the key set can check an access token with it; the private half of
// no key is in it.
func TestJWKS(t *testing.T) {
	got := newSite(t).get("/.well-known/jwks.json").want(http.StatusOK)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	got.json(&set)
	if len(set.Keys) == 0 || got.header.Get("Cache-Control") != keysCache {
		t.Errorf("%s %v", got.body, got.header)
	}
	for _, key := range set.Keys {
		if key["kty"] != "EC" || key["d"] != nil {
			t.Errorf("key %v", key)
		}
	}
}

func TestHealth(t *testing.T) {
	asked, failing := 0, error(nil)
	s := newSite(t, func(c *Config) {
		c.Ready = func(ctx context.Context) error {
			asked++
			if _, ok := ctx.Deadline(); !ok {
				t.Error("no deadline")
			}
			if err := ctx.Err(); err != nil {
				t.Errorf("the caller's context ended it: %v", err)
			}
			return failing
		}
	})
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.get("/readyz", func(r *http.Request) { *r = *r.WithContext(gone) }).want(http.StatusOK)
	failing = errors.New("the disk is full")
	s.get("/readyz").want(http.StatusOK)
	if asked != 1 {
		t.Errorf("asked %d times within a second", asked)
	}
	s.Clock.Advance(readyKept)
	refusal := s.get("/readyz").wantCode(codeUnavailable)
	if strings.Contains(string(refusal.body), "disk") || !strings.Contains(s.Journal.String(), "the disk is full") {
		t.Error("why it is not ready belongs into the log, and nowhere else")
	}
	s.get("/healthz").want(http.StatusOK)
	s.Clock.Advance(-time.Minute)
	failing = nil
	s.get("/readyz").want(http.StatusOK)
}

func TestPages(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	for path, want := range map[string]string{
		"/sign-in": "Sign in to Example", "/sign-up": "Create an account – Example", "/enrol": "Create a passkey – Example",
	} {
		got := s.get(path).want(http.StatusOK)
		if !strings.Contains(string(got.body), "<title>"+want+"</title>") || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	for name, test := range map[string]struct {
		path string
		with []with
		to   string
	}{
		"home, stranger":      {"/", nil, "/sign-in"},
		"home, signed in":     {"/", []with{s.ownCookie(p)}, "/account"},
		"home, dead cookie":   {"/", []with{cookie("__Host-keyturn", "x")}, "/sign-in"},
		"home, two cookies":   {"/", []with{s.ownCookie(p), s.ownCookie(p)}, "/sign-in"},
		"account, stranger":   {"/account", nil, "/sign-in"},
		"account, other site": {"/account", []with{cookie("keyturn-dev", p.cookie)}, "/sign-in"},
	} {
		if got := s.get(test.path, test.with...).want(http.StatusSeeOther).header.Get("Location"); got != test.to {
			t.Errorf("%s leads to %q", name, got)
		}
	}
	got := s.get("/account", s.ownCookie(p)).want(http.StatusOK)
	if strings.Contains(string(got.body), "Ana") {
		t.Error("the page holds what the API is asked for")
	}
}

func TestSignUpIsOfferedWhenOpen(t *testing.T) {
	for _, open := range []bool{true, false} {
		got := newSite(t, func(c *Config) { c.OpenSignUp = open }).get("/sign-in").want(http.StatusOK)
		if strings.Contains(string(got.body), `href="/sign-up"`) != open {
			t.Errorf("open %t: %s", open, got.body)
		}
	}
}

func TestNameOnPages(t *testing.T) {
	named := newSite(t, func(c *Config) { c.Name = "<script>alert(1)</script>" }).get("/sign-in")
	if strings.Contains(string(named.body), "<script>alert") {
		t.Error("a name is markup")
	}
	unnamed := newSite(t, func(c *Config) { c.Name = "" }).get("/sign-in")
	if !strings.Contains(string(unnamed.body), "Sign in to "+ceremonytest.RPID) {
		t.Errorf("%s", unnamed.body)
	}
}

func TestAssets(t *testing.T) {
	s := newSite(t)
	for name, media := range map[string]string{
		"keyturn.js": "text/javascript; charset=utf-8", "keyturn.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		got := s.get("/assets/" + name).want(http.StatusOK)
		tag := got.header.Get("ETag")
		if got.header.Get("Content-Type") != media || got.header.Get("Cache-Control") != "no-cache" || tag == "" {
			t.Errorf("%s: %v", name, got.header)
		}
		again := s.get("/assets/"+name, header("If-None-Match", tag)).want(http.StatusNotModified)
		if len(again.body) > 0 {
			t.Errorf("%s: sent again", name)
		}
		s.get("/assets/"+name, header("If-None-Match", `"other"`)).want(http.StatusOK)
	}
	s.get("/assets/layout.html").wantCode(codeNotFound)
}

func TestConfigIsChecked(t *testing.T) {
	good := newSite(t).cfg
	for name, spoil := range map[string]func(*Config){
		"public URL": func(c *Config) { c.PublicURL = nil },
		"RP ID":      func(c *Config) { c.RPID = "" },
		"modes":      func(c *Config) { c.Modes = nil },
		"ceremonies": func(c *Config) { c.Ceremonies = nil },
		"accounts":   func(c *Config) { c.Accounts = nil },
		"sessions":   func(c *Config) { c.Sessions = nil },
		"tokens":     func(c *Config) { c.Tokens = nil },
		"flood":      func(c *Config) { c.Flood = nil },
		"pages":      func(c *Config) { c.Pages = nil },
		"no pages":   func(c *Config) { c.Pages = fstest.MapFS{} },
		"bad pages": func(c *Config) {
			c.Pages = fstest.MapFS{"pages/layout.html": {Data: []byte("{{")}, "pages/sign-in.html": {Data: []byte("x")}}
		},
		"ready": func(c *Config) { c.Ready = nil },
		"log":   func(c *Config) { c.Log = nil },
		"clock": func(c *Config) { c.Now = nil },
		"rand":  func(c *Config) { c.Rand = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
