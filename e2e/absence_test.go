package e2e

import (
	"strings"
	"testing"
)

// TestNoPasskeyHere: a device without a passkey for the site says so at once, instead of
// asking for a phone, and offers what else there is.
func TestNoPasskeyHere(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := startBrowser(t, s.url)
	b.plugIn(builtIn())
	b.open("/sign-in")
	b.click("passkey")
	b.awaitStatus(saidNoneHere)
	b.await("the other ways", `document.querySelector('#passkey').textContent === 'Use your phone or security key' &&
		document.querySelector('#send-link') && document.querySelector('#to-recover')`)

	// Where no link can be had, none is spoken of.
	b.base = startServer(t, "KEYTURN_LINKS=never").url
	b.open("/sign-in")
	b.click("passkey")
	b.awaitStatus("There's no passkey for this site here. Use your phone or security key.")
	if eval[bool](b, "!!document.querySelector('#send-link')") {
		t.Error("a link is offered")
	}
}

// TestSignedOutStaysOut: who has signed out is not let in again by an authenticator that
// answers by itself; autofill waits for a sign of them.
func TestSignedOutStaysOut(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.click("sign-out")
	p.awaitPath("/sign-in")
	p.awaitStatus(saidLeft)
	p.await("a clean address", "location.hash === ''")
	p.wantSignedOut()
	if got := eval[string](p.browser, "document.querySelector('main').dataset.autofill"); got != "off" {
		t.Errorf("autofill is %s", got)
	}
	p.stir()
	p.wantSignedIn(1)
}

// TestNothingThere: an address without a page says so to people, in their language, with
// a way on.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	b := startBrowser(t, startServer(t).url)
	b.open("/no/such/page?lang=de")
	b.await("the words", "document.querySelector('main h1')?.textContent === 'Hier ist nichts'")
	b.click("on")
	b.awaitPath("/sign-in")
	if text := eval[string](b, "fetch('/no/such/page').then(r => r.text())"); !strings.Contains(text, `"not_found"`) {
		t.Errorf("a program gets %s", text)
	}
}
