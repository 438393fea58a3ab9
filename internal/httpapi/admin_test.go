package httpapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// idOf is the identifier of a person's account.
func (s *site) idOf(p someone) uuid.UUID {
	s.t.Helper()
	current, err := s.cfg.Tokens.Verify(s.t.Context(), p.token)
	if err != nil {
		s.t.Fatal(err)
	}
	return current.Person().ID
}

// promoted gives a person a role, and leaves their sessions and tickets as they are.
func (s *site) promoted(p someone, role record.Role) {
	s.t.Helper()
	a, ok, err := s.Accounts.Get(s.t.Context(), s.idOf(p))
	if err != nil || !ok {
		s.t.Fatal(ok, err)
	}
	facts := a.Facts()
	if facts.Role == role {
		return
	}
	facts.Role = role
	verb := store.AccountChange{
		Account: a.Ref(), Event: s.Audit.Event(audit.Entry{Name: audit.RoleChanged, Account: a.ID(), Code: string(role)}),
	}
	if _, err := rand.Read(verb.Op[:]); err != nil {
		s.t.Fatal(err)
	}
	if verb.Next, err = s.Vault.SealAccount(facts, a.Version()+1); err == nil {
		err = s.Store.ReplaceAccount(s.t.Context(), verb)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// administrator is somebody with a fresh proof who may do everything.
func (s *site) administrator() someone {
	s.t.Helper()
	p := s.proved(s.t)
	s.promoted(p, record.RoleAdmin)
	return p
}

// under is the path of something of a person's account.
func (s *site) under(p someone, rest string) string {
	s.t.Helper()
	return "/v1/admin/accounts/" + s.idOf(p).String() + rest
}

// newResident is the path of an account with a proved address and no passkey.
func (s *site) newResident() string {
	s.t.Helper()
	return "/v1/admin/accounts/" + s.Resident(s.t, "r-"+strings.ToLower(rand.Text()), newAddress()).ID().String()
}

// invitation is the path of an invitation.
func (s *site) invitation(p someone) string {
	s.t.Helper()
	s.post("/v1/admin/invitations", fields{}, bearer(p.token)).want(http.StatusCreated)
	var out invitations
	s.get("/v1/admin/invitations", bearer(p.token)).want(http.StatusOK).json(&out)
	return "/v1/admin/invitations/" + out.Invitations[len(out.Invitations)-1].ID
}

// administration makes the attempts at other people's accounts, each by an administrator.
func (s *site) administration() map[string]func(someone) attempt {
	on := func(make func(admin, other someone) attempt) func(someone) attempt {
		return func(p someone) attempt {
			s.promoted(p, record.RoleAdmin)
			return make(p, s.signedIn(s.t))
		}
	}
	alone := func(make func() attempt) func(someone) attempt {
		return func(p someone) attempt {
			s.promoted(p, record.RoleAdmin)
			return make()
		}
	}
	return map[string]func(someone) attempt{
		"POST /v1/admin/accounts": alone(func() attempt {
			return attempt{body: s.json(fields{"username": "n-" + strings.ToLower(rand.Text())})}
		}),
		"PATCH /v1/admin/accounts/{id}": alone(func() attempt {
			return attempt{path: s.newResident(), body: []byte(`{"disabled":true,"reason":"because"}`)}
		}),
		"DELETE /v1/admin/accounts/{id}": alone(func() attempt { return attempt{path: s.newResident() + "?reason=because"} }),
		"POST /v1/admin/accounts/{id}/enrolment-link": alone(func() attempt {
			return attempt{path: s.newResident() + "/enrolment-link", body: []byte(`{}`)}
		}),
		"DELETE /v1/admin/accounts/{id}/sessions": alone(func() attempt { return attempt{path: s.newResident() + "/sessions"} }),
		"DELETE /v1/admin/accounts/{id}/sessions/{session}": on(func(_, other someone) attempt {
			return attempt{path: s.under(other, "/sessions/"+s.sessions("", bearer(other.token)).Sessions[0].ID)}
		}),
		"PATCH /v1/admin/accounts/{id}/passkeys/{passkey}": on(func(_, other someone) attempt {
			return attempt{path: s.under(other, "/passkeys/"+s.passkeyID(other)), body: []byte(`{"suspended":true}`)}
		}),
		"DELETE /v1/admin/accounts/{id}/passkeys/{passkey}": on(func(_, other someone) attempt {
			return attempt{path: s.under(other, "/passkeys/"+s.passkeyID(other))}
		}),
		"POST /v1/admin/invitations":                func(p someone) attempt { s.promoted(p, record.RoleAdmin); return attempt{body: []byte(`{}`)} },
		"DELETE /v1/admin/invitations/{invitation}": func(p someone) attempt { s.promoted(p, record.RoleAdmin); return attempt{path: s.invitation(p)} },
	}
}

// administer makes every call of the administration on an account, and its passkey and
// session, with bodies that are good.
func (h tally) administer(s *site, id, passkey, session string, edits ...with) {
	bodies := map[string]string{
		"POST /v1/admin/accounts":                          `{"username":"somebody-new"}`,
		"PATCH /v1/admin/accounts/{id}":                    `{"display_name":"New"}`,
		"PATCH /v1/admin/accounts/{id}/passkeys/{passkey}": `{"suspended":true}`,
	}
	for _, r := range s.adminRoutes() {
		path := strings.NewReplacer("{id}", id, "{passkey}", passkey, "{session}", session, "{invitation}", "none").Replace(r.path)
		var body []byte
		if r.method == http.MethodPost || r.method == http.MethodPatch {
			body = []byte("{}")
			if text, ok := bodies[r.method+" "+r.path]; ok {
				body = []byte(text)
			}
		}
		h.note(s.send(r.method, path, body, edits...))
	}
}

// administration is what can be refused to who administers, or wants to.
func (h tally) administration(t *testing.T) {
	s := newSite(t)
	admin, other := s.administrator(), s.proved(t)
	nobody := "019aa7c8-3f00-7c52-9d0b-0f3c1f6c2b11"
	h.administer(s, s.idOf(admin).String(), nobody, nobody, bearer(other.token))
	h.administer(s, nobody, nobody, nobody, bearer(admin.token))

	by := bearer(admin.token)
	for _, query := range []string{"?%zz", "?limit=x"} {
		for _, path := range []string{"accounts", "events", "events/export", "invitations"} {
			h.note(s.get("/v1/admin/"+path+query, by))
		}
		for _, rest := range []string{"/sessions", "/events"} {
			h.note(s.get(s.under(other, rest+query), by))
		}
	}
	for _, query := range []string{"?%zz", "?reason=" + strings.Repeat("x", 257)} {
		for _, rest := range []string{"", "/sessions", "/passkeys/" + s.passkeyID(other)} {
			h.note(s.delete(s.under(other, rest+query), by))
		}
	}
	h.note(s.post(s.under(other, "/enrolment-link"), fields{"reason": 1}, by))
	h.note(s.post(s.under(other, "/enrolment-link"), fields{}, by))
	h.note(s.patch(s.under(other, "/passkeys/"+nobody), `{}`, by))
	h.note(s.post("/v1/admin/accounts", fields{"username": s.username(other)}, by))
	h.note(s.post("/v1/admin/accounts", fields{"username": "a b"}, by))

	s.Clock.Advance(2 * time.Hour)
	h.administer(s, s.idOfCookie(other), nobody, nobody, s.ownCookie(admin))

	mute := newSiteOn(t, ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpOpen}))
	admin = mute.administrator()
	for _, path := range []string{"/v1/admin/accounts", "/v1/admin/invitations"} {
		h.note(mute.post(path, fields{"email": "ben@example.com", "deliver": true}, bearer(admin.token)))
	}
}

