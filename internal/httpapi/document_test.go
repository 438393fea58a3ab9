package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
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
		"a part of account":   {"/account?lang=de", nil, "/sign-in?return_to=%2Faccount%3Flang%3Dde"},
		"administration":      {"/admin", nil, "/sign-in?return_to=%2Fadmin"},
		"another's address":   {"/admin?to=https://evil.example&a=b\"<", nil, "/sign-in?return_to=%2Fadmin%3Fto%3Dhttps%3A%2F%2Fevil.example%26a%3Db%22%3C"},
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

func TestAssets(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Pages["assets/main-1.js"] = bytes.Repeat([]byte("let a;"), 100)
		c.Pages["assets/main-1.css"] = bytes.Repeat([]byte("a{}"), 100)
		c.Pages["assets/inter-1.woff2"] = bytes.Repeat([]byte{0}, 300)
	})
	for name, want := range map[string]struct {
		media  string
		packed bool
	}{
		"/assets/main-1.js":     {"text/javascript; charset=utf-8", true},
		"/assets/main-1.css":    {"text/css; charset=utf-8", true},
		"/assets/inter-1.woff2": {"font/woff2", false},
		s.anAsset():             {"image/svg+xml", true},
	} {
		got := s.get(name).want(http.StatusOK)
		if got.header.Get("Content-Type") != want.media || got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			got.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", name, got.header)
		}
		packed := s.get(name, header("Accept-Encoding", "br, gzip;q=0.5")).want(http.StatusOK)
		if (packed.header.Get("Content-Encoding") == "gzip") != want.packed || packed.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, gzip allowed: %v", name, packed.header)
		}
		if want.packed {
			unpacked, err := gzip.NewReader(bytes.NewReader(packed.body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(body, got.body) {
				t.Errorf("%s: other bytes, %v", name, err)
			}
		}
		for _, refusal := range []string{"br", "gzip;q=0", "gzip; q=0.000", "identity, gzipped"} {
			if s.get(name, header("Accept-Encoding", refusal)).header.Get("Content-Encoding") != "" {
				t.Errorf("%s: sent by gzip to who accepts %q", name, refusal)
			}
		}
	}
	s.get("/assets/shell.html").wantCode(codeNotFound)
	s.get("/assets/sign-in.html").wantCode(codeNotFound)
}

func TestLanguages(t *testing.T) {
	s := newSite(t)
	for name, test := range map[string]struct{ path, accepts, want string }{
		"nothing asked":      {"/sign-in", "", "en"},
		"English":            {"/sign-in", "en-GB,en;q=0.9", "en"},
		"German":             {"/sign-in", "de-AT,de;q=0.9,en;q=0.5", "de"},
		"Swiss German":       {"/sign-up", "de-CH", "de"},
		"unknown":            {"/sign-in", "tlh", "en"},
		"unknown, then":      {"/sign-in", "tlh,de;q=0.1", "de"},
		"no list at all":     {"/sign-in", ";;,,q=", "en"},
		"the link decides":   {"/sign-in?lang=de", "en", "de"},
		"the link says what": {"/sign-in?lang=../de", "en", "en"},
	} {
		got := s.get(test.path, header("Accept-Language", test.accepts)).want(http.StatusOK)
		if !strings.Contains(string(got.body), `<html lang="`+test.want+`"`) {
			t.Errorf("%s: not in %s", name, test.want)
		}
		if !slices.Contains(got.header.Values("Vary"), "Accept-Language") || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, got.header)
		}
	}
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
		"no pages":   func(c *Config) { c.Pages = map[string][]byte{} },
		"no English": func(c *Config) { c.Pages = map[string][]byte{"pages/de/sign-in.html": nil} },
		"no language": func(c *Config) {
			c.Pages = map[string][]byte{"pages/en/sign-in.html": nil, "pages/-/sign-in.html": nil}
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
