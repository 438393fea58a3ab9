package e2e

import (
	"strings"
	"testing"
)

// TestMailByTLS: from the first sign-up to a link in the same browser, with mails that
// went over the wire: TLS from the first byte.
func TestMailByTLS(t *testing.T) {
	t.Parallel()
	o := openPostOffice(t, true)
	s := startServer(t, o.settings("smtps", "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	p := person{browser: startBrowser(t, s.url), autofill: true}
	p.key = p.plugIn(builtIn())
	mails := o.mailbox(t, s, anasAddress)
	p.signUpByMail(mails, "Ana")
	p.signOut()
	p.askForLink(anasAddress)
	link := mails.next(aboutSignIn).link(t, "/link")

	p.scanned(link)
	mine := p.tab()
	mine.open(link)
	mine.click("use-link")
	mine.awaitPath("/account")
	mine.wantStatus("/v1/account", 200)
}

// scanned lets a scanner of mails open a link before the person does: a browser that runs
// scripts, and presses the button that it finds. It is shown a code and is nobody.
func (b *browser) scanned(link string) {
	b.t.Helper()
	scanner := startBrowser(b.t, b.base)
	scanner.open(link)
	scanner.await("the question", "document.querySelector('#show-code')")
	scanner.click("show-code")
	scanner.await("the code", "document.querySelector('[data-testid=code]')?.textContent.length === 6")
	scanner.wantStatus("/v1/account", 401)
}

// TestMailBySTARTTLS: the same with STARTTLS, and a link that is opened in another
// browser, whose code is typed where it was asked for.
func TestMailBySTARTTLS(t *testing.T) {
	t.Parallel()
	o := openPostOffice(t, false)
	s := startServer(t, o.settings("smtp", "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	p := person{browser: startBrowser(t, s.url), autofill: true}
	p.key = p.plugIn(builtIn())
	mails := o.mailbox(t, s, anasAddress)
	p.signUpByMail(mails, "Ana")
	p.signOut()
	p.askForLink(anasAddress)

	other := startBrowser(t, s.url)
	other.open(mails.next(aboutSignIn).link(t, "/link"))
	other.click("show-code")
	other.await("the code", "document.querySelector('[data-testid=code]')?.textContent.length === 6")
	code := eval[string](other, "document.querySelector('[data-testid=code]').textContent")
	p.fill("code", strings.ToLower(code))
	p.click("check-code")
	p.awaitPath("/account")
	p.wantStatus("/v1/account", 200)
	other.wantStatus("/v1/account", 401)
}