// idOfCookie is idOf when the access token has ended.
func (s *site) idOfCookie(p someone) string {
	s.t.Helper()
	current, err := s.Sessions.Check(s.t.Context(), p.cookie)
	if err != nil {
		s.t.Fatal(err)
	}
	return current.Person().ID.String()
}

// TestAdministration is a day of an administrator: somebody is made, is found, joins, loses
// a phone, and leaves.
func TestAdministration(t *testing.T) {
	s := newSite(t)
	admin := s.administrator()
	by := bearer(admin.token)
	var made addedAccount
	s.post("/v1/admin/accounts", fields{"username": "ben", "email": "ben@example.com", "display_name": "Ben", "role": "support"}, by).
		want(http.StatusCreated).json(&made)
	if made.Account.Username != "ben" || made.Account.Role != "support" || made.Account.PendingEmail != "ben@example.com" || made.Account.Passkeys != 0 {
		t.Errorf("made %+v", made)
	}
	page, ticket, ok := strings.Cut(made.Enrolment.Link, "#ticket=")
	if !ok || page != ceremonytest.Origin+"/enrol" || made.Enrolment.Mailed {
		t.Fatalf("enrolment %+v", made.Enrolment)
	}
	begun := s.post("/v1/enrolment/passkey/options", fields{"ticket": ticket}).want(http.StatusOK)
	ben := phone()
	created, err := ben.Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	s.post("/v1/enrolment/passkey", cred(created)).want(http.StatusCreated)
	path := "/v1/admin/accounts/" + made.Account.ID

	for _, search := range []string{"BEN", made.Account.ID} {
		var found adminAccounts
		s.get("/v1/admin/accounts?search="+search, by).want(http.StatusOK).json(&found)
		if len(found.Accounts) != 1 || found.Accounts[0].Passkeys != 1 {
			t.Errorf("search %s: %+v", search, found)
		}
	}
	for _, search := range []string{"be", "ben@example.com", "nobody"} { // a claimed address finds nobody
		var found adminAccounts
		if s.get("/v1/admin/accounts?search="+search, by).want(http.StatusOK).json(&found); len(found.Accounts) != 0 {
			t.Errorf("search %s: %+v", search, found)
		}
	}

	var keys passkeysAnswer
	s.get(path+"/passkeys", by).want(http.StatusOK).json(&keys)
	var signedIn tokenAnswer
	s.signIn(ben, fields{}).want(http.StatusOK).json(&signedIn)
	var sessions sessionsAnswer
	s.get(path+"/sessions", by).want(http.StatusOK).json(&sessions)
	if len(keys.Passkeys) != 1 || len(sessions.Sessions) != 2 || sessions.Sessions[0].ThisSession {
		t.Fatalf("%d passkeys, sessions %+v", len(keys.Passkeys), sessions)
	}
	s.delete(path+"/sessions/"+signedIn.Session.ID, by).want(http.StatusNoContent)
	s.get("/v1/account", bearer(signedIn.AccessToken)).wantCode(codeUnauthenticated)

	key := path + "/passkeys/" + keys.Passkeys[0].ID
	s.patch(key, `{"suspended":true,"reason":"phone lost"}`, by).want(http.StatusOK)
	s.signIn(ben, fields{}).wantCode(codeAuthenticationFailed)
	s.patch(key, `{"suspended":false}`, by).wantCode(codeInvalidField)
	s.patch(key, `{"suspended":false,"reason":"phone found"}`, by).want(http.StatusOK)
	s.signIn(ben, fields{}).want(http.StatusOK)

	var events adminEvents
	s.get(path+"/events?limit=100", by).want(http.StatusOK).json(&events)
	notes := map[string]string{}
	for _, e := range events.Events {
		if e.ActorID != "" && e.ActorID != s.idOf(admin).String() {
			t.Errorf("event %+v", e)
		}
		notes[e.Name] = e.Note
	}
	if notes["passkey.suspended"] != "phone lost" || notes["passkey.restored"] != "phone found" {
		t.Errorf("notes %v", notes)
	}
	s.delete(path, by).want(http.StatusNoContent)
	s.get(path, by).wantCode(codeNotFound)
	s.delete(path, by).wantCode(codeNotFound)
}

