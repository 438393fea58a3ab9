package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// teamBytes is a Challenge hook.
func teamBytes(context.Context, ceremony.Began) ([]byte, error) { return []byte("team"), nil }

// carriers are the two ways in which a session is carried.
var carriers = []string{"token", "cookie"}

// proved is somebody who has just signed in, by token and by cookie: both sessions
// have a fresh proof.
func (s *site) proved(t testing.TB) someone {
	t.Helper()
	p := s.signedIn(t)
	var out tokenAnswer
	s.signIn(p.phone, fields{}).want(http.StatusOK).json(&out)
	p.token, p.refresh = out.AccessToken, out.RefreshToken
	return p
}

// as carries the session of a person.
func (s *site) as(p someone, carrier string) with {
	if carrier == "cookie" {
		return s.ownCookie(p)
	}
	return bearer(p.token)
}

// bind begins to add a passkey on a new phone and leaves the finish to the caller.
func (s *site) bind(p someone, carrier string) (made *webauthntest.Authenticator, finish func(edits ...with) answered) {
	s.t.Helper()
	begun := s.post("/v1/passkeys/options", fields{}, s.as(p, carrier)).want(http.StatusOK)
	second := phone()
	credential, err := second.Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		s.t.Fatal(err)
	}
	return second, func(edits ...with) answered {
		s.t.Helper()
		body := fields{"credential": cred(credential)["credential"], "name": "Second"}
		return s.post("/v1/passkeys", body, append(append(carry(begun), s.as(p, carrier)), edits...)...)
	}
}

// stepUp makes a fresh proof.
func (s *site) stepUp(p someone, carrier string, begin fields) answered {
	s.t.Helper()
	begun := s.post("/v1/step-up/passkey/options", begin, s.as(p, carrier)).want(http.StatusOK)
	made, err := p.phone.Get(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.post("/v1/step-up/passkey", cred(made), append(carry(begun), s.as(p, carrier))...)
}

func TestAddPasskey(t *testing.T) {
	for _, carrier := range carriers {
		t.Run(carrier, func(t *testing.T) {
			s := newSite(t)
			p := s.proved(t)
			second, finish := s.bind(p, carrier)
			var made passkeyAnswer
			finish().want(http.StatusCreated).json(&made)
			if made.Name != "Second" || made.ThisSession || made.TimesUsed != 0 {
				t.Errorf("passkey %+v", made)
			}
			var list passkeysAnswer
			s.get("/v1/passkeys", s.as(p, carrier)).want(http.StatusOK).json(&list)
			if len(list.Passkeys) != 2 || list.Passkeys[1].ID != made.ID {
				t.Errorf("passkeys %+v", list)
			}
			s.signIn(second, fields{}).want(http.StatusOK)
			finish().wantCode(codeRegistrationRefused) // a challenge works once

			_, late := s.bind(p, carrier)
			s.Clock.Advance(5*time.Minute + time.Second)
			refusal := late().wantCode(codeStepUpRequired)
			if got := refusal.header.Get("WWW-Authenticate"); got != `Bearer error="insufficient_user_authentication", max_age=300` {
				t.Errorf("WWW-Authenticate %q", got)
			}
			s.post("/v1/passkeys/options", fields{}, s.as(p, carrier)).wantCode(codeStepUpRequired)
		})
	}
}

func TestStepUp(t *testing.T) {
	for _, carrier := range carriers {
		t.Run(carrier, func(t *testing.T) {
			s := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.Challenge = teamBytes }))
			p := s.proved(t)
			s.Clock.Advance(6 * time.Minute)
			old := s.as(p, carrier)
			s.post("/v1/passkeys/options", fields{}, old).wantCode(codeStepUpRequired)
			answer := s.stepUp(p, carrier, fields{"max_age": 300, "acr_values": []string{"phr"}, "binding": "cGF5bWVudCA0NzEx"}).want(http.StatusOK)
			answer.golden("step-up-" + carrier)
			var out tokenAnswer
			answer.json(&out)
			if out.Session.Binding != "cGF5bWVudCA0NzEx" || out.Session.Challenge != "dGVhbQ" {
				t.Errorf("bound %+v", out.Session)
			}
			if (len(answer.set) > 0) != (carrier == "cookie") || (out.AccessToken != "") != (carrier == "token") {
				t.Errorf("another kind of session: %v %s", answer.set, answer.body)
			}
			s.get("/v1/account", old).wantCode(codeUnauthenticated)
			if carrier == "token" {
				s.refresh(p.refresh).wantGrant("invalid_grant")
				p.token = out.AccessToken
			} else {
				p.cookie = answer.set[s.cookies.session].Value
			}
			_, finish := s.bind(p, carrier)
			finish().want(http.StatusCreated)
		})
	}
}

