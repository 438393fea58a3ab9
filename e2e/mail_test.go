package e2e

import (
	"strings"
	"testing"
)

const (
	anasAddress = "ana@example.com"
	// What mails are about, as their subjects say it.
	aboutSignIn = "Sign in"
)

// askForLink asks for a link on the page to sign in.
func (b *browser) askForLink(email string) {
	b.t.Helper()
	b.open("/sign-in")
	b.fill("username", email)
	b.click("send-link")
	b.await("the mail on its way", "document.querySelector('#mailed')?.textContent.includes("+quote(email)+")")
}

// signUpByMail opens an account where everybody proves an address first, and leaves the
// person at /account.
func (b *browser) signUpByMail(m *mailbox, name string) {
	b.t.Helper()
	b.open("/sign-up")
	b.fill("email", m.to)
	b.click("send-link")
	b.await("the mail on its way", "document.querySelector('#mailed')")
	b.open(m.next("").link(b.t, "/link"))
	b.await("a clean address", "location.hash === ''")
	b.click("use-link")
	b.awaitPath("/sign-up")
	b.await("the address", "document.querySelector('[data-testid=fact]')?.textContent === "+quote(m.to))
	b.fill("display-name", name)
	b.click("create")
	b.awaitPath("/account")
	b.awaitStatus(saidAdded)
}

type seenAccount struct {
	Email   string   `json:"email"`
	Emails  []string `json:"emails"`
	Pending string   `json:"pending_email"`
	Name    string   `json:"display_name"`
}

func (b *browser) account() seenAccount {
	b.t.Helper()
	var a seenAccount
	b.get("/v1/account", &a)
	return a
}

// TestSignUpByMail: where accounts begin with an address, it is proved before there is
// anything.
func TestSignUpByMail(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	b := startBrowser(t, s.url)
	b.plugIn(builtIn())
	b.signUpByMail(s.mailbox(t, anasAddress), "Ana Example")
	if a := b.account(); a.Email != anasAddress || a.Name != "Ana Example" {
		t.Errorf("account %+v", a)
	}
	b.awaitRows(1)
}

// TestLinkInTheSameBrowser: a link signs in the browser that asked for it, in whatever
// tab it is opened, after a press of a button; the tab that waited goes on by itself.
func TestLinkInTheSameBrowser(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")
	p := person{browser: startBrowser(t, s.url), autofill: true}
	p.key = p.plugIn(builtIn())
	mails := s.mailbox(t, anasAddress)
	p.signUpByMail(mails, "Ana")
	p.signOut()
	p.askForLink(anasAddress)
	link := mails.next(aboutSignIn).link(t, "/link")

	// A tab that was thrown away meanwhile waits again when it comes back.
	p.open("/sign-in")
	p.await("the mail on its way", "document.querySelector('#mailed')")
	waiting := p.browser
	p.browser = waiting.tab()
	p.open(link)
	p.await("the question", "document.querySelector('#use-link') && document.querySelector('.who').textContent.includes("+quote(anasAddress)+")")
	p.wantStatus("/v1/account", 401) // looking signs nobody in
	p.click("use-link")
	p.awaitPath("/account")
	p.wantStatus("/v1/account", 200)
	waiting.awaitPath("/account")
}

// wantStatus checks how a GET of the page is answered.
func (b *browser) wantStatus(path string, want int) {
	b.t.Helper()
	if got := b.status(path); got != want {
		b.t.Errorf("GET %s: %d, want %d", path, got, want)
	}
}

// TestLinkElsewhere: a link that is opened in another browser signs in nobody there. It
// shows a code, which is typed where the link was asked for.
func TestLinkElsewhere(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")
	p := person{browser: startBrowser(t, s.url), autofill: true}
	p.key = p.plugIn(builtIn())
	mails := s.mailbox(t, anasAddress)
	p.signUpByMail(mails, "Ana")
	p.signOut()
	p.askForLink(anasAddress)

	other := startBrowser(t, s.url)
	other.open(mails.next(aboutSignIn).link(t, "/link"))
	other.await("where it was asked for", "document.querySelector('[data-testid=asked-from]')?.textContent.includes('Chromium on Linux')")
	other.click("show-code")
	other.await("the code", "document.querySelector('[data-testid=code]')?.textContent.length === 6")
	code := eval[string](other, "document.querySelector('[data-testid=code]').textContent")
	other.wantStatus("/v1/account", 401)

	p.fill("code", "AAAAAA")
	p.click("check-code")
	p.awaitStatus("That code didn't work. Check it, or open the link again for another one.")
	p.retype("#code", strings.ToLower(code[:3]+"-"+code[3:]))
	p.click("check-code")
	p.awaitPath("/account")
	p.wantStatus("/v1/account", 200)
	other.wantStatus("/v1/account", 401)
}

// TestLinkDenied: who did not ask for a link says so, and it is of no use to whoever did.
func TestLinkDenied(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	mallory, ana := startBrowser(t, s.url), startBrowser(t, s.url)
	mallory.plugIn(builtIn())
	mallory.askForLink(anasAddress)
	link := s.mailbox(t, anasAddress).next("").link(t, "/link")
	ana.open(link)
	ana.click("deny")
	ana.await("the end", "document.querySelector('main h1').textContent === 'Nobody got in'")
	mallory.open(link)
	mallory.await("the end", "document.querySelector('main h1').textContent === \"This link doesn't work any more\"")
	mallory.await("no way to use it", "!document.querySelector('[data-testid=use-link]')")
}

// TestInvitation: an invitation opens an account with the address that it went to, where
// nobody else may sign up, once.
func TestInvitation(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=invite")
	b := startBrowser(t, s.url)
	b.plugIn(builtIn())
	b.open("/sign-up")
	b.await("who may", "document.querySelector('#closed')?.textContent.includes('by invitation')")

	s.command(t, "account", "invite", "--email", anasAddress, "--send")
	link := s.mailbox(t, anasAddress).next("").link(t, "/sign-up")
	b.open(link)
	b.await("the address", "document.querySelector('[data-testid=fact]')?.textContent === "+quote(anasAddress))
	b.fill("display-name", "Ana")
	b.click("create")
	b.awaitPath("/account")
	if a := b.account(); a.Email != anasAddress {
		t.Errorf("account %+v", a)
	}
	b.open(link)
	b.awaitStatus("This link has expired, or was used before. If you used it, sign in.")
}

// TestConfirmAddress: an address is the account's when the link that went there is
// opened by who claimed it, who may have to sign in first.
func TestConfirmAddress(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := freshly(t, s, builtIn())
	p.fill("new-email", anasAddress)
	p.click("save-email")
	p.awaitStatus("We've sent a link to " + anasAddress + ".")
	p.await("the claim", "document.querySelector("+quote(byTestID("pending-email"))+")")
	link := s.mailbox(t, anasAddress).next("").link(t, "/confirm-email")

	stranger := startBrowser(t, s.url)
	stranger.open(link)
	stranger.await("the way to sign in", "document.querySelector('#to-sign-in')")

	p.signOut()
	p.open(link)
	p.click("to-sign-in")
	p.awaitPath("/sign-in")
	p.byUsername()
	p.awaitPath("/confirm-email")
	p.click("confirm-email")
	p.await("the end", "document.querySelector('#end')?.textContent === "+quote(anasAddress+" is confirmed."))
	p.open("/account")
	p.await("the address", "document.querySelector("+quote(byTestID("email"))+")?.textContent.includes("+quote(anasAddress)+")")
	if a := p.account(); len(a.Emails) != 1 || a.Pending != "" {
		t.Errorf("account %+v", a)
	}
}
