package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/console"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// foreign is a page of an origin that cors.origins allows.
const foreign = "https://app.example.net"

// site is the door on the real heart.
type site struct {
	*ceremonytest.World
	*API
	t testing.TB
}

func newSite(t testing.TB, edit ...func(*Config)) *site {
	t.Helper()
	return newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.Origins = append(c.Origins, foreign) }), edit...)
}

func newSiteOn(t testing.TB, w *ceremonytest.World, edit ...func(*Config)) *site {
	t.Helper()
	tokens, err := token.New(t.Context(), token.Config{
		Door: door, Issuer: ceremonytest.Origin, Audience: ceremonytest.Origin, Algorithm: "ES256", Life: 10 * time.Minute,
		Store: w.Store, Vault: w.Vault, Sessions: w.Sessions, Audit: w.Audit, Now: w.Clock.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	public, err := url.Parse(ceremonytest.Origin)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		PublicURL: public, Modes: []session.Mode{session.ModeCookie, session.ModeToken}, CORSOrigins: []string{foreign},
		RPID:       ceremonytest.RPID,
		Ceremonies: w.RP, Accounts: w.Accounts, Sessions: w.Sessions, Tokens: tokens,
		Flood: limit.NewFlood(limit.FloodConfig{Rate: 1e6, Burst: 1e6, Now: w.Clock.Now}),
		Pages: barePages(t), Ready: func(context.Context) error { return nil },
		Log: slog.New(slog.NewJSONHandler(w.Journal, nil)), Now: w.Clock.Now, Rand: rand.Reader,
	}
	for _, e := range edit {
		e(&cfg)
	}
	api, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{World: w, API: api, t: t}
	s.dress()
	return s
}

// thePages are the pages as they are served, whether or not their script was built. They
// are packed once for all tests: that takes longer than most tests do.
var thePages = sync.OnceValues(func() (pages, error) {
	files, err := console.Pages(console.Operator{Name: "Example", SignUp: "open"})
	if err != nil {
		return pages{}, err
	}
	return newPages(files)
})

// barePages are pages in every language of thePages, and nothing on them.
func barePages(t testing.TB) map[string][]byte {
	t.Helper()
	whole, err := thePages()
	if err != nil {
		t.Fatal(err)
	}
	bare := map[string][]byte{}
	for name := range whole.files {
		if path.Base(name) == "sign-in.html" {
			bare[name] = nil
		}
	}
	return bare
}

// dress puts thePages where a test has none of its own.
func (s *site) dress() {
	s.t.Helper()
	whole, err := thePages()
	if err != nil {
		s.t.Fatal(err)
	}
	for name, p := range whole.files {
		if s.cfg.Pages[name] == nil {
			s.pages.files[name] = p
		}
	}
}

// anAsset is the path of an asset that is always there.
func (s *site) anAsset() string {
	s.t.Helper()
	for name := range s.pages.files {
		if strings.HasPrefix(name, "assets/icon-") {
			return "/" + name
		}
	}
	s.t.Fatal("no icon")
	return ""
}

// with changes a request before it is sent.
type with func(*http.Request)

func header(name, value string) with {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func without(name string) with {
	return func(r *http.Request) { r.Header.Del(name) }
}

func cookie(name, value string) with {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
}

func origin(o string) with {
	return func(r *http.Request) { r.Header.Set("Origin", o) }
}

func bearer(token string) with { return header("Authorization", "Bearer "+token) }

// answered is what came back.
type answered struct {
	t       testing.TB
	pattern string // of the route that answered
	status  int
	header  http.Header
	body    []byte
	set     map[string]*http.Cookie
}

// send sends a request as our own page does.
func (s *site) send(method, path string, body []byte, edits ...with) answered {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	r := httptest.NewRequest(method, ceremonytest.Origin+path, in)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", ceremonytest.Origin)
	}
	for _, edit := range edits {
		edit(r)
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	got := answered{t: s.t, status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes(), set: map[string]*http.Cookie{}}
	for _, c := range recorder.Result().Cookies() {
		got.set[c.Name] = c
	}
	got.pattern = s.routed(r)
	if err := readContract(s.t).judge(got.pattern, body, got); err != nil {
		s.t.Errorf("%s: against the document: %v", got.pattern, err)
	}
	return got
}

// routed is the pattern of the route that a request meets; none for one that only
// looks as if it were routed, such as HEAD.
func (s *site) routed(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	if method, _, _ := strings.Cut(pattern, " "); method != r.Method {
		return ""
	}
	return pattern
}

func (s *site) get(path string, edits ...with) answered {
	s.t.Helper()
	return s.send(http.MethodGet, path, nil, edits...)
}

func (s *site) post(path string, body any, edits ...with) answered {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(http.MethodPost, path, text, edits...)
}

// want checks the status and gives the answer on.
func (a answered) want(status int) answered {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// wantCode checks that the answer is a problem with this code.
func (a answered) wantCode(want code) answered {
	a.t.Helper()
	if got := a.problem(); got.Code != want {
		a.t.Fatalf("code %q (%d), want %q: %s", got.Code, a.status, want, a.body)
	}
	return a.want(meanings[want].status)
}

func (a answered) problem() document {
	a.t.Helper()
	var d document
	if a.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(a.body, &d) != nil {
		a.t.Fatalf("no problem: %d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	if d.Type != "about:blank" || d.Title == "" || d.Detail == "" || d.Status != a.status || d.RequestID != a.header.Get("Keyturn-Request-Id") {
		a.t.Errorf("malformed problem: %s", a.body)
	}
	return d
}

func (a answered) json(into any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
}

// publicKey is the value of "publicKey" in the answer of a begin.
func (a answered) publicKey() []byte {
	a.t.Helper()
	var out struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	a.want(http.StatusOK).json(&out)
	return out.PublicKey
}

type fields map[string]any

func cred(answer []byte) fields { return fields{"credential": json.RawMessage(answer)} }

func phone() *webauthntest.Authenticator { return webauthntest.New(webauthntest.Phone()) }

// register runs a sign-up as our own page and leaves the judgement of its answer to
// the caller.
func (s *site) register(a *webauthntest.Authenticator, begin fields, edits ...with) answered {
	s.t.Helper()
	begun := s.post("/v1/sign-up/passkey/options", begin, edits...)
	made, err := a.Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.post("/v1/sign-up/passkey", cred(made), append(edits, carry(begun)...)...)
}

// signIn is register for a sign-in.
func (s *site) signIn(a *webauthntest.Authenticator, begin fields, edits ...with) answered {
	s.t.Helper()
	begun := s.post("/v1/sign-in/passkey/options", begin, edits...)
	made, err := a.Get(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.post("/v1/sign-in/passkey", cred(made), append(edits, carry(begun)...)...)
}

// carry brings the cookies of an answer along, as a browser does.
func carry(from answered) []with {
	var edits []with
	for name, c := range from.set {
		if c.MaxAge >= 0 {
			edits = append(edits, cookie(name, c.Value))
		}
	}
	return edits
}

// someone is signed in, by token and by cookie.
type someone struct {
	phone   *webauthntest.Authenticator
	token   string
	refresh string
	cookie  string
}

func (s *site) someone() someone { return s.signedIn(s.t) }

// signedIn opens an account of a new name.
func (s *site) signedIn(t testing.TB) someone {
	t.Helper()
	p := someone{phone: phone()}
	var out tokenAnswer
	name := "p-" + strings.ToLower(rand.Text())
	s.register(p.phone, fields{"username": name, "display_name": "Ana"}).want(http.StatusCreated).json(&out)
	p.token, p.refresh = out.AccessToken, out.RefreshToken
	p.cookie = s.signIn(p.phone, fields{"session_mode": "cookie"}).want(http.StatusOK).set[s.cookies.session].Value
	return p
}

func (s *site) ownCookie(p someone) with { return cookie(s.cookies.session, p.cookie) }