func TestStepUpRefusals(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	for name, test := range map[string]struct {
		body fields
		code code
	}{
		"out of reach":        {fields{"acr_values": []string{"phrh"}}, codePolicyRefused},
		"negative":            {fields{"max_age": -1}, codeInvalidField},
		"padded binding":      {fields{"binding": "YQ=="}, codeInvalidField},
		"loose binding":       {fields{"binding": "YR"}, codeInvalidField},
		"binding of 65 bytes": {fields{"binding": strings.Repeat("A", 87)}, codeInvalidField},
		"null":                {fields{"binding": nil}, codeInvalidField},
	} {
		t.Run(name, func(t *testing.T) {
			s.post("/v1/step-up/passkey/options", test.body, bearer(p.token)).wantCode(test.code)
		})
	}
	s.post("/v1/step-up/passkey/options", fields{"acr_values": []string{"phrh", "phr"}}, bearer(p.token)).want(http.StatusOK)
}

// passkeyID is our identifier of the only passkey of a person.
func (s *site) passkeyID(p someone) string {
	s.t.Helper()
	var list passkeysAnswer
	s.get("/v1/passkeys", bearer(p.token)).want(http.StatusOK).json(&list)
	return list.Passkeys[0].ID
}

func (s *site) patch(path string, body string, edits ...with) answered {
	s.t.Helper()
	return s.send(http.MethodPatch, path, []byte(body), edits...)
}

func (s *site) delete(path string, edits ...with) answered {
	s.t.Helper()
	return s.send(http.MethodDelete, path, nil, edits...)
}

func TestEditPasskey(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	path := "/v1/passkeys/" + s.passkeyID(p)
	var edited passkeyAnswer
	s.patch(path, `{"name":"My phone"}`, bearer(p.token)).want(http.StatusOK).json(&edited)
	if edited.Name != "My phone" || !edited.ThisSession {
		t.Errorf("edited %+v", edited)
	}
	s.patch(path, `{}`, bearer(p.token)).want(http.StatusOK)
	for _, body := range []string{`{"name":""}`, `{"name":null}`, `{"name":"` + strings.Repeat("n", 65) + `"}`, `{"suspended":"yes"}`} {
		s.patch(path, body, bearer(p.token)).wantCode(codeInvalidField)
	}
	s.patch(path, `{"suspended":true}`, bearer(p.token)).wantCode(codeLastPasskey)

	second, finish := s.bind(p, "cookie")
	finish().want(http.StatusCreated)
	answer := s.patch(path, `{"name":"Lost phone","suspended":true}`, s.ownCookie(p)).want(http.StatusOK)
	if answer.json(&edited); edited.Name != "Lost phone" || !edited.Suspended {
		t.Errorf("edited %+v", edited)
	}
	if c := answer.set[s.cookies.session]; c == nil || c.MaxAge >= 0 {
		t.Error("the browser keeps the cookie of a session that has ended")
	}
	s.get("/v1/account", s.ownCookie(p)).wantCode(codeUnauthenticated)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
	s.signIn(p.phone, fields{}).wantCode(codeAuthenticationFailed)

	var other tokenAnswer
	s.signIn(second, fields{}).want(http.StatusOK).json(&other)
	s.Clock.Advance(6 * time.Minute)
	s.patch(path, `{"suspended":false}`, bearer(other.AccessToken)).wantCode(codeStepUpRequired)
	s.signIn(second, fields{}).want(http.StatusOK).json(&other)
	s.patch(path, `{"suspended":false}`, bearer(other.AccessToken)).want(http.StatusOK)
	s.signIn(p.phone, fields{}).want(http.StatusOK)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated) // what had ended stays so
}

func TestRemovePasskey(t *testing.T) {
	s := newSite(t)
	p, stranger := s.proved(t), s.proved(t)
	path := "/v1/passkeys/" + s.passkeyID(p)
	s.delete(path, bearer(p.token)).wantCode(codeLastPasskey)
	_, finish := s.bind(p, "cookie")
	finish().want(http.StatusCreated)
	s.delete(path, bearer(stranger.token)).want(http.StatusNoContent) // nothing of theirs, so nothing happens
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)
	s.patch(path, `{"name":"mine"}`, bearer(stranger.token)).wantCode(codeNotFound)
	removed := s.delete(path, s.ownCookie(p)).want(http.StatusNoContent)
	if c := removed.set[s.cookies.session]; c == nil || c.MaxAge >= 0 {
		t.Error("the browser keeps the cookie of a session that has ended")
	}
	s.signIn(p.phone, fields{}).wantCode(codeAuthenticationFailed)
}

// An identifier has one text.
func TestIdentifiers(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	id := s.passkeyID(p)
	for _, text := range []string{
		"x", strings.ToUpper(id), strings.ReplaceAll(id, "-", ""), "urn:uuid:" + id, "%7B" + id + "%7D", id + "0", "signal2",
	} {
		s.patch("/v1/passkeys/"+text, `{}`, bearer(p.token)).wantCode(codeNotFound)
		s.delete("/v1/passkeys/"+text, bearer(p.token)).wantCode(codeNotFound)
		s.delete("/v1/account/sessions/"+text, bearer(p.token)).wantCode(codeNotFound)
	}
}

