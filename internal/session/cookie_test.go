package session_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func TestCookieRoundTrip(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.CookieRequest())
	c := w.alive(t, proof, "right after the sign-in")
	if c.View().ID != proof.Session().View().ID || !reflect.DeepEqual(c.Person(), proof.Session().Person()) || c.Person().Username != "ana" {
		t.Fatalf("the cookie belongs to %+v, %+v", c.View(), c.Person())
	}
	if v := c.View(); v.Mode != session.ModeCookie || v.AAL != 2 || v.ACR != "phr" || strings.Join(v.AMR, " ") != "pop user mfa" {
		t.Fatalf("the session reads %+v", v)
	}
	raw, err := base64.RawURLEncoding.DecodeString(proof.Cookie())
	if err != nil || len(raw) != 16+32 {
		t.Fatalf("a cookie of %d bytes, %v", len(raw), err)
	}
	if again := w.in(t, ceremonytest.CookieRequest()); again.Cookie() == proof.Cookie() || again.Session().View().ID == proof.Session().View().ID {
		t.Fatal("two sign-ins share a session")
	}
}

// TestSecretIsNotStored: the row holds a hash; who reads the database signs nobody in.
func TestSecretIsNotStored(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.CookieRequest())
	raw, err := base64.RawURLEncoding.DecodeString(proof.Cookie())
	if err != nil {
		t.Fatal(err)
	}
	id := proof.Session().View().ID
	row := w.Intrude(t).Row("SELECT key, account, body FROM sessions WHERE key = ?", id[:])
	for _, column := range row {
		if strings.Contains(string(column.([]byte)), string(raw[16:])) {
			t.Fatal("the cookie's secret stands in the row")
		}
	}
}

// TestBentCookies: every prefix, extension and single-bit change of a cookie, and every
// other spelling of its bytes, is nobody's (ASVS 7.2).
func TestBentCookies(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.CookieRequest())
	good := proof.Cookie()
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	bent := []string{good + "A", good + "=", good + "\n", "\n" + good, " " + good, good + good, encode(append(raw, 0)), good[:8] + "\r\n" + good[8:]}
	for n := range good {
		bent = append(bent, good[:n])
	}
	for n := range raw {
		bent = append(bent, encode(raw[:n]))
		for bit := range 8 {
			b := append([]byte(nil), raw...)
			b[n] ^= 1 << bit
			bent = append(bent, encode(b))
		}
	}
	other := w.in(t, ceremonytest.CookieRequest())
	theirs, err := base64.RawURLEncoding.DecodeString(other.Cookie())
	if err != nil {
		t.Fatal(err)
	}
	bent = append(bent, encode(append(append([]byte(nil), raw[:16]...), theirs[16:]...)), encode(make([]byte, 48)), good[:22])
	before := w.Store.Writes()
	for _, value := range bent {
		if c, err := w.Sessions.Check(t.Context(), value); !errors.Is(err, session.ErrNone) || !c.IsZero() {
			t.Fatalf("%q is signed in as %+v, %v", value, c.Person(), err)
		}
	}
	if w.Store.Writes() != before {
		t.Fatal("a bent cookie made the store write")
	}
	w.alive(t, proof, "after all that")
}

// TestModesDoNotMix: how a session is carried is decided when it begins and holds for
// life.
func TestModesDoNotMix(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	cookie, token := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
	if token.Cookie() != "" {
		t.Fatal("a token-mode session has a cookie")
	}
	if c, err := w.Sessions.Resume(t.Context(), cookie.Session().View().ID); !errors.Is(err, session.ErrNone) || !c.IsZero() {
		t.Fatalf("a cookie-mode session resumed by its identifier: %v", err)
	}
	// A token-mode session has no secret: neither an empty hash nor any secret opens it.
	id := token.Session().View().ID
	forged := base64.RawURLEncoding.EncodeToString(append(id[:], make([]byte, 32)...))
	if c, err := w.Sessions.Check(t.Context(), forged); !errors.Is(err, session.ErrNone) || !c.IsZero() {
		t.Fatalf("a token-mode session opened by cookie: %v", err)
	}
	if c, err := w.Sessions.Resume(t.Context(), uuid.New()); !errors.Is(err, session.ErrNone) || !c.IsZero() {
		t.Fatalf("an unknown session resumed: %v", err)
	}
	w.alive(t, cookie, "by cookie")
	w.alive(t, token, "by token")
}

// TestSecretOfATokenSession: even a row that holds the hash of a secret is opened by no
// cookie when its session is carried by tokens.
func TestSecretOfATokenSession(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	for _, mode := range []session.Mode{session.ModeCookie, session.ModeToken} {
		made := w.in(t, ceremonytest.CookieRequest())
		id := made.Session().View().ID
		row, _, err := w.Store.SessionAndAccount(t.Context(), id[:])
		if err != nil {
			t.Fatal(err)
		}
		opened, err := w.Vault.OpenSession(row)
		if err != nil {
			t.Fatal(err)
		}
		facts := opened.Facts()
		facts.Mode = mode
		next, err := w.Vault.SealSession(facts, row.Version+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Store.TouchSession(t.Context(), opened.Ref(), next); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Sessions.Check(t.Context(), made.Cookie()); (err == nil) != (mode == session.ModeCookie) {
			t.Fatalf("%s: %v", mode, err)
		}
	}
}
