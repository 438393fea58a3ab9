package e2e

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/webauthn"
)

// What the pages say.
const (
	saidAdded    = "Passkey added. Next time, sign in with it."
	saidLeft     = "You're signed out."
	saidNoneHere = "There's no passkey for this site here. Use your phone, or get a link by e-mail."
	saidCalm     = "No problem. Try again when you're ready."
	saidRefused  = "That didn't work. Try again, or use another way to sign in."
)

// person is somebody with an account, at a browser with an authenticator.
type person struct {
	*browser
	key      *authenticator
	name     string
	autofill bool // the browser offers their passkey in the name field
}

// signUp starts a server and a browser and makes an account on the page. It leaves
// the person signed in, at /account.
func signUp(t *testing.T, model webauthn.VirtualAuthenticatorOptions) person {
	t.Helper()
	return newcomer(t, startServer(t), model)
}

// newcomer is signUp at a server that runs already.
func newcomer(t *testing.T, s *server, model webauthn.VirtualAuthenticatorOptions) person {
	t.Helper()
	b := startBrowser(t, s.url)
	p := person{browser: b, key: b.plugIn(model), name: "ana"}
	p.autofill = model.Transport == webauthn.AuthenticatorTransportInternal && model.HasResidentKey
	p.open("/sign-up")
	p.fill("username", p.name)
	p.fill("display-name", "Ana Example")
	p.click("create")
	p.awaitPath("/account")
	p.awaitStatus(saidAdded)
	return p
}

// signOut leaves the person at /sign-in, with autofill waiting where the browser
// has it, and with their hands off the authenticator: it would answer autofill at
// once. The roads touch it again.
func (p person) signOut() {
	p.t.Helper()
	p.key.touch(false)
	p.click("sign-out")
	p.awaitPath("/sign-in")
	p.awaitStatus(saidLeft)
	p.stir()
	p.awaitSignIn()
}

// stir moves the mouse a little: autofill waits for a sign of somebody who has left.
func (b *browser) stir() {
	b.t.Helper()
	command(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: 5, Y: 5})
	command(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: 6, Y: 6})
}

// awaitSignIn waits until the page to sign in has settled.
func (p person) awaitSignIn() {
	p.t.Helper()
	p.awaitPath("/sign-in")
	if p.autofill {
		p.await("autofill", "document.querySelector('main').dataset.autofill === 'armed'")
	}
}

// byUsername types the name and goes on. Autofill, which waits meanwhile, has to
// step aside.
func (p person) byUsername() {
	p.t.Helper()
	p.fill("username", p.name)
	p.key.touch(true)
	p.click("continue")
}

// usernameless looks at the field, fills in nothing, and presses the button that
// asks for no name.
func (p person) usernameless() {
	p.t.Helper()
	p.click("username")
	p.key.touch(true)
	p.click("passkey")
}

// elsewhere is usernameless for who has their passkey on a key or a phone: the browser
// has none of its own and says so, and the button then asks for those.
func (p person) elsewhere() {
	p.t.Helper()
	p.usernameless()
	p.await("the other button", "document.querySelector('#passkey').textContent === 'Use your phone or security key' && document.querySelector('#status').textContent")
	p.click("passkey")
}

// byAutofill picks the passkey that the name field offers: the page is opened, and
// the touch comes with it.
func (p person) byAutofill() {
	p.t.Helper()
	p.key.touch(true)
	p.open("/sign-in")
}

// passkey is what is read of a passkey.
type passkey struct {
	TimesUsed     int      `json:"times_used"`
	Transports    []string `json:"transports"`
	BackedUp      bool     `json:"backed_up"`
	UserVerified  bool     `json:"user_verified"`
	Suspended     bool     `json:"suspended"`
	ThisSession   bool     `json:"this_session"`
	CredentialID  string   `json:"credential_id"`
	BackupAllowed bool     `json:"backup_eligible"`
}

// wantSignedIn checks with the server that the browser is signed in as the person,
// by a passkey used so many times.
func (p person) wantSignedIn(uses int) {
	p.t.Helper()
	p.awaitPath("/account")
	p.await("the list of passkeys", "document.querySelectorAll('#passkeys > li[data-testid=passkey]').length === 1")
	if got := p.status("/v1/account"); got != 200 {
		p.t.Fatalf("GET /v1/account: %d", got)
	}
	var account struct {
		Username string `json:"username"`
	}
	p.get("/v1/account", &account)
	if account.Username != p.name {
		p.t.Errorf("signed in as %q, want %q", account.Username, p.name)
	}
	var list struct {
		Passkeys []passkey `json:"passkeys"`
	}
	p.get("/v1/passkeys", &list)
	if len(list.Passkeys) != 1 {
		p.t.Fatalf("%d passkeys, want 1", len(list.Passkeys))
	}
	if got := list.Passkeys[0]; got.TimesUsed != uses || !got.ThisSession || !got.UserVerified || got.Suspended {
		p.t.Errorf("passkey %+v, want one in use now, %d times used", got, uses)
	}
}

// wantSignedOut checks with the server that nobody is signed in at the browser.
func (p person) wantSignedOut() {
	p.t.Helper()
	if got := p.status("/v1/account"); got != 401 {
		p.t.Errorf("GET /v1/account: %d, want 401", got)
	}
	if got := eval[string](p.browser, "location.pathname"); got != "/sign-in" {
		p.t.Errorf("at %s, want /sign-in", got)
	}
}

// status is that of a GET by the page.
func (b *browser) status(path string) int {
	b.t.Helper()
	return eval[int](b, "fetch("+quote(path)+").then(r => r.status)")
}

// get reads JSON as the page does.
func (b *browser) get(path string, into any) {
	b.t.Helper()
	text := eval[string](b, "fetch("+quote(path)+").then(r => r.text())")
	if err := json.Unmarshal([]byte(text), into); err != nil {
		b.t.Fatalf("GET %s: %v in %s", path, err, text)
	}
}
