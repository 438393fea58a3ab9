package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
)

// told is somebody to whom everything happens that people are told of by mail.
type told struct {
	person
	o     *postOffice
	s     *server
	mails *mailbox
	first *webauthn.Credential // the passkey that stays
}

// TestNoticesByMail: everything that people are told of arrives, at every address of
// theirs, and where the mail offers "this wasn't me", saying so undoes it.
func TestNoticesByMail(t *testing.T) {
	t.Parallel()
	o := openPostOffice(t, false)
	s := startServer(t, o.settings("smtp", "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	p := &told{o: o, s: s, mails: o.mailbox(t, s, anasAddress)}
	p.person = person{browser: startBrowser(t, s.url), name: anasAddress, autofill: true}
	p.key = p.plugIn(builtIn())
	p.signUpByMail(p.mails, "Ana")
	p.first = p.key.credential()
	p.signOut()
	p.signsIn()

	p.managesPasskeys()
	p.managesAddresses()
	p.isAdministered()
	p.isSeenElsewhere()
	p.isRecovered()
	p.isCopied()
	p.losesToken()

	p.signsIn()
	p.does(http.MethodDelete, "/v1/account", "", http.StatusNoContent)
	p.isTold("Your account at localhost was deleted")
}

// signsIn signs in with the passkey that stays.
func (p *told) signsIn() {
	p.t.Helper()
	p.key.unplug()
	p.key = p.plugIn(builtIn())
	p.key.insert(p.first)
	p.open("/account")
	p.await("the page", "document.readyState === 'complete' && document.querySelector('#passkeys, #continue')")
	if p.status("/v1/account") == http.StatusOK {
		eval[int](p.browser, "fetch('/v1/sign-out', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}).then(r => r.status)")
	}
	p.key.touch(false)
	p.open("/sign-in")
	p.byUsername()
	p.awaitPath("/account")
	p.first = p.key.credential()
}

// isTold waits for a notice, and gives it.
func (p *told) isTold(subject string) letter {
	p.t.Helper()
	l := p.mails.next(subject)
	if strings.Contains(l.Text, "/undo#") != strings.Contains(l.HTML, "/undo#") {
		p.t.Errorf("%s: only one half can be undone", l.Subject)
	}
	return l
}

// does calls the server as the page would.
func (p *told) does(method, path, body string, want int) {
	p.t.Helper()
	if body == "" {
		body = "undefined"
	}
	got := eval[string](p.browser, fmt.Sprintf(`fetch(%s, {method: %s, headers: {'Content-Type': 'application/json'}, body: %s})
		.then(async r => r.status + ' ' + await r.text())`, quote(path), quote(method), body))
	if !strings.HasPrefix(got, fmt.Sprint(want)) {
		p.t.Fatalf("%s %s: %s, want %d", method, path, got, want)
	}
}

// undoes says "this wasn't me" by the link of a notice, on another device.
func (p *told) undoes(l letter) {
	p.t.Helper()
	reader := startBrowser(p.t, p.s.url)
	reader.open(l.link(p.t, "/undo"))
	reader.click("undo")
	reader.await("the end", "document.querySelector('main h1').textContent === 'It is undone'")
	p.isTold("Somebody said “this wasn't me”")
	p.wantStatus("/v1/account", http.StatusUnauthorized)
}

// passkeyNamed is the ID of a passkey.
func (p *told) passkeyNamed(name string) string {
	p.t.Helper()
	var list struct {
		Passkeys []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"passkeys"`
	}
	p.get("/v1/passkeys", &list)
	for _, one := range list.Passkeys {
		if one.Name == name {
			return one.ID
		}
	}
	p.t.Fatalf("no passkey %q in %+v", name, list)
	return ""
}

func (p *told) managesPasskeys() {
	p.t.Helper()
	p.awaitRows(1)
	p.addSecond("Mallory's key")
	p.undoes(p.isTold("A passkey was added"))
	p.signsIn()
	path := "/v1/passkeys/" + p.passkeyNamed("Mallory's key") // suspended by the undoing
	p.does(http.MethodPatch, path, `'{"suspended":false}'`, http.StatusOK)
	p.isTold("can be used again")
	p.does(http.MethodPatch, path, `'{"suspended":true}'`, http.StatusOK)
	p.isTold("was suspended")
	p.does(http.MethodDelete, path, "", http.StatusNoContent)
	p.isTold("A passkey was deleted")
}

// adds claims an address and proves it.
func (p *told) adds(address string) *mailbox {
	p.t.Helper()
	p.does(http.MethodPatch, "/v1/account", fmt.Sprintf(`'{"email":%q}'`, address), http.StatusOK)
	box := p.o.mailbox(p.t, p.s, address)
	p.open(box.next("Confirm your address").link(p.t, "/confirm-email"))
	p.click("confirm-email")
	p.await("the end", "document.querySelector('#end')?.textContent.includes('is confirmed')")
	box.next("An address was added")
	return box
}

func (p *told) managesAddresses() {
	p.t.Helper()
	p.adds("mallory@example.com")
	p.undoes(p.isTold("An address was added"))
	p.signsIn()
	if a := p.account(); len(a.Emails) != 1 || a.Email != anasAddress {
		p.t.Errorf("after the undoing: %+v", a)
	}
	box := p.adds("second@example.com")
	p.isTold("An address was added")
	p.does(http.MethodDelete, "/v1/account/emails/second@example.com", "", http.StatusNoContent)
	p.isTold("An address was removed")
	box.next("An address was removed")
}

func (p *told) isAdministered() {
	p.t.Helper()
	p.s.command(p.t, "account", "role", p.name, "support", "--reason", "a test")
	p.isTold("Your role")
	p.s.enrolmentLink(p.t, p.name)
	p.isTold("A link into your account")
	p.s.command(p.t, "account", "disable", p.name, "--reason", "a test")
	p.isTold("was disabled")
	p.s.command(p.t, "account", "enable", p.name, "--reason", "a test")
	p.isTold("was enabled")
}

func (p *told) isSeenElsewhere() {
	p.t.Helper()
	other := person{browser: startBrowser(p.t, p.s.url), name: p.name}
	other.key = other.plugIn(builtIn())
	other.key.insert(p.first)
	other.key.touch(false)
	other.open("/sign-in")
	other.byUsername()
	other.awaitPath("/account")
	p.isTold("New sign-in")
}

// recovers shows a code in a browser of its own and makes a passkey there.
func (p *told) recovers(code string) {
	p.t.Helper()
	b := startBrowser(p.t, p.s.url)
	b.plugIn(builtIn())
	b.open("/recover")
	b.fill("username", p.name)
	b.fill("recovery-code", code)
	b.click("show-code")
	b.await("the hold", "document.querySelector('[data-testid=hold]')?.textContent.includes('can stop it until then')")
	b.click("create")
	b.await("the end", "document.querySelector('#end')?.textContent.startsWith('Passkey added. You can sign in with it from')")
	b.wantStatus("/v1/account", http.StatusUnauthorized)
}

func (p *told) isRecovered() {
	p.t.Helper()
	p.signsIn()
	codes := p.saveCodes()
	p.isTold("New recovery codes")
	p.recovers(codes[0])
	p.undoes(p.isTold("A recovery code"))
	p.recovers(codes[1])
	p.isTold("A recovery code")
	p.signsIn() // whoever owns the account is there still
	p.isTold("A recovery of your account")
}

// isCopied signs in with a security key whose count falls back.
func (p *told) isCopied() {
	p.t.Helper()
	p.awaitRows(3) // with those of the two recoveries
	p.key.unplug()
	p.key = p.plugIn(discoverableKey())
	p.click("add")
	p.retype("#passkey-name", "Key")
	p.press("#keep-name")
	p.awaitRows(4)
	p.isTold("A passkey was added")
	for _, copied := range []bool{false, true} {
		p.signOut()
		if copied {
			c := p.key.credential()
			c.SignCount = 0
			p.key.insert(c)
		}
		p.byUsername()
		if !copied {
			p.awaitPath("/account")
			p.awaitRows(4)
		}
	}
	p.isTold("There may be a copy of your passkey")
}

// losesToken has an app's refresh token used twice.
func (p *told) losesToken() {
	p.t.Helper()
	type app struct {
		Request string `json:"request"`
		Refresh string `json:"refresh_token"`
	}
	read := func(answer *http.Response, err error) (a app) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
			p.t.Fatal(err)
		}
		return a
	}
	post := func(path string, in map[string]string) app {
		body, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		return read(http.Post(p.s.url+path, "application/json", strings.NewReader(string(body))))
	}
	begun := post("/v1/sign-in/email", map[string]string{"email": p.name})
	token := strings.TrimPrefix(p.isTold(aboutSignIn).link(p.t, "/link"), "/link#")
	first := post("/v1/sign-in/email/finish", map[string]string{"token": token, "request": begun.Request})
	rotate := func(refresh string) app {
		return read(http.PostForm(p.s.url+"/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}))
	}
	if third := rotate(rotate(first.Refresh).Refresh); third.Refresh == "" {
		p.t.Fatalf("no token at %s", time.Now())
	}
	rotate(first.Refresh)
	p.isTold("An app was signed out")
}
