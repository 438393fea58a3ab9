package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// administrator is the first administrator of a server, on the page of administration.
// To make an account is no recent proof: the page asks for one.
func administrator(t *testing.T, s *server) person {
	t.Helper()
	p := person{browser: startBrowser(t, s.url), name: "root", autofill: true}
	p.key = p.plugIn(builtIn())
	p.open(s.administratorLink(t))
	p.fill("username", p.name)
	p.click("create")
	p.awaitPath("/account")
	p.click("to-admin")
	p.awaitPath("/admin")
	p.press(byTestID("step-up-confirm"))
	p.await("the accounts", "document.querySelectorAll('#accounts > li').length === 1")
	return p
}

// does presses a button and confirms it, with a reason.
func (p person) does(button, reason string) {
	p.t.Helper()
	p.press(button)
	p.await("the question", "document.querySelector('#reason')")
	p.fill("reason", reason)
	p.press(byTestID("ask-sure"))
}

// giveRole changes the role of the account that is looked at.
func (p person) giveRole(role string) {
	p.t.Helper()
	p.await("the choice", "document.querySelector('#role')")
	eval[any](p.browser, "document.querySelector('#role').value = "+quote(role)+"; null")
	p.click("save-role")
	p.awaitStatus("The role is changed.")
	p.await("the role", "document.querySelector('#role').value === "+quote(role)+" && !document.querySelector('#save-role').disabled")
}

// TestAdministration: an administrator makes an account, hands over its link, looks after
// its passkey, disables it and deletes it; and everything is in the events.
func TestAdministration(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=closed")
	p := administrator(t, s)
	p.click("add-account")
	p.await("the form", "document.querySelector('#draft-sure')")
	p.fill("username", "bo")
	p.fill("display-name", "Bo Example")
	p.click("draft-sure")
	p.await("what is wrong", "document.querySelector('[role=dialog] .status')?.textContent.includes(\"can't be used\")")
	p.retype("#username", "bob")
	p.click("draft-sure")
	p.awaitStatus("The account is created.")
	link := strings.TrimPrefix(eval[string](p.browser, "document.querySelector('#link-text').textContent"), s.url)
	p.await("the account", "document.querySelectorAll('#accounts > li').length === 2")

	bo := startBrowser(t, s.url)
	bo.plugIn(builtIn())
	bo.open(link)
	bo.click("create")
	bo.awaitPath("/account")
	bo.awaitStatus(saidAdded)

	p.fill("search", "bob")
	p.click("search-go")
	p.await("one account", "document.querySelectorAll('#accounts > li').length === 1 && document.querySelector('#accounts').textContent.includes('1 passkey')")
	p.press("#accounts a")
	p.await("the passkey", rowsOf+".length === 1")
	p.press("#passkeys " + byTestID("menu"))
	p.does(byTestID("menu-suspend"), "lost on a train")
	p.await("the badge", "document.querySelector('#passkeys').textContent.includes('Suspended')")
	bo.wantStatus("/v1/account", 401)
	p.press("#passkeys " + byTestID("menu"))
	p.press(byTestID("menu-restore"))
	p.press(byTestID("ask-sure"))
	p.await("the reason to be asked for", "document.querySelector('#reason-error')")
	p.fill("reason", "found again")
	p.press(byTestID("ask-sure"))
	p.await("no badge", rowsOf+".length === 1 && !document.querySelector('#passkeys').textContent.includes('Suspended')")

	p.retype("#display-name", "Bob Example")
	p.click("save-name")
	p.awaitStatus("The name is changed.")
	p.await("the name", "document.querySelector('#person-title').textContent === 'Bob Example'")
	p.giveRole("support")
	bo.open(toSignIn("/admin")) // autofill: the suspension had ended the session
	bo.await("what support may see", "document.querySelector('#accounts')")
	if offered := eval[string](bo, "[...document.querySelectorAll('.sections a, #add-account')].map(e => e.textContent).join()"); offered != "Accounts,Your account" {
		t.Errorf("support is offered %s", offered)
	}
	p.giveRole("member")

	p.does("#disable", "left the company")
	p.awaitStatus("The account is disabled.")
	bo.open("/sign-in") // autofill, by a passkey of a disabled account
	bo.awaitRefusal()
	p.does("#delete", "")
	p.awaitPath("/admin")
	p.await("one account", "document.querySelectorAll('#accounts > li').length === 1")

	p.open("/admin?view=events")
	for _, want := range []string{
		"The account was set up.", "A passkey was suspended.", "“lost on a train”", "The role was changed to Support.", "This account was disabled.", "This account was deleted.",
	} {
		p.await(want, fmt.Sprintf("document.querySelector('#events').textContent.includes(%s)", quote(want)))
	}
	p.click("verify")
	p.await("the verdict", "document.querySelector('#status').textContent.startsWith('All is there:')")
	names := p.exportedEvents()
	for name, want := range map[string]int{"account.first_admin": 1, "account.added": 1, "passkey.suspended": 1, "account.role_changed": 2, "account.deleted": 1} {
		if names[name] != want {
			t.Errorf("%d of %s in the export, want %d: %v", names[name], name, want, names)
		}
	}
}

// TestInvite: an administrator invites somebody by mail, and withdraws another invitation.
func TestInvite(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=invite")
	p := administrator(t, s)
	p.open("/admin?view=invitations")
	for _, email := range []string{"mistyped@example.com", anasAddress} {
		p.click("invite")
		p.await("the form", "document.querySelector('#draft-sure')")
		p.fill("email", email)
		p.click("deliver")
		p.click("draft-sure")
		p.await("the invitation", "document.querySelector('#invitations').textContent.includes("+quote(email)+")")
	}
	mistyped := s.mailbox(t, "mistyped@example.com").next("").link(t, "/sign-up")
	eval[any](p.browser, `[...document.querySelectorAll('#invitations > li')].find(li => li.textContent.includes('mistyped')).querySelector('[data-testid=withdraw]').click(); null`)
	p.awaitStatus("The invitation is withdrawn.")
	p.await("one invitation", "document.querySelectorAll('#invitations > li').length === 1")

	b := startBrowser(t, s.url)
	b.plugIn(builtIn())
	b.open(mistyped)
	b.awaitStatus("This link has expired, or was used before. If you used it, sign in.")
	b.open(s.mailbox(t, anasAddress).next("").link(t, "/sign-up"))
	b.await("the address", "document.querySelector('[data-testid=fact]')?.textContent === "+quote(anasAddress))
	b.click("create")
	b.awaitPath("/account")
	if a := b.account(); a.Email != anasAddress {
		t.Errorf("account %+v", a)
	}

	// A member administers nothing.
	b.open("/admin")
	b.await("that they do not", "document.querySelector('#no-role')?.textContent.startsWith('Your account administers nothing here.')")
}