func TestSignal(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	var out signalAnswer
	s.get("/v1/passkeys/signal", bearer(p.token)).want(http.StatusOK).json(&out)
	if out.RPID != ceremonytest.RPID || len(out.Accepted) != 1 || len(out.UserHandle) < 43 || out.DisplayName != "Ana" || !strings.HasPrefix(out.Name, "p-") {
		t.Errorf("signal %+v", out)
	}
}

func TestEditAccount(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	var out accountAnswer
	s.patch("/v1/account", `{"username":"Zoe","email":"zoe@example.org","display_name":"Zoe Z."}`, bearer(p.token)).want(http.StatusOK).json(&out)
	if out.Username != "zoe" || out.PendingEmail != "zoe@example.org" || out.Email != "" || out.DisplayName != "Zoe Z." {
		t.Errorf("account %+v", out)
	}
	s.register(phone(), fields{"username": "ana"}).want(http.StatusCreated)
	s.patch("/v1/account", `{"username":"ana"}`, bearer(p.token)).wantCode(codeNameTaken)
	s.patch("/v1/account", `{"username":"a b"}`, bearer(p.token)).wantCode(codeUsernameNotAllowed)
	s.patch("/v1/account", `{"email":"nobody"}`, bearer(p.token)).wantCode(codeInvalidField)
	out = accountAnswer{}
	s.patch("/v1/account", `{"email":""}`, bearer(p.token)).want(http.StatusOK).json(&out)
	if out.PendingEmail != "" {
		t.Errorf("withdrawn, and still there: %+v", out)
	}
	s.Clock.Advance(6 * time.Minute)
	s.patch("/v1/account", `{"username":"zoe2"}`, bearer(p.token)).wantCode(codeStepUpRequired)
	s.patch("/v1/account", `{"email":"z@example.org"}`, bearer(p.token)).wantCode(codeStepUpRequired)
	s.patch("/v1/account", `{"display_name":"Z."}`, bearer(p.token)).want(http.StatusOK)
}

func TestDeleteAccount(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	s.Clock.Advance(6 * time.Minute)
	s.delete("/v1/account", s.ownCookie(p)).wantCode(codeStepUpRequired)
	stepped := s.stepUp(p, "cookie", fields{}).want(http.StatusOK)
	p.cookie = stepped.set[s.cookies.session].Value
	gone := s.delete("/v1/account", s.ownCookie(p)).want(http.StatusNoContent)
	for _, name := range []string{s.cookies.session, s.cookies.ceremony} {
		if c := gone.set[name]; c == nil || c.MaxAge >= 0 {
			t.Errorf("%s stays", name)
		}
	}
	s.get("/v1/account", s.ownCookie(p)).wantCode(codeUnauthenticated)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
	s.refresh(p.refresh).wantGrant("invalid_grant")
	s.signIn(p.phone, fields{}).wantCode(codeAuthenticationFailed)
}

func TestUnknownNames(t *testing.T) {
	hidden := newSite(t)
	hidden.post("/v1/sign-in/passkey/options", fields{"username": "nobody"}).want(http.StatusOK)
	told := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.TellUnknown = true }))
	told.register(phone(), fields{"username": "ana"}).want(http.StatusCreated)
	told.post("/v1/sign-in/passkey/options", fields{"username": "ana"}).want(http.StatusOK)
	told.post("/v1/sign-in/passkey/options", fields{}).want(http.StatusOK)
	told.post("/v1/sign-in/passkey/options", fields{"username": "nobody"}).wantCode(codeAccountUnknown)
}

// Where no list is given, a name and no name are answered alike, and both sign in.
func TestNoAllowList(t *testing.T) {
	s := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.AllowList = false }))
	p := phone()
	s.register(p, fields{"username": "ana"}).want(http.StatusCreated)
	for _, name := range []string{"ana", "nobody"} {
		if got := s.post("/v1/sign-in/passkey/options", fields{"username": name}); !strings.Contains(string(got.body), `"allowCredentials":[]`) {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	s.signIn(p, fields{"username": "ana"}).want(http.StatusOK)
}

// A sign-in by cookie ends the session whose cookie came along, and only that way.
func TestSignInReplacesTheCookie(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	s.signIn(p.phone, fields{}, s.ownCookie(p)).want(http.StatusOK)
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK)
	replaced := s.signIn(p.phone, fields{"session_mode": "cookie"}, s.ownCookie(p)).want(http.StatusOK)
	s.get("/v1/account", s.ownCookie(p)).wantCode(codeUnauthenticated)
	s.get("/v1/account", cookie(s.cookies.session, replaced.set[s.cookies.session].Value)).want(http.StatusOK)
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)
	s.signIn(p.phone, fields{"session_mode": "cookie"}, s.ownCookie(p)).want(http.StatusOK) // a dead one is as good as none
}
