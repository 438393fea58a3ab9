package ceremony_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
)

// deny says of a link that it was somebody else's.
func deny(t *testing.T, w *ceremonytest.World, token string) {
	t.Helper()
	must(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), token))
}

// TestAUsedLinkIsSeen: whoever shows a link that was used, or denied, is told so, and gets no
// code of it. It costs no write, and a good one says nothing of the kind.
func TestAUsedLinkIsSeen(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish){
		"used":   func(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish) { live(t, w, in) },
		"denied": func(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish) { deny(t, w, in.Token) },
		"used by its code": func(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish) {
			_, err := typed(t, w, shown(t, w, in.Token).Code, in.Request)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			w.Resident(t, "ana", anasAddress)
			in, other := mailed(t, w, anasAddress, mail.KindSignIn), mailedLater(t, w)
			see := func(token string) ceremony.EmailSeen {
				seen, err := w.RP.SeeEmail(t.Context(), ceremonytest.Request(), token, in.Request)
				must(t, err)
				return seen
			}
			if see(in.Token).Used {
				t.Fatal("used before it was")
			}
			end(t, w, in)
			before := w.Store.Writes()
			if seen := see(in.Token); !seen.Used || !seen.SameClient || seen.Email != anasAddress {
				t.Fatalf("seen %+v", seen)
			}
			_, err := w.RP.EmailCode(t.Context(), ceremonytest.Request(), in.Token)
			refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
			if w.Store.Writes() != before {
				t.Fatal("looking wrote something")
			}
			if see(other.Token).Used || shown(t, w, other.Token).Code == "" {
				t.Fatal("another link is used too")
			}
		})
	}
}

// TestDenyingAUsedLink ends the session that it opened, and no other.
func TestDenyingAUsedLink(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in, other := mailed(t, w, anasAddress, mail.KindSignIn), mailedLater(t, w)
	opened := func(in ceremony.EmailFinish) ceremony.Proof {
		done, err := honoured(t, w, in)
		must(t, err)
		return done.Proof
	}
	theirs, own := opened(in), opened(other)
	for range 2 {
		deny(t, w, in.Token)
		if !signedOut(t, w, theirs) || signedOut(t, w, own) {
			t.Fatal("another session ended, or none")
		}
	}
	if e, n := last(t, w, audit.SignedOut); n != 1 || e.Session != theirs.Session().View().ID || e.Code != audit.CodeElsewhere {
		t.Fatalf("%d events, %+v", n, e)
	}
	w.Clock.Advance(10*time.Minute + time.Millisecond)
	if err := w.RP.DenyEmail(t.Context(), ceremonytest.Request(), other.Token); err == nil || signedOut(t, w, own) {
		t.Fatalf("a link that is too old: %v", err)
	}
}

// TestDenyingALinkThatSignedUp takes back the right that it gave, while it is not used.
func TestDenyingALinkThatSignedUp(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.SignUp = account.SignUpEmail })
	in := mailed(t, w, anasAddress, mail.KindSignUp)
	done, err := honoured(t, w, in)
	must(t, err)
	deny(t, w, in.Token)
	_, err = begin(t, w, ceremony.SignUp{Ticket: done.SignUp.Ticket})
	refused(t, err, ceremony.KindExpired, "", "link_unusable")
	deny(t, w, in.Token)
}

// TestDenyRacesUse: whoever is first, afterwards nobody is signed in by it.
func TestDenyRacesUse(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	for range 5 { // an address gets five mails a day from one network
		in := mailedLater(t, w)
		var proof ceremony.Proof
		for i, err := range together(2, func(i int) error {
			if i == 1 {
				return w.RP.DenyEmail(t.Context(), ceremonytest.Request(), in.Token)
			}
			done, err := honoured(t, w, in)
			proof = done.Proof
			return err
		}) {
			var e *ceremony.Error
			if err != nil && (i == 1 || !errors.As(err, &e) || e.Code != webauthn.CodeChallengeConsumed) {
				t.Fatal(i, err)
			}
		}
		if id := proof.Session(); !id.IsZero() {
			if _, err := w.Sessions.Resume(t.Context(), id.View().ID); !errors.Is(err, session.ErrNone) {
				t.Fatalf("signed in: %v", err)
			}
		}
		w.Clock.Advance(5 * time.Hour)
	}
}

// TestAMarkGrantsNothing: a writer to the database who takes the mark away makes the link no
// better; one who edits it raises an alarm.
func TestAMarkGrantsNothing(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	live(t, w, in)
	intruder := w.Intrude(t)
	if n := intruder.Do("UPDATE tickets SET body = zeroblob(100)"); n != 1 {
		t.Fatalf("%d rows", n)
	}
	deny(t, w, in.Token)
	if code, err := w.RP.SeeEmail(t.Context(), ceremonytest.Request(), in.Token, ""); err != nil || code.Used {
		t.Fatalf("seen %+v, %v", code, err)
	}
	intruder.Do("DELETE FROM tickets")
	_, err := honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
}
