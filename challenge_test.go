package keyturn_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestChallengeHook: what a team puts under the signature comes back in the answer,
// and a challenge that was issued without it signs nobody in.
func TestChallengeHook(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen = strings.TrimPrefix(h.URL, "http://")
	var began []keyturn.Ceremony
	bytesFor := []byte("order 4711")
	hooked := keyturn.Config{Settings: set, Challenge: func(_ context.Context, c keyturn.Ceremony) ([]byte, error) {
		began = append(began, c)
		if bytesFor == nil {
			return nil, errors.New("no order")
		}
		return bytesFor, nil
	}}
	plain := open(t, keyturn.Config{Settings: set})
	h.handler = plain
	a := webauthntest.New(webauthntest.Phone())
	h.signUp(t, a, "ana")
	without := h.post(t, "/v1/sign-in/passkey/options", "", map[string]any{})
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}

	h.handler = open(t, hooked)
	if status := h.finish(t, a, without["publicKey"]); status != http.StatusUnauthorized {
		t.Fatalf("a challenge without the team's bytes: status %d", status)
	}
	options := h.post(t, "/v1/sign-in/passkey/options", "", map[string]any{"username": "ana"})
	answer, err := a.Get(options["publicKey"], webauthntest.Client{Origin: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	out := h.post(t, "/v1/sign-in/passkey", "", map[string]any{"credential": json.RawMessage(answer)})
	var session struct{ Challenge string }
	if err := json.Unmarshal(out["session"], &session); err != nil {
		t.Fatal(err)
	}
	if got, err := base64.RawURLEncoding.DecodeString(session.Challenge); err != nil || !bytes.Equal(got, bytesFor) {
		t.Fatalf("challenge %q, %v", got, err)
	}
	if len(began) != 1 || began[0].Ceremony != "sign_in" || began[0].Account == uuid.Nil {
		t.Fatalf("the hook was told %+v", began)
	}
	for name, refused := range map[string][]byte{"an error": nil, "nothing": {}, "65 bytes": make([]byte, 65)} {
		bytesFor = refused
		if status := h.status(t, "/v1/sign-in/passkey/options", map[string]any{}); status != http.StatusServiceUnavailable {
			t.Fatalf("a hook that gives %s: status %d", name, status)
		}
	}
}

// finish answers options and tells the status of the finish call.
func (h *host) finish(t testing.TB, a *webauthntest.Authenticator, options []byte) int {
	t.Helper()
	answer, err := a.Get(options, webauthntest.Client{Origin: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	return h.status(t, "/v1/sign-in/passkey", map[string]any{"credential": json.RawMessage(answer)})
}

// status posts and tells the status alone.
func (h *host) status(t testing.TB, path string, body any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.origin()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", h.origin())
	response, err := h.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// TestVerifierRefusesBadConfig: an issuer is compared byte for byte, so it must be
// written as the server writes it.
func TestVerifierRefusesBadConfig(t *testing.T) {
	for _, issuer := range []string{"", "https://login.example.com/"} {
		if _, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: issuer}); err == nil {
			t.Errorf("issuer %q was taken", issuer)
		}
	}
}
