package keyturn_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// production are settings of a server that is not in development, in a folder of its
// own.
func production(t testing.TB, url string) keyturn.Settings {
	dir := t.TempDir()
	return keyturn.Settings{
		PublicURL: url, SignUp: "open", DataDir: filepath.Join(dir, "data"),
		KeysServer: "file:" + filepath.Join(dir, "keys", "server.key"),
	}
}

func open(t testing.TB, cfg keyturn.Config) *keyturn.Server {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	server, err := keyturn.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func TestZeroConfigIsRefused(t *testing.T) {
	_, err := keyturn.New(t.Context(), keyturn.Config{})
	if err == nil || !strings.Contains(err.Error(), "sign_up") {
		t.Fatalf("a zero Config is production with nothing decided; got %v", err)
	}
}

// TestKeysStayWithTheirStore: a store is never given new keys, because they could not
// open it.
func TestKeysStayWithTheirStore(t *testing.T) {
	set := production(t, "https://login.example.com")
	first, err := keyturn.New(t.Context(), keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	lost := set
	lost.KeysServer = "file:" + filepath.Join(t.TempDir(), "another.key")
	if _, err := keyturn.New(t.Context(), keyturn.Config{Settings: lost}); err == nil {
		t.Fatal("a database without its key file was opened")
	}
	open(t, keyturn.Config{Settings: set})
}

// host serves a Server at an address that is known before the Server is made.
type host struct {
	*httptest.Server
	handler http.Handler
}

func newHost(t testing.TB) *host {
	h := &host{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(w, r) }))
	t.Cleanup(h.Close)
	return h
}

func (h *host) origin() string { return strings.Replace(h.URL, "127.0.0.1", "localhost", 1) }

