package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestEveryCodeIsAnswered walks what the document says each call may answer: every
// code of every call is produced here, and what is produced is listed there.
func TestEveryCodeIsAnswered(t *testing.T) {
	c := readContract(t)
	heard := tally{}
	heard.before(t)
	heard.broken(t)
	heard.credentials(t)
	heard.signUp(t)
	heard.signIn(t)
	heard.enrolment(t)
	heard.signedIn(t)
	heard.registrations(t)
	heard.policy(t)
	heard.links(t)
	heard.addresses(t)
	heard.recoveries(t)
	heard.administration(t)
	heard.adminConflicts(t)
	heard.conflicts(t)
	heard.grants(t)
	heard.documents(t)
	listed := 0
	for _, operation := range c.operations() {
		codes := c.codes(operation)
		listed += len(codes)
		for _, told := range codes {
			if !slices.Contains(heard[operation], told) {
				t.Errorf("%s never answers %s", operation, told)
			}
		}
		for _, told := range heard[operation] {
			if !slices.Contains(codes, told) {
				t.Errorf("%s answers %s, which the document does not list", operation, told)
			}
		}
	}
	t.Logf("%d codes of %d calls", listed, len(c.operations()))
}

// tally is what was heard of each route.
type tally map[string][]string

func (h tally) note(got answered) answered {
	if told := got.told(); told != "" {
		h[got.pattern] = append(h[got.pattern], told)
	}
	return got
}

// each makes a call without meaning to every documented route; body is what goes to
// those that take one.
func (h tally) each(s *site, body string, edits ...with) {
	for _, r := range s.routes {
		if !documented(r.path) {
			continue
		}
		path := strings.NewReplacer("{id}", "019aa7c8-3f00-7c52-9d0b-0f3c1f6c2b11", "{email}", "ana@example.com").Replace(r.path)
		switch {
		case r.method != http.MethodPost && r.method != http.MethodPatch:
			h.note(s.send(r.method, path, nil, edits...))
		case strings.HasPrefix(r.path, "/v1/token"):
			h.note(s.form(path, "grant_type=refresh_token&refresh_token=x&token=x&x="+body, edits...))
		default:
			h.note(s.send(r.method, path, []byte(body), edits...))
		}
	}
}

// before is what is answered before a call is looked at.
func (h tally) before(t *testing.T) {
	s := newSite(t)
	h.each(s, "{}", host("evil.example"))
	h.each(s, "{}", origin("https://evil.example"))
	h.each(s, strings.Repeat(" ", registrationLimit+1))
	h.each(s, "{}", func(r *http.Request) {
		if r.Header.Get("Content-Type") == mediaJSON {
			r.Header.Set("Content-Type", "text/plain")
		}
	})
	h.each(s, "{")
	h.each(s, "{}")
	h.each(s, `{"username":1,"ticket":1,"credential":1,"mediation":1,"max_age":"1","everywhere":1,"name":1,"display_name":1}`)
	for _, body := range []string{
		`{"username":1}`, `{"ticket":1}`, `{"token":1}`, `{"credential":1}`, `{"mediation":1}`, `{"max_age":"1"}`, `{"everywhere":1}`, `{"name":1}`, `{"display_name":1}`,
	} {
		h.each(s, body)
	}
	h.each(newSite(t, func(c *Config) {
		c.Flood = limit.NewFlood(limit.FloodConfig{Rate: 1e-9, Burst: 0, Now: time.Now})
	}), "{}")
}

// broken is what a server answers that cannot do its work.
func (h tally) broken(t *testing.T) {
	panicking := newSite(t)
	panicking.cfg.Flood = nil
	h.each(panicking, "{}")

	hook := errors.New("the team's service is down")
	beginning := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) {
		c.Challenge = func(context.Context, ceremony.Began) ([]byte, error) { return nil, hook }
	}))
	h.note(beginning.post("/v1/sign-up/passkey/options", fields{"username": "ana"}))
	h.note(beginning.post("/v1/sign-in/passkey/options", fields{}))

	for i := range newSite(t).attempting() {
		s := newSite(t)
		a := s.attempting()[i](s.victim(t))
		if err := s.Store.Close(); err != nil {
			t.Fatal(err)
		}
		h.note(s.send(a.method, a.path, a.body, append(a.cookie, a.headers()...)...))
	}
	s := newSite(t, func(c *Config) { c.Ready = func(context.Context) error { return hook } })
	p := s.proved(t)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	h.each(s, "{}", bearer(p.token))
}