// TestAdministratorsAreNotShown: the person learns that somebody else did it, and not from
// where, nor why.
func TestAdministratorsAreNotShown(t *testing.T) {
	s := newSite(t)
	admin, other := s.administrator(), s.proved(t)
	s.Clock.Advance(time.Second) // it is the newest
	s.patch(s.under(other, ""), `{"display_name":"Zoe","reason":"because I say so"}`, bearer(admin.token), from("198.51.100.9:1"), header("User-Agent", "secret")).
		want(http.StatusOK)
	got := s.get("/v1/account/activity?limit=1", bearer(other.token)).want(http.StatusOK)
	if text := string(got.body); !strings.Contains(text, `"by_administrator":true`) || strings.Contains(text, "198.51.100.9") ||
		strings.Contains(text, "secret") || strings.Contains(text, "because") || strings.Contains(text, s.idOf(admin).String()) {
		t.Errorf("activity %s", text)
	}
	var events adminEvents
	s.get(s.under(other, "/events?limit=1"), bearer(admin.token)).want(http.StatusOK).json(&events)
	if e := events.Events[0]; e.Network != "198.51.100.9/32" || e.Note != "because I say so" || e.ActorID != s.idOf(admin).String() {
		t.Errorf("event %+v", e)
	}
}

// TestRoleIsToldToItsOwner: pages know by it what to show.
func TestRoleIsToldToItsOwner(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	for role, want := range map[record.Role]string{record.RoleMember: "", record.RoleSupport: "support", record.RoleAdmin: "admin"} {
		s.promoted(p, role)
		var out profileAnswer
		if s.get("/v1/account", bearer(p.token)).want(http.StatusOK).json(&out); out.Role != want {
			t.Errorf("%s is told %q", role, out.Role)
		}
	}
}

