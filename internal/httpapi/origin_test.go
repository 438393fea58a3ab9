package httpapi

import (
	"net/http"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

// senders are the ways in which a request can say where it comes from, and whether
// our own page (cookie) or an allowed one (token) may have made it.
var senders = map[string]struct {
	with   []with
	cookie bool
	token  bool
}{
	"own page":                  {[]with{origin(ceremonytest.Origin)}, true, true},
	"own page, site says cross": {[]with{origin(ceremonytest.Origin), header("Sec-Fetch-Site", "cross-site")}, true, true},
	"same-origin, no Origin":    {[]with{without("Origin"), header("Sec-Fetch-Site", "same-origin")}, true, true},
	"neither header":            {[]with{without("Origin")}, false, true},
	"same-site, no Origin":      {[]with{without("Origin"), header("Sec-Fetch-Site", "same-site")}, false, true},
	"none, no Origin":           {[]with{without("Origin"), header("Sec-Fetch-Site", "none")}, false, true},
	"two words, no Origin":      {[]with{without("Origin"), header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Site", "same-origin")}, false, true},
	"allowed foreign":           {[]with{origin(foreign)}, false, true},
	"allowed foreign, same":     {[]with{origin(foreign), header("Sec-Fetch-Site", "same-origin")}, false, true},
	"foreign":                   {[]with{origin("https://evil.example")}, false, false},
	"foreign, same":             {[]with{origin("https://evil.example"), header("Sec-Fetch-Site", "same-origin")}, false, false},
	"sibling":                   {[]with{origin("https://app.login.example.org")}, false, false},
	"other scheme":              {[]with{origin("http://login.example.org")}, false, false},
	"other port":                {[]with{origin("https://login.example.org:8443")}, false, false},
	"default port":              {[]with{origin("https://login.example.org:443")}, false, false},
	"upper case":                {[]with{origin("https://LOGIN.example.org")}, false, false},
	"slash":                     {[]with{origin("https://login.example.org/")}, false, false},
	"null":                      {[]with{origin("null")}, false, false},
	"empty":                     {[]with{origin("")}, false, false},
	"twice":                     {[]with{header("Origin", ceremonytest.Origin)}, false, false},
}

func TestCrossOriginBegin(t *testing.T) {
	s := newSite(t)
	for name, sender := range senders {
		t.Run(name, func(t *testing.T) {
			for mode, allowed := range map[string]bool{"cookie": sender.cookie, "token": sender.token} {
				got := s.post("/v1/sign-in/passkey/options", fields{"session_mode": mode}, sender.with...)
				if allowed {
					got.want(http.StatusOK)
				} else {
					got.wantCode(codeOriginRefused)
				}
				if set := len(got.set) > 0; set != (allowed && mode == "cookie") {
					t.Errorf("%s: cookie set: %t", mode, set)
				}
			}
		})
	}
}

func TestCrossOriginFinish(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	for name, sender := range senders {
		t.Run(name, func(t *testing.T) {
			begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"})
			made, err := p.phone.Get(begun.publicKey(), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			got := s.post("/v1/sign-in/passkey", cred(made), append(carry(begun), sender.with...)...)
			switch {
			case sender.cookie:
				got.want(http.StatusOK)
			case name == "allowed foreign" || name == "allowed foreign, same":
				got.wantCode(codeAuthenticationFailed) // as if the cookie had not come along
			default:
				got.wantCode(codeOriginRefused)
			}
			if !sender.cookie && len(got.set) > 0 {
				t.Errorf("set %v", got.set)
			}
		})
	}
}

// In token mode the origin of the begin is the origin of the finish.
func TestTokenModeOrigin(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	for name, test := range map[string]struct {
		begin, finish with
		want          int
	}{
		"own":             {origin(ceremonytest.Origin), origin(ceremonytest.Origin), 200},
		"app":             {without("Origin"), without("Origin"), 200},
		"foreign":         {origin(foreign), origin(foreign), 200},
		"foreign to own":  {origin(foreign), origin(ceremonytest.Origin), 401},
		"app to own":      {without("Origin"), origin(ceremonytest.Origin), 401},
		"own to app":      {origin(ceremonytest.Origin), without("Origin"), 401},
		"own to stranger": {origin(ceremonytest.Origin), origin("https://evil.example"), 403},
	} {
		t.Run(name, func(t *testing.T) {
			begun := s.post("/v1/sign-in/passkey/options", fields{}, test.begin)
			made, err := p.phone.Get(begun.publicKey(), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			s.post("/v1/sign-in/passkey", cred(made), test.finish).want(test.want)
		})
	}
}

func TestCrossOriginSignOut(t *testing.T) {
	s := newSite(t)
	for name, sender := range senders {
		t.Run(name, func(t *testing.T) {
			p := s.signedIn(t)
			if got := s.post("/v1/sign-out", fields{}, append(sender.with, s.ownCookie(p))...); sender.cookie {
				got.want(http.StatusNoContent)
			} else if got.wantCode(codeOriginRefused); len(got.set) > 0 || got.header.Get("Clear-Site-Data") != "" {
				t.Errorf("touched the browser: %v", got.header)
			}
			if got := s.post("/v1/sign-out", fields{}, append(sender.with, bearer(p.token))...); sender.token {
				got.want(http.StatusNoContent)
			} else {
				got.wantCode(codeOriginRefused)
			}
		})
	}
}

// Reading is safe whoever causes it: another origin cannot read the answer.
func TestCrossOriginRead(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	for name, sender := range senders {
		got := s.get("/v1/account", append(sender.with, s.ownCookie(p))...).want(http.StatusOK)
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s may read with a cookie", name)
		}
	}
}

func TestCORS(t *testing.T) {
	s := newSite(t)
	const exposed = "Retry-After, WWW-Authenticate, Keyturn-Request-Id"
	for name, test := range map[string]struct {
		path   string
		sender []with
		want   string
	}{
		"allowed":        {"/v1/account", []with{origin(foreign)}, foreign},
		"document":       {"/.well-known/jwks.json", []with{origin(foreign)}, foreign},
		"not there":      {"/v1/nothing", []with{origin(foreign)}, foreign},
		"own":            {"/v1/account", []with{origin(ceremonytest.Origin)}, ""},
		"stranger":       {"/v1/account", []with{origin("https://evil.example")}, ""},
		"suffix":         {"/v1/account", []with{origin(foreign + ".evil.example")}, ""},
		"case":           {"/v1/account", []with{origin("https://APP.example.net")}, ""},
		"null":           {"/v1/account", []with{origin("null")}, ""},
		"twice":          {"/v1/account", []with{origin(foreign), header("Origin", foreign)}, ""},
		"none":           {"/v1/account", nil, ""},
		"never for page": {"/sign-in", []with{origin(foreign)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.get(test.path, test.sender...)
			if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != test.want {
				t.Errorf("Access-Control-Allow-Origin %q, want %q", allowed, test.want)
			}
			if test.want != "" && got.header.Get("Access-Control-Expose-Headers") != exposed {
				t.Errorf("exposes %q", got.header.Get("Access-Control-Expose-Headers"))
			}
			if shared(test.path) && got.header.Get("Vary") != "Origin" {
				t.Errorf("Vary %q", got.header.Get("Vary"))
			}
			if got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials allowed")
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	s := newSite(t)
	ask := header("Access-Control-Request-Method", "POST")
	for name, test := range map[string]struct {
		path string
		with []with
		want int
	}{
		"allowed":          {"/v1/sign-in/passkey", []with{ask, origin(foreign)}, 204},
		"unsafe methods":   {"/v1/account", []with{ask, origin(foreign)}, 204},
		"stranger":         {"/v1/sign-in/passkey", []with{ask, origin("https://evil.example")}, 403},
		"own":              {"/v1/sign-in/passkey", []with{ask}, 403},
		"not there":        {"/v1/nothing", []with{ask, origin(foreign)}, 404},
		"not a preflight":  {"/v1/sign-in/passkey", []with{origin(foreign)}, 405},
		"never for a page": {"/sign-in", []with{ask, origin(foreign)}, 405},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.send(http.MethodOptions, test.path, nil, test.with...).want(test.want)
			if test.want != http.StatusNoContent {
				if got.header.Get("Access-Control-Allow-Methods") != "" {
					t.Error("methods told")
				}
				return
			}
			methods := "POST"
			if test.path == "/v1/account" {
				methods = "GET, HEAD, PATCH, DELETE"
			}
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin":  foreign,
				"Access-Control-Allow-Methods": methods,
				"Access-Control-Allow-Headers": "Authorization, Content-Type",
				"Access-Control-Max-Age":       "600",
			} {
				if v := got.header.Get(name); v != want {
					t.Errorf("%s %q, want %q", name, v, want)
				}
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	token := "Bearer " + p.token
	for name, test := range map[string]struct {
		with []with
		want int
	}{
		"bearer":                {[]with{header("Authorization", token)}, 200},
		"bearer, lower case":    {[]with{header("Authorization", "bearer "+p.token)}, 200},
		"cookie":                {[]with{s.ownCookie(p)}, 200},
		"none":                  {nil, 401},
		"both":                  {[]with{header("Authorization", token), s.ownCookie(p)}, 400},
		"cookie and empty":      {[]with{header("Authorization", ""), s.ownCookie(p)}, 400},
		"cookie and basic":      {[]with{header("Authorization", "Basic eDp5"), s.ownCookie(p)}, 400},
		"two cookies":           {[]with{s.ownCookie(p), s.ownCookie(p)}, 400},
		"two headers":           {[]with{header("Authorization", token), header("Authorization", token)}, 401},
		"two in one":            {[]with{header("Authorization", token+", "+token)}, 401},
		"basic":                 {[]with{header("Authorization", "Basic "+p.token)}, 401},
		"no scheme":             {[]with{header("Authorization", p.token)}, 401},
		"scheme alone":          {[]with{header("Authorization", "Bearer ")}, 401},
		"two spaces":            {[]with{header("Authorization", "Bearer  "+p.token)}, 401},
		"cookie of development": {[]with{cookie("keyturn-dev", p.cookie)}, 401},
		"cookie without prefix": {[]with{cookie("keyturn", p.cookie)}, 401},
		"token as cookie":       {[]with{cookie("__Host-keyturn", p.token)}, 401},
		"cookie as token":       {[]with{bearer(p.cookie)}, 401},
		"cookie cut":            {[]with{cookie("__Host-keyturn", p.cookie[1:])}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.get("/v1/passkeys", test.with...).want(test.want)
			if test.want == 400 {
				got.wantCode(codeTwoCredentials)
			}
		})
	}
	s.post("/v1/sign-in/passkey/options", fields{}, header("Authorization", token), s.ownCookie(p)).wantCode(codeTwoCredentials)
}