// credentials is what is answered to who is not, not enough, or twice signed in.
func (h tally) credentials(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	h.each(s, "{}", bearer(p.token), s.ownCookie(p))
	h.note(s.post("/v1/step-up/passkey", fields{"credential": 1}, bearer(p.token)))
	for _, a := range s.attempts(s.victim(t)) {
		h.note(s.send(a.method, a.path, a.body, append(append(a.cookie, a.headers()...), origin("https://evil.example"))...))
	}
	credential := `{"credential":{}}`
	for _, path := range []string{"/v1/step-up/passkey", "/v1/passkeys"} {
		h.note(s.send(http.MethodPost, path, []byte(credential)))
	}
	id := s.passkeyID(p)
	s.Clock.Advance(6 * time.Minute)
	h.note(s.post("/v1/passkeys/options", fields{}, bearer(p.token)))
	h.note(s.post("/v1/passkeys", fields{"credential": fields{}}, bearer(p.token)))
	h.note(s.patch("/v1/passkeys/"+id, `{"suspended":false}`, bearer(p.token)))
	h.note(s.delete("/v1/passkeys/"+id, bearer(p.token)))
	h.note(s.patch("/v1/account", `{"username":"zoe"}`, bearer(p.token)))
	h.note(s.delete("/v1/account", bearer(p.token)))
}

func (h tally) signUp(t *testing.T) {
	closed := newSiteOn(t, ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpClosed}))
	h.note(closed.post("/v1/sign-up/passkey/options", fields{"username": "ana"}))
	s := newSite(t)
	h.note(s.post("/v1/sign-up/passkey/options", fields{"username": "a b"}))
	h.note(s.post("/v1/sign-up/passkey/options", fields{"username": "ana", "ticket": "rubbish"}))
	h.note(s.register(phone(), fields{"username": "ana"}))
	h.note(s.register(phone(), fields{"username": "ana"}))
}

func (h tally) signIn(t *testing.T) {
	told := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.TellUnknown = true }))
	h.note(told.post("/v1/sign-in/passkey/options", fields{"username": "nobody"}))
	s := newSite(t)
	p := s.proved(t)
	h.note(s.send(http.MethodPost, "/v1/sign-in/passkey", s.json(cred(s.sign(finishes[1], "AAAA", p.phone)))))
	h.note(s.post("/v1/step-up/passkey", cred(s.sign(finishes[1], "AAAA", p.phone)), bearer(p.token)))
}

func (h tally) enrolment(t *testing.T) {
	s := newSite(t)
	h.note(s.post("/v1/enrolment/passkey/options", fields{"ticket": "rubbish"}))
}

// signedIn is what can be refused to who is signed in and has a fresh proof.
func (h tally) signedIn(t *testing.T) {
	s := newSite(t)
	p, other := s.proved(t), s.proved(t)
	id, elsewhere := s.passkeyID(p), s.passkeyID(other)
	s.register(phone(), fields{"username": "ana"}).want(http.StatusCreated)
	h.note(s.patch("/v1/passkeys/"+elsewhere, `{"name":"x"}`, bearer(p.token)))
	h.note(s.patch("/v1/passkeys/"+id, `{"suspended":true}`, bearer(p.token)))
	h.note(s.delete("/v1/passkeys/x", bearer(p.token)))
	h.note(s.delete("/v1/passkeys/"+id, bearer(p.token)))
	h.note(s.patch("/v1/account", `{"username":"ana"}`, bearer(p.token)))
	h.note(s.patch("/v1/account", `{"username":"a b"}`, bearer(p.token)))
	h.note(s.delete("/v1/account/sessions/x", bearer(p.token)))
	h.note(s.delete("/v1/account", bearer(s.administrator().token)))
	for _, list := range []string{"/v1/account/sessions", "/v1/account/activity"} {
		h.note(s.get(list+"?limit=x", bearer(p.token)))
		h.note(s.get(list+"?%zz", bearer(p.token)))
	}
	h.note(s.post("/v1/step-up/passkey/options", fields{"acr_values": []string{"phrh"}}, bearer(p.token)))
}

