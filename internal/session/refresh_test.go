package session_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

var raw64 = base64.RawURLEncoding

func accept(session.View) error { return nil }

// refresh is the refresh token that a proof earned.
func (w *world) refresh(t *testing.T, p ceremony.Proof) string {
	t.Helper()
	token, err := w.Sessions.Refresh(p.Session())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// rotate presents a refresh token at its own door.
func (w *world) rotate(t *testing.T, token string) (session.Current, string, error) {
	t.Helper()
	return w.Sessions.Rotate(t.Context(), session.Rotation{Door: ceremonytest.Door, Token: token, By: ceremonytest.Request().Caller, Accept: accept})
}

// next rotates a token that is live.
func (w *world) next(t *testing.T, token string) string {
	t.Helper()
	c, successor, err := w.rotate(t, token)
	if err != nil || c.IsZero() || successor == token {
		t.Fatalf("rotated into %q as %+v, %v", successor, c.Person(), err)
	}
	return successor
}

// worthless fails unless a token is nobody's.
func (w *world) worthless(t *testing.T, token, why string) {
	t.Helper()
	c, successor, err := w.rotate(t, token)
	if !errors.Is(err, session.ErrNone) || !c.IsZero() || successor != "" {
		t.Fatalf("%s: rotated into %q as %+v, %v", why, successor, c.Person(), err)
	}
}

// TestChainOfRotations: a family may be rotated as often as it is used, and none of it
// lengthens its life, raises it or makes its proof younger.
func TestChainOfRotations(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.Request())
	first, began := proof.Session().View(), w.Clock.Now()
	token, seen := w.refresh(t, proof), map[string]bool{}
	for range 1000 {
		w.Clock.Advance(40 * time.Minute)
		c, successor, err := w.rotate(t, token)
		if err != nil {
			t.Fatalf("rotation %d: %v", len(seen)+1, err)
		}
		v := c.View()
		if v.ID != first.ID || !v.ExpiresAt.Equal(first.ExpiresAt) || !v.AuthTime.Equal(first.AuthTime) || v.AAL != first.AAL || v.ACR != first.ACR {
			t.Fatalf("the session became %+v, it was %+v", v, first)
		}
		if c.Fresh(w.Clock.Now(), 5*time.Minute) {
			t.Fatal("a rotation is no fresh proof")
		}
		if seen[token] {
			t.Fatal("a token came twice")
		}
		seen[token], token = true, successor
	}
	w.Clock.Advance(first.ExpiresAt.Sub(began) - 1000*40*time.Minute - time.Second)
	token = w.next(t, token)
	w.Clock.Advance(time.Second)
	w.worthless(t, token, "at the absolute end")
	if n := events(t, w, audit.RefreshReused); n != 0 {
		t.Fatalf("%d reuses of an honest chain", n)
	}
}

// TestPreviousToken: for ten seconds the previous token gets the very successor again;
// a millisecond later it ends the family.
func TestPreviousToken(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof, bystander := w.in(t, ceremonytest.Request()), w.in(t, ceremonytest.Request())
	first := w.refresh(t, proof)
	second := w.next(t, first)
	w.Clock.Advance(10 * time.Second)
	before := w.Store.Writes()
	for range 3 {
		if again := w.next(t, first); again != second {
			t.Fatalf("a second successor %q beside %q", again, second)
		}
	}
	if w.Store.Writes() != before {
		t.Fatal("a repeated answer wrote to the store")
	}
	w.Clock.Advance(time.Millisecond)
	w.worthless(t, first, "10 s and 1 ms later")
	w.worthless(t, second, "the successor of a token that was used again")
	w.dead(t, proof, "its session")
	w.alive(t, bystander, "another session of the account")
	w.next(t, w.refresh(t, bystander))
	if n := events(t, w, audit.RefreshReused); n != 1 {
		t.Fatalf("%d events of one reuse", n)
	}
}

