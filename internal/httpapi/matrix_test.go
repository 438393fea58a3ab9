package httpapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// writes counts the commits to the database since it was last asked: whether the
// store's own count moved, as another connection sees it. 0 is none.
func (s *site) writes(t testing.TB) func() int {
	t.Helper()
	intruder := s.Intrude(t)
	version := func() int64 { return intruder.Row("PRAGMA data_version")[0].(int64) }
	before := version()
	return func() int {
		now := version()
		moved := int(now - before)
		before = now
		return moved
	}
}

// sendFor is send on behalf of a subtest.
func (s *site) sendFor(t testing.TB, method, path string, body []byte, edits ...with) answered {
	t.Helper()
	on := *s
	on.t = t
	return on.send(method, path, body, edits...)
}

// finish is the second half of a ceremony: where it is begun, where it ends.
type finish struct {
	options string
	path    string
	creates bool // a registration, else an assertion
	signed  bool // for who is signed in
}

var finishes = []finish{
	{"/v1/sign-up/passkey/options", "/v1/sign-up/passkey", true, false},
	{"/v1/sign-in/passkey/options", "/v1/sign-in/passkey", false, false},
	{"/v1/enrolment/passkey/options", "/v1/enrolment/passkey", true, false},
	{"/v1/step-up/passkey/options", "/v1/step-up/passkey", false, true},
	{"/v1/passkeys/options", "/v1/passkeys", true, true},
}

// enrolmentLink is the ticket of a link for an account of its own.
func (s *site) enrolmentLink() string {
	s.t.Helper()
	_, link, err := s.Accounts.Add(s.t.Context(), account.NewAccount{Username: "e-" + strings.ToLower(rand.Text())}, audit.Caller{})
	if err != nil {
		s.t.Fatal(err)
	}
	return link.Ticket
}

// begin asks for the options of a ceremony, in a mode where it is chosen there.
func (s *site) begin(f finish, mode string, edits ...with) answered {
	s.t.Helper()
	body := fields{}
	switch f.path {
	case "/v1/sign-up/passkey":
		body["username"] = "n-" + strings.ToLower(rand.Text())
	case "/v1/enrolment/passkey":
		body["ticket"] = s.enrolmentLink()
	}
	if !f.signed {
		body["session_mode"] = mode
	}
	return s.post(f.options, body, edits...).want(http.StatusOK)
}

// answer lets an authenticator answer the challenge of some options as another
// ceremony would: what f takes is made, whatever the options were for.
func (s *site) answer(f finish, begun answered, a *webauthntest.Authenticator) []byte {
	s.t.Helper()
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(begun.publicKey(), &asked); err != nil {
		s.t.Fatal(err)
	}
	return s.sign(f, asked.Challenge, a)
}

