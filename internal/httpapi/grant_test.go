package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/session"
)

// form posts a form, as OAuth clients do.
func (s *site) form(path, body string, edits ...with) answered {
	s.t.Helper()
	typed := func(r *http.Request) { r.Header.Set("Content-Type", mediaForm) }
	return s.send(http.MethodPost, path, []byte(body), append([]with{typed}, edits...)...)
}

func (s *site) refresh(token string, edits ...with) answered {
	s.t.Helper()
	return s.form("/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode(), edits...)
}

// wantGrant checks that the answer is an error of RFC 6749.
func (a answered) wantGrant(code string) answered {
	a.t.Helper()
	var out map[string]string
	a.json(&out)
	if out["error"] != code || out["error_description"] == "" || a.header.Get("Content-Type") != "application/json" {
		a.t.Fatalf("%d %s, want %s", a.status, a.body, code)
	}
	return a
}

func TestRefresh(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	var first, second tokenAnswer
	answer := s.refresh(p.refresh).want(http.StatusOK)
	answer.golden("refresh")
	answer.json(&first)
	if first.RefreshToken == p.refresh || first.AccessToken == p.token || len(answer.set) > 0 ||
		answer.header.Get("Cache-Control") != "no-store" || answer.header.Get("Pragma") != "no-cache" {
		t.Errorf("%v %s", answer.header, answer.body)
	}
	s.get("/v1/account", bearer(first.AccessToken)).want(http.StatusOK)

	// A lost answer: the same successor, as long as nobody used it.
	s.Clock.Advance(9 * time.Second)
	if s.refresh(p.refresh).want(http.StatusOK).json(&second); second.RefreshToken != first.RefreshToken {
		t.Error("another successor")
	}
	s.refresh(first.RefreshToken, without("Origin")).want(http.StatusOK).json(&second)
	s.refresh(p.refresh).wantGrant("invalid_grant") // long used: somebody has a copy
	s.refresh(second.RefreshToken).wantGrant("invalid_grant")
	s.get("/v1/account", bearer(second.AccessToken)).wantCode(codeUnauthenticated)
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK) // another session
}

func TestRefreshAfterGrace(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	var next tokenAnswer
	s.refresh(p.refresh).want(http.StatusOK).json(&next)
	s.Clock.Advance(11 * time.Second)
	s.refresh(p.refresh).wantGrant("invalid_grant")
	s.refresh(next.RefreshToken).wantGrant("invalid_grant")
}

func TestRefreshScope(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	var out tokenAnswer
	s.signIn(p.phone, fields{"scope": "openid pay"}).want(http.StatusOK).json(&out)
	for scope, want := range map[string]string{"admin": "invalid_scope", "openid admin": "invalid_scope"} {
		s.form("/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {out.RefreshToken}, "scope": {scope}}.Encode()).wantGrant(want)
	}
	var narrow tokenAnswer
	s.form("/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {out.RefreshToken}, "scope": {"pay"}}.Encode()).
		want(http.StatusOK).json(&narrow)
	if narrow.Scope != "pay" || narrow.IDToken != "" {
		t.Errorf("narrowed to %q", narrow.Scope)
	}
	s.refresh(narrow.RefreshToken).want(http.StatusOK).json(&out)
	if out.Scope != "openid pay" || out.IDToken == "" {
		t.Errorf("what was narrowed once stays so: %q", out.Scope)
	}
}

// What is wrong with a request is told before its token is looked at, so that none is
// used up by it.
func TestGrantRequests(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	good := "grant_type=refresh_token&refresh_token=" + p.refresh
	for name, test := range map[string]struct {
		body   string
		with   []with
		status int
		want   string
	}{
		"no grant":           {"refresh_token=" + p.refresh, nil, 400, "invalid_request"},
		"empty grant":        {"grant_type=&refresh_token=" + p.refresh, nil, 400, "invalid_request"},
		"another grant":      {"grant_type=password&username=a&password=b", nil, 400, "unsupported_grant_type"},
		"a code":             {"grant_type=authorization_code&code=x", nil, 400, "unsupported_grant_type"},
		"no token":           {"grant_type=refresh_token", nil, 400, "invalid_request"},
		"empty token":        {"grant_type=refresh_token&refresh_token=", nil, 400, "invalid_request"},
		"twice":              {good + "&refresh_token=" + p.refresh, nil, 400, "invalid_request"},
		"not a form":         {good + "&%zz", nil, 400, "invalid_request"},
		"semicolon":          {"grant_type=refresh_token;refresh_token=" + p.refresh, nil, 400, "invalid_request"},
		"nothing":            {"", nil, 400, "invalid_request"},
		"JSON":               {`{"grant_type":"refresh_token"}`, []with{func(r *http.Request) { r.Header.Set("Content-Type", mediaJSON) }}, 400, "invalid_request"},
		"no type":            {good, []with{without("Content-Type")}, 400, "invalid_request"},
		"in the address":     {good, []with{func(r *http.Request) { r.URL.RawQuery = "scope=x" }}, 400, "invalid_request"},
		"another client":     {good + "&client_id=other", nil, 400, "invalid_grant"},
		"rubbish":            {"grant_type=refresh_token&refresh_token=rubbish", nil, 400, "invalid_grant"},
		"rubbish and cookie": {"grant_type=refresh_token&refresh_token=rubbish", []with{s.ownCookie(p)}, 400, "invalid_grant"},
		"foreign page":       {good, []with{origin("https://evil.example")}, 403, "invalid_request"},
		"too large":          {good + "&x=" + strings.Repeat("x", bodyLimit), nil, 413, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			s.form("/v1/token", test.body, test.with...).want(test.status).wantGrant(test.want)
		})
	}
	s.form("/v1/token", good+"&client_id=keyturn&unknown=1", s.ownCookie(p)).want(http.StatusOK)
}

func TestNoTokenMode(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	cookieOnly := newSiteOn(t, s.World, func(c *Config) { c.Modes = []session.Mode{session.ModeCookie} })
	cookieOnly.refresh(p.refresh).wantGrant("unsupported_grant_type")
	document := string(cookieOnly.get("/.well-known/openid-configuration").want(http.StatusOK).body)
	for _, name := range []string{"token_endpoint", "revocation_endpoint", "grant_types_supported", "scopes_supported"} {
		if strings.Contains(document, name) {
			t.Errorf("%s is announced: %s", name, document)
		}
	}
}

func TestRevoke(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	for _, token := range []string{"rubbish", p.token, p.cookie, p.refresh[1:], "%20"} {
		got := s.form("/v1/token/revoke", "token="+token).want(http.StatusOK)
		if got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", got.header.Get("Cache-Control"))
		}
	}
	s.form("/v1/token/revoke", "token_type_hint=refresh_token").want(http.StatusBadRequest).wantGrant("invalid_request")
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)
	s.form("/v1/token/revoke", "token_type_hint=access_token&token="+p.refresh).want(http.StatusOK)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
	s.refresh(p.refresh).wantGrant("invalid_grant")
	s.form("/v1/token/revoke", "token="+p.refresh).want(http.StatusOK)
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK)
}