// TestReuse: what ends a family, and what it looks like afterwards.
func TestReuse(t *testing.T) {
	for name, c := range map[string]struct {
		profile string
		used    func(w *world, t *testing.T, first string) (live string)
	}{
		"an older generation": {"standard", func(w *world, t *testing.T, first string) string {
			return w.next(t, w.next(t, w.next(t, first)))
		}},
		"the successor is used already": {"standard", func(w *world, t *testing.T, first string) string {
			second := w.next(t, first)
			if w.next(t, first) != second {
				t.Fatal("no grace")
			}
			return w.next(t, second)
		}},
		"under aal2, after the grace": {"aal2", func(w *world, t *testing.T, first string) string {
			second := w.next(t, first)
			w.Clock.Advance(11 * time.Second)
			return second
		}},
		"no grace under aal3": {"aal3", func(w *world, t *testing.T, first string) string { return w.next(t, first) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.profile, webauthntest.Phone())
			proof := w.in(t, ceremonytest.Request())
			first := w.refresh(t, proof)
			live := c.used(w, t, first)
			w.alive(t, proof, "before the reuse")
			before := w.Store.Writes()
			w.worthless(t, first, "used before")
			if wrote := w.Store.Writes() - before; wrote != 1 {
				t.Fatalf("%d writes, want 1", wrote)
			}
			w.dead(t, proof, "after the reuse")
			w.worthless(t, live, "the live token")
			w.worthless(t, first, "and again")
			if n := events(t, w, audit.RefreshReused); n != 1 {
				t.Fatalf("%d events of one reuse", n)
			}
			if w.Store.Writes() != before+1 {
				t.Fatal("an ended family made the store write")
			}
			w.alive(t, w.up, "the other session")
		})
	}
}

// TestGraceOfAAL2: the lower profiles forgive a lost answer.
func TestGraceOfAAL2(t *testing.T) {
	w := newWorld(t, "aal2", webauthntest.Phone())
	first := w.refresh(t, w.in(t, ceremonytest.Request()))
	if second := w.next(t, first); w.next(t, first) != second {
		t.Fatal("no grace under aal2")
	}
}

// TestNotARefreshToken: whatever is not the one text of a token of ours writes nothing,
// ends nothing and is nobody's.
func TestNotARefreshToken(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.Request())
	good := w.next(t, w.refresh(t, proof))
	raw, err := raw64.DecodeString(good)
	if err != nil || len(raw) <= 24+32 {
		t.Fatalf("a token of %d bytes, %v", len(raw), err)
	}
	bent := []string{
		good + "A", good + "AAAA", good + "=", good + "==", good + "\n", good + "\r\n", "\n" + good, " " + good, good + good,
		good[:8] + "\n" + good[8:], strings.Repeat("A", 1<<16), base64.StdEncoding.EncodeToString(raw) + "!", raw64.EncodeToString(make([]byte, 24)),
		raw64.EncodeToString(make([]byte, len(raw))), base64.URLEncoding.EncodeToString(raw),
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, last := range alphabet { // other spellings of the last bits, and other bytes
		if text := good[:len(good)-1] + string(last); text != good {
			bent = append(bent, text)
		}
	}
	for n := range good {
		bent = append(bent, good[:n], good[n+1:])
	}
	for n := range raw {
		bent = append(bent, raw64.EncodeToString(raw[:n]))
		for bit := range 8 {
			b := append([]byte(nil), raw...)
			b[n] ^= 1 << bit
			bent = append(bent, raw64.EncodeToString(b))
		}
	}
	before := w.Store.Writes()
	for _, text := range bent {
		w.worthless(t, text, text)
		if err := w.Sessions.Revoke(t.Context(), ceremonytest.Door, text, audit.Caller{}); err != nil {
			t.Fatalf("revoking %q: %v", text, err)
		}
	}
	if w.Store.Writes() != before {
		t.Fatal("a bent token made the store write")
	}
	w.alive(t, proof, "after all that")
	w.next(t, good)
}

// token writes a refresh token as somebody would who can make tags.
func token(t *testing.T, tag func(record.ID, uint64) ([]byte, error), id uuid.UUID, generation uint64) string {
	t.Helper()
	mac, err := tag(id, generation)
	if err != nil {
		t.Fatal(err)
	}
	return raw64.EncodeToString(append(binary.BigEndian.AppendUint64(id[:], generation), mac...))
}

