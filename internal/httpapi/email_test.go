package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
)

// heard is the answer to a link as clients read it.
type heard struct {
	tokenAnswer
	SignUp   *signUpRight `json:"sign_up"`
	ReturnTo string       `json:"return_to"`
}

// TestEmailAnswersAlike: whoever an address belongs to, and whether or not a mail is
// owed, the answer has the same status, headers and shape.
func TestEmailAnswersAlike(t *testing.T) {
	s := newSite(t)
	claimed, keyed := newAddress(), s.proved(t)
	s.register(phone(), fields{"username": "claims", "email": claimed}).want(http.StatusCreated)
	proved, _ := s.reachable(keyed)
	resident := s.resident()
	shape := func(email string) string {
		s.t.Helper()
		got := s.post("/v1/sign-in/email", fields{"email": email}, anywhere()).want(http.StatusAccepted)
		var body map[string]any
		got.json(&body)
		if request, _ := body["request"].(string); len(request) != 43 {
			t.Errorf("%s: request %q", email, request)
		}
		delete(body, "request")
		got.header.Del("Keyturn-Request-Id")
		text, err := json.Marshal([]any{body, got.header, len(got.body)})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := shape(newAddress())
	for name, email := range map[string]string{
		"no passkey": resident, "again at once": resident, "in capitals": strings.ToUpper(resident),
		"a passkey": proved, "only claimed": claimed, "nobody": newAddress(),
	} {
		if got := shape(email); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestEmailLimits: a network that asks too often is told; an address is not.
func TestEmailLimits(t *testing.T) {
	s := newSite(t)
	here := from("198.51.100.7:1")
	for range 20 {
		s.post("/v1/sign-in/email", fields{"email": newAddress()}, here).want(http.StatusAccepted)
	}
	refused := s.post("/v1/sign-in/email", fields{"email": newAddress()}, here).wantCode(codeRateLimited)
	if refused.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.post("/v1/sign-in/email", fields{"email": newAddress()}, from("198.51.100.8:1")).want(http.StatusAccepted)
}

// TestLinkSignsIn: both modes, from the asking to the session.
func TestLinkSignsIn(t *testing.T) {
	for _, mode := range []string{"cookie", "token"} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t)
			address := s.resident()
			a := s.ask(mail.KindSignIn, fields{"email": address, "return_to": "/orders?open=1#top", "session_mode": mode})
			var seen linkSeen
			look := fields{"token": a.token, "request": a.request}
			s.post("/v1/sign-in/email/look", look).want(http.StatusOK).json(&seen)
			if seen.Email != address || !seen.SameClient || seen.AskedFrom.At != "2026-11-21T12:00:00Z" || seen.AskedFrom.Network == "" {
				t.Errorf("seen %+v", seen)
			}
			got := s.post("/v1/sign-in/email/finish", a.body(), carry(a.begun)...).want(http.StatusOK)
			var out heard
			got.json(&out)
			if out.ReturnTo != "/orders?open=1#top" || out.Session.ACR != "0" || out.Session.AAL != 0 ||
				!slices.Equal(out.Session.AMR, []string{"urn:x:email-link"}) || out.Account.Email != address {
				t.Errorf("answer %s", got.body)
			}
			cookie := got.set[s.cookies.session]
			if (cookie != nil) != (mode == "cookie") || (out.AccessToken != "") != (mode == "token") {
				t.Errorf("%s: cookie %v, answer %s", mode, cookie, got.body)
			}
			who := s.as(someone{token: out.AccessToken}, "token")
			if cookie != nil {
				who = s.ownCookie(someone{cookie: cookie.Value})
			}
			s.get("/v1/account", who).want(http.StatusOK)
			s.post("/v1/sign-in/email/finish", a.body(), carry(a.begun)...).wantCode(codeAuthenticationFailed)
		})
	}
}

