package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// staticPage serves an empty page on localhost, where WebAuthn works without TLS.
func staticPage(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>static</title><main>A page.</main>")
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// What the static page asks for, and what became of it: "ok" or an error's name.
const (
	askCreate = `navigator.credentials.create({publicKey: {
		rp: {id: 'localhost', name: 'static'}, user: {id: new Uint8Array(16), name: 'ana', displayName: ''},
		challenge: new Uint8Array(32), pubKeyCredParams: [{type: 'public-key', alg: -7}],
		authenticatorSelection: {residentKey: 'preferred', userVerification: 'required'},
	}}).then(c => { window.made = c.rawId; return 'ok' }, e => e.name)`
	askList = `navigator.credentials.get({publicKey: {
		rpId: 'localhost', challenge: new Uint8Array(32), userVerification: 'required',
		allowCredentials: [{type: 'public-key', id: window.made}],
	}}).then(c => { window.auth = new Uint8Array(c.response.authenticatorData); return 'ok' }, e => e.name)`
	askAny = `navigator.credentials.get({publicKey: {
		rpId: 'localhost', challenge: new Uint8Array(32), userVerification: 'required',
	}}).then(() => 'ok', e => e.name)`
	askAutofill = `navigator.credentials.get({mediation: 'conditional', publicKey: {
		rpId: 'localhost', challenge: new Uint8Array(32), userVerification: 'required',
	}}).then(() => 'ok', e => e.name)`
)

// TestHarness proves the browser and its authenticators without a server: when it
// fails, it is not Keyturn that is broken.
func TestHarness(t *testing.T) {
	t.Parallel()
	t.Run("built in", func(t *testing.T) {
		t.Parallel()
		b := startBrowser(t, staticPage(t))
		a := b.plugIn(builtIn())
		b.open("/")
		for _, ask := range []string{askCreate, askList, askAny, askAutofill} {
			if got := eval[string](b, ask); got != "ok" {
				t.Fatalf("%s: %s", ask, got)
			}
		}
		if flags := eval[int](b, "window.auth[32]"); flags != 0x1d {
			t.Errorf("flags %08b, want UP, UV, BE, BS", flags)
		}
		if c := a.credential(); !c.IsResidentCredential || len(c.PrivateKey) == 0 {
			t.Errorf("not a discoverable credential with its key: resident %v, %d bytes", c.IsResidentCredential, len(c.PrivateKey))
		}
	})
	t.Run("security key", func(t *testing.T) {
		t.Parallel()
		b := startBrowser(t, staticPage(t))
		a := b.plugIn(securityKey())
		b.open("/")
		const count = "new DataView(window.auth.buffer).getUint32(33)"
		for _, ask := range []string{askCreate, askList, askList} {
			if got := eval[string](b, ask); got != "ok" {
				t.Fatalf("%s: %s", ask, got)
			}
		}
		if got := eval[int](b, count); got != 3 {
			t.Errorf("count %d after making and two uses, want 3", got)
		}
		if got := eval[string](b, askAny); got != "NotAllowedError" {
			t.Errorf("it was discovered: %s", got)
		}

		c := a.credential()
		c.SignCount = 0
		a.insert(c)
		if got := eval[string](b, askList); got != "ok" || eval[int](b, count) != 1 {
			t.Errorf("a copy that fell behind: %s, count %d", got, eval[int](b, count))
		}

		a.override(webauthn.SetResponseOverrideBitsParams{IsBadUV: new(true)})
		if got := eval[string](b, askList); got != "ok" || eval[int](b, "window.auth[32]") != 0x01 {
			t.Errorf("bad UV: %s, flags %08b", got, eval[int](b, "window.auth[32]"))
		}
		a.verifyUser(false)
		if got := eval[string](b, askList); got != "NotAllowedError" {
			t.Errorf("user not verified: %s", got)
		}
	})
}
