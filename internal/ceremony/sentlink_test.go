package ceremony_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// sent has an administrator send an enrolment link to who lost a passkey, and gives it.
func (l *loser) sent(t *testing.T, admin ceremony.Proof) string {
	t.Helper()
	l.Letters(t)
	m := l.Accounts.Administer(now(t, l.World, admin), ceremonytest.Request().Caller)
	_, err := m.SendLink(t.Context(), l.proof.Session().Person().ID, "lost")
	must(t, err)
	for _, letter := range l.Letters(t) {
		if letter.Kind == mail.KindEnrolment {
			return ceremonytest.Token(t, letter)
		}
	}
	t.Fatal("no link was mailed")
	return ""
}

// held enrols by a link and demands that the passkey waits and nobody is signed in.
func (l *loser) held(t *testing.T, link string) *webauthntest.Authenticator {
	t.Helper()
	thief := phone()
	proof, err := enrolled(t, l.World, enrolling(t, l.World, thief, link))
	must(t, err)
	until := l.Clock.Now().Add(ceremonytest.Policy().Hold).Truncate(time.Millisecond)
	passkey, ok := proof.Passkey()
	if !ok || !proof.Session().IsZero() || proof.Cookie() != "" || !passkey.HeldUntil.Equal(until) {
		t.Fatalf("%+v until %v, session %v", passkey, until, proof.Session().View())
	}
	if f := l.facts(t); f.HeldUntil != until.UnixMilli() {
		t.Fatalf("the account is held until %d", f.HeldUntil)
	}
	l.cannot(t, thief, "held")
	return thief
}

// TestSentLinkWaits: a link in one mailbox, sent by somebody who was persuaded, takes
// nothing over: where there is a way in already, its person has the time to object, and a
// sign-in with the older passkey ends it. A suspended way in is one, so suspending it
// first shortens nothing.
func TestSentLinkWaits(t *testing.T) {
	for name, suspended := range map[string]bool{"a working passkey": false, "a suspended one": true} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, ceremonytest.Policy())
			admin, root := resident(t, l.World, "root")
			change(t, l.World, root, func(f *record.AccountFacts) { f.Role = record.RoleAdmin })
			root = signedIn(t, l.World, admin, ceremonytest.Request())
			if suspended {
				change(t, l.World, l.proof, func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
			}
			thief := l.held(t, l.sent(t, root))
			if e, n := last(t, l.World, audit.PasskeyAdded); n != 1 || e.Code != "enrolment" || e.Session != (record.ID{}) || e.AAL != 0 {
				t.Errorf("%d events %+v", n, e)
			}
			if suspended {
				l.Clock.Advance(ceremonytest.Policy().Hold)
				signedIn(t, l.World, thief, ceremonytest.Request()) // nobody objected
				return
			}
			signedIn(t, l.World, l.key, ceremonytest.Request())
			l.Clock.Advance(ceremonytest.Policy().Hold)
			l.cannot(t, thief, "its person objected")
		})
	}
}

// TestLinksThatDoNotWait: who has no way in yet has nobody to ask, and the operator on the
// machine knows who stands there.
func TestLinksThatDoNotWait(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	link, err := l.Accounts.Link(t.Context(), l.proof.Session().Person().ID.String(), audit.Caller{})
	must(t, err)
	proof, err := enrolled(t, l.World, enrolling(t, l.World, phone(), link.Ticket))
	if err != nil || proof.Session().IsZero() {
		t.Errorf("by the operator: %v", err)
	}
	admin, root := resident(t, l.World, "root")
	change(t, l.World, root, func(f *record.AccountFacts) { f.Role = record.RoleAdmin })
	root = signedIn(t, l.World, admin, ceremonytest.Request())
	change(t, l.World, l.proof, func(f *record.AccountFacts) { f.Ways = nil })
	proof, err = enrolled(t, l.World, enrolling(t, l.World, phone(), l.sent(t, root)))
	if err != nil || proof.Session().IsZero() {
		t.Errorf("without a way in: %v", err)
	}
}