// sign makes what a finish takes, over any challenge.
func (s *site) sign(f finish, challenge string, a *webauthntest.Authenticator) []byte {
	s.t.Helper()
	options := map[string]any{
		"challenge": challenge, "rpId": ceremonytest.RPID, "allowCredentials": []any{}, "userVerification": "required",
		"rp":               fields{"id": ceremonytest.RPID, "name": "Example"},
		"user":             fields{"id": base64.RawURLEncoding.EncodeToString([]byte(rand.Text())), "name": "n", "displayName": "n"},
		"pubKeyCredParams": []fields{{"type": "public-key", "alg": -7}}, "excludeCredentials": []any{},
		"authenticatorSelection": fields{"residentKey": "preferred", "userVerification": "required"}, "attestation": "none",
	}
	var made []byte
	var err error
	if f.creates {
		made, err = phone().Create(s.json(options), ceremonytest.Page())
	} else {
		made, err = a.Get(s.json(options), ceremonytest.Page())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// carriedBy is how a finish is presented: by whom, by which session.
type carriedBy struct {
	person  string // "ana", "ben"
	carrier string // "token", "cookie"
}

var everyone = []carriedBy{{"ana", "token"}, {"ana", "cookie"}, {"ben", "token"}, {"ben", "cookie"}}

// The challenge of each ceremony, begun in each mode and by each person, is presented
// at the finish of each ceremony by each of them. Only the ceremony itself accepts it,
// in its own mode, in the very session that began it.
func TestChallengesAreForOneCeremony(t *testing.T) {
	s := newSite(t)
	cells, granted := 0, 0
	var people map[string]someone
	for _, from := range finishes {
		for _, beganBy := range everyone {
			for _, to := range finishes {
				for _, shownBy := range everyone {
					// Who signs up, in or by a link is nobody before it: there is no other person.
					if !from.signed && beganBy.person == "ben" || !to.signed && !from.signed && shownBy.person == "ben" {
						continue
					}
					if people == nil {
						people = map[string]someone{"ana": s.proved(t), "ben": s.proved(t)}
					}
					cells++
					if s.cell(t, people, from, to, beganBy, shownBy) {
						granted++
						people = nil // their sessions may have moved on
					}
				}
			}
		}
	}
	t.Logf("%d cells, %d granted", cells, granted)
	if cells < 200 || granted != 3+3+3+4+4 {
		t.Errorf("%d cells, %d granted", cells, granted)
	}
}

// cell begins one ceremony, finishes another with its challenge, and tells whether
// that was granted.
func (s *site) cell(t *testing.T, people map[string]someone, from, to finish, beganBy, shownBy carriedBy) bool {
	t.Helper()
	session := func(f finish, c carriedBy) []with {
		if !f.signed {
			return nil
		}
		return []with{s.as(people[c.person], c.carrier)}
	}
	begun := s.begin(from, beganBy.carrier, session(from, beganBy)...)
	made := s.answer(to, begun, people[shownBy.person].phone)
	writes := s.writes(t)
	sent := append(session(to, shownBy), carry(begun)...)
	if shownBy.carrier == "token" && beganBy.carrier == "cookie" && !to.signed {
		sent = nil // another client: it has no ceremony cookie
	}
	got := s.sendFor(t, http.MethodPost, to.path, s.json(cred(made)), sent...)
	want := from == to && beganBy == shownBy
	if from == to && !to.signed && beganBy.carrier == "token" {
		want = true // nobody's session is in it: any client of the same origin is the client
	}
	if got := got.status < 400; got != want {
		t.Errorf("%s by %v at %s by %v: granted %t, want %t", from.options, beganBy, to.path, shownBy, got, want)
	}
	if !want {
		if n := writes(); n != 0 {
			t.Errorf("%s by %v at %s by %v: wrote although the challenge is none", from.options, beganBy, to.path, shownBy)
		}
	}
	return want
}

// A challenge that another door gave out is none here.
func TestChallengesAreForOneDoor(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	other := ceremonytest.Request()
	other.Door = "other"
	current, err := s.cfg.Tokens.Verify(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	for path, begin := range map[string]func() (any, error){
		"/v1/sign-up/passkey": func() (any, error) {
			return s.RP.BeginSignUp(t.Context(), other, ceremony.SignUp{Username: "somebody"})
		},
		"/v1/sign-in/passkey": func() (any, error) { return s.RP.BeginSignIn(t.Context(), other, ceremony.SignIn{}) },
		"/v1/step-up/passkey": func() (any, error) {
			return s.RP.BeginStepUp(t.Context(), other, current, ceremony.StepUp{})
		},
		"/v1/passkeys": func() (any, error) { return s.RP.BeginBinding(t.Context(), other, current, "") },
	} {
		options, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		begun := answered{t: t, status: 200, body: s.json(fields{"publicKey": options})}
		for _, f := range finishes {
			if f.path != path {
				continue
			}
			writes := s.writes(t)
			got := s.post(path, cred(s.answer(f, begun, p.phone)), bearer(p.token))
			if got.status < 400 || writes() != 0 {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	}
}

// secrets are everything we hand out that opens something, by what it is.
func (s *site) secrets(p someone) map[string]string {
	s.t.Helper()
	var out tokenAnswer
	s.signIn(p.phone, fields{"scope": "openid"}).want(http.StatusOK).json(&out)
	all := map[string]string{
		"access token": p.token, "refresh token": p.refresh, "session cookie": p.cookie, "ID token": out.IDToken,
		"enrolment link": s.enrolmentLink(),
	}
	for _, f := range finishes {
		var edits []with
		if f.signed {
			edits = append(edits, bearer(p.token))
		}
		var asked struct {
			Challenge string `json:"challenge"`
		}
		if err := json.Unmarshal(s.begin(f, "token", edits...).publicKey(), &asked); err != nil {
			s.t.Fatal(err)
		}
		all["challenge of "+f.path] = asked.Challenge
	}
	all["ceremony cookie"] = s.begin(finishes[1], "cookie").set[s.cookies.ceremony].Value
	link, ok, err := s.Accounts.AdministratorLink(s.t.Context(), audit.Caller{})
	if err != nil || !ok {
		s.t.Fatal("no administrator's link", err)
	}
	all["administrator's link"] = link.Ticket
	_, right := s.lost()
	all["recovery"] = right.Recovery
	stranger := s.proved(s.t)
	all["recovery code"] = s.codes(stranger)[0]
	_, all["notice"] = s.reachable(stranger)
	asked := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	all["link"], all["request"] = asked.token, asked.request
	all["proof of an address"] = s.claim(p, newAddress())
	all["known browser"] = s.Sessions.Recognize("", s.Resident(s.t, "known-"+strings.ToLower(rand.Text())))
	nobody := s.ask(mail.KindSignUp, fields{"email": newAddress()})
	var may heard
	s.post("/v1/sign-in/email/finish", nobody.body()).want(http.StatusOK).json(&may)
	all["right to sign up"] = may.SignUp.Ticket
	return all
}

// Each secret is presented wherever one of them is taken: only where it belongs is it
// of any use, and elsewhere it is not even used up.
func TestSecretsAreForOnePlace(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	secrets := s.secrets(p)
	places := map[string]struct {
		belongs string
		show    func(secret string) answered
	}{
		"bearer":         {"access token", func(v string) answered { return s.get("/v1/account", bearer(v)) }},
		"session cookie": {"session cookie", func(v string) answered { return s.get("/v1/account", cookie(s.cookies.session, v)) }},
		"sign-up": {"administrator's link", func(v string) answered {
			return s.post("/v1/sign-up/passkey/options", fields{"username": "somebody", "ticket": v})
		}},
		"enrolment": {"enrolment link", func(v string) answered {
			return s.post("/v1/enrolment/passkey/options", fields{"ticket": v})
		}},
		"ceremony cookie": {"ceremony cookie", func(v string) answered {
			begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"}, cookie(s.cookies.ceremony, secrets["ceremony cookie"]))
			made, err := p.phone.Get(begun.publicKey(), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			return s.post("/v1/sign-in/passkey", cred(made), cookie(s.cookies.ceremony, v))
		}},
		"refresh": {"refresh token", func(v string) answered { return s.refresh(v) }},
		"sign-in by mail": {"link", func(v string) answered {
			return s.post("/v1/sign-in/email/look", fields{"token": v, "request": secrets["request"]})
		}},
		"recovery": {"recovery", func(v string) answered { return s.post("/v1/recovery/passkey/options", fields{"recovery": v}) }},
		"notice":   {"notice", func(v string) answered { return s.post("/v1/notices/look", fields{"token": v}) }},
		"address": {"proof of an address", func(v string) answered {
			return s.post("/v1/account/email/proof", fields{"token": v}, bearer(p.token))
		}},
	}
	for place, at := range places {
		for name, secret := range secrets {
			if place == "sign-up" && name == "right to sign up" { // there are several rights to sign up
				continue
			}
			if name == at.belongs {
				continue
			}
			if got := at.show(secret); got.status < 400 {
				t.Errorf("%s is good as %s: %d %s", name, place, got.status, got.body)
			}
		}
	}
	for _, f := range finishes { // as a challenge
		for name, secret := range secrets {
			if strings.HasPrefix(name, "challenge") || strings.ContainsAny(secret, ".") {
				continue
			}
			if got := s.post(f.path, cred(s.sign(f, secret, p.phone)), bearer(p.token)); got.status < 400 {
				t.Errorf("%s is good as a challenge of %s", name, f.path)
			}
		}
	}
	for name, secret := range secrets { // nothing but a refresh token revokes
		if name != "refresh token" {
			s.form("/v1/token/revoke", "token="+secret).want(http.StatusOK)
		}
	}
	for place, at := range places {
		if got := at.show(secrets[at.belongs]); got.status != http.StatusOK {
			t.Errorf("%s is of no use as %s: %d %s", at.belongs, place, got.status, got.body)
		}
	}
}

// The two ways to carry a session never mix: whatever a call is, it takes one of them,
// in its own place.
func TestModesNeverMix(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	c := readContract(t)
	writes := s.writes(t)
	for _, r := range s.routes {
		if !strings.HasPrefix(r.path, "/v1/") || strings.HasPrefix(r.path, "/v1/token") {
			continue
		}
		path := strings.ReplaceAll(r.path, "{id}", "019aa7c8-3f00-7c52-9d0b-0f3c1f6c2b11")
		var body []byte
		if r.method == http.MethodPost || r.method == http.MethodPatch {
			body = []byte(`{}`)
		}
		send := func(edits ...with) answered { return s.sendFor(t, r.method, path, body, edits...) }
		send(bearer(p.token), s.ownCookie(p)).wantCode(codeTwoCredentials)
		send(header("Authorization", ""), s.ownCookie(p)).wantCode(codeTwoCredentials)
		send(s.ownCookie(p), s.ownCookie(p)).wantCode(codeTwoCredentials)
		if security, _ := c.at("", "paths", r.path, strings.ToLower(r.method), "security"); security != nil {
			continue // nobody needs to be signed in
		}
		for name, swapped := range map[string][]with{
			"token as cookie":   {cookie(s.cookies.session, p.token)},
			"cookie as bearer":  {bearer(p.cookie)},
			"refresh as bearer": {bearer(p.refresh)},
			"refresh as cookie": {cookie(s.cookies.session, p.refresh)},
			"token in query":    {func(r *http.Request) { r.URL.RawQuery = "access_token=" + p.token }},
			"nobody":            nil,
			"Basic":             {header("Authorization", "Basic "+p.token)},
		} {
			if got := send(swapped...); got.told() != "401 unauthenticated" {
				t.Errorf("%s %s, %s: %d %s", r.method, r.path, name, got.status, got.body)
			}
		}
	}
	if n := writes(); n != 0 {
		t.Error("something was written")
	}
}

// A session by cookie has no refresh token, so it never becomes one by token.
func TestCookieSessionsHaveNoRefreshToken(t *testing.T) {
	s := newSite(t)
	current, err := s.Sessions.Check(t.Context(), s.proved(t).cookie)
	if err != nil || current.View().Mode != session.ModeCookie {
		t.Fatal(err)
	}
	if refresh, err := s.Sessions.Refresh(current); err != nil || refresh != "" {
		t.Errorf("a session by cookie has a refresh token: %v", err)
	}
}
