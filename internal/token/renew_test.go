package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// scoped is somebody who signed up and then in with a scope, and what that earned.
func scoped(t *testing.T, w *ceremonytest.World, i *token.Issuer, scope string) (*webauthntest.Authenticator, ceremony.Proof, token.Answer) {
	t.Helper()
	a := webauthntest.New(webauthntest.Phone())
	w.SignUp(t, a, "ana")
	options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Scope: scope})
	must(t, err)
	asserted, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	proof, err := w.Finish(t, asserted)
	must(t, err)
	answer, err := i.Issue(t.Context(), proof)
	must(t, err)
	return a, proof, answer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// renewed is what a refresh token earns.
func renewed(t *testing.T, i *token.Issuer, refresh, scope string) token.Answer {
	t.Helper()
	answer, current, err := i.Renew(t.Context(), refresh, scope, audit.Caller{})
	if err != nil || current.IsZero() || answer.RefreshToken == refresh || answer.RefreshToken == "" {
		t.Fatalf("renewed into %+v, %v", answer, err)
	}
	return answer
}

// claimed reads the claims of a token.
func claimed(t *testing.T, text string) map[string]any {
	t.Helper()
	_, claims := parts(t, text)
	return members(t, claims)
}

// TestRenewNarrows: a rotation may ask for less (RFC 6749 §6), for that token alone.
func TestRenewNarrows(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	_, proof, answer := scoped(t, w, i, "openid read write")
	if answer.IDToken == "" {
		t.Fatal("no ID token for openid")
	}
	for _, c := range []struct{ asked, got string }{
		{"", "openid read write"}, {"read", "read"}, {"", "openid read write"}, {"write openid", "write openid"}, {"openid read write", "openid read write"},
	} {
		answer = renewed(t, i, answer.RefreshToken, c.asked)
		if answer.Scope != c.got || claimed(t, answer.AccessToken)["scope"] != c.got || (answer.IDToken != "") != strings.Contains(c.got, "openid") {
			t.Fatalf("asked %q, got %+v", c.asked, answer)
		}
		accepted(t, i, answer.AccessToken, proof)
		if answer.IDToken != "" {
			refused(t, i, "an ID token", answer.IDToken)
		}
	}
}

// TestRenewNeverWidens: what was not granted is refused before anything is rotated.
func TestRenewNeverWidens(t *testing.T) {
	for _, granted := range []string{"", "read", "read write"} {
		w := ceremonytest.New(t)
		i := newIssuer(t, config(w))
		_, _, answer := scoped(t, w, i, granted)
		before := w.Store.Writes()
		for _, asked := range []string{
			"admin", "read admin", "admin read", "openid", "READ", "rea", "reads", " ", "read ", " read", "read  write", "read\twrite", "read\nwrite", "read\u00a0write", "read,write", "\x00",
		} {
			got, current, err := i.Renew(t.Context(), answer.RefreshToken, asked, audit.Caller{})
			if !errors.Is(err, token.ErrScope) || !current.IsZero() || got != (token.Answer{}) {
				t.Fatalf("granted %q, asked %q: %+v, %v", granted, asked, got, err)
			}
		}
		if w.Store.Writes() != before {
			t.Fatal("a refused scope made the store write")
		}
		if got := renewed(t, i, answer.RefreshToken, ""); got.Scope != granted {
			t.Fatalf("granted %q, renewed %q", granted, got.Scope)
		}
	}
}

// TestRenewClaims: a rotation gives a new token for the same session, which says of the
// sign-in what the first one said: acr is not raised and auth_time does not move.
func TestRenewClaims(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	a, proof, answer := scoped(t, w, i, "openid")
	first, jtis := claimed(t, answer.AccessToken), map[any]bool{}
	for range 5 {
		w.Clock.Advance(time.Hour)
		if _, err := w.Finish(t, w.Assert(t, a, "")); err != nil { // another session is nothing to this one
			t.Fatal(err)
		}
		answer = renewed(t, i, answer.RefreshToken, "")
		if answer.TokenType != "Bearer" || answer.ExpiresIn != 600 {
			t.Fatalf("answer %+v", answer)
		}
		c, id := claimed(t, answer.AccessToken), claimed(t, answer.IDToken)
		now := float64(w.Clock.Now().Unix())
		if c["iat"] != now || c["exp"] != now+600 || id["iat"] != now || jtis[c["jti"]] {
			t.Fatalf("claims %v", c)
		}
		jtis[c["jti"]] = true
		for _, name := range []string{"iss", "sub", "sid", "acr", "auth_time", "client_id", "aud"} {
			if c[name] != first[name] || name != "aud" && name != "client_id" && id[name] != first[name] {
				t.Errorf("%s was %v and is %v, %v", name, first[name], c[name], id[name])
			}
		}
		if amr, _ := c["amr"].([]any); len(amr) != 3 || c["auth_time"] != float64(proof.Session().View().AuthTime.Unix()) {
			t.Fatalf("claims %v", c)
		}
	}
}

// TestRenewAtTheEnd: no token outlives its session, and after its end there is none.
func TestRenewAtTheEnd(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	_, _, answer := scoped(t, w, i, "")
	const use = 6 * 24 * time.Hour // unused for seven days it would be over
	for _, d := range []time.Duration{use, use, use, use, use - 90*time.Second} {
		w.Clock.Advance(d)
		answer = renewed(t, i, answer.RefreshToken, "")
	}
	if answer.ExpiresIn != 90 {
		t.Fatalf("%d s of a session that has 90", answer.ExpiresIn)
	}
	w.Clock.Advance(90 * time.Second)
	none(t, i, "at the end", answer.RefreshToken)
}

