package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

// attempt is a call that would change something, made by somebody who may make it.
type attempt struct {
	method, path string
	body         []byte
	form         bool   // of OAuth: no JSON, no cookie
	given        bool   // all it needs is in the body: nothing that a browser carries
	cookie       []with // what the person's browser sends by itself
}

// headers are what says of which type the body is.
func (a attempt) headers() []with {
	if a.form {
		return []with{contentType(mediaForm)}
	}
	return nil
}

// victim is somebody with a session to end and a passkey to lose.
func (s *site) victim(t testing.TB) someone {
	t.Helper()
	p := s.proved(t)
	s.signIn(p.phone, fields{}).want(http.StatusOK)
	_, add := s.bind(p, "token")
	add().want(http.StatusCreated)
	return p
}

// attempts makes one call of every route that can change something, each of them good
// if it came from our own page. It fails for a route that it does not know.
func (s *site) attempts(p someone) []attempt {
	s.t.Helper()
	var all []attempt
	for _, make := range s.attempting() {
		all = append(all, make(p))
	}
	return all
}

// attempting gives what makes the attempts, in the order of the routes: each is made for
// a victim, and needs no other of them.
func (s *site) attempting() []func(someone) attempt {
	s.t.Helper()
	makers := map[string]func(someone) attempt{
		"PATCH /v1/passkeys/{id}": func(p someone) attempt {
			return attempt{body: []byte(`{"name":"stolen"}`), path: "/v1/passkeys/" + s.passkeyID(p)}
		},
		"DELETE /v1/passkeys/{id}": func(p someone) attempt { return attempt{path: "/v1/passkeys/" + s.passkeyID(p)} },
		"DELETE /v1/account/sessions/{id}": func(p someone) attempt {
			return attempt{path: "/v1/account/sessions/" + s.anotherSession(p)}
		},
		"POST /v1/token": func(p someone) attempt {
			return attempt{body: []byte(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh}}.Encode()), form: true}
		},
		"POST /v1/token/revoke": func(p someone) attempt {
			return attempt{body: []byte(url.Values{"token": {p.refresh}}.Encode()), form: true}
		},
		"POST /v1/enrolment/passkey/options": func(someone) attempt {
			return attempt{body: s.json(fields{"ticket": s.enrolmentLink()})}
		},
	}
	for call, body := range map[string]string{
		"PATCH /v1/account":                `{"display_name":"stolen","username":"stolen"}`,
		"DELETE /v1/account":               "",
		"DELETE /v1/account/sessions":      "",
		"POST /v1/sign-out":                `{"everywhere":true}`,
		"POST /v1/sign-up/passkey/options": `{"username":"mallory"}`,
		"POST /v1/sign-in/passkey/options": `{}`,
		"POST /v1/step-up/passkey/options": `{}`,
		"POST /v1/passkeys/options":        `{}`,
	} {
		makers[call] = func(someone) attempt {
			if body == "" {
				return attempt{}
			}
			return attempt{body: []byte(body)}
		}
	}
	for _, f := range finishes {
		makers["POST "+f.path] = func(p someone) attempt { return s.finishAttempt(f, p) }
	}
	maps.Copy(makers, s.letters())
	maps.Copy(makers, s.administration())
	var all []func(someone) attempt
	for _, r := range s.routes {
		if r.method == http.MethodGet {
			continue
		}
		make, ok := makers[r.method+" "+r.path]
		if !ok {
			s.t.Fatalf("no attempt at %s %s", r.method, r.path)
		}
		all = append(all, func(p someone) attempt {
			a := make(p)
			a.method = r.method
			if a.path == "" {
				a.path = r.path
			}
			if !a.form {
				a.cookie = append(a.cookie, s.ownCookie(p))
			}
			return a
		})
	}
	return all
}

// anotherSession is a session of the person that is not the one of their token.
func (s *site) anotherSession(p someone) string {
	s.t.Helper()
	for _, one := range s.sessions("", bearer(p.token)).Sessions {
		if !one.ThisSession && one.Mode == "token" {
			return one.ID
		}
	}
	s.t.Fatal("no other session")
	return ""
}

