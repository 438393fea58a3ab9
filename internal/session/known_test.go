package session_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// person seals and opens an account that is in no store.
func (w *world) person(t *testing.T, n byte, emails ...string) record.Account {
	t.Helper()
	row, err := w.Vault.SealAccount(record.AccountFacts{
		ID: record.ID{n}, UserHandle: []byte{n}, State: record.StateActive, Salt: make([]byte, 32), Emails: emails,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Vault.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestKnownBrowser: a browser is known for the accounts that it signed in, and for their
// addresses, and for nobody else's.
func TestKnownBrowser(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	ana, ben := w.person(t, 1, "Ana@example.org", "ana@work.example", "\u0130na@example.org"), w.person(t, 2, "ben@example.org")
	cookie := w.Sessions.Recognize("", ana)
	for address, want := range map[string]bool{
		"ana@example.org": true, "ANA@EXAMPLE.ORG": true, "ana@work.example": true, "ben@example.org": false, "": false,
		"\u0130na@example.org": true, "ina@example.org": false,
	} {
		if got := w.Sessions.RecognizesAddress(cookie, address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
	if !w.Sessions.Recognizes(cookie, ana) || w.Sessions.Recognizes(cookie, ben) {
		t.Fatal("recognized the wrong one")
	}
	both := w.Sessions.Recognize(cookie, ben)
	if !w.Sessions.Recognizes(both, ana) || !w.Sessions.Recognizes(both, ben) || !w.Sessions.RecognizesAddress(both, "ben@example.org") {
		t.Fatal("the second one displaced the first")
	}
	if again := w.Sessions.Recognize(both, ben); again != both {
		t.Fatal("recognizing again changed the cookie")
	}
	if raw, _ := base64.RawURLEncoding.DecodeString(both); strings.Contains(string(raw), "ana") {
		t.Fatal("the cookie names somebody")
	}
	if other := w.Sessions.Recognize("", ana); other[22:] == cookie[22:] {
		t.Fatal("the cookies of two browsers have entries in common")
	}
}

// TestKnownUntilAllSessionsEnd: what ends every session makes every browser unknown.
func TestKnownUntilAllSessionsEnd(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	before, _, err := w.Accounts.Get(t.Context(), w.up.Session().Person().ID)
	if err != nil {
		t.Fatal(err)
	}
	cookie := w.Sessions.Recognize("", before)
	w.change(t, func(f *record.AccountFacts) { f.TicketEpoch++ })
	after, _, err := w.Accounts.Get(t.Context(), before.ID())
	if err != nil || !w.Sessions.Recognizes(cookie, after) {
		t.Fatalf("unknown after another change: %v", err)
	}
	w.change(t, func(f *record.AccountFacts) { f.SessionEpoch++ })
	after, _, err = w.Accounts.Get(t.Context(), before.ID())
	if err != nil || w.Sessions.Recognizes(cookie, after) {
		t.Fatalf("known after every session ended: %v", err)
	}
}

// TestKnownIsBounded: sixteen entries, the newest ones.
func TestKnownIsBounded(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	cookie := ""
	for n := range byte(20) {
		cookie = w.Sessions.Recognize(cookie, w.person(t, n+1))
	}
	if raw, err := base64.RawURLEncoding.DecodeString(cookie); err != nil || len(raw) != 16+16*16 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for n := range byte(20) {
		if got, want := w.Sessions.Recognizes(cookie, w.person(t, n+1)), n >= 4; got != want {
			t.Errorf("account %d: %v", n+1, got)
		}
	}
}

// TestBentKnownCookies: whatever is no cookie of ours recognizes nobody and is replaced.
func TestBentKnownCookies(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	ana := w.person(t, 1, "ana@example.org")
	good := w.Sessions.Recognize("", ana)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	bent := map[string]string{
		"empty": "", "no entry": base64.RawURLEncoding.EncodeToString(raw[:16]), "padded": good + "=",
		"a line end": good[:4] + "\n" + good[4:], "huge": strings.Repeat("A", 1<<20), "standard alphabet": strings.Repeat("+/", 32),
		"one entry too many": base64.RawURLEncoding.EncodeToString(append(raw[:48:48], make([]byte, 16*15)...)),
	}
	for i := range raw[:32] {
		flipped := append([]byte(nil), raw...)
		flipped[i] ^= 1
		bent[fmt.Sprintf("bit %d", i)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	for i := range len(raw) {
		if i != 32 { // nonce and first entry: a shorter cookie of ours
			bent[fmt.Sprintf("%d bytes", i)] = base64.RawURLEncoding.EncodeToString(raw[:i])
		}
	}
	for name, value := range bent {
		if w.Sessions.Recognizes(value, ana) {
			t.Errorf("%s: recognized", name)
		}
		if next := w.Sessions.Recognize(value, ana); !w.Sessions.Recognizes(next, ana) {
			t.Errorf("%s: not replaced", name)
		}
	}
}