// TestLinkElsewhere: a link that is opened on another device signs nobody in there; its
// code does, where it was asked for.
func TestLinkElsewhere(t *testing.T) {
	s := newSite(t)
	address := s.resident()
	a := s.ask(mail.KindSignIn, fields{"email": address}, header("User-Agent", "Fox/1"))
	stranger := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	writes := s.writes(t)
	for name, request := range map[string]string{"none": "", "another's": stranger.request, "rubbish": "x"} {
		s.post("/v1/sign-in/email/finish", fields{"token": a.token, "request": request}).wantCode(codeOtherBrowser)
		var seen linkSeen
		s.post("/v1/sign-in/email/look", fields{"token": a.token, "request": request}).want(http.StatusOK).json(&seen)
		if seen.SameClient {
			t.Errorf("%s: taken for the client that asked", name)
		}
	}
	if writes() != 0 {
		t.Error("something was used up")
	}
	var made, again emailCode
	s.post("/v1/sign-in/email/code", fields{"token": a.token}).want(http.StatusOK).json(&made)
	s.post("/v1/sign-in/email/code", fields{"token": a.token}).want(http.StatusOK).json(&again)
	if len(made.Code) != 6 || made.ExpiresIn != 120 || made.Email != address || made.AskedFrom.UserAgent != "Fox/1" || again.Code != made.Code {
		t.Errorf("made %+v, again %+v", made, again)
	}
	s.post("/v1/sign-in/email/finish", fields{"code": made.Code, "request": stranger.request}).wantCode(codeAuthenticationFailed)
	s.post("/v1/sign-in/email/finish", fields{"code": "XXXXXX", "request": a.request}).wantCode(codeAuthenticationFailed)
	typed := strings.ToLower(made.Code[:3]) + " " + made.Code[3:]
	s.post("/v1/sign-in/email/finish", fields{"code": typed, "request": a.request}).want(http.StatusOK)
	s.post("/v1/sign-in/email/finish", a.body()).wantCode(codeAuthenticationFailed)
}

func TestLinkDenied(t *testing.T) {
	s := newSite(t)
	a := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	s.post("/v1/sign-in/email/deny", fields{"token": a.token}).want(http.StatusNoContent)
	s.post("/v1/sign-in/email/deny", fields{"token": a.token}).want(http.StatusNoContent)
	s.post("/v1/sign-in/email/finish", a.body()).wantCode(codeAuthenticationFailed)
}

// TestLinkSignsUp: an address that is nobody's earns no session but the right to sign up.
func TestLinkSignsUp(t *testing.T) {
	s := newSiteOn(t, ceremonytest.NewUnder(t, account.Policy{
		SignUp: account.SignUpEmail, Mail: true, Links: account.LinksWithoutPasskey, Standard: true,
	}))
	s.post("/v1/sign-up/passkey/options", fields{"username": "ana"}).wantCode(codeSignUpClosed)
	address := newAddress()
	a := s.ask(mail.KindSignUp, fields{"email": address, "return_to": "/welcome", "session_mode": "cookie"})
	got := s.post("/v1/sign-in/email/finish", a.body(), carry(a.begun)...).want(http.StatusOK)
	var out heard
	got.json(&out)
	if out.Session.ID != "" || out.SignUp == nil || out.SignUp.Email != address || out.SignUp.ExpiresIn < 60 || out.ReturnTo != "/welcome" || len(got.set) > 0 {
		t.Fatalf("answer %s, set %v", got.body, got.set)
	}
	var registered tokenAnswer
	s.register(phone(), fields{"username": "ana", "ticket": out.SignUp.Ticket}).want(http.StatusCreated).json(&registered)
	if registered.Account.Email != address || registered.Account.PendingEmail != "" {
		t.Errorf("account %+v", registered.Account)
	}
	s.post("/v1/sign-up/passkey/options", fields{"username": "ben", "ticket": out.SignUp.Ticket}).wantCode(codeExpired)
}

// TestLinkForTheCookieOfAnother: a link that was asked for in cookie mode gives its
// session only where our own page, in the browser that asked, shows it.
func TestLinkForTheCookieOfAnother(t *testing.T) {
	s := newSite(t)
	a := s.ask(mail.KindSignIn, fields{"email": s.resident(), "session_mode": "cookie"})
	for name, sender := range senders {
		if sender.cookie {
			continue
		}
		got := s.post("/v1/sign-in/email/finish", a.body(), append(carry(a.begun), sender.with...)...)
		if want := codeOriginRefused; got.problem().Code != want && got.problem().Code != codeOtherBrowser || len(got.set) > 0 {
			t.Errorf("%s: %s, set %v", name, got.body, got.set)
		}
	}
	s.post("/v1/sign-in/email/finish", a.body()).wantCode(codeOtherBrowser)
	s.post("/v1/sign-in/email/finish", a.body(), carry(a.begun)...).want(http.StatusOK)
}