// none fails unless a refresh token is nobody's.
func none(t *testing.T, i *token.Issuer, why, refresh string) {
	t.Helper()
	answer, current, err := i.Renew(t.Context(), refresh, "", audit.Caller{})
	if !errors.Is(err, session.ErrNone) || !current.IsZero() || answer != (token.Answer{}) {
		t.Fatalf("%s: renewed into %+v, %v", why, answer, err)
	}
}

// TestRenewRefused: what is no refresh token of this door, or of a session that is
// over, is nobody's; a used one takes the tokens that were issued along.
func TestRenewRefused(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	c := config(w)
	c.Door = "cognito"
	elsewhere := newIssuer(t, c)
	_, proof, answer := scoped(t, w, i, "openid")
	before := w.Store.Writes()
	for why, text := range map[string]string{"nothing": "", "an access token": answer.AccessToken, "an ID token": answer.IDToken, "noise": strings.Repeat("A", 87)} {
		none(t, i, why, text)
	}
	none(t, elsewhere, "at another door", answer.RefreshToken)
	if w.Store.Writes() != before {
		t.Fatal("a refusal wrote")
	}
	second := renewed(t, i, answer.RefreshToken, "")
	accepted(t, i, second.AccessToken, proof)
	w.Clock.Advance(11 * time.Second)
	none(t, i, "used before", answer.RefreshToken)
	none(t, i, "its successor", second.RefreshToken)
	refused(t, i, "an access token of the ended family", second.AccessToken)
}

// TestRenewOfASuspendedPasskey: the account is asked at every use.
func TestRenewOfASuspendedPasskey(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	_, _, answer := scoped(t, w, i, "")
	must(t, change(w, func(f *record.AccountFacts) { f.Ways[0].Suspended = true }))
	none(t, i, "suspended", answer.RefreshToken)
}

// TestBindingClaim: what a step-up was made to bind stands in the token that it earned,
// and in no other.
func TestBindingClaim(t *testing.T) {
	w := ceremonytest.New(t)
	i := newIssuer(t, config(w))
	a, proof, answer := scoped(t, w, i, "openid")
	options, err := w.RP.BeginStepUp(t.Context(), ceremonytest.Request(), proof.Session(), ceremony.StepUp{Binding: []byte("pay 100 EUR \xff")})
	must(t, err)
	asserted, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	raised, err := w.RP.FinishStepUp(t.Context(), ceremonytest.Request(), proof.Session(), ceremony.Finish{Credential: asserted})
	must(t, err)
	bound, err := i.Issue(t.Context(), raised)
	must(t, err)
	if got := claimed(t, bound.AccessToken)["binding"]; got != encode([]byte("pay 100 EUR \xff")) {
		t.Fatalf("binding %v", got)
	}
	accepted(t, i, bound.AccessToken, raised)
	none(t, i, "of the session that was raised", answer.RefreshToken)
	for why, text := range map[string]string{
		"the sign-in's": answer.AccessToken, "the ID token": bound.IDToken, "a rotation's": renewed(t, i, bound.RefreshToken, "").AccessToken,
	} {
		if got, ok := claimed(t, text)["binding"]; ok {
			t.Errorf("%s binding %v", why, got)
		}
	}
}

// TestSwitchingTheAlgorithm: the setting puts a second key beside the first, or takes up
// the one that is there; both stay in the JWKS and verify.
func TestSwitchingTheAlgorithm(t *testing.T) {
	w := ceremonytest.New(t)
	old := newIssuer(t, config(w))
	_, proof, first := scoped(t, w, old, "openid")
	c := config(w)
	c.Algorithm = "EdDSA"
	w.Clock.Advance(time.Minute)
	next := newIssuer(t, c)
	second := renewed(t, next, first.RefreshToken, "")
	for alg, answer := range map[string]token.Answer{"ES256": first, "EdDSA": second} {
		for _, text := range []string{answer.AccessToken, answer.IDToken} {
			if header, _ := parts(t, text); members(t, header)["alg"] != alg {
				t.Errorf("signed by %v, want %s", members(t, header)["alg"], alg)
			}
		}
		accepted(t, next, answer.AccessToken, proof)
		accepted(t, old, answer.AccessToken, proof) // a process that has not been started anew
	}
	keys := jwks(t, next)
	if len(keys) != 2 || len(signingKeys(t, w)) != 2 {
		t.Fatalf("keys %v", keys)
	}
	for n, want := range []string{"EC P-256 ES256", "OKP Ed25519 EdDSA"} {
		key := keys[n]
		if got := key["kty"] + " " + key["crv"] + " " + key["alg"]; got != want || key["kid"] != thumbprint(t, next, n) || key["d"] != "" || key["use"] != "sig" {
			t.Errorf("key %v, want %s", key, want)
		}
	}
	// Back again, and on again: no third key.
	for n, cfg := range []token.Config{config(w), c} {
		i := newIssuer(t, cfg)
		answer, err := i.Issue(t.Context(), proof)
		must(t, err)
		if header, _ := parts(t, answer.AccessToken); members(t, header)["kid"] != keys[n]["kid"] || len(signingKeys(t, w)) != 2 {
			t.Fatalf("signed by %v; %d keys", members(t, header)["kid"], len(signingKeys(t, w)))
		}
	}
	// A key signs by its own algorithm and no other, whatever the header says.
	text := strings.Split(second.AccessToken, ".")
	header := strings.Replace(string(decode(t, text[0])), "EdDSA", "ES256", 1)
	refused(t, next, "an EdDSA signature under ES256", encode([]byte(header))+"."+text[1]+"."+text[2])
	header = strings.Replace(string(decode(t, text[0])), keys[1]["kid"], keys[0]["kid"], 1)
	refused(t, next, "an EdDSA signature under the ES256 key", encode([]byte(header))+"."+text[1]+"."+text[2])
}
