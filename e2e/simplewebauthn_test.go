package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
)

// client is the directory of an app by somebody else, whose library comes from npm.
const client = "clients/simplewebauthn"

// serveClient serves the app under /app/ at an origin of its own. With a server's
// address the rest of that origin is the server, as behind a reverse proxy.
func serveClient(t *testing.T, server string) (origin string) {
	t.Helper()
	_, err := os.Stat(client + "/node_modules/@simplewebauthn/browser")
	if err != nil {
		err = errors.New("run npm ci in e2e/" + client)
	}
	need(t, "node", err)
	mux := http.NewServeMux()
	mux.Handle("/app/", http.StripPrefix("/app/", http.FileServer(http.Dir(client))))
	if server != "" {
		to, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		}})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// guest is somebody at the app of somebody else.
type guest struct {
	*browser
	key  *authenticator // the phone that they sign up with
	page string         // where the app is
}

// visit opens the app at an origin, told where the server is and what to carry.
func visit(t *testing.T, origin, server, mode string) guest {
	t.Helper()
	b := startBrowser(t, origin)
	g := guest{browser: b, key: b.plugIn(builtIn()), page: "/app/?" + url.Values{"api": {server}, "mode": {mode}}.Encode()}
	g.key.touch(false)
	return g
}

// arrive opens the app with hands off the authenticator, and lets autofill wait.
func (g guest) arrive() {
	g.t.Helper()
	g.key.touch(false)
	g.open(g.page)
	g.await("autofill", "document.body.dataset.autofill === 'waiting'")
}

// press presses a button with a hand on the authenticator, and expects an outcome.
func (g guest) press(button string, by *authenticator, outcome string) {
	g.t.Helper()
	by.touch(true)
	g.click(button)
	g.awaitStatus(button + ": " + outcome)
	by.touch(false)
}

// leave signs out and opens the app again.
func (g guest) leave() {
	g.t.Helper()
	g.click("sign-out")
	g.awaitStatus("sign-out: done")
	if got := g.ask("/v1/account"); got != "unauthenticated" {
		g.t.Errorf("signed out and still answered: %s", got)
	}
	g.arrive()
}

// ask is what the app gets: JSON, or the code of the refusal.
func (g guest) ask(path string) string {
	g.t.Helper()
	return eval[string](g.browser, "app.call('GET', "+quote(path)+").then(JSON.stringify, e => e.code ?? String(e))")
}

// wantUses checks with the server how often each passkey was used, in the order of
// their making, and that the one at an index signed this session in.
func (g guest) wantUses(this int, uses ...int) {
	g.t.Helper()
	var list struct {
		Passkeys []passkey `json:"passkeys"`
	}
	text := g.ask("/v1/passkeys")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		g.t.Fatalf("GET /v1/passkeys: %s", text)
	}
	if len(list.Passkeys) != len(uses) {
		g.t.Fatalf("%d passkeys, want %d", len(list.Passkeys), len(uses))
	}
	for i, got := range list.Passkeys {
		// At least: an authenticator that answers autofill by itself may do so once more
		// before the test takes its hand away.
		if got.TimesUsed < uses[i] || got.ThisSession != (i == this) || !got.UserVerified {
			g.t.Errorf("passkey %d: %+v, want %d uses or more and this session: %t", i, got, uses[i], i == this)
		}
	}
}

// TestSimpleWebAuthn: somebody else's app with a library of somebody else's, as it
// comes, does all that people do with passkeys: from an origin of its own with
// tokens, and from ours with cookies.
func TestSimpleWebAuthn(t *testing.T) {
	t.Parallel()
	t.Run("tokens from another origin", func(t *testing.T) {
		t.Parallel()
		app := serveClient(t, "")
		s := startServer(t, "KEYTURN_CORS_ORIGINS="+app, "KEYTURN_RP_ORIGINS="+app)
		visit(t, app, s.url, "token").everything()
	})
	t.Run("cookies from the same origin", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		app := serveClient(t, fmt.Sprintf("http://127.0.0.1:%d", port))
		startServerBehind(t, app, port)
		g := visit(t, app, "", "cookie")
		g.everything()
		if got := eval[string](g.browser, "document.cookie"); got != "" {
			t.Errorf("the page can read %s", got)
		}
	})
}

// everything is a person's whole way through the app.
func (g guest) everything() {
	g.t.Helper()
	g.arrive()
	g.fill("username", "ana")
	g.press("sign-up", g.key, "done")
	g.wantUses(0, 0)

	g.leave()
	g.fill("username", "ana")
	g.press("by-username", g.key, "done")
	g.wantUses(0, 1)

	g.leave()
	g.press("usernameless", g.key, "done")
	g.wantUses(0, 2)

	g.leave()
	g.key.touch(true)
	g.open(g.page)
	g.awaitStatus("autofill: done")
	g.wantUses(0, 3)

	g.press("add", g.key, "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED")
	spare := g.plugIn(securityKey())
	spare.touch(false)
	g.key.touch(false)
	g.press("add", spare, "done")
	g.wantUses(0, 3, 0)

	g.leave()
	g.fill("username", "ana")
	g.press("by-username", spare, "done")
	g.wantUses(1, 3, 1)
}

// TestForeignOrigin: an app may do what its origin is allowed to, and no more.
func TestForeignOrigin(t *testing.T) {
	t.Parallel()
	app := serveClient(t, "")
	for name, test := range map[string]struct {
		cors    string
		mode    string
		outcome string
	}{
		"tokens, not allowed":         {"http://localhost:1", "token", "TypeError"},
		"cookies, allowed for tokens": {app, "cookie", "origin_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "KEYTURN_CORS_ORIGINS="+test.cors, "KEYTURN_RP_ORIGINS="+app)
			g := visit(t, app, s.url, test.mode)
			g.open(g.page)
			g.fill("username", "ana")
			g.press("sign-up", g.key, test.outcome)
			if log := s.output.String(); strings.Contains(log, "status=201") {
				t.Error("an account was made")
			}
		})
	}
}
