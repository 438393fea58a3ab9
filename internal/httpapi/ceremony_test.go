package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares an answer with its file, what is random in it left out.
func (a answered) golden(name string) {
	a.t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, a.body, "", "  "); err != nil {
		a.t.Fatal(err)
	}
	random := regexp.MustCompile(`"(request_id|access_token|refresh_token|id_token|challenge|id|credential_id)": "[A-Za-z0-9_.-]{20,}"`)
	text := random.ReplaceAllString(indented.String(), `"$1": "RANDOM"`)
	text = regexp.MustCompile(`"p-[a-z2-7]{26}"`).ReplaceAllString(text, `"RANDOM"`)
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	if text != string(want) {
		a.t.Errorf("%s:\n%s\nwant:\n%s", name, text, want)
	}
}

func TestTokenMode(t *testing.T) {
	s, p := newSite(t), phone()
	begun := s.post("/v1/sign-up/passkey/options", fields{"username": "ana", "display_name": "Ana Example"})
	begun.golden("sign-up-options")
	made, err := p.Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	signedUp := s.post("/v1/sign-up/passkey", fields{"credential": cred(made)["credential"], "name": "My phone"}).want(http.StatusCreated)
	signedUp.golden("sign-up-token")
	if len(begun.set)+len(signedUp.set) != 0 {
		t.Error("token mode set a cookie")
	}

	s.Clock.Advance(time.Hour)
	s.post("/v1/sign-in/passkey/options", fields{"username": "ana"}).want(http.StatusOK).golden("sign-in-options")
	signedIn := s.signIn(p, fields{"username": "ana", "scope": "openid profile"}).want(http.StatusOK)
	signedIn.golden("sign-in-token")
	if len(signedIn.set) != 0 {
		t.Error("token mode set a cookie")
	}
	var out tokenAnswer
	signedIn.json(&out)
	if out.TokenType != "Bearer" || out.ExpiresIn != 600 || out.Scope != "openid profile" {
		t.Errorf("token answer %+v", out)
	}

	s.get("/v1/account", bearer(out.AccessToken)).want(http.StatusOK).golden("account")
	s.get("/v1/passkeys", bearer(out.AccessToken)).want(http.StatusOK).golden("passkeys")
	signedOut := s.post("/v1/sign-out", fields{}, bearer(out.AccessToken)).want(http.StatusNoContent)
	if len(signedOut.body) != 0 || len(signedOut.set) != 0 || signedOut.header.Get("Clear-Site-Data") != "" {
		t.Errorf("signing out a token touched the browser: %v", signedOut.header)
	}
	refusal := s.get("/v1/account", bearer(out.AccessToken)).wantCode(codeUnauthenticated)
	refusal.golden("unauthenticated")
	if got := refusal.header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

func TestCookieMode(t *testing.T) {
	s, p := newSite(t), phone()
	signedUp := s.register(p, fields{"username": "ana", "session_mode": "cookie"}).want(http.StatusCreated)
	signedUp.golden("sign-up-cookie")
	first := signedUp.set["__Host-keyturn"]

	begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"})
	bound := begun.set["__Host-keyturn-ceremony"]
	if bound == nil || !bound.Secure || !bound.HttpOnly || bound.SameSite != http.SameSiteLaxMode || bound.Path != "/" ||
		bound.Domain != "" || bound.MaxAge != 600 || len(bound.Value) != 43 {
		t.Fatalf("ceremony cookie %+v", bound)
	}
	made, err := p.Get(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	s.post("/v1/sign-in/passkey", cred(made)).wantCode(codeAuthenticationFailed)
	s.post("/v1/sign-in/passkey", cred(made), cookie(bound.Name, strings.Repeat("A", 43))).wantCode(codeAuthenticationFailed)
	s.post("/v1/sign-in/passkey", cred(made), cookie(bound.Name, bound.Value), cookie(bound.Name, strings.Repeat("A", 43))).
		wantCode(codeAuthenticationFailed)

	signedIn := s.post("/v1/sign-in/passkey", cred(made), cookie(bound.Name, bound.Value)).want(http.StatusOK)
	signedIn.golden("sign-in-cookie")
	session := signedIn.set["__Host-keyturn"]
	if session == nil || !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" ||
		session.Domain != "" || session.MaxAge != 30*24*3600 {
		t.Fatalf("session cookie %+v", session)
	}
	if session.Value == first.Value {
		t.Error("the session cookie was not rotated at sign-in")
	}
	mine := cookie(session.Name, session.Value)
	s.get("/v1/account", mine).want(http.StatusOK)
	signedOut := s.post("/v1/sign-out", fields{}, mine).want(http.StatusNoContent)
	for _, name := range []string{"__Host-keyturn", "__Host-keyturn-ceremony"} {
		if c := signedOut.set[name]; c == nil || c.MaxAge >= 0 || !c.Secure {
			t.Errorf("%s is not cleared: %+v", name, c)
		}
	}
	if got := signedOut.header.Get("Clear-Site-Data"); got != `"storage"` {
		t.Errorf("Clear-Site-Data %q", got)
	}
	s.get("/v1/account", mine).wantCode(codeUnauthenticated)
	if again := s.post("/v1/sign-out", fields{}, mine).wantCode(codeUnauthenticated); again.set["__Host-keyturn"] == nil {
		t.Error("the cookie of a dead session stays")
	}
}

// Two tabs of one browser run a ceremony each, one in the middle of the other.
func TestTwoTabs(t *testing.T) {
	s, p := newSite(t), phone()
	s.register(p, fields{"username": "ana"}).want(http.StatusCreated)
	jar := map[string]string{}
	browse := func(path string, body fields) answered {
		var carried []with
		for name, value := range jar {
			carried = append(carried, cookie(name, value))
		}
		got := s.post(path, body, carried...)
		for name, c := range got.set {
			if jar[name] = c.Value; c.MaxAge < 0 {
				delete(jar, name)
			}
		}
		return got
	}
	var answers [][]byte
	for range 2 {
		begun := browse("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"})
		made, err := p.Get(begun.publicKey(), ceremonytest.Page())
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, made)
	}
	for _, made := range answers {
		browse("/v1/sign-in/passkey", cred(made)).want(http.StatusOK)
	}
	browse("/v1/sign-out", fields{}).want(http.StatusNoContent)
	if delete(jar, s.cookies.known); len(jar) > 0 {
		t.Errorf("left after signing out: %v", jar)
	}
}

