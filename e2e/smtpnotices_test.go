package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// told is somebody to whom everything happens that people are told of by mail.
type told struct {
	person
	o     *postOffice
	s     *server
	mails *mailbox
	other *mailbox             // another address of theirs; nil: there is none
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
	other := p.adds("second@example.com")
	p.isTold("An address was added")
	p.other = other

	p.isSeenElsewhere()
	p.managesPasskeys()
	p.managesAddresses()
	p.isAdministered()
	p.isRecovered()
	p.isCopied()
	p.losesToken()

	p.signsIn()
	p.does(http.MethodDelete, "/v1/account/emails/second@example.com", "", http.StatusNoContent)
	p.isTold("An address was removed") // the one that is gone is told as well
	p.other = nil
	p.does(http.MethodDelete, "/v1/account", "", http.StatusNoContent)
	p.isTold("Your account at localhost was deleted")
}

// signsIn signs in with the passkey that stays.
func (p *told) signsIn() {
	p.t.Helper()
	p.key.unplug()
	p.key = p.plugIn(builtIn())
	p.key.touch(false)
	p.key.insert(p.first)
	p.open("/account")
	p.await("the page", "document.readyState === 'complete' && document.querySelector('#passkeys, #continue')")
	if p.status("/v1/account") == http.StatusOK {
		eval[int](p.browser, "fetch('/v1/sign-out', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}).then(r => r.status)")
	}
	p.open("/sign-in")
	p.byUsername()
	p.awaitPath("/account")
	p.first = p.key.credential()
}

// isTold waits for a notice at every address, and gives the first.
func (p *told) isTold(subject string) letter {
	p.t.Helper()
	l := p.mails.next(subject)
	if p.other != nil {
		p.other.next(subject)
	}
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

// undoes says "this wasn't me" by the link of a notice, on another device. Who reads
// the other address is told of that.
func (p *told) undoes(l letter) {
	p.t.Helper()
	reader := startBrowser(p.t, p.s.url)
	reader.open(l.link(p.t, "/undo"))
	reader.click("undo")
	reader.await("the end", "document.querySelector('main h1').textContent === 'It is undone'")
	p.other.next("Somebody said “this wasn't me”")
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
	p.open("/account")
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
	return box
}

func (p *told) managesAddresses() {
	p.t.Helper()
	p.adds("mallory@example.com").next("An address was added")
	p.undoes(p.isTold("An address was added"))
	p.signsIn()
	if a := p.account(); len(a.Emails) != 2 || slices.Contains(a.Emails, "mallory@example.com") {
		p.t.Errorf("after the undoing: %+v", a)
	}
}

func (p *told) isAdministered() {
	p.t.Helper()
	p.s.command(p.t, "account", "role", p.name, "support", "--reason", "a test")
	p.isTold("Your role")
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
	p.signsIn() // the codes beside that one are good for nothing
	codes = p.saveCodes()
	p.isTold("New recovery codes")
	p.recovers(codes[0])
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
	p.autofill = false // this key is on no list before a name is typed
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
	post := func(path, in string) (a app) {
		p.t.Helper()
		text := eval[string](p.browser, fmt.Sprintf(`fetch(%s, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(%s)})
			.then(r => r.text())`, quote(path), in))
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			p.t.Fatal(err)
		}
		return a
	}
	rotate := func(refresh string) (a app) {
		p.t.Helper()
		answer, err := http.PostForm(p.s.url+"/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
		if err != nil {
			p.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
			p.t.Fatal(err)
		}
		return a
	}
	// The browser is known, so that it may ask although a stranger would have to wait.
	begun := post("/v1/sign-in/email", fmt.Sprintf("{email: %s}", quote(p.name)))
	token := strings.TrimPrefix(p.mails.next(aboutSignIn).link(p.t, "/link"), "/link#")
	first := post("/v1/sign-in/email/finish", fmt.Sprintf("{token: %s, request: %s}", quote(token), quote(begun.Request)))
	if third := rotate(rotate(first.Refresh).Refresh); third.Refresh == "" {
		p.t.Fatal("the app's token cannot be used")
	}
	rotate(first.Refresh)
	p.isTold("An app was signed out")
}
