package e2e

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// Where somebody was heading who has to sign in first.
const heading = "/admin?view=events"

// awaitPlace waits until the browser is at a path with its query.
func (b *browser) awaitPlace(place string) {
	b.t.Helper()
	b.await(place, "location.pathname + location.search === "+quote(place)+" && document.readyState === 'complete'")
}

// toSignIn is the page to sign in, from which one goes on to a place.
func toSignIn(place string) string { return "/sign-in?return_to=" + url.QueryEscape(place) }

// endSession ends the session behind the back of the page that is open. One that still
// loads hears of it and leads away by itself.
func (b *browser) endSession() {
	b.t.Helper()
	if got := eval[int](b, "fetch('/v1/sign-out', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}).then(r => r.status)"); got != 204 {
		b.t.Fatalf("sign-out: %d", got)
	}
}

// leaveFor leaves the person at the page to sign in, on their way to a place, with their
// hands off the authenticator. The session ends when the page before is gone, which would
// lead away from here to where it was.
func (p person) leaveFor(place string) {
	p.t.Helper()
	p.key.touch(false)
	p.open(toSignIn(place))
	p.awaitPlace(toSignIn(place))
	p.awaitSignIn()
	p.endSession()
}

// TestReturnTo: who is sent to sign in lands where they were heading, by each passkey
// road, and nobody is led to another site.
func TestReturnTo(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.awaitRows(1)
	const section = "/account?from=mail#section-passkeys"
	p.open(section)
	p.awaitRows(1)
	p.key.touch(false)
	p.endSession()
	p.choose(1, "rename")
	p.retype("#rename", "Red key")
	p.press(byTestID("save-name"))
	p.awaitPlace(toSignIn(section)) // the session has ended: the page leads away
	p.awaitSignIn()
	p.byUsername()
	p.awaitPlace("/account?from=mail")
	p.await("the section", "location.hash === '#section-passkeys'")

	for _, road := range []func(person){
		person.byUsername,
		person.usernameless,
		func(p person) { p.key.touch(true); run(p.browser, "reload", chromedp.Reload()) }, // autofill
	} {
		p.leaveFor(heading)
		road(p)
		p.awaitPlace(heading)
		p.wantStatus("/v1/account", 200)
	}

	for _, hostile := range []string{
		"https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "/%2fevil.example", "/%5cevil.example",
		"/..//evil.example", "javascript:alert(1)", "/account?next=//evil.example", "/sign-in", "/%0d%0a", "@evil.example",
	} {
		// Autofill signs in again and goes on.
		p.open(toSignIn(hostile))
		p.awaitPlace("/account")
		if at := eval[string](p.browser, "location.origin"); at != p.base {
			t.Fatalf("%q led to %s", hostile, at)
		}
	}
}

// TestReturnToByLink: so does who signs in by a mailed link, or opens an account on the
// way; and a hostile place keeps nobody from getting a link.
func TestReturnToByLink(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")
	mails := s.mailbox(t, anasAddress)
	p := person{browser: startBrowser(t, s.url), name: anasAddress, autofill: true}
	p.key = p.plugIn(builtIn())
	p.key.touch(false)
	p.open(toSignIn(heading))
	p.click("to-sign-up")
	p.awaitPlace("/sign-up?return_to=" + url.QueryEscape(heading))
	p.fill("email", anasAddress)
	p.click("send-link")
	p.await("the mail on its way", "document.querySelector('#mailed')")
	p.open(mails.next("").link(t, "/link"))
	p.click("use-link")
	p.await("the address", "document.querySelector('[data-testid=fact]')?.textContent === "+quote(anasAddress))
	p.key.touch(true)
	p.click("create")
	p.awaitPlace(heading)

	p.leaveFor(heading)
	p.fill("username", anasAddress)
	p.click("send-link")
	p.await("the mail on its way", "document.querySelector('#mailed')")
	reader := p.tab()
	reader.open(mails.next(aboutSignIn).link(t, "/link"))
	reader.click("use-link")
	reader.awaitPlace(heading)
	p.awaitPlace(heading) // the tab that waited

	stranger := startBrowser(t, s.url)
	stranger.open(toSignIn("//evil.example"))
	stranger.fill("username", "bo@example.com")
	stranger.click("send-link")
	stranger.await("the mail on its way", "document.querySelector('#mailed')")
}
