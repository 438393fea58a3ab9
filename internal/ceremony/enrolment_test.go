package ceremony_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// added is an account that an operator made, and its link.
func added(t *testing.T, w *ceremonytest.World, username string) (uuid.UUID, string) {
	t.Helper()
	id, link, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: username, DisplayName: "Ana"}, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	return id, link.Ticket
}

// another makes a further link for an account.
func another(t *testing.T, w *ceremonytest.World, username string) string {
	t.Helper()
	link, err := w.Accounts.Link(t.Context(), username, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	return link.Ticket
}

// enrolling runs an enrolment up to the authenticator's answer.
func enrolling(t *testing.T, w *ceremonytest.World, a *webauthntest.Authenticator, link string, m ...webauthntest.Mutation) []byte {
	t.Helper()
	options, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), link)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page(), m...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func enrolled(t *testing.T, w *ceremonytest.World, answer []byte) (ceremony.Proof, error) {
	t.Helper()
	return w.RP.FinishEnrolment(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
}

func linkRefused(t *testing.T, w *ceremonytest.World, link string) {
	t.Helper()
	_, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), link)
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
}

func TestEnrolThenSignIn(t *testing.T) {
	w := closed(t)
	id, link := added(t, w, "ana")
	options, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), link)
	if err != nil || options.User.Name != "ana" || options.User.DisplayName != "Ana" || len(options.User.ID) != 43 || len(options.ExcludeCredentials) != 0 {
		t.Fatalf("options %+v, %v", options, err)
	}
	a := phone()
	begun := enrolling(t, w, phone(), link) // opening the link twice is fine
	proof, err := enrolled(t, w, enrolling(t, w, a, link))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := proof.Passkey(); !ok || !p.ThisSession || proof.Session().Person().ID != id || proof.Session().View().AAL != 2 {
		t.Fatalf("enrolled as %+v with %+v", proof.Session().Person(), p)
	}
	for _, username := range []string{"", "ana"} {
		in, err := w.Finish(t, w.Assert(t, a, username))
		if err != nil || in.Session().Person().ID != id {
			t.Fatalf("signing in: %v", err)
		}
	}
	linkRefused(t, w, link)
	_, err = enrolled(t, w, begun)
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	if list := accounts(t, w); len(list) != 1 || list[0].Passkeys != 1 {
		t.Fatalf("accounts %+v", list)
	}
}

// TestNoWayInNoSignIn: an account that awaits its first passkey looks like none.
func TestNoWayInNoSignIn(t *testing.T) {
	w := closed(t)
	added(t, w, "ana")
	options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "ana"})
	if err != nil || len(options.AllowCredentials) == 0 {
		t.Fatalf("an account without a passkey shows: %+v, %v", options.AllowCredentials, err)
	}
}

func TestEnrolmentLinkExpires(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	w.Clock.Advance(30*time.Minute - time.Second)
	edge, late := phone(), enrolling(t, w, phone(), link)
	if _, err := enrolled(t, w, enrolling(t, w, edge, another(t, w, "ana"))); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(2 * time.Second)
	linkRefused(t, w, link)
	_, err := enrolled(t, w, late)
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
}

func TestEnrolmentLinkAtItsEdge(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	w.Clock.Advance(30*time.Minute - time.Second)
	if _, err := enrolled(t, w, enrolling(t, w, phone(), link)); err != nil {
		t.Fatalf("one second before its end: %v", err)
	}
}