// TestTokensOfElsewhere: a token is good at its own door, deployment and session only,
// and presenting it elsewhere ends nothing.
func TestTokensOfElsewhere(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	stranger := newWorld(t, "standard", webauthntest.Phone())
	proof, cookie := w.in(t, ceremonytest.Request()), w.in(t, ceremonytest.CookieRequest())
	good, id := w.refresh(t, proof), proof.Session().View().ID
	if made := token(t, w.Vault.RefreshTag, id, 0); made != good {
		t.Fatalf("the token is %q, made by hand it is %q", good, made)
	}
	if text := w.refresh(t, cookie); text != "" {
		t.Fatalf("a session in cookie mode has the refresh token %q", text)
	}
	before := w.Store.Writes()
	for why, text := range map[string]string{
		"tagged by another deployment":   token(t, stranger.Vault.RefreshTag, id, 0),
		"of another deployment":          stranger.refresh(t, stranger.up),
		"of a session that never was":    token(t, w.Vault.RefreshTag, uuid.New(), 0),
		"of a session in cookie mode":    token(t, w.Vault.RefreshTag, cookie.Session().View().ID, 0),
		"tagged for another session":     raw64.EncodeToString(append(binary.BigEndian.AppendUint64(id[:], 0), decoded(t, w.refresh(t, w.up))[24:]...)),
		"tagged for another generation":  raw64.EncodeToString(append(binary.BigEndian.AppendUint64(id[:], 1), decoded(t, good)[24:]...)),
		"a session cookie":               cookie.Cookie(),
		"a session cookie with a suffix": cookie.Cookie() + good,
	} {
		w.worthless(t, text, why)
	}
	for _, door := range []string{"", "REST", "cognito"} {
		_, _, err := w.Sessions.Rotate(t.Context(), session.Rotation{Door: door, Token: good, Accept: accept})
		if !errors.Is(err, session.ErrNone) {
			t.Fatalf("at the door %q: %v", door, err)
		}
		if err := w.Sessions.Revoke(t.Context(), door, good, audit.Caller{}); err != nil {
			t.Fatal(err)
		}
	}
	if w.Store.Writes() != before {
		t.Fatal("a token of elsewhere made the store write")
	}
	w.alive(t, proof, "after all that")
	w.alive(t, cookie, "after all that")
	w.next(t, good)
}

// TestGenerationThatNeverWas: a tag of ours for a generation that is yet to come is no
// way ahead. Whoever can make one has the keys; still the family ends.
func TestGenerationThatNeverWas(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.Request())
	w.worthless(t, token(t, w.Vault.RefreshTag, proof.Session().View().ID, 1), "the next generation")
	w.dead(t, proof, "after it")
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := raw64.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEndsOfFamilies: whatever ends a session ends its refresh tokens, and a used token
// of an ended family ends nothing further.
func TestEndsOfFamilies(t *testing.T) {
	for name, end := range map[string]func(*world, *testing.T, ceremony.Proof){
		"signed out": func(w *world, t *testing.T, p ceremony.Proof) {
			must(t, w.Sessions.End(t.Context(), p.Session(), false, audit.Caller{}))
		},
		"all ended": func(w *world, t *testing.T, _ ceremony.Proof) {
			must(t, w.Sessions.End(t.Context(), w.up.Session(), true, audit.Caller{}))
		},
		"disabled": func(w *world, t *testing.T, _ ceremony.Proof) {
			w.change(t, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		},
		"passkey suspended": func(w *world, t *testing.T, _ ceremony.Proof) {
			w.change(t, func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
		},
		"passkey restored since": func(w *world, t *testing.T, _ ceremony.Proof) {
			w.change(t, func(f *record.AccountFacts) { f.Ways[0].Suspended = true; f.Ways[0].State++ })
			w.change(t, func(f *record.AccountFacts) { f.Ways[0].Suspended = false; f.Ways[0].State++ })
		},
		"passkey held": func(w *world, t *testing.T, _ ceremony.Proof) {
			w.change(t, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 << 60 })
		},
		"passkey removed": func(w *world, t *testing.T, _ ceremony.Proof) {
			w.change(t, func(f *record.AccountFacts) { f.Ways = nil })
		},
		"idle": func(w *world, _ *testing.T, _ ceremony.Proof) { w.Clock.Advance(7 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "standard", webauthntest.Phone())
			proof := w.in(t, ceremonytest.Request())
			used := w.refresh(t, proof)
			live := w.next(t, used)
			end(w, t, proof)
			before := w.Store.Writes()
			w.worthless(t, live, "the live token")
			w.worthless(t, used, "the previous token, within the grace")
			if w.Store.Writes() != before || events(t, w, audit.RefreshReused) != 0 {
				t.Fatal("an ended family ended again")
			}
		})
	}
}

