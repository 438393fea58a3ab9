package ceremony_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
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