// TestEmailBodies: what a link is asked for with, and what it is finished with.
func TestEmailBodies(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		path  string
		body  string
		field string // "" for malformed
		why   string
	}{
		{"/v1/sign-in/email", `{}`, "email", "required"},
		{"/v1/sign-in/email", `{"email":""}`, "email", "required"},
		{"/v1/sign-in/email", `{"email":"ana"}`, "email", "malformed"},
		{"/v1/sign-in/email", `{"email":"ana@example.com\r\nBcc: eve@example.com"}`, "email", ""},
		{"/v1/sign-in/email", `{"email":"ana@example.com\u0000"}`, "email", ""},
		{"/v1/sign-in/email", `{"email":["ana@example.com"]}`, "email", "type"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","to":"x"}`, "", ""},
		{"/v1/sign-in/email", `{"email":"ana@example.com","email":"eve@example.com"}`, "", ""},
		{"/v1/sign-in/email", `{"email":"ana@example.com","scope":"a\r\nb"}`, "scope", "characters"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","session_mode":"jwt"}`, "session_mode", "not_allowed"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"https://evil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"//evil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/\\evil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/%2Fevil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/%5Cevil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/a/../..//evil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"javascript:alert(1)"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/a\r\nLocation: https://evil.example"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email", `{"email":"ana@example.com","return_to":"/` + strings.Repeat("a", 3000) + `"}`, "return_to", "not_a_path"},
		{"/v1/sign-in/email/finish", `{}`, "token", "required"},
		{"/v1/sign-in/email/finish", `{"token":"a","code":"b","request":"c"}`, "code", "not_allowed"},
		{"/v1/sign-in/email/finish", `{"code":"b"}`, "request", "required"},
		{"/v1/sign-in/email/look", `{"request":"x"}`, "token", "required"},
		{"/v1/sign-in/email/code", `{}`, "token", "required"},
		{"/v1/sign-in/email/deny", `{"token":""}`, "token", "required"},
	} {
		p := s.send(http.MethodPost, c.path, []byte(c.body), anywhere()).problem()
		if c.field == "" {
			if p.Code != codeMalformed {
				t.Errorf("%s %s: %s", c.path, c.body, p.Code)
			}
			continue
		}
		if p.Code != codeInvalidField || len(p.Errors) != 1 || p.Errors[0].Field != c.field || c.why != "" && p.Errors[0].Code != c.why {
			t.Errorf("%s %s: %s %v", c.path, c.body, p.Code, p.Errors)
		}
	}
	if letters := s.Letters(t); len(letters) > 0 {
		t.Errorf("mails %+v", letters)
	}
	asked := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	for _, token := range []string{asked.token + "\n", asked.token + "=", " " + asked.token, asked.token[1:], asked.token + "A"} {
		s.post("/v1/sign-in/email/finish", fields{"token": token, "request": asked.request}).wantCode(codeAuthenticationFailed)
		s.post("/v1/sign-in/email/deny", fields{"token": token}).wantCode(codeAuthenticationFailed)
	}
	s.post("/v1/sign-in/email/finish", asked.body()).want(http.StatusOK)
}

// TestLinksLeadHome: whatever a request says about hosts, a link leads to public_url,
// and nothing that a client wrote is in the mail but what its agent was called.
func TestLinksLeadHome(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Hosts = []string{"gateway.internal"} })
	for _, edits := range [][]with{
		{host("gateway.internal")},
		{header("X-Forwarded-Host", "evil.example"), header("Forwarded", "host=evil.example")},
		{header("X-Original-Host", "evil.example"), header("X-Forwarded-Proto", "http"), header("X-Forwarded-Server", "evil.example")},
		{header("User-Agent", "Fox\r\nBcc: eve@example.com\u2028<b>")},
		{header("Referer", "https://evil.example"), header("Accept-Language", "\r\nevil")},
	} {
		address := s.resident()
		s.silent()
		s.post("/v1/sign-in/email", fields{"email": address}, append(edits, anywhere())...).want(http.StatusAccepted)
		letter := s.Letter(t, mail.KindSignIn)
		if !strings.HasPrefix(letter.Link, ceremonytest.URL+"/link#") || letter.To != address ||
			strings.ContainsAny(letter.Agent+letter.Language, "\r\n\u2028") {
			t.Errorf("letter %+v", letter)
		}
		if text, err := json.Marshal(letter); err != nil || strings.Contains(string(text), "evil.example") {
			t.Errorf("letter %s, %v", text, err)
		}
	}
	s.post("/v1/sign-in/email", fields{"email": newAddress()}, host("evil.example")).wantCode(codeMisdirected)
}