// registrations is what can be wrong with any registration: refused at a step, too
// late, or of a credential that is registered.
func (h tally) registrations(t *testing.T) {
	for _, f := range finishes {
		if !f.creates {
			continue
		}
		for _, wrong := range []string{"step", "expired", "registered"} {
			s := newSite(t)
			p := s.proved(t)
			var edits []with
			if f.signed {
				edits = append(edits, bearer(p.token))
			}
			begun := s.begin(f, "token", edits...)
			var mutations []webauthntest.Mutation
			switch wrong {
			case "step":
				mutations = append(mutations, webauthntest.SetRPID("evil.example"))
			case "registered":
				known := p.phone.Credentials()[0].ID
				mutations = append(mutations, webauthntest.UseCredentialID(known))
			}
			made, err := phone().Create(begun.publicKey(), ceremonytest.Page(), mutations...)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case wrong == "expired" && f.signed: // the account has moved on since
				s.patch("/v1/account", `{"username":"moved-on"}`, edits...).want(http.StatusOK)
			case wrong == "expired":
				s.Clock.Advance(11 * time.Minute)
			}
			h.note(s.post(f.path, cred(made), edits...))
		}
	}
}

// policy is what an account that has as many passkeys as it may is refused.
func (h tally) policy(t *testing.T) {
	s := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.PasskeysPerAccount = 2 }))
	p := s.proved(t)
	current, err := s.cfg.Tokens.Verify(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	link, err := s.Accounts.Link(t.Context(), current.Person().Username, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	_, first := s.bind(p, "token")
	_, second := s.bind(p, "token")
	begun := s.post("/v1/enrolment/passkey/options", fields{"ticket": link.Ticket})
	first().want(http.StatusCreated)
	h.note(second())
	h.note(s.post("/v1/enrolment/passkey", cred(s.answer(finishes[2], begun, p.phone))))
	h.note(s.post("/v1/passkeys/options", fields{}, bearer(p.token)))
}

// moving is a store whose accounts never stand still.
type moving struct{ account.Store }

func (moving) RecordSignUp(context.Context, store.SignUp) error { return store.ErrConflict }

func (moving) RecordBinding(context.Context, store.Binding) error { return store.ErrConflict }

func (moving) RecordStanding(context.Context, store.Standing) error { return store.ErrConflict }

func (moving) RenameCredential(context.Context, store.Renaming) error { return store.ErrConflict }

func (moving) RecordUnbinding(context.Context, store.Unbinding) error { return store.ErrConflict }

func (moving) DeleteAccount(context.Context, store.Deletion) error { return store.ErrConflict }

func (moving) ReplaceAccount(context.Context, store.AccountChange) error { return store.ErrConflict }

// conflicts is what is told when a change was judged again and again in vain.
func (h tally) conflicts(t *testing.T) {
	var heart ceremony.Config
	still := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { heart = *c }))
	p := still.victim(t)
	attempts := still.attempts(p)
	still.promoted(p, record.RoleMember) // an administrator's account is never deleted
	heart.Store = moving{still.Store}
	accounts := account.New(account.Config{
		Store: moving{still.Store}, Vault: still.Vault, Tickets: still.Tickets, Audit: still.Audit, Mail: still.Mail,
		RPID: ceremonytest.RPID, PublicURL: ceremonytest.URL, Policy: ceremonytest.Policy(), Now: still.Clock.Now, Rand: heart.Rand,
	})
	rp, err := ceremony.New(heart)
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteOn(t, still.World, func(c *Config) {
		c.Accounts, c.Ceremonies, c.Tokens = accounts, rp, still.cfg.Tokens
	})
	for _, a := range attempts {
		switch a.path {
		case "/v1/sign-up/passkey", "/v1/enrolment/passkey", "/v1/passkeys", "/v1/account", "/v1/recovery/passkey",
			"/v1/account/email/proof", "/v1/account/recovery-codes", "/v1/account/recovery-codes/confirm", "/v1/notices/undo":
			h.note(s.send(a.method, a.path, a.body, a.cookie...))
		}
		if strings.HasPrefix(a.path, "/v1/passkeys/0") || strings.HasPrefix(a.path, "/v1/account/emails/") {
			h.note(s.send(a.method, a.path, a.body, a.cookie...))
		}
	}
}

func (h tally) grants(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	h.note(s.form("/v1/token", ""))
	h.note(s.form("/v1/token", "grant_type=password"))
	h.note(s.form("/v1/token", "grant_type=refresh_token&scope=more&refresh_token="+p.refresh))
	h.note(s.form("/v1/token/revoke", ""))
	h.note(s.form("/v1/token/revoke", "client_id=other&token=x"))
}

// documents is what is not there when nobody set it.
func (h tally) documents(t *testing.T) {
	h.each(newSite(t), "{}")
}