// TestForeignPasskey: what is named under an account and is another's is not there, for
// passkeys and sessions, whoever asks.
func TestForeignPasskey(t *testing.T) {
	s := newSite(t)
	admin, ana, bob := s.administrator(), s.proved(t), s.proved(t)
	by := bearer(admin.token)
	foreignKey := s.under(ana, "/passkeys/"+s.passkeyID(bob))
	foreignSession := s.under(ana, "/sessions/"+s.sessions("", bearer(bob.token)).Sessions[0].ID)
	writes := s.writes(t)
	s.patch(foreignKey, `{"suspended":true}`, by).wantCode(codeNotFound)
	s.patch(foreignKey, `{"suspended":false,"reason":"x"}`, by).wantCode(codeNotFound)
	s.delete(foreignKey, by).wantCode(codeNotFound)
	s.delete(foreignSession, by).wantCode(codeNotFound)
	if writes() != 0 {
		t.Error("something was written")
	}
}

// TestDisablingIsEffectiveAtOnce: cookie, access token and refresh token of the account
// are good for nothing with the answer, and stay so when it is enabled again.
func TestDisablingIsEffectiveAtOnce(t *testing.T) {
	s := newSite(t)
	admin, other := s.administrator(), s.proved(t)
	path := s.under(other, "")
	for _, disabled := range []string{"true", "false"} {
		s.patch(path, `{"disabled":`+disabled+`}`, bearer(admin.token)).want(http.StatusOK)
		s.get("/v1/account", s.ownCookie(other)).wantCode(codeUnauthenticated)
		s.get("/v1/account", bearer(other.token)).wantCode(codeUnauthenticated)
		s.refresh(other.refresh).wantGrant("invalid_grant")
		if got := s.signIn(other.phone, fields{}); (got.status == http.StatusOK) != (disabled == "false") {
			t.Errorf("disabled %s: sign-in %d %s", disabled, got.status, got.body)
		}
	}
}

