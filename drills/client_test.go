package drills

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// client is a browser or an app at one address. It is safe for concurrent use.
type client struct {
	url    string // of the server, as people write it
	origin string // header Origin; empty: none is sent
	page   webauthntest.Client
	header http.Header // sent with every request
	http   *http.Client
}

// client is our own page at the server, from 127.0.0.1.
func (s *deployment) client() *client { return s.clientFrom("127.0.0.1") }

// clientFrom is our own page, from an address of this machine.
func (s *deployment) clientFrom(source string) *client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, s.address())
		},
		MaxIdleConnsPerHost: 2000,
		IdleConnTimeout:     30 * time.Second,
	}
	c := &client{
		url: s.url, origin: s.url, page: webauthntest.Client{Origin: s.url},
		http: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
	return c
}

func (c *client) close() { c.http.CloseIdleConnections() }

// with is the same client with another Origin header and more headers.
func (c *client) with(origin string, header http.Header) *client {
	other := *c
	other.origin, other.header = origin, header
	return &other
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the code of a problem.
func (a answer) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &problem)
	return problem.Code
}

// retryAfter is in seconds; 0 when it is not said.
func (a answer) retryAfter() int {
	n, _ := strconv.Atoi(a.header.Get("Retry-After"))
	return n
}

// signedIn is what a token answer says of who was signed in.
type signedIn struct {
	AccessToken string `json:"access_token"`
	Account     struct {
		ID string `json:"id"`
	} `json:"account"`
}

func (a answer) who() (s signedIn) {
	_ = json.Unmarshal(a.body, &s)
	return s
}

func (c *client) send(method, path string, body []byte) (answer, error) {
	request, err := http.NewRequest(method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for name, values := range c.header {
		request.Header[name] = values
	}
	if c.origin != "" {
		request.Header.Set("Origin", c.origin)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	return read(response)
}

// read reads a response to its end.
func read(response *http.Response) (a answer, err error) {
	defer func() { _ = response.Body.Close() }()
	a = answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

// The calls of the two ceremonies.
const (
	signUpOptions = "/v1/sign-up/passkey/options"
	signUpFinish  = "/v1/sign-up/passkey"
	signInOptions = "/v1/sign-in/passkey/options"
	signInFinish  = "/v1/sign-in/passkey"
)

// ask begins a ceremony and gives the value of publicKey.
func (c *client) ask(path string, in map[string]string) (json.RawMessage, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	a, err := c.send(http.MethodPost, path, body)
	if err != nil {
		return nil, err
	}
	options, err := publicKey(a)
	if err != nil {
		return nil, fmt.Errorf("POST %s: %w", path, err)
	}
	return options, nil
}

// publicKey is what an answer to the begin of a ceremony holds for the authenticator.
func publicKey(a answer) (json.RawMessage, error) {
	var out struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK || len(out.PublicKey) == 0 {
		return nil, fmt.Errorf("status %d: %s", a.status, a.body)
	}
	return out.PublicKey, nil
}

// finish presents an authenticator's answer.
func (c *client) finish(path string, credential []byte) (answer, error) {
	return c.send(http.MethodPost, path, credentialBody(credential))
}

func credentialBody(credential []byte) []byte {
	return append(append([]byte(`{"credential":`), credential...), '}')
}

// person is somebody with an authenticator.
type person struct {
	name string
	key  *webauthntest.Authenticator
	id   string // of the account
}

// signUp opens an account. The answer is not judged.
func (c *client) signUp(p *person) (answer, error) {
	options, err := c.ask(signUpOptions, map[string]string{"username": p.name})
	if err != nil {
		return answer{}, err
	}
	made, err := p.key.Create(options, c.page)
	if err != nil {
		return answer{}, err
	}
	a, err := c.finish(signUpFinish, made)
	p.id = a.who().Account.ID
	return a, err
}

// assertion runs a sign-in up to the authenticator's answer.
func (c *client) assertion(p *person, faults ...webauthntest.Mutation) ([]byte, error) {
	options, err := c.ask(signInOptions, map[string]string{"username": p.name})
	if err != nil {
		return nil, err
	}
	return p.key.Get(options, c.page, faults...)
}

// signIn signs in. The answer is not judged.
func (c *client) signIn(p *person, faults ...webauthntest.Mutation) (answer, error) {
	assertion, err := c.assertion(p, faults...)
	if err != nil {
		return answer{}, err
	}
	return c.finish(signInFinish, assertion)
}

// newcomer opens an account that the drill needs.
func (d *drill) newcomer(c *client, name string, model webauthntest.Model) *person {
	d.Helper()
	p := &person{name: name, key: webauthntest.New(model)}
	a, err := c.signUp(p)
	d.must(err)
	if a.status != http.StatusCreated {
		d.Fatalf("sign-up of %s: status %d: %s", name, a.status, a.body)
	}
	return p
}

// signsIn demands that a person signs in, as themselves.
func (d *drill) signsIn(c *client, p *person) signedIn {
	d.Helper()
	a, err := c.signIn(p)
	d.must(err)
	if who := a.who(); a.status != http.StatusOK || who.Account.ID != p.id {
		d.Errorf("%s does not sign in: status %d: %s", p.name, a.status, a.body)
	}
	return a.who()
}

// passkey is what an account's list says of a passkey.
type passkey struct {
	ID        string `json:"id"`
	TimesUsed int    `json:"times_used"`
	Suspended bool   `json:"suspended"`
}

// passkeys lists the passkeys of who holds the token.
func (c *client) passkeys(token string) ([]passkey, error) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	a, err := c.with(c.origin, header).send(http.MethodGet, "/v1/passkeys", nil)
	if err != nil {
		return nil, err
	}
	var out struct {
		Passkeys []passkey `json:"passkeys"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK {
		return nil, fmt.Errorf("GET /v1/passkeys: status %d: %s", a.status, a.body)
	}
	return out.Passkeys, nil
}