// TestForgedEnrolmentLinks: tickets of other purposes, other people's links and bent
// ones enrol nobody.
func TestForgedEnrolmentLinks(t *testing.T) {
	w := ceremonytest.New(t)
	_, link := added(t, w, "ana")
	signUp, err := begin(t, w, ceremony.SignUp{Username: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	elsewhere := closed(t)
	_, foreign := added(t, elsewhere, "ana")
	forged := []string{"", administratorLink(t, w), encode(signUp.Challenge), foreign, link + "A", link + "=", encode(append(raw, 0))}
	for n := range len(raw) {
		bent := append([]byte(nil), raw...)
		bent[n] ^= 0x80
		forged = append(forged, encode(bent), encode(raw[:n]))
	}
	before := w.Store.Writes()
	for _, text := range forged {
		linkRefused(t, w, text)
	}
	door := ceremonytest.Request()
	door.Door = "cognito"
	_, err = w.RP.BeginEnrolment(t.Context(), door, link)
	refused(t, err, ceremony.KindExpired, "", linkUnusable)

	// Nor is the challenge of one ceremony an answer to another.
	a := w.Register(t, phone(), ceremony.SignUp{Username: "bob"})
	_, err = enrolled(t, w, a)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	_, err = finish(t, w, enrolling(t, w, phone(), link))
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeUnknown)
	if w.Store.Writes() != before {
		t.Fatal("a forged link made the store write")
	}
	if _, err := enrolled(t, w, enrolling(t, w, phone(), link)); err != nil {
		t.Fatalf("the link itself: %v", err)
	}
}

// TestEndingEverythingCallsLinksBack: a link, and a ceremony begun with it, do not
// outlive the moment when all of the account's sessions were ended.
func TestEndingEverythingCallsLinksBack(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	proof, err := enrolled(t, w, enrolling(t, w, phone(), link))
	if err != nil {
		t.Fatal(err)
	}
	second := another(t, w, "ana")
	begun := enrolling(t, w, phone(), second)
	if err := w.Sessions.End(t.Context(), proof.Session(), true, audit.Caller{}); err != nil {
		t.Fatal(err)
	}
	linkRefused(t, w, second)
	_, err = enrolled(t, w, begun)
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	if list := accounts(t, w); list[0].Passkeys != 1 {
		t.Fatalf("%d passkeys", list[0].Passkeys)
	}
	if _, err := enrolled(t, w, enrolling(t, w, phone(), another(t, w, "ana"))); err != nil {
		t.Fatalf("a link made afterwards: %v", err)
	}
}

// TestEnrolmentExcludesWhatIsThere: an authenticator that already has a passkey of the
// account is told so, and one that does not listen is refused (steps 26 and 5.4.5).
func TestEnrolmentExcludesWhatIsThere(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	a := phone()
	if _, err := enrolled(t, w, enrolling(t, w, a, link)); err != nil {
		t.Fatal(err)
	}
	link = another(t, w, "ana")
	options, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), link)
	if err != nil || len(options.ExcludeCredentials) != 1 || !bytes.Equal(options.ExcludeCredentials[0].ID, a.Credentials()[0].ID) {
		t.Fatalf("excluded %+v, %v", options.ExcludeCredentials, err)
	}
	again := enrolling(t, w, phone(), link, webauthntest.UseCredentialID(a.Credentials()[0].ID))
	_, err = enrolled(t, w, again)
	refused(t, err, ceremony.KindRegistered, "7.1/26", webauthn.CodeCredentialAlreadyRegistered)
	_, err = enrolled(t, w, again)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	if _, err := enrolled(t, w, enrolling(t, w, phone(), link)); err != nil {
		t.Fatalf("the link was used up by a refusal: %v", err)
	}
}

func TestTwentyPasskeys(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	keys := make([]*webauthntest.Authenticator, 20)
	for i := range keys {
		keys[i] = phone()
		if _, err := enrolled(t, w, enrolling(t, w, keys[i], link)); err != nil {
			t.Fatalf("passkey %d: %v", i+1, err)
		}
		link = another(t, w, "ana")
	}
	_, err := enrolled(t, w, enrolling(t, w, phone(), link))
	refused(t, err, ceremony.KindPolicy, "", "too_many_passkeys")
	if list := accounts(t, w); list[0].Passkeys != 20 {
		t.Fatalf("%d passkeys", list[0].Passkeys)
	}
	options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "ana"})
	if err != nil || len(options.AllowCredentials) != 20 {
		t.Fatalf("%d credentials listed, %v", len(options.AllowCredentials), err)
	}
	for _, a := range []*webauthntest.Authenticator{keys[0], keys[19]} {
		if _, err := w.Finish(t, w.Assert(t, a, "ana")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUsedLinkStaysUsed: a link that was used calls back the account's other links, and
// putting its stored half back does not revive it.
func TestUsedLinkStaysUsed(t *testing.T) {
	w := closed(t)
	_, link := added(t, w, "ana")
	other := another(t, w, "ana")
	i := w.Intrude(t)
	i.Do("CREATE TEMP TABLE kept AS SELECT * FROM tickets")
	if _, err := enrolled(t, w, enrolling(t, w, phone(), link)); err != nil {
		t.Fatal(err)
	}
	i.Do("INSERT OR REPLACE INTO tickets SELECT * FROM kept")
	for _, dead := range []string{link, other} {
		_, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), dead)
		refused(t, err, ceremony.KindExpired, "", linkUnusable)
	}
}

// TestLastPlaceRace: of two enrolments at once, by one link or two, one wins: a link that
// is used calls back the others.
func TestLastPlaceRace(t *testing.T) {
	for _, c := range []struct {
		name string
		room int
		link func(w *ceremonytest.World, first string) string // of the second enrolment
		kind ceremony.Kind
		code string
	}{
		{"two links, one place", 1, func(w *ceremonytest.World, _ string) string { return another(t, w, "ana") }, ceremony.KindExpired, linkUnusable},
		{"one link", 20, func(_ *ceremonytest.World, first string) string { return first }, ceremony.KindExpired, linkUnusable},
	} {
		t.Run(c.name, func(t *testing.T) {
			for round := range 50 {
				w := ceremonytest.New(t, func(cfg *ceremony.Config) { cfg.PasskeysPerAccount = c.room })
				_, link := added(t, w, "ana")
				answers := [][]byte{enrolling(t, w, phone(), link), enrolling(t, w, phone(), c.link(w, link))}
				wins := 0
				for _, err := range together(len(answers), func(i int) error { _, err := enrolled(t, w, answers[i]); return err }) {
					if err == nil {
						wins++
						continue
					}
					refused(t, err, c.kind, "", c.code)
				}
				if list := accounts(t, w); wins != 1 || list[0].Passkeys != 1 {
					t.Fatalf("round %d: %d won, %d passkeys", round, wins, list[0].Passkeys)
				}
			}
		})
	}
}
