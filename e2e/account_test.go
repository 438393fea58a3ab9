package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// What the account page says.
const (
	saidFresh = "Confirm it's you"
	rowsOf    = "document.querySelectorAll('#passkeys > li')"
)

// press clicks what a selector finds.
func (b *browser) press(css string) {
	b.t.Helper()
	run(b, "press "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible, chromedp.NodeEnabled))
}

// byTestID is the selector of a test id.
func byTestID(id string) string { return `[data-testid="` + id + `"]` }

// retype replaces what stands in a field.
func (b *browser) retype(css, text string) {
	b.t.Helper()
	b.await(css, "document.querySelector("+quote(css)+")")
	eval[any](b, "document.querySelector("+quote(css)+").select()")
	run(b, "type into "+css, chromedp.SendKeys(chromedp.CSS(css), text, chromedp.NodeVisible))
}

// choose opens the menu of the nth passkey and picks from it.
func (b *browser) choose(n int, item string) {
	b.t.Helper()
	b.press(fmt.Sprintf("#passkeys > li:nth-child(%d) %s", n, byTestID("menu")))
	b.press(byTestID("menu-" + item))
}

func (b *browser) awaitRows(n int) {
	b.t.Helper()
	b.await(fmt.Sprint(n, " passkeys"), fmt.Sprintf("%s.length === %d", rowsOf, n))
}

// freshly is a person who has just signed in, which counts as a fresh proof; signing up
// does not.
func freshly(t *testing.T, s *server, model webauthn.VirtualAuthenticatorOptions) person {
	t.Helper()
	p := newcomer(t, s, model)
	p.signOut()
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(1)
	return p
}

// addSecond adds a passkey on another authenticator, which takes the place of the
// first. What the first held is given back.
func (p *person) addSecond(name string) *webauthn.Credential {
	p.t.Helper()
	first := p.key.credential()
	p.key.unplug()
	p.key = p.plugIn(discoverableKey())
	p.click("add")
	if name != "" {
		p.retype("#passkey-name", name)
	}
	p.press("#keep-name")
	p.awaitStatus(saidAdded)
	p.awaitRows(2)
	return first
}

// TestManagePasskeys: everything that a person does with their passkeys.
func TestManagePasskeys(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	p.await("the badge", "document.querySelector('#passkeys').textContent.includes('Only way in')")

	// The same device again, then the only way in.
	p.click("add")
	p.awaitStatus(saidRegistered)
	p.choose(1, "delete")
	p.await("a refusal", "document.querySelector('[role=dialog]').textContent.includes('your only way in')")
	p.press(byTestID("confirm") + " .secondary")

	p.addSecond("Blue key")
	names := "[..." + rowsOf + "].map(li => li.querySelector('.passkey-name').textContent).join()"
	second := 1
	if n := eval[string](p.browser, names); n[len(n)-len("Blue key"):] == "Blue key" {
		second = 2
	}
	row := fmt.Sprintf("document.querySelector('#passkeys > li:nth-child(%d)')", second)
	p.choose(second, "rename")
	p.retype("#rename", "Red key")
	p.press(byTestID("save-name"))
	p.awaitStatus("Renamed to “Red key”.")
	p.await("the name", row+".textContent.includes('Red key')")

	p.choose(second, "suspend")
	p.press(byTestID("confirm-sure"))
	p.awaitStatus("“Red key” is suspended. Nobody can sign in with it.")
	p.await("the badge", row+".textContent.includes('Suspended')")
	p.choose(second, "restore")
	p.awaitStatus("“Red key” can be used again.")

	p.choose(second, "delete")
	p.press(byTestID("confirm-sure"))
	p.awaitStatus("“Red key” is deleted.")
	p.awaitRows(1)
	// The authenticator is told, and forgets it.
	p.awaitCredentials(0)
}

// awaitCredentials waits until the authenticator holds so many.
func (p person) awaitCredentials(n int) {
	p.t.Helper()
	for range 200 {
		held := command(p.browser, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: p.key.id})
		if len(held.Credentials) == n {
			return
		}
		eval[any](p.browser, "new Promise(r => setTimeout(r, 25, null))")
	}
	p.t.Errorf("the authenticator does not hold %d credentials", n)
}

// TestNameIsNeverInTheWay: closing the dialog keeps the passkey and the name that was
// suggested.
func TestNameIsNeverInTheWay(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	p.key.unplug()
	p.key = p.plugIn(discoverableKey())
	p.click("add")
	p.await("the dialog", "document.querySelector('#passkey-name')?.value === 'Security key'")
	run(p.browser, "escape", chromedp.KeyEvent("\x1b"))
	p.awaitStatus(saidAdded)
	p.awaitRows(2)
	p.await("the name", "document.querySelector('#passkeys').textContent.includes('Security key')")

	// So does leaving the page in the middle.
	p.key.unplug()
	p.key = p.plugIn(discoverableKey())
	p.click("add")
	p.await("the dialog", "document.querySelector('#passkey-name')")
	p.open("/sign-up")
	p.open("/account")
	p.awaitRows(3)
}

