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
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
)

// byLink signs an account in by a mailed link.
func byLink(t *testing.T, w *ceremonytest.World) ceremony.Proof {
	t.Helper()
	done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignIn))
	must(t, err)
	return done.Proof
}

// TestFirstPasskeyByLink: an account without any way in gets its first passkey in a
// session by link, for as long as any proof is fresh.
func TestFirstPasskeyByLink(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	p := byLink(t, w)
	w.Clock.Advance(account.FreshProof)
	a := phone()
	passkey := boundTo(t, w, p, a)
	if passkey.Suspended {
		t.Fatalf("passkey %+v", passkey)
	}
	signedIn(t, w, a, ceremonytest.Request())
}

// TestLinkGoesStale: a session by link that is older than a fresh proof may be binds
// nothing.
func TestLinkGoesStale(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	p := byLink(t, w)
	w.Clock.Advance(account.FreshProof + time.Millisecond)
	_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), now(t, w, p), "")
	refused(t, err, ceremony.KindStepUp, "", webauthn.CodeReauthenticationRequired)
}

// TestLinkNeverBindsBesideAPasskey: once an account has a way in, whatever becomes of it,
// a session by link binds, unbinds and changes nothing: not one that began before, not one
// whose registration was under way, and not where links always sign in.
func TestLinkNeverBindsBesideAPasskey(t *testing.T) {
	t.Run("began before", func(t *testing.T) {
		w := ceremonytest.New(t)
		ana := w.Resident(t, "ana", anasAddress)
		p := byLink(t, w)
		answer := binding(t, w, p, phone(), "")
		c := now(t, w, p)
		boundTo(t, w, p, phone())
		_, err := bound(t, w, p, answer)
		refused(t, err, ceremony.KindStepUp, "", webauthn.CodeReauthenticationRequired)
		// Read before the first passkey was bound, finished after it.
		_, err = w.RP.FinishBinding(t.Context(), ceremonytest.Request(), c, ceremony.Finish{Credential: answer})
		refused(t, err, ceremony.KindStepUp, "", webauthn.CodeReauthenticationRequired)
		a, _, err := w.Accounts.Get(t.Context(), ana.ID())
		must(t, err)
		if n := len(a.Facts().Ways); n != 1 {
			t.Fatalf("%d passkeys", n)
		}
	})
	t.Run("links always sign in", func(t *testing.T) {
		w := under(t, func(p *account.Policy) { p.Links = account.LinksAlways })
		enrolBy(t, w, w.Resident(t, "ana", anasAddress))
		w.Letters(t)
		p := byLink(t, w)
		_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), now(t, w, p), "")
		refused(t, err, ceremony.KindStepUp, "", webauthn.CodeReauthenticationRequired)
		if err := w.Accounts.Fresh(now(t, w, p)); err == nil {
			t.Fatal("a link counts as a proof")
		}
		if v := p.Session().View(); v.AAL != 0 || v.ACR != "0" {
			t.Fatalf("session %+v", v)
		}
	})
}

// TestLinkFromANewBrowser: where an account has more than the mailbox that got the link,
// its other addresses hear of a sign-in from a browser that is new.
func TestLinkFromANewBrowser(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress, "second@example.org")
	r := ceremonytest.CookieRequest()
	for _, c := range []struct {
		known string
		mails int
	}{{"", 2}, {w.Sessions.Recognize("", ana), 0}} {
		r.Known = c.known
		begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
		_, err = w.RP.FinishEmail(t.Context(), r, ceremony.EmailFinish{Token: ceremonytest.Token(t, w.Letter(t, mail.KindSignIn)), Request: begun.Request})
		must(t, err)
		letters := w.Letters(t)
		if len(letters) != c.mails {
			t.Fatalf("%d mails, want %d", len(letters), c.mails)
		}
		for _, l := range letters {
			if l.Kind != mail.KindNotice || l.About != string(audit.BrowserRemarked) {
				t.Fatalf("letter %+v", l)
			}
		}
	}
}

