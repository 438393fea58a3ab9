package drills

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The calls of links and recovery.
const (
	askLink         = "/v1/sign-in/email"
	finishLink      = "/v1/sign-in/email/finish"
	makeCode        = "/v1/sign-in/email/code"
	proveAddress    = "/v1/account/email/proof"
	recoveryCodes   = "/v1/account/recovery-codes"
	recoveryBegin   = "/v1/recovery"
	recoveryOptions = "/v1/recovery/passkey/options"
	recoveryFinish  = "/v1/recovery/passkey"
	undoNotice      = "/v1/notices/undo"
)

// wandering sends each request as a proxy would for somebody of another network: what
// is limited per network limits nobody who has many of them.
type wandering struct {
	*http.Transport
	mu     sync.Mutex
	random *rand.Rand
}

func (w *wandering) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	n := w.random.Uint32()
	w.mu.Unlock()
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", byte(n), byte(n>>8), byte(n>>16)))
	return w.Transport.RoundTrip(r)
}

// wanderer is our own page, in another network with each request.
func (s *deployment) wanderer(stream int) *client {
	c := s.client()
	c.http.Transport = &wandering{Transport: c.http.Transport.(*http.Transport), random: s.d.random(1000 + stream)}
	return c
}

// as is the client with somebody's access token.
func (c *client) as(token string) *client {
	return c.with(c.origin, http.Header{"Authorization": {"Bearer " + token}})
}

// post sends a JSON object; nil is an empty one.
func (c *client) post(path string, in map[string]string) (answer, error) {
	if in == nil {
		in = map[string]string{}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return answer{}, err
	}
	return c.send(http.MethodPost, path, body)
}

// posted is post that must be answered with a status; what it says is read into out.
func (d *drill) posted(c *client, path string, in map[string]string, status int, out any) {
	d.Helper()
	a, err := c.post(path, in)
	d.must(err)
	if a.status != status {
		d.Fatalf("POST %s: status %d: %s", path, a.status, a.body)
	}
	if out != nil {
		d.must(json.Unmarshal(a.body, out))
	}
}

// asksForLink asks for a link to an address and gives the secret of who asked.
func (d *drill) asksForLink(c *client, email string) (request string) {
	d.Helper()
	var begun struct {
		Request string `json:"request"`
	}
	d.posted(c, askLink, map[string]string{"email": email}, http.StatusAccepted, &begun)
	return begun.Request
}

// right is what a link is worth to an address that is nobody's.
type right struct {
	SignUp struct {
		Ticket string `json:"ticket"`
	} `json:"sign_up"`
}

// resident opens an account with a proved address, where accounts begin with one.
func (d *drill) resident(c *client, o *postOffice, email string) *person {
	d.Helper()
	request := d.asksForLink(c, email)
	var won right
	d.posted(c, finishLink, map[string]string{"token": o.next(email, "").token("/link"), "request": request}, http.StatusOK, &won)
	p := &person{name: email, key: webauthntest.New(webauthntest.Phone())}
	made, err := c.create(p.key, signUpOptions, map[string]string{"ticket": won.SignUp.Ticket})
	d.must(err)
	a, err := c.finish(signUpFinish, made)
	d.must(err)
	if a.status != http.StatusCreated {
		d.Fatalf("sign-up of %s: status %d: %s", email, a.status, a.body)
	}
	p.id = a.who().Account.ID
	return p
}

// create begins a ceremony and has an authenticator make a passkey for it.
func (c *client) create(key *webauthntest.Authenticator, path string, in map[string]string) ([]byte, error) {
	options, err := c.ask(path, in)
	if err != nil {
		return nil, err
	}
	return key.Create(options, c.page)
}

// savedCodes makes recovery codes for who signs in for it.
func (d *drill) savedCodes(c *client, p *person) []string {
	d.Helper()
	var made struct {
		Codes []string `json:"codes"`
	}
	d.posted(c.as(d.signsIn(c, p).AccessToken), recoveryCodes, nil, http.StatusCreated, &made)
	return made.Codes
}