// TestMailsSpeakTheReadersLanguage: that of the browser that asked, if there is one.
func TestMailsSpeakTheReadersLanguage(t *testing.T) {
	s := newSite(t)
	for asked, want := range map[string]string{"de-AT,de;q=0.9": "de", "en-GB": "en", "fr": "en", "": "en", strings.Repeat("de,", 200): "en"} {
		s.silent()
		s.post("/v1/sign-in/email", fields{"email": s.resident()}, header("Accept-Language", asked), anywhere()).want(http.StatusAccepted)
		if got := s.Letter(t, mail.KindSignIn).Language; got != want {
			t.Errorf("%.20q: %s, want %s", asked, got, want)
		}
	}
}

// TestKnownBrowser: a browser that has signed somebody in says so, for as long as
// browsers remember, and keeps its own share of mails whatever strangers ask for.
func TestKnownBrowser(t *testing.T) {
	s := newSite(t)
	address := s.resident()
	if token := s.signIn(s.proved(t).phone, fields{}); token.set[s.cookies.known] != nil {
		t.Error("token mode makes a browser known")
	}
	a := s.ask(mail.KindSignIn, fields{"email": address, "session_mode": "cookie"})
	known := s.post("/v1/sign-in/email/finish", a.body(), carry(a.begun)...).want(http.StatusOK).set["__Host-keyturn-known"]
	if known == nil || !known.Secure || !known.HttpOnly || known.Path != "/" || known.Domain != "" ||
		known.SameSite != http.SameSiteLaxMode || known.MaxAge != 400*24*3600 {
		t.Fatalf("cookie %+v", known)
	}
	mine := cookie(known.Name, known.Value)
	s.get("/v1/account", mine).wantCode(codeUnauthenticated)
	asks := func(edits ...with) int {
		s.silent()
		s.post("/v1/sign-in/email", fields{"email": address}, append(edits, anywhere())...).want(http.StatusAccepted)
		return len(s.Letters(t))
	}
	s.Clock.Advance(account.MailAgain + time.Second)
	if asks() != 1 || asks() != 0 || asks(mine, mine) != 0 {
		t.Error("strangers share no allowance")
	}
	if asks(mine) != 1 || asks(mine) != 0 {
		t.Error("a known browser has no allowance of its own")
	}
}

// TestEmailOrigins: asking for a link in cookie mode is for our own page; what needs the
// link itself, and no cookie, is for every page that is allowed.
func TestEmailOrigins(t *testing.T) {
	s := newSite(t)
	asked := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	for name, sender := range senders {
		for mode, allowed := range map[string]bool{"cookie": sender.cookie, "token": sender.token} {
			got := s.post("/v1/sign-in/email", fields{"email": newAddress(), "session_mode": mode}, append(sender.with, anywhere())...)
			if allowed {
				got.want(http.StatusAccepted)
			} else {
				got.wantCode(codeOriginRefused)
			}
			if set := len(got.set) > 0; set != (allowed && mode == "cookie") {
				t.Errorf("%s, %s: cookie set: %t", name, mode, set)
			}
		}
		for _, call := range []string{"look", "code", "deny"} {
			token := asked.token
			if call == "deny" {
				token = "rubbish"
			}
			got := s.post("/v1/sign-in/email/"+call, fields{"token": token}, sender.with...)
			if refused := got.told() == "403 origin_refused"; refused == sender.token || len(got.set) > 0 {
				t.Errorf("%s from %s: %d %s, set %v", call, name, got.status, got.body, got.set)
			}
		}
	}
}