// TestStepUp: what needs a fresh proof asks for it, can be called off, and goes on
// where it was.
func TestStepUp(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.awaitRows(1)
	const dialog = "document.querySelector('[role=dialog]')?.textContent"
	p.click("add")
	p.await("the dialog", dialog+".includes("+quote(saidFresh)+")")
	p.press(byTestID("step-up") + " .secondary")
	p.awaitStatus(saidCalm)
	p.await("the focus where it was", "document.activeElement.id === 'add'")

	p.click("add")
	p.key.verifyUser(false)
	p.press(byTestID("step-up-confirm"))
	p.await("the failure", dialog+".includes("+quote(saidCalm)+")")
	p.key.verifyUser(true)
	p.press(byTestID("step-up-confirm"))
	// The proof is there: now it is the device itself that has a passkey already.
	p.awaitStatus(saidRegistered)
}

// TestTwins: a browser that ignores which passkeys there are makes a second one for
// the same person. Both are listed and both sign in; the older one is pointed out,
// and left alone.
func TestTwins(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	older := p.key.credential()
	eval[any](p.browser, `{ const real = navigator.credentials.create.bind(navigator.credentials);
		navigator.credentials.create = o => { o.publicKey.excludeCredentials = []; return real(o) }; } null`)
	// Within the second in which the first was made none is newer.
	p.await("the next second", "new Date("+"document.querySelector('#passkeys time').dateTime) < Date.now() - 1500")
	p.click("add")
	p.press("#keep-name")
	p.awaitStatus(saidAdded)
	p.awaitRows(2)
	newer := p.key.credential()

	p.signOut()
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(2)
	p.await("the hint", "document.querySelector("+quote(byTestID("replaced"))+")?.textContent.startsWith('Perhaps replaced by')")
	p.signOut()
	p.key.insert(older)
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(2)
	p.await("no hint", "!document.querySelector("+quote(byTestID("replaced"))+")")
	p.signOut()
	p.key.insert(newer)
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(2)
}

// TestRemembered: who chose to be remembered signs in by one press, and is forgotten
// by two. Signing out, which empties the storage of the site, forgets nobody.
func TestRemembered(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.signOut()
	if eval[bool](p.browser, "!!document.querySelector("+quote(byTestID("person"))+")") {
		t.Error("remembered without having asked for it")
	}
	p.click("remember")
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(1)
	p.signOut()
	p.key.touch(true)
	p.press(byTestID("person"))
	p.awaitPath("/account")
	p.awaitRows(1)
	p.signOut()
	p.press(byTestID("people") + " " + byTestID("menu"))
	p.press(byTestID("menu-remove"))
	p.awaitStatus("Ana Example is no longer remembered on this device.")
	p.open("/sign-in")
	p.awaitSignIn()
	if eval[bool](p.browser, "!!document.querySelector("+quote(byTestID("person"))+") || !!localStorage.getItem('keyturn.people')?.includes('ana')") {
		t.Error("remembered after all")
	}
}

// TestFaster: who signs in with a key that is not of this device is offered a passkey
// for it, once.
func TestFaster(t *testing.T) {
	t.Parallel()
	b := startBrowser(t, startServer(t).url)
	key := b.plugIn(securityKey())
	b.open("/sign-up")
	b.fill("username", "ana")
	b.click("remember")
	b.click("create")
	b.awaitPath("/account")
	b.awaitRows(1)
	b.click("sign-out")
	b.awaitPath("/sign-in")
	b.press(byTestID("person"))
	b.awaitPath("/account")
	b.awaitRows(1)
	key.unplug()
	b.plugIn(builtIn())
	b.open("/account")
	b.await("the offer", "document.querySelector("+quote(byTestID("faster"))+")")
	b.open("/account")
	b.awaitRows(1)
	b.await("the page", "document.querySelector('#sessions li')")
	if eval[bool](b, "!!document.querySelector("+quote(byTestID("faster"))+")") {
		t.Error("offered again")
	}
	eval[any](b, `{ const people = JSON.parse(localStorage.getItem('keyturn.people'));
		people[0].offered -= 31 * 24 * 3600 * 1000; localStorage.setItem('keyturn.people', JSON.stringify(people)) } null`)
	b.open("/account")
	b.press(byTestID("faster-create"))
	b.press("#keep-name")
	b.awaitStatus(saidAdded)
	b.awaitRows(2)
}