// TestFirstPasskeyEndsLinkSessions: whoever read the mailbox once, before its person had a
// passkey, is signed out by the first one, however it came. The session that made it goes
// on, with its tokens, and is no fresher for that.
func TestFirstPasskeyEndsLinkSessions(t *testing.T) {
	begin := func(t *testing.T) (w *ceremonytest.World, ana record.Account, theirs, own ceremony.Proof) {
		w = ceremonytest.New(t)
		ana = w.Resident(t, "ana", anasAddress)
		theirs = byLink(t, w)
		w.Clock.Advance(time.Minute)
		return w, ana, theirs, byLink(t, w)
	}
	over := func(t *testing.T, w *ceremonytest.World, p ceremony.Proof) {
		t.Helper()
		if _, err := w.Sessions.Resume(t.Context(), p.Session().View().ID); !errors.Is(err, session.ErrNone) {
			t.Fatalf("signed in: %v", err)
		}
	}
	t.Run("bound", func(t *testing.T) {
		w, ana, theirs, own := begin(t)
		refresh, err := w.Sessions.Refresh(own.Session())
		must(t, err)
		boundTo(t, w, own, phone())
		over(t, w, theirs)
		if err := w.Accounts.Fresh(now(t, w, own)); err == nil {
			t.Fatal("a link counts as a proof")
		}
		_, _, err = w.Sessions.Rotate(t.Context(), session.Rotation{
			Door: ceremonytest.Door, Token: refresh, Accept: func(session.View) error { return nil },
		})
		must(t, err)
		// A second one ends nothing.
		a, _, err := w.Accounts.Get(t.Context(), ana.ID())
		must(t, err)
		enrolBy(t, w, a)
		now(t, w, own)
	})
	t.Run("enrolled", func(t *testing.T) {
		w, ana, theirs, own := begin(t)
		proof := enrolBy(t, w, ana)
		over(t, w, theirs)
		over(t, w, own)
		now(t, w, proof)
	})
	t.Run("recovered", func(t *testing.T) {
		w, _, _, own := begin(t)
		codes, err := w.Accounts.NewRecoveryCodes(t.Context(), now(t, w, own), ceremonytest.Request().Caller)
		must(t, err)
		w.Letters(t)
		l := &loser{World: w, proof: own}
		a := phone()
		answer := l.making(t, l.recovers(t, codes[0]).Ticket, a)
		w.Clock.Advance(time.Minute)
		w.Letters(t)
		theirs := byLink(t, w)
		_, err = l.made(t, answer)
		must(t, err)
		over(t, w, theirs)
		signedIn(t, w, a, ceremonytest.Request())
	})
}

// TestKeptSessionStaysEnded: a session that was ended while its passkey was bound is not
// brought back, whether alone or with all others; one that no commit ended is not written.
func TestKeptSessionStaysEnded(t *testing.T) {
	ended := func(t *testing.T, end func(*ceremonytest.World, session.Current)) {
		w := ceremonytest.New(t)
		ana := w.Resident(t, "ana", anasAddress)
		p := byLink(t, w)
		c := now(t, w, p)
		enrolBy(t, w, ana)
		a, _, err := w.Accounts.Get(t.Context(), ana.ID())
		must(t, err)
		end(w, c.On(a))
		must(t, w.Sessions.Keep(t.Context(), c, a))
		if _, err := w.Sessions.Resume(t.Context(), c.View().ID); !errors.Is(err, session.ErrNone) {
			t.Fatalf("kept: %v", err)
		}
	}
	t.Run("all", func(t *testing.T) {
		ended(t, func(w *ceremonytest.World, c session.Current) {
			must(t, w.Sessions.End(t.Context(), c, true, audit.Caller{}))
		})
	})
	t.Run("alone", func(t *testing.T) {
		ended(t, func(w *ceremonytest.World, c session.Current) {
			must(t, w.Sessions.End(t.Context(), c, false, audit.Caller{}))
		})
	})
	t.Run("none", func(t *testing.T) {
		w := ceremonytest.New(t)
		_, p := resident(t, w, "ana")
		before := now(t, w, p).Ref()
		boundTo(t, w, p, phone())
		if after := now(t, w, p).Ref(); after.Version != before.Version {
			t.Fatalf("version %d, then %d", before.Version, after.Version)
		}
	})
}

// TestLinkSuspendsNothing: where links sign everybody in, whoever reads the mailbox does not
// take a person's passkeys out of use; whoever has one of them does.
func TestLinkSuspendsNothing(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.Links = account.LinksAlways })
	ana := w.Resident(t, "ana", anasAddress)
	proof := enrolBy(t, w, ana)
	first, _ := proof.Passkey()
	enrolBy(t, w, ana)
	w.Letters(t)
	p, yes := byLink(t, w), true
	_, err := w.Accounts.EditPasskey(t.Context(), now(t, w, p), first.ID, account.Edit{Suspended: &yes}, ceremonytest.Request().Caller)
	if !errors.Is(err, account.ErrStepUp) {
		t.Fatalf("by link: %v", err)
	}
	_, err = w.Accounts.EditPasskey(t.Context(), now(t, w, proof), first.ID, account.Edit{Suspended: &yes}, ceremonytest.Request().Caller)
	must(t, err)
}