// A secret that cannot be one of ours is replaced.
func TestCeremonySecret(t *testing.T) {
	s := newSite(t)
	for _, value := range []string{"short", "AAAA", strings.Repeat("A", 44)} {
		begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"}, cookie("__Host-keyturn-ceremony", value))
		if got := begun.set["__Host-keyturn-ceremony"]; got == nil || len(got.Value) != 43 {
			t.Errorf("%q was kept as a secret: %+v", value, got)
		}
	}
}

func TestSignOutEverywhere(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	s.post("/v1/sign-out", fields{"everywhere": true}, s.ownCookie(p)).want(http.StatusNoContent)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
}

// A sign-out without a body is one with an empty object.
func TestSignOutWithoutBody(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	s.send(http.MethodPost, "/v1/sign-out", nil, bearer(p.token)).want(http.StatusNoContent)
}

// TestSentEnrolmentWaits: a link that an administrator had mailed to somebody who has a
// passkey signs nobody in.
func TestSentEnrolmentWaits(t *testing.T) {
	s := newSite(t)
	ben := s.Resident(t, "ben", "ben@example.com")
	admin := s.administrator()
	path := "/v1/admin/accounts/" + ben.ID().String() + "/enrolment-link"
	for _, held := range []bool{false, true} {
		s.Letters(t)
		s.post(path, fields{}, bearer(admin.token)).want(http.StatusCreated)
		link := ceremonytest.Token(t, s.Letter(t, mail.KindEnrolment))
		begun := s.post("/v1/enrolment/passkey/options", fields{"ticket": link, "session_mode": "cookie"})
		made, err := phone().Create(begun.publicKey(), ceremonytest.Page())
		if err != nil {
			t.Fatal(err)
		}
		var done struct {
			recovered
			Session map[string]any `json:"session"`
		}
		got := s.post("/v1/enrolment/passkey", cred(made), carry(begun)...).want(http.StatusCreated)
		got.json(&done)
		if waits := done.HoldUntil != ""; waits != held || waits == (done.Session != nil) || waits == (got.set["__Host-keyturn"] != nil) {
			t.Errorf("held %v: %s", held, got.body)
		}
	}
}

