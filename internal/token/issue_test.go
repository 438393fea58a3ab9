package token_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/token"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestAccessToken: header and claims, member for member (RFC 9068 §2.1, §2.2). The clock
// stands at 2026-11-21 12:00:00 UTC; the session began a minute before.
func TestAccessToken(t *testing.T) {
	w := ceremonytest.New(t)
	w.Clock.Advance(-time.Minute)
	i := newIssuer(t, config(w))
	answer := w.Register(t, webauthntest.New(webauthntest.Phone()), ceremony.SignUp{
		Username: "ana", Email: "ana@example.org", DisplayName: "Ana", Scope: "read write",
	})
	proof, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	before := w.Store.Writes()
	got, err := i.Issue(t.Context(), proof)
	if err != nil {
		t.Fatal(err)
	}
	if w.Store.Writes() != before {
		t.Fatal("issuing wrote to the store")
	}
	if got.TokenType != "Bearer" || got.ExpiresIn != 600 || got.Scope != "read write" || got.RefreshToken == "" || got.IDToken != "" {
		t.Fatalf("answer %+v", got)
	}
	header, claims := parts(t, got.AccessToken)
	id, _ := members(t, claims)["jti"].(string)
	if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 4 || parsed.String() != id {
		t.Fatalf("jti %q", id)
	}
	golden(t, header, `{"alg":"ES256","kid":"KID","typ":"at+jwt"}`, thumbprint(t, i, 0), "KID")
	golden(t, claims, `{"iss":"https://login.example.org","sub":"SUB","exp":1795263000,"iat":1795262400,"sid":"SID","auth_time":1795262340,`+
		`"acr":"phr","amr":["pop","user","mfa"],"aud":"https://api.example.org","client_id":"keyturn","jti":"JTI","scope":"read write"}`,
		proof.Session().Person().ID.String(), "SUB", proof.Session().View().ID.String(), "SID", id, "JTI")
}

// golden compares text with what it must be, once the names that are drawn at random
// were put in.
func golden(t *testing.T, text []byte, want string, names ...string) {
	t.Helper()
	if got := strings.NewReplacer(names...).Replace(string(text)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTokensDiffer(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	_, proof := bearer(t, w, i, "ana")
	seen := map[string]bool{}
	for range 10 {
		answer, err := i.Issue(t.Context(), proof)
		if err != nil {
			t.Fatal(err)
		}
		_, claims := parts(t, answer.AccessToken)
		id, _ := members(t, claims)["jti"].(string)
		if seen[id] {
			t.Fatalf("jti %s twice", id)
		}
		seen[id] = true
		if _, ok := members(t, claims)["scope"]; ok {
			t.Fatal("a scope that nobody asked for")
		}
	}
}

// TestIDToken: only for the scope "openid", for the client and not for an API; a
// claimed address is in no token.
func TestIDToken(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	answer := w.Register(t, webauthntest.New(webauthntest.Phone()), ceremony.SignUp{
		Username: "ana", Email: "pending@example.org", DisplayName: "Ana", Scope: "openid",
	})
	proof, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.Issue(t.Context(), proof)
	if err != nil {
		t.Fatal(err)
	}
	header, claims := parts(t, got.IDToken)
	golden(t, header, `{"alg":"ES256","kid":"KID","typ":"JWT"}`, thumbprint(t, i, 0), "KID")
	golden(t, claims, `{"iss":"https://login.example.org","sub":"SUB","exp":1795263000,"iat":1795262400,"sid":"SID","auth_time":1795262400,`+
		`"acr":"phr","amr":["pop","user","mfa"],"aud":"keyturn","preferred_username":"ana","name":"Ana"}`,
		proof.Session().Person().ID.String(), "SUB", proof.Session().View().ID.String(), "SID")
	_, access := parts(t, got.AccessToken)
	if strings.Contains(string(access)+string(claims), "pending") {
		t.Fatal("a claimed address is in a token")
	}
	refused(t, i, "an ID token", got.IDToken)
	accepted(t, i, got.AccessToken, proof)
}

// TestTokenEndsWithItsSession: no token outlives the session it belongs to.
func TestTokenEndsWithItsSession(t *testing.T) {
	w := ceremonytest.New(t)
	c := config(w)
	c.Life = 365 * 24 * time.Hour
	i := newIssuer(t, c)
	text, proof := bearer(t, w, i, "ana")
	_, claims := parts(t, text)
	if exp := members(t, claims)["exp"]; exp != float64(proof.Session().View().ExpiresAt.Unix()) {
		t.Fatalf("exp %v, the session ends %v", exp, proof.Session().View().ExpiresAt)
	}
}

// TestNoTokenWithoutProof: a Proof of nothing, and one whose session is carried by
// cookie, earn no token.
func TestNoTokenWithoutProof(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	options, err := w.RP.BeginSignUp(t.Context(), ceremonytest.CookieRequest(), ceremony.SignUp{Username: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := webauthntest.New(webauthntest.Phone()).Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := w.RP.FinishSignUp(t.Context(), ceremonytest.CookieRequest(), ceremony.Finish{Credential: answer})
	if err != nil || cookie.Cookie() == "" {
		t.Fatal(err)
	}
	for name, proof := range map[string]ceremony.Proof{"zero": {}, "cookie mode": cookie} {
		got, err := i.Issue(t.Context(), proof)
		if !errors.Is(err, token.ErrProof) || got != (token.Answer{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestUnknownAlgorithms(t *testing.T) {
	w := ceremonytest.New(t)
	for _, algorithm := range []string{"", "none", "HS256", "RS256", "es256"} {
		c := config(w)
		c.Algorithm = algorithm
		if _, err := token.New(t.Context(), c); err == nil {
			t.Errorf("signs with %q", algorithm)
		}
	}
}

// thumbprint is the RFC 7638 thumbprint of a key of the JWKS, computed here by hand:
// the required members in lexicographic order, no space, SHA-256.
func thumbprint(t *testing.T, i *token.Issuer, number int) string {
	t.Helper()
	key := jwks(t, i)[number]
	var required string
	switch key["kty"] {
	case "EC":
		required = `{"crv":"` + key["crv"] + `","kty":"EC","x":"` + key["x"] + `","y":"` + key["y"] + `"}`
	case "OKP":
		required = `{"crv":"` + key["crv"] + `","kty":"OKP","x":"` + key["x"] + `"}`
	default:
		t.Fatalf("key %v", key)
	}
	hash := sha256.Sum256([]byte(required))
	return encode(hash[:])
}

// jwks reads the key set of an issuer.
func jwks(t *testing.T, i *token.Issuer) []map[string]string {
	t.Helper()
	text, err := i.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set map[string][]map[string]string
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(set) != 1 {
		t.Fatalf("members %v", set)
	}
	return set["keys"]
}