// signUp opens an account over HTTP in token mode and gives the access token.
func (h *host) signUp(t testing.TB, a *webauthntest.Authenticator, username string) tokens {
	t.Helper()
	options := h.post(t, "/v1/sign-up/passkey/options", "", map[string]any{"username": username})
	answer, err := a.Create(options["publicKey"], webauthntest.Client{Origin: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, h.post(t, "/v1/sign-up/passkey", "", map[string]any{"credential": json.RawMessage(answer)}))
}

func (h *host) signIn(t testing.TB, a *webauthntest.Authenticator) tokens {
	t.Helper()
	options := h.post(t, "/v1/sign-in/passkey/options", "", map[string]any{})
	answer, err := a.Get(options["publicKey"], webauthntest.Client{Origin: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, h.post(t, "/v1/sign-in/passkey", "", map[string]any{"credential": json.RawMessage(answer)}))
}

type tokens struct{ access, refresh string }

func parse(t testing.TB, answer map[string]json.RawMessage) tokens {
	t.Helper()
	var out tokens
	for name, into := range map[string]*string{"access_token": &out.access, "refresh_token": &out.refresh} {
		if raw, ok := answer[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out.access == "" {
		t.Fatalf("no access token in %v", answer)
	}
	return out
}

func (h *host) post(t testing.TB, path, bearer string, body any) map[string]json.RawMessage {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.origin()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", h.origin())
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := h.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %s %s", path, response.Status, raw)
	}
	var answer map[string]json.RawMessage
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

// development opens a Server behind h, as it runs on one person's machine.
func development(t testing.TB, h *host, now func() time.Time) *keyturn.Server {
	set := production(t, h.origin())
	set.Listen = strings.TrimPrefix(h.URL, "http://")
	server := open(t, keyturn.Config{Settings: set, Now: now})
	h.handler = server
	return server
}

func TestVerifier(t *testing.T) {
	h := newHost(t)
	development(t, h, nil)
	a := webauthntest.New(webauthntest.Phone())
	h.signUp(t, a, "ana")
	token := h.signIn(t, a).access
	clock := time.Now()
	verifier, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: h.origin(), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verifier.Verify(token)
	if err != nil || claims.ACR != "phr" || claims.Subject == "" || claims.Session == "" {
		t.Fatalf("claims %+v, %v", claims, err)
	}
	other, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: h.origin(), Audience: "https://other.example"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(token); !errors.Is(err, keyturn.ErrToken) {
		t.Fatalf("a token for another audience: %v", err)
	}
	for i := range len(token) {
		bent := []byte(token)
		bent[i] ^= 1
		if _, err := verifier.Verify(string(bent)); !errors.Is(err, keyturn.ErrToken) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	h.Close()
	if _, err := verifier.Verify(token); err != nil {
		t.Fatalf("keys that were read once must outlast an outage: %v", err)
	}
	clock = clock.Add(10*time.Minute + time.Second)
	if _, err := verifier.Verify(token); !errors.Is(err, keyturn.ErrToken) {
		t.Fatalf("an expired token: %v", err)
	}
	cold, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cold.Verify(token); !errors.Is(err, keyturn.ErrKeys) {
		t.Fatalf("a verifier that never read a key: %v", err)
	}
}

// TestVerifierAsksSeldom: made-up key identifiers and a server that hangs cost at most
// one question each, and who has a known key waits for neither.
func TestVerifierAsksSeldom(t *testing.T) {
	h := newHost(t)
	development(t, h, nil)
	a := webauthntest.New(webauthntest.Phone())
	h.signUp(t, a, "ana")
	good := h.signIn(t, a).access
	server := h.handler
	var asked atomic.Int32
	hang := make(chan struct{})
	h.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		server.ServeHTTP(w, r)
	})
	clock := time.Now().Add(-9 * time.Minute)
	verifier, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: h.origin(), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"made up"}`))
	stranger := header + good[strings.IndexByte(good, '.'):]
	for range 50 {
		if _, err := verifier.Verify(stranger); !errors.Is(err, keyturn.ErrToken) {
			t.Fatalf("a made-up key: %v", err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Fatalf("the server was asked %d times", n)
	}
	h.handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-hang })
	defer close(hang)
	clock = clock.Add(11 * time.Minute) // the token lives, the keys are old
	for range 3 {
		if _, err := verifier.Verify(good); err != nil {
			t.Fatalf("a good token while the server hangs: %v", err)
		}
	}
}

func TestProtect(t *testing.T) {
	h := newHost(t)
	development(t, h, nil)
	a := webauthntest.New(webauthntest.Phone())
	h.signUp(t, a, "ana")
	token := h.signIn(t, a).access
	clock := time.Now()
	verifier, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: h.origin(), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		need      keyturn.Need
		header    string
		after     time.Duration
		status    int
		challenge string
	}{
		{"a good token", keyturn.Need{}, "Bearer " + token, 0, 200, ""},
		{"fresh enough", keyturn.Need{MaxAge: time.Minute, ACR: "phr"}, "bearer " + token, 0, 200, ""},
		{"nothing", keyturn.Need{}, "", 0, 401, "Bearer"},
		{"another scheme", keyturn.Need{}, "Basic YTpi", 0, 401, "Bearer"},
		{"rubbish", keyturn.Need{}, "Bearer rubbish", 0, 401, `Bearer error="invalid_token"`},
		{"a scope it lacks", keyturn.Need{Scope: "pay"}, "Bearer " + token, 0, 403, `Bearer error="insufficient_scope", scope="pay"`},
		{"too old", keyturn.Need{MaxAge: time.Minute}, "Bearer " + token, 2 * time.Minute, 401, `Bearer error="insufficient_user_authentication", max_age=60`},
		{"a level it lacks", keyturn.Need{ACR: "phrh"}, "Bearer " + token, 0, 401, `Bearer error="insufficient_user_authentication", acr_values="phrh"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := clock
			clock = clock.Add(c.after)
			defer func() { clock = begin }()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			if c.header != "" {
				request.Header.Set("Authorization", c.header)
			}
			recorder := httptest.NewRecorder()
			verifier.Protect(c.need, func(w http.ResponseWriter, _ *http.Request, claims keyturn.Claims) {
				_, _ = io.WriteString(w, claims.Subject)
			}).ServeHTTP(recorder, request)
			if recorder.Code != c.status || recorder.Header().Get("WWW-Authenticate") != c.challenge {
				t.Fatalf("%d %q, want %d %q", recorder.Code, recorder.Header().Get("WWW-Authenticate"), c.status, c.challenge)
			}
		})
	}
}
