package ceremony_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const linkUnusable = "link_unusable"

// closed is a World whose sign-up takes a ticket.
func closed(t *testing.T) *ceremonytest.World {
	t.Helper()
	return ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpClosed})
}

func administratorLink(t *testing.T, w *ceremonytest.World) string {
	t.Helper()
	link, ok, err := w.Accounts.AdministratorLink(t.Context(), audit.Caller{})
	if err != nil || !ok {
		t.Fatalf("no link: %v, %v", ok, err)
	}
	if want := w.Clock.Now().Add(30 * time.Minute); !link.Expires.Equal(want) {
		t.Fatalf("the link lives until %v, want %v", link.Expires, want)
	}
	return link.Ticket
}

func administrators(t *testing.T, w *ceremonytest.World) (n int) {
	t.Helper()
	for _, a := range accounts(t, w) {
		if a.Role == "admin" {
			n++
		}
	}
	return n
}

func TestFirstAdministrator(t *testing.T) {
	w := closed(t)
	link := administratorLink(t, w)
	begun := w.Register(t, phone(), ceremony.SignUp{Username: "eve", Ticket: link}) // opening it does not use it up
	a := phone()
	proof, err := finish(t, w, w.Register(t, a, ceremony.SignUp{Username: "ana", Ticket: link}))
	if err != nil {
		t.Fatal(err)
	}
	if role := proof.Session().Person().Role; role != "admin" {
		t.Fatalf("the first administrator is a %s", role)
	}
	_, err = begin(t, w, ceremony.SignUp{Username: "eve", Ticket: link})
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	_, err = finish(t, w, begun)
	refused(t, err, ceremony.KindExpired, "", "administrator_exists")
	if _, ok, err := w.Accounts.AdministratorLink(t.Context(), audit.Caller{}); err != nil || ok {
		t.Fatalf("a second first administrator: %v, %v", ok, err)
	}
	if n := administrators(t, w); n != 1 || len(accounts(t, w)) != 1 {
		t.Fatalf("%d administrators of %d accounts", n, len(accounts(t, w)))
	}
	if in, err := w.Finish(t, w.Assert(t, a, "ana")); err != nil || in.Session().Person().Role != "admin" {
		t.Fatalf("signing in: %v", err)
	}
}

// TestOnlyTheLinkMakesAnAdministrator: an open sign-up before the link is used makes a
// member, and uses nothing up.
func TestOnlyTheLinkMakesAnAdministrator(t *testing.T) {
	w := ceremonytest.New(t)
	if role := w.SignUp(t, phone(), "bob").Session().Person().Role; role != "member" {
		t.Fatalf("an open sign-up made a %s", role)
	}
	proof, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: administratorLink(t, w)}))
	if err != nil || proof.Session().Person().Role != "admin" {
		t.Fatalf("the link after it: %v", err)
	}
}

// TestAdministratorRace: of two links from two calls, answered at once, one makes the
// administrator.
func TestAdministratorRace(t *testing.T) {
	for round := range 50 {
		w := closed(t)
		answers := [][]byte{
			w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: administratorLink(t, w)}),
			w.Register(t, phone(), ceremony.SignUp{Username: "bob", Ticket: administratorLink(t, w)}),
		}
		wins := 0
		for _, err := range together(len(answers), func(i int) error { _, err := finish(t, w, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindExpired, "", "administrator_exists")
		}
		if n := administrators(t, w); wins != 1 || n != 1 || len(accounts(t, w)) != 1 {
			t.Fatalf("round %d: %d won, %d administrators, %d accounts", round, wins, n, len(accounts(t, w)))
		}
	}
}

func TestAdministratorLinkExpires(t *testing.T) {
	w := closed(t)
	link := administratorLink(t, w)
	w.Clock.Advance(30*time.Minute - time.Second)
	late := w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link})
	w.Clock.Advance(2 * time.Second)
	_, err := begin(t, w, ceremony.SignUp{Username: "ana", Ticket: link})
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	_, err = finish(t, w, late) // its challenge lives, the right it came from does not
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	if _, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: administratorLink(t, w)})); err != nil {
		t.Fatalf("a fresh link: %v", err)
	}
}

// TestForgedAdministratorLinks: nothing but the very text of the link is the link, and
// trying costs the store nothing.
func TestForgedAdministratorLinks(t *testing.T) {
	w := closed(t)
	link := administratorLink(t, w)
	_, enrolment, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: "bob", Admin: true}, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	signIn, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	forged := []string{
		enrolment.Ticket, encode(signIn.Challenge), administratorLink(t, closed(t)),
		link + "A", link + "=", link + "\n", " " + link, "x", strings.Repeat("A", len(link)), encode(append(raw, 0)),
	}
	for n := range len(raw) {
		bent := append([]byte(nil), raw...)
		bent[n] ^= 1
		forged = append(forged, encode(bent))
		if n > 0 {
			forged = append(forged, encode(raw[:n]))
		}
	}
	before := w.Store.Writes()
	for _, text := range forged {
		_, err := begin(t, w, ceremony.SignUp{Username: "eve", Ticket: text})
		refused(t, err, ceremony.KindExpired, "", linkUnusable)
	}
	door := ceremonytest.Request()
	door.Door = "cognito"
	_, err = w.RP.BeginSignUp(t.Context(), door, ceremony.SignUp{Username: "eve", Ticket: link})
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	if w.Store.Writes() != before {
		t.Fatal("a forged link made the store write")
	}
	if _, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link})); err != nil {
		t.Fatalf("the link itself: %v", err)
	}
}

// TestRefusedRegistrationKeepsTheLink: a wrong answer burns its challenge and leaves
// the link: the person begins again.
func TestRefusedRegistrationKeepsTheLink(t *testing.T) {
	w := closed(t)
	link := administratorLink(t, w)
	if _, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link}, webauthntest.SetRPID("evil.example"))); err == nil {
		t.Fatal("a registration for another RP ID was accepted")
	}
	if _, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link})); err != nil {
		t.Fatalf("beginning again: %v", err)
	}
}

// TestAdministratorLinkIsInNoLog: it is shown to whom it is for, and nowhere else.
func TestAdministratorLinkIsInNoLog(t *testing.T) {
	w := closed(t)
	link := administratorLink(t, w)
	if _, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link})); err != nil {
		t.Fatal(err)
	}
	if _, err := begin(t, w, ceremony.SignUp{Username: "eve", Ticket: link}); err == nil || strings.Contains(err.Error(), link) {
		t.Fatalf("used twice: %v", err)
	}
	if strings.Contains(w.Journal.String(), link[:40]) {
		t.Fatal("the link is in the log")
	}
}