// TestIdleEdgeOfRotation: a rotation is a use: it keeps the session from idling out, to
// the second.
func TestIdleEdgeOfRotation(t *testing.T) {
	w := newWorld(t, "aal3", webauthntest.Phone())
	text := w.refresh(t, w.in(t, ceremonytest.Request()))
	for range 4 {
		w.Clock.Advance(15*time.Minute - time.Second)
		text = w.next(t, text)
	}
	w.Clock.Advance(15 * time.Minute)
	w.worthless(t, text, "at the idle limit")
}

// TestAcceptRefuses: what is refused by the caller's judgement rotates nothing, and the
// judge sees the session as it is.
func TestAcceptRefuses(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	proof := w.in(t, ceremonytest.Request())
	first, no := w.refresh(t, proof), errors.New("no")
	before := w.Store.Writes()
	c, successor, err := w.Sessions.Rotate(t.Context(), session.Rotation{
		Door: ceremonytest.Door, Token: first, Accept: func(v session.View) error {
			if v.ID != proof.Session().View().ID {
				t.Errorf("judged %+v", v)
			}
			return no
		},
	})
	if !errors.Is(err, no) || !c.IsZero() || successor != "" || w.Store.Writes() != before {
		t.Fatalf("%q as %+v, %v, %d writes", successor, c.Person(), err, w.Store.Writes()-before)
	}
	w.next(t, first)
}

// TestReuseIsNeverUnseen: a token that was used ends its family even when its caller asks
// for what it would not get, so a copy cannot be tried without a trace.
func TestReuseIsNeverUnseen(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	first := w.refresh(t, w.in(t, ceremonytest.Request()))
	third := w.next(t, w.next(t, first))
	_, _, err := w.Sessions.Rotate(t.Context(), session.Rotation{
		Door: ceremonytest.Door, Token: first, By: ceremonytest.Request().Caller,
		Accept: func(session.View) error { return errors.New("no") },
	})
	if !errors.Is(err, session.ErrNone) {
		t.Fatalf("a used token: %v", err)
	}
	w.worthless(t, third, "of a family whose used token came again")
}

// TestRevoke: a refresh token ends its session, once (RFC 7009 §2.1), and nobody
// else's. An older token of the family says the same.
func TestRevoke(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	bob := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
	for _, generations := range []int{0, 1, 3} {
		proof := w.in(t, ceremonytest.Request())
		first := w.refresh(t, proof)
		live := first
		for range generations {
			live = w.next(t, live)
		}
		before := events(t, w, audit.SignedOut)
		for range 2 {
			must(t, w.Sessions.Revoke(t.Context(), ceremonytest.Door, first, ceremonytest.Request().Caller))
			w.dead(t, proof, "revoked")
			w.worthless(t, live, "revoked")
		}
		if n := events(t, w, audit.SignedOut) - before; n != 1 {
			t.Fatalf("%d events of one end", n)
		}
	}
	w.alive(t, w.up, "the other session")
	w.alive(t, bob, "somebody else")
	must(t, w.Sessions.Revoke(t.Context(), ceremonytest.Door, "", audit.Caller{}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