func TestEnrolment(t *testing.T) {
	s := newSite(t)
	_, link, err := s.Accounts.Add(t.Context(), account.NewAccount{Username: "ben"}, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	begun := s.post("/v1/enrolment/passkey/options", fields{"ticket": link.Ticket, "session_mode": "cookie"})
	made, err := phone().Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	done := s.post("/v1/enrolment/passkey", cred(made), carry(begun)...).want(http.StatusCreated)
	if done.set["__Host-keyturn"] == nil {
		t.Error("no session")
	}
	s.post("/v1/enrolment/passkey/options", fields{"ticket": link.Ticket}).wantCode(codeExpired)
	s.post("/v1/enrolment/passkey/options", fields{}).wantCode(codeInvalidField)
}

// Whatever is wrong with a sign-in, the answer is the same, byte for byte but for the
// request id.
func TestSignInTellsNothing(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	stranger := phone()
	s.register(stranger, fields{"username": "gone"}).want(http.StatusCreated)
	for name, answer := range map[string]func(options []byte) ([]byte, error){
		"signature": func(o []byte) ([]byte, error) {
			return p.phone.Get(o, ceremonytest.Page(), webauthntest.SignWithNewKey())
		},
		"origin": func(o []byte) ([]byte, error) {
			return p.phone.Get(o, webauthntest.Client{Origin: "https://evil.example"})
		},
		"challenge": func(o []byte) ([]byte, error) {
			return p.phone.Get(o, ceremonytest.Page(), webauthntest.SetClientData("challenge", "AAAA"))
		},
		"unknown credential": func(o []byte) ([]byte, error) {
			return p.phone.Get(o, ceremonytest.Page(), webauthntest.SetMember("id", "AAAAAAAAAAAAAAAAAAAAAA"),
				webauthntest.SetMember("rawId", "AAAAAAAAAAAAAAAAAAAAAA"))
		},
		"type": func(o []byte) ([]byte, error) {
			return p.phone.Get(o, ceremonytest.Page(), webauthntest.SetClientData("type", "webauthn.create"))
		},
	} {
		begun := s.post("/v1/sign-in/passkey/options", fields{})
		made, err := answer(begun.publicKey())
		if err != nil {
			t.Fatal(name, err)
		}
		refusal := s.post("/v1/sign-in/passkey", cred(made)).wantCode(codeAuthenticationFailed)
		refusal.golden("authentication-failed")
	}
	s.post("/v1/sign-in/passkey", fields{"credential": fields{}}).wantCode(codeMalformed)
}

func TestRegistrationTellsItsStep(t *testing.T) {
	s := newSite(t)
	begun := s.post("/v1/sign-up/passkey/options", fields{"username": "ana"})
	made, err := phone().Create(begun.publicKey(), ceremonytest.Page(), webauthntest.SetRPID("evil.example"))
	if err != nil {
		t.Fatal(err)
	}
	refusal := s.post("/v1/sign-up/passkey", cred(made)).wantCode(codeRegistrationRefused)
	if got := refusal.problem().Step; got != "7.1/14" {
		t.Errorf("step %q", got)
	}
	refusal.golden("registration-refused")
}

func TestUsernames(t *testing.T) {
	s := newSite(t)
	s.register(phone(), fields{"username": "ana"}).want(http.StatusCreated)
	s.register(phone(), fields{"username": "ANA"}).wantCode(codeNameTaken)
	refusal := s.post("/v1/sign-up/passkey/options", fields{"username": "a b"}).wantCode(codeUsernameNotAllowed)
	refusal.golden("username-not-allowed")
	s.post("/v1/sign-up/passkey/options", fields{}).wantCode(codeInvalidField)
}

func TestModes(t *testing.T) {
	for name, test := range map[string]struct {
		modes []session.Mode
		asked string
		want  int
	}{
		"default":          {[]session.Mode{session.ModeToken}, "", 200},
		"token":            {[]session.Mode{session.ModeToken}, "token", 200},
		"cookie forbidden": {[]session.Mode{session.ModeToken}, "cookie", 400},
		"cookie":           {[]session.Mode{session.ModeCookie}, "cookie", 200},
		"token forbidden":  {[]session.Mode{session.ModeCookie}, "", 400},
		"unknown":          {[]session.Mode{session.ModeCookie, session.ModeToken}, "both", 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *Config) { c.Modes = test.modes })
			body := fields{}
			if test.asked != "" {
				body["session_mode"] = test.asked
			}
			got := s.post("/v1/sign-in/passkey/options", body).want(test.want)
			if test.want == 400 && got.problem().Errors[0].Field != "session_mode" {
				t.Errorf("another field: %s", got.body)
			}
		})
	}
}

func TestSignUpClosed(t *testing.T) {
	w := ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpClosed})
	s := newSiteOn(t, w)
	s.post("/v1/sign-up/passkey/options", fields{"username": "ana"}).wantCode(codeSignUpClosed)
}

func TestMediation(t *testing.T) {
	s := newSite(t)
	s.post("/v1/sign-in/passkey/options", fields{"mediation": "conditional"}).want(http.StatusOK)
	s.post("/v1/sign-in/passkey/options", fields{"mediation": "silent"}).wantCode(codeInvalidField)
}