// finishAttempt is a finish in cookie mode with everything that a browser has. In it
// the ceremony cookie rides along; the session's is added by attempts.
func (s *site) finishAttempt(f finish, p someone) attempt {
	s.t.Helper()
	begun := s.begin(f, "cookie", s.ownCookie(p))
	body := s.answer(f, begun, p.phone)
	return attempt{path: f.path, body: s.json(cred(body)), cookie: carry(begun)}
}

func (s *site) json(v any) []byte {
	s.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// forgery is a way in which a page of somebody else makes a browser ask.
type forgery struct {
	with []with
	body func([]byte) []byte
}

func fetched(site, mode string) []with {
	return []with{header("Sec-Fetch-Site", site), header("Sec-Fetch-Mode", mode), header("Sec-Fetch-Dest", "empty")}
}

func contentType(media string) with {
	return func(r *http.Request) { r.Header.Set("Content-Type", media) }
}

// asForm is JSON smuggled into a form's only field.
func asForm(body []byte) []byte { return append(append([]byte{}, body...), '=') }

var forgeries = map[string]forgery{
	"simple form, own page says":   {with: []with{contentType(mediaForm)}, body: asForm},
	"simple form":                  {with: append(fetched("cross-site", "navigate"), origin("https://evil.example"), contentType(mediaForm)), body: asForm},
	"multipart form":               {with: append(fetched("cross-site", "navigate"), origin("https://evil.example"), contentType("multipart/form-data; boundary=x"))},
	"text/plain JSON":              {with: append(fetched("cross-site", "no-cors"), origin("https://evil.example"), contentType("text/plain"))},
	"text/plain, no metadata":      {with: []with{without("Origin"), contentType("text/plain")}},
	"no type":                      {with: []with{without("Origin"), without("Content-Type")}},
	"cross-site fetch":             {with: append(fetched("cross-site", "cors"), origin("https://evil.example"))},
	"cross-site, no Origin":        {with: append(fetched("cross-site", "no-cors"), without("Origin"))},
	"same-site, no Origin":         {with: append(fetched("same-site", "no-cors"), without("Origin"))},
	"navigated, no Origin":         {with: append(fetched("none", "navigate"), without("Origin"))},
	"neither header":               {with: []with{without("Origin")}},
	"null Origin":                  {with: []with{origin("null")}},
	"null Origin, same-origin":     {with: append(fetched("same-origin", "cors"), origin("null"))},
	"allowed foreign page":         {with: append(fetched("cross-site", "cors"), origin(foreign))},
	"sibling subdomain":            {with: append(fetched("same-site", "cors"), origin("https://app.login.example.org"))},
	"parent domain":                {with: append(fetched("same-site", "cors"), origin("https://example.org"))},
	"other port":                   {with: append(fetched("same-site", "cors"), origin(ceremonytest.Origin+":8443"))},
	"http instead of https":        {with: append(fetched("cross-site", "cors"), origin("http://login.example.org"))},
	"suffix":                       {with: append(fetched("cross-site", "cors"), origin(ceremonytest.Origin+".evil.example"))},
	"two Origins":                  {with: []with{header("Origin", "https://evil.example")}},
	"GET with a body":              {with: []with{func(r *http.Request) { r.Method = http.MethodGet }}},
	"overridden method":            {with: []with{func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", r.Method); r.Method = http.MethodGet }}},
	"another Host":                 {with: []with{host("evil.example"), origin("https://evil.example")}},
	"framed page of the same site": {with: append(fetched("same-site", "navigate"), header("Sec-Fetch-Dest", "iframe"), without("Origin"))},
}

// typed tells the forgeries that are about the media type: they reach only calls with
// a body, and the two that take forms take a form.
func (f forgery) typed(a attempt) bool {
	r, err := http.NewRequest(a.method, "/", nil)
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "probe")
	r.Header.Set("Origin", ceremonytest.Origin)
	for _, edit := range f.with {
		edit(r)
	}
	return r.Header.Get("Content-Type") != "probe" && r.Header.Get("Origin") == ceremonytest.Origin
}

// allowed tells a forgery that is a call as any client may make it.
func (f forgery) allowed(s *site, a attempt) bool {
	r, err := http.NewRequest(a.method, "/", nil)
	if err != nil {
		return false
	}
	r.Header.Set("Origin", ceremonytest.Origin)
	r.Header.Set("Content-Type", mediaJSON)
	for _, edit := range f.with {
		edit(r)
	}
	return r.Method == a.method && s.origins.allowed(r.Header) && isMedia(r.Header, mediaJSON)
}

// A page that is not ours changes nothing with what a person's browser carries: every
// call that could change something, in every way that a browser can be made to ask.
// What is counted are the transactions of the database.
func TestForgedCallsWriteNothing(t *testing.T) {
	s := newSite(t)
	p := s.victim(t)
	attempts := s.attempts(p)
	writes := s.writes(t)
	calls := 0
	for _, a := range attempts {
		for name, f := range forgeries {
			if a.form || f.typed(a) && a.body == nil {
				continue // forms are judged below
			}
			if a.given && f.allowed(s, a) {
				continue // whoever has what it needs needs no browser of somebody else's
			}
			body := a.body
			if f.body != nil && body != nil {
				body = f.body(body)
			}
			got := s.sendFor(t, a.method, a.path, body, slices.Concat(a.cookie, f.with)...)
			calls++
			refused := got.status >= 400
			// A begin in token mode reads no cookie, sets none and stores nothing.
			harmless := reads(a) && len(got.set) == 0
			if n := writes(); n != 0 {
				t.Errorf("%s %s, %s: wrote, and answered %d %s", a.method, a.path, name, got.status, got.body)
			}
			if !refused && !harmless && got.pattern != "" && !strings.HasPrefix(got.pattern, "GET ") {
				t.Errorf("%s %s, %s: %d %s", a.method, a.path, name, got.status, got.body)
			}
		}
	}
	if calls < 300 {
		t.Errorf("only %d calls", calls)
	}
	t.Logf("%d forged calls, 0 writes", calls)
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK)
}

// reads tells an attempt that stores nothing.
func reads(a attempt) bool {
	return strings.HasSuffix(a.path, "/options") || strings.HasSuffix(a.path, "/look")
}

// The attempts are worth forging: made by our own page, each of them is granted, and
// each but a begin changes something.
func TestAttemptsSucceedFromOurOwnPage(t *testing.T) {
	s := newSite(t)
	for _, make := range s.attempting() {
		a := make(s.victim(t))
		writes := s.writes(t)
		got := s.sendFor(t, a.method, a.path, a.body, append(a.cookie, a.headers()...)...)
		if got.status >= 400 {
			t.Errorf("%s %s: %d %s", a.method, a.path, got.status, got.body)
		}
		if wrote := writes() > 0; wrote == reads(a) {
			t.Errorf("%s %s: wrote: %t", a.method, a.path, wrote)
		}
	}
}

// What takes a token in a form takes no cookie, so nothing rides along: without the
// token there is nothing, and from a page that is not allowed there is nothing with it.
func TestForgedForms(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	writes := s.writes(t)
	for _, a := range s.attempts(p) {
		if !a.form {
			continue
		}
		writes()
		for name, f := range forgeries {
			stolen := fmt.Sprintf("grant_type=refresh_token&refresh_token=%s&token=%s", p.cookie, p.cookie)
			got := s.sendFor(t, a.method, a.path, []byte(stolen), append([]with{contentType(mediaForm), s.ownCookie(p)}, f.with...)...)
			if n := writes(); n != 0 {
				t.Errorf("%s, %s: wrote: %d %s", a.path, name, got.status, got.body)
			}
		}
		for _, from := range []string{"https://evil.example", "null", "https://app.login.example.org", ceremonytest.Origin + ":8443", "http://login.example.org"} {
			s.form(a.path, string(a.body), origin(from)).want(http.StatusForbidden).wantGrant("invalid_request")
			if n := writes(); n != 0 {
				t.Errorf("%s from %s: wrote", a.path, from)
			}
		}
	}
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK)
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)
}
