package e2e

import (
	"encoding/json"
	"testing"
)

// reachable is somebody with a proved address, freshly signed in.
func reachable(t *testing.T, s *server) (person, *mailbox) {
	t.Helper()
	p := person{browser: startBrowser(t, s.url), name: anasAddress, autofill: true}
	p.key = p.plugIn(builtIn())
	mails := s.mailbox(t, anasAddress)
	p.signUpByMail(mails, "Ana")
	p.signOut()
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(1)
	return p, mails
}

// saveCodes makes recovery codes and proves that they were saved.
func (p person) saveCodes() []string {
	p.t.Helper()
	p.click("make-codes")
	p.await("the codes", "document.querySelectorAll('#codes code').length === 10")
	var codes []string
	if err := json.Unmarshal([]byte(eval[string](p.browser, "JSON.stringify([...document.querySelectorAll('#codes code')].map(c => c.textContent))")), &codes); err != nil {
		p.t.Fatal(err)
	}
	p.fill("saved-code", "7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-JG")
	p.click("check-saved")
	p.awaitStatus("That is none of your codes. Check it.")
	p.retype("#saved-code", codes[3])
	p.click("check-saved")
	p.awaitStatus("Good. Your recovery codes are saved.")
	p.await("how many", "document.querySelector('#codes-left')?.textContent === '10 recovery codes left.'")
	return codes
}

// awaitRefusal waits until a sign-in is refused. What the page says of it does not stay
// where an authenticator answers autofill over and over.
func (b *browser) awaitRefusal() {
	b.t.Helper()
	b.await("a refusal", "performance.getEntriesByType('resource').some(e => e.name.endsWith('/v1/sign-in/passkey') && e.responseStatus === 401)")
}

// TestRecovery: who has lost every passkey gets back in with a saved code, after the
// hold, which whoever owns the account can end; the code is used up.
func TestRecovery(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email", "KEYTURN_RECOVERY_HOLD=0s")
	p, mails := reachable(t, s)
	codes := p.saveCodes()

	other := startBrowser(t, s.url)
	other.plugIn(builtIn())
	other.open("/recover")
	other.fill("username", anasAddress)
	other.fill("recovery-code", "wrong-code")
	other.click("show-code")
	other.awaitStatus("That didn't work. Check the name and the code.")
	other.retype("#recovery-code", codes[0])
	other.click("show-code")
	other.await("the passkey to make", "document.querySelector('#recovered')")
	other.click("create")
	other.await("the end", "document.querySelector('#end')?.textContent === 'Passkey added. Sign in with it.'")
	other.wantStatus("/v1/account", 401)
	other.click("to-sign-in")
	other.awaitPath("/account") // autofill, by the new passkey
	other.awaitRows(2)
	other.await("how many", "document.querySelector('#codes-left')?.textContent === '9 recovery codes left.'")
	mails.next("")

	// The code is used up, and every session of before has ended.
	p.open("/account")
	p.awaitPath("/sign-in")
	p.open("/recover")
	p.fill("username", anasAddress)
	p.fill("recovery-code", codes[0])
	p.click("show-code")
	p.awaitStatus("That didn't work. Check the name and the code.")
}

// TestRecoveryIsHeld: with a passkey that works, a recovery waits, and "this was not me"
// ends it.
func TestRecoveryIsHeld(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	p, mails := reachable(t, s)
	codes := p.saveCodes()

	thief := startBrowser(t, s.url)
	thief.plugIn(builtIn())
	thief.open("/recover")
	thief.fill("username", anasAddress)
	thief.fill("recovery-code", codes[0])
	thief.click("show-code")
	thief.await("the hold", "document.querySelector('[data-testid=hold]')?.textContent.includes('can stop it until then')")
	thief.click("create")
	thief.await("the end", "document.querySelector('#end')?.textContent.startsWith('Passkey added. You can sign in with it from')")
	thief.click("to-sign-in")
	thief.awaitRefusal() // autofill, by a passkey that waits
	thief.wantStatus("/v1/account", 401)

	reader := startBrowser(t, s.url) // the mail is read on a phone
	reader.open(mails.next("A recovery code").link(t, "/undo"))
	reader.await("what", "document.querySelector('[data-testid=about]')?.textContent === 'A recovery code of your account was used.'")
	reader.click("undo")
	reader.await("the end", "document.querySelector('main h1').textContent === 'It is undone'")

	p.key.touch(false)
	p.open("/sign-in")
	p.awaitSignIn()
	p.byUsername()
	p.awaitPath("/account")
	p.awaitRows(2)
	p.await("the thief's passkey", "[...document.querySelectorAll('#passkeys > li')].some(li => li.textContent.includes('Suspended'))")
}

// TestUndo: a passkey that somebody else added is suspended by who reads the mail, once,
// and everybody is signed out.
func TestUndo(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	p, mails := reachable(t, s)
	p.addSecond("Mallory's key")
	link := mails.next("passkey").link(t, "/undo")

	reader := startBrowser(t, s.url)
	reader.open(link)
	reader.await("what", "document.querySelector('[data-testid=about]')?.textContent.includes(\"Mallory's key\")")
	reader.click("keep") // nothing happens by that
	reader.await("the end", "document.querySelector('main h1').textContent === 'All is well'")
	p.wantStatus("/v1/account", 200)
	reader.open(link)
	reader.click("undo")
	reader.await("the end", "document.querySelector('main h1').textContent === 'It is undone'")
	p.wantStatus("/v1/account", 401)

	reader.open(link)
	reader.await("the end", "document.querySelector('main h1').textContent === \"This link doesn't work any more\"")
}

// TestMailbox: what a development server sends can be read there, each mail in a frame
// that can do nothing.
func TestMailbox(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	b := startBrowser(t, s.url)
	b.askForLink(anasAddress)
	b.open("/dev/mail")
	b.press("#mails button")
	b.await("its link", "document.querySelector('#mail-links a')?.href.includes('/link#')")
	b.await("the frame", "document.querySelector('iframe')?.clientHeight > 300")
	if faults := eval[int](b, "performance.getEntriesByType('resource').filter(e => new URL(e.name).origin !== location.origin).length"); faults > 0 {
		t.Errorf("%d requests elsewhere", faults)
	}
	b.press("#mail-links a")
	b.awaitPath("/link")
	b.await("the question", "document.querySelector('#use-link')")
}