// TestEventsOfEverybody: newest first over all chains, page by page, none twice and none
// left out; a part of a chain by lines; and all of it verified.
func TestEventsOfEverybody(t *testing.T) {
	s := newSite(t)
	admin := s.administrator()
	for range 5 {
		s.proved(t)
	}
	by := bearer(admin.token)
	var whole verified
	s.get("/v1/admin/events/verify", by).want(http.StatusOK).json(&whole)
	total, exported := uint64(0), 0
	for _, c := range whole.Chains {
		total += c.Events
		for after := "0"; ; {
			got := s.get("/v1/admin/events/export?limit=3&chain="+fmt.Sprint(c.Chain)+"&after="+after, by).want(http.StatusOK)
			lines := strings.Split(strings.TrimSpace(string(got.body)), "\n")
			if lines[0] == "" {
				break
			}
			exported += len(lines)
			var last exportedEvent
			answered{t: t, body: []byte(lines[len(lines)-1])}.json(&last)
			after = fmt.Sprint(last.Number)
		}
	}
	seen, before := map[string]bool{}, ""
	for cursor := ""; ; {
		var page adminEvents
		s.get("/v1/admin/events?limit=4"+cursor, by).want(http.StatusOK).json(&page)
		for _, e := range page.Events {
			if seen[e.ID] || before != "" && e.At > before {
				t.Errorf("%+v after %s", e, before)
			}
			seen[e.ID], before = true, e.At
		}
		if page.NextCursor == "" {
			break
		}
		cursor = "&cursor=" + page.NextCursor
	}
	if !whole.Intact || total < 12 || uint64(len(seen)) != total || uint64(exported) != total {
		t.Errorf("%d events, %d listed, %d exported, %+v", total, len(seen), exported, whole)
	}
	s.get("/v1/admin/events?cursor=AAAA", by).wantCode(codeInvalidField)

	s.Intrude(t).Do("UPDATE events SET body = zeroblob(64) WHERE number = 2 AND chain = 0")
	s.get("/v1/admin/events/verify", by).want(http.StatusOK).json(&whole)
	if whole.Intact || whole.Chains[0].Fault != "tampered" || whole.Chains[0].Events != 1 {
		t.Errorf("tampered: %+v", whole)
	}
	s.get("/v1/admin/events/export?after=1", by).want(http.StatusServiceUnavailable)
}

// TestOneVerificationAtATime: it reads all there is, so a second one is told to wait.
func TestOneVerificationAtATime(t *testing.T) {
	s := newSite(t)
	admin := s.administrator()
	s.verifying.Lock()
	s.get("/v1/admin/events/verify", bearer(admin.token)).wantCode(codeRateLimited)
	s.verifying.Unlock()
	s.get("/v1/admin/events/verify", bearer(admin.token)).want(http.StatusOK)
}

// adminConflicts is what is told of an account that never stands still.
func (h tally) adminConflicts(t *testing.T) {
	var heart ceremony.Config
	still := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { heart = *c }))
	admin, other := still.administrator(), still.proved(t)
	accounts := account.New(account.Config{
		Store: moving{still.Store}, Vault: still.Vault, Tickets: still.Tickets, Audit: still.Audit, Mail: still.Mail,
		RPID: ceremonytest.RPID, PublicURL: ceremonytest.URL, Policy: ceremonytest.Policy(), Now: still.Clock.Now, Rand: heart.Rand,
	})
	s := newSiteOn(t, still.World, func(c *Config) { c.Accounts, c.Tokens = accounts, still.cfg.Tokens })
	h.administer(s, s.idOf(other).String(), s.passkeyID(other), "none", bearer(admin.token))
}
