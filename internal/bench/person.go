package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// answerLimit bounds what is read of an answer, in bytes.
const answerLimit = 1 << 20

// errAnswer says that the server refused, or answered something else than success.
var errAnswer = errors.New("bench: the answer is not what a success looks like")

// person is somebody with one passkey, and the browser or app that they use. It runs
// one ceremony at a time.
type person struct {
	username string
	mode     Mode
	url      string
	client   *http.Client
	device   *webauthntest.Authenticator
	waited   time.Duration // for answers, in the ceremony under way
}

// register signs up; the time is that between asking and being answered.
func (p *person) register(ctx context.Context) (time.Duration, error) {
	return p.ceremony(ctx, "/v1/sign-up/passkey", http.StatusCreated,
		map[string]any{"username": p.username, "session_mode": p.mode}, p.device.Create)
}

// signIn signs in without saying a name.
func (p *person) signIn(ctx context.Context) (time.Duration, error) {
	return p.ceremony(ctx, "/v1/sign-in/passkey", http.StatusOK,
		map[string]any{"session_mode": p.mode}, p.device.Get)
}

// answering is an authenticator's half of a ceremony.
type answering func(options []byte, c webauthntest.Client, mutations ...webauthntest.Mutation) ([]byte, error)

// ceremony asks for options, lets the authenticator answer, and posts the answer. The
// authenticator's own time is not counted.
func (p *person) ceremony(ctx context.Context, path string, success int, asked any, answer answering) (time.Duration, error) {
	p.waited = 0
	var began struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	cookies, err := p.post(ctx, call{path: path + "/options", body: asked, success: http.StatusOK}, &began)
	if err != nil {
		return 0, err
	}
	credential, err := answer(began.PublicKey, webauthntest.Client{Origin: publicURL})
	if err != nil {
		return 0, fmt.Errorf("bench: answer the options: %w", err)
	}
	var done struct {
		AccessToken string `json:"access_token"`
	}
	body := map[string]json.RawMessage{"credential": credential}
	got, err := p.post(ctx, call{path: path, body: body, cookies: cookies, success: success}, &done)
	if err != nil {
		return 0, err
	}
	if token, cookie := done.AccessToken != "", len(got) > 0; token == cookie || token != (p.mode == ModeToken) {
		return 0, fmt.Errorf("%w: %s: token %t, cookie %t", errAnswer, path, token, cookie)
	}
	return p.waited, nil
}

// call is one request and what its answer must be.
type call struct {
	path    string
	body    any
	cookies []*http.Cookie
	success int
}

// post makes a call, decodes its answer and returns the cookies it sets.
func (p *person) post(ctx context.Context, c call, into any) ([]*http.Cookie, error) {
	body, err := json.Marshal(c.body)
	if err != nil {
		return nil, fmt.Errorf("bench: encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+c.path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	request.Host = host
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", publicURL)
	for _, cookie := range c.cookies {
		request.AddCookie(cookie)
	}
	begin := time.Now()
	answer, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	said, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	p.waited += time.Since(begin)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if answer.StatusCode != c.success {
		return nil, fmt.Errorf("%w: %s: %d %s", errAnswer, c.path, answer.StatusCode, said)
	}
	if err := json.Unmarshal(said, into); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errAnswer, c.path, err)
	}
	return answer.Cookies(), nil
}
