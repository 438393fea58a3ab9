package ceremony_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/session"
)

const anasAddress = "Ana@Example.org"

// under builds a world whose policy is edited.
func under(t *testing.T, edit func(*account.Policy)) *ceremonytest.World {
	t.Helper()
	policy := ceremonytest.Policy()
	edit(&policy)
	return ceremonytest.NewUnder(t, policy)
}

// honoured finishes a link or a code.
func honoured(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish) (ceremony.EmailDone, error) {
	t.Helper()
	return w.RP.FinishEmail(t.Context(), ceremonytest.Request(), in)
}

// mailed asks for a link and gives what the mail of the kind brings, with the secret.
func mailed(t *testing.T, w *ceremonytest.World, address string, kind mail.Kind) ceremony.EmailFinish {
	t.Helper()
	request := w.Ask(t, address)
	return ceremony.EmailFinish{Token: ceremonytest.Token(t, w.Letter(t, kind)), Request: request}
}

// TestSignInByLink: a link signs in an account that has no way in, with the lowest
// assurance and once.
func TestSignInByLink(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	r := ceremonytest.CookieRequest()
	begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: "ANA@example.ORG", ReturnTo: "/account?tab=1", Scope: "openid"})
	must(t, err)
	if begun.ExpiresIn != 10*time.Minute || begun.ResendIn != 30*time.Second {
		t.Fatalf("begun %+v", begun)
	}
	letter := w.Letter(t, mail.KindSignIn)
	if letter.To != anasAddress || letter.Person != "ana" || !letter.Expires.Equal(w.Clock.Now().Add(10*time.Minute)) {
		t.Fatalf("letter %+v", letter)
	}
	token := ceremonytest.Token(t, letter)
	seen, err := w.RP.SeeEmail(t.Context(), r, token, begun.Request)
	must(t, err)
	if seen.Email != anasAddress || !seen.SameClient || seen.Network != "192.0.2.1/32" || seen.Agent != "test" || !seen.AskedAt.Equal(w.Clock.Now()) {
		t.Fatalf("seen %+v", seen)
	}
	done, err := w.RP.FinishEmail(t.Context(), r, ceremony.EmailFinish{Token: token, Request: begun.Request})
	must(t, err)
	current, err := w.Sessions.Check(t.Context(), done.Proof.Cookie())
	must(t, err)
	v := current.View()
	if current.Person().ID != ana.ID() || v.AAL != 0 || v.ACR != "0" || !slices.Equal(v.AMR, []string{"urn:x:email-link"}) ||
		v.Mode != session.ModeCookie || v.Scope != "openid" || len(current.Credential()) != 0 {
		t.Fatalf("session %+v of %s", v, current.Person().Username)
	}
	if done.SignUp != nil || done.ReturnTo != "/account?tab=1" {
		t.Fatalf("done %+v", done)
	}
	if entry, n := last(t, w, audit.LinkHonoured); n != 1 || entry.Account != ana.ID() || entry.Session != v.ID || entry.Passkey != uuid.Nil {
		t.Fatalf("event %+v, %d of them", entry, n)
	}
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("a mailbox that just told of it is told of it again: %+v", letters)
	}
}

// TestLinkReplacesTheSession: in cookie mode the browser has room for one session.
func TestLinkReplacesTheSession(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	r := ceremonytest.CookieRequest()
	var cookies []string
	for range 2 {
		begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
		done, err := w.RP.FinishEmail(t.Context(), r, ceremony.EmailFinish{Token: ceremonytest.Token(t, w.Letter(t, mail.KindSignIn)), Request: begun.Request})
		must(t, err)
		cookies = append(cookies, done.Proof.Cookie())
		r.Session = done.Proof.Session()
		w.Clock.Advance(time.Minute)
	}
	if _, err := w.Sessions.Check(t.Context(), cookies[0]); err == nil {
		t.Fatal("the session before lives on")
	}
	if _, err := w.Sessions.Check(t.Context(), cookies[1]); err != nil {
		t.Fatal(err)
	}
}

// TestSignUpByLink: the address of nobody gets the right to sign up with it, and with it
// an account whose address is proved, which signs in by its name.
func TestSignUpByLink(t *testing.T) {
	for _, mode := range []account.SignUpMode{account.SignUpOpen, account.SignUpEmail} {
		t.Run(string(mode), func(t *testing.T) {
			w := under(t, func(p *account.Policy) { p.SignUp = mode })
			done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
			must(t, err)
			if done.SignUp == nil || !done.Proof.Session().IsZero() || done.SignUp.Email != anasAddress || done.SignUp.ExpiresIn != account.RightLife {
				t.Fatalf("done %+v", done)
			}
			a := phone()
			proof, err := finish(t, w, w.Register(t, a, ceremony.SignUp{Ticket: done.SignUp.Ticket, DisplayName: "Ana"}))
			must(t, err)
			if p := proof.Session().Person(); p.Email != anasAddress || p.PendingEmail != "" || p.Username != "" {
				t.Fatalf("person %+v", p)
			}
			if _, err := w.Finish(t, w.Assert(t, a, "ana@example.org")); err != nil {
				t.Fatalf("by the address: %v", err)
			}
			_, err = begin(t, w, ceremony.SignUp{Ticket: done.SignUp.Ticket, Username: "again"})
			refused(t, err, ceremony.KindExpired, "", "link_unusable")
			w.Clock.Advance(time.Minute)
			w.Ask(t, anasAddress)
			if letter := w.Letter(t, mail.KindUsePasskey); letter.Link != "" || letter.To != anasAddress {
				t.Fatalf("letter %+v", letter)
			}
		})
	}
}

// policies are who may be signed in or up by a link, under which policy.
var policies = []struct {
	name    string
	edit    func(*account.Policy)
	refused bool      // whoever asks is told that there are no links
	without mail.Kind // to an account without any way in
	with    mail.Kind // to an account with one
	nobody  mail.Kind // empty: no mail
}{
	{"as it comes", func(*account.Policy) {}, false, mail.KindSignIn, mail.KindUsePasskey, mail.KindSignUp},
	{"always", func(p *account.Policy) { p.Links = account.LinksAlways }, false, mail.KindSignIn, mail.KindSignIn, mail.KindSignUp},
	{"never", func(p *account.Policy) { p.Links = account.LinksNever }, true, "", "", ""},
	{"of no known mode", func(p *account.Policy) { p.Links = "" }, true, "", "", ""},
	{
		"never, but the address first", func(p *account.Policy) { p.Links, p.SignUp = account.LinksNever, account.SignUpEmail },
		false, mail.KindUsePasskey, mail.KindUsePasskey, mail.KindSignUp,
	},
	{"invited only", func(p *account.Policy) { p.SignUp = account.SignUpInvite }, false, mail.KindSignIn, mail.KindUsePasskey, ""},
	{"closed", func(p *account.Policy) { p.SignUp = account.SignUpClosed }, false, mail.KindSignIn, mail.KindUsePasskey, ""},
	{"aal2 or aal3", func(p *account.Policy) { p.Standard = false }, false, mail.KindUsePasskey, mail.KindUsePasskey, mail.KindSignUp},
	{
		"aal2 or aal3, always", func(p *account.Policy) { p.Standard, p.Links = false, account.LinksAlways },
		false, mail.KindUsePasskey, mail.KindUsePasskey, mail.KindSignUp,
	},
	{
		"aal2 or aal3, closed", func(p *account.Policy) { p.Standard, p.SignUp = false, account.SignUpClosed },
		true, "", "", "",
	},
	{"no mail", func(p *account.Policy) { p.Mail = false }, true, "", "", ""},
	{"no mail, but the address first", func(p *account.Policy) { p.Mail, p.SignUp = false, account.SignUpEmail }, true, "", "", ""},
	{"undecided", func(p *account.Policy) { *p = account.Policy{} }, true, "", "", ""},
}

// TestLinksByPolicy: what is mailed, to whom, under every policy.
func TestLinksByPolicy(t *testing.T) {
	for _, c := range policies {
		t.Run(c.name, func(t *testing.T) {
			w := under(t, c.edit)
			w.Resident(t, "ana", "ana@example.org")
			bob := w.Resident(t, "bob", "bob@example.org")
			enrolBy(t, w, bob)
			w.Letters(t)
			for address, kind := range map[string]mail.Kind{
				"ana@example.org": c.without, "bob@example.org": c.with, "nobody@example.org": c.nobody,
			} {
				_, err := w.RP.BeginEmail(t.Context(), ceremonytest.Request(), ceremony.EmailSignIn{Email: address})
				if c.refused {
					refused(t, err, ceremony.KindPolicy, "", "links_off")
					continue
				}
				must(t, err)
				letters := w.Letters(t)
				if kind == "" && len(letters) == 0 {
					continue
				}
				if len(letters) != 1 || letters[0].Kind != kind || (letters[0].Link == "") != (kind == mail.KindUsePasskey) {
					t.Errorf("to %s: %+v, want one of the kind %q", address, letters, kind)
				}
			}
		})
	}
}

// enrolBy gives an account its first passkey.
func enrolBy(t *testing.T, w *ceremonytest.World, a interface{ ID() uuid.UUID }) ceremony.Proof {
	t.Helper()
	link, err := w.Accounts.Link(t.Context(), a.ID().String(), audit.Caller{})
	must(t, err)
	proof, err := enrolled(t, w, enrolling(t, w, phone(), link.Ticket))
	must(t, err)
	return proof
}

// TestAskingTellsNothing: whoever the address belongs to, asking answers the same,
// writes the same and owes the same.
func TestAskingTellsNothing(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", "ana@example.org")
	enrolBy(t, w, w.Resident(t, "bob", "bob@example.org"))
	disabled := w.Resident(t, "eve", "eve@example.org")
	changed(t, w, disabled, disable)
	w.Letters(t)
	for _, address := range []string{"ana@example.org", "bob@example.org", "eve@example.org", "nobody@example.org"} {
		before := w.Store.Writes()
		begun, err := w.RP.BeginEmail(t.Context(), ceremonytest.Request(), ceremony.EmailSignIn{Email: address})
		must(t, err)
		if len(begun.Request) != 43 || begun.ExpiresIn != 10*time.Minute || begun.ResendIn != 30*time.Second {
			t.Errorf("%s: %+v", address, begun)
		}
		if n := w.Store.Writes() - before; n != 1 {
			t.Errorf("%s: %d writes", address, n)
		}
		if rows, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10); err != nil || len(rows) != 1 || len(rows[0].Body) == 0 {
			t.Errorf("%s: %d mails owed, %v", address, len(rows), err)
		}
	}
}

// TestAskingIsChecked: what is wrong with the request itself is told, and writes nothing.
func TestAskingIsChecked(t *testing.T) {
	w := ceremonytest.New(t)
	for _, c := range []struct {
		in          ceremony.EmailSignIn
		field, code string
	}{
		{ceremony.EmailSignIn{}, "email", account.NameMalformed},
		{ceremony.EmailSignIn{Email: "ana"}, "email", account.NameMalformed},
		{ceremony.EmailSignIn{Email: "ana@example.org\r\nBcc: eve@example.org"}, "email", account.NameMalformed},
		{ceremony.EmailSignIn{Email: "\u212aim@example.org"}, "email", account.NameMalformed},
		{ceremony.EmailSignIn{Email: anasAddress, ReturnTo: "//evil.example"}, "return_to", "not_a_path"},
		{ceremony.EmailSignIn{Email: anasAddress, Scope: "a\"b"}, "scope", "characters"},
	} {
		_, err := w.RP.BeginEmail(t.Context(), ceremonytest.Request(), c.in)
		fieldRefused(t, err, ceremony.KindField, c.field, c.code)
	}
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("mails %+v", letters)
	}
}

// TestOneAddressTenThousandTimes: whoever asks, from wherever and however the address is
// written, it gets five mails an hour and ten a day; every answer is the same.
func TestOneAddressTenThousandTimes(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	spellings := []string{"ana@example.org", "Ana@example.org", "ANA@EXAMPLE.ORG", "ana@Example.Org"}
	var asked atomic.Int64
	total, hours := 0, 25
	for hour := range hours {
		sent := 0
		for range 10 {
			failed := together(40, func(int) error {
				n := asked.Add(1)
				r := ceremonytest.Request()
				r.Caller.Address = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
				begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: spellings[n%4]})
				if err == nil && (len(begun.Request) != 43 || begun.ExpiresIn != 10*time.Minute || begun.ResendIn != 30*time.Second) {
					err = fmt.Errorf("begun %+v", begun)
				}
				return err
			})
			for _, err := range failed {
				must(t, err)
			}
			sent += len(w.Letters(t))
			w.Clock.Advance(6 * time.Minute)
		}
		if sent > 5 {
			t.Fatalf("%d mails in hour %d", sent, hour)
		}
		total += sent
	}
	if total < 10 || total > 15 {
		t.Fatalf("%d mails in %d hours, after %d requests", total, hours, asked.Load())
	}
	if n := asked.Load(); n != 10_000 {
		t.Fatalf("asked %d times", n)
	}
}

// TestOneNetworkLeavesRoom: whatever strangers of one network ask for, an address can be
// written to from another: they may use half of what there is.
func TestOneNetworkLeavesRoom(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	asks := func(n byte) int {
		r := ceremonytest.Request()
		r.Caller.Address = netip.AddrFrom4([4]byte{198, 51, 100, n})
		_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
		return len(w.Letters(t))
	}
	strangers, person := 0, 0
	for range 24 {
		for range 10 {
			strangers += asks(1)
			w.Clock.Advance(31 * time.Second)
		}
		person += asks(2)
		w.Clock.Advance(time.Hour - 310*time.Second)
		if strangers < 5 && person == 0 {
			t.Fatalf("%d mails for strangers, none for the person", strangers)
		}
	}
	if strangers != 5 || person != 5 {
		t.Fatalf("%d mails for strangers, %d for the person", strangers, person)
	}
}

// TestKnownBrowserAsks: a browser that has signed in with the address gets its link whatever
// strangers did, to the address or in its own network.
func TestKnownBrowserAsks(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	for i := range 20 {
		r := ceremonytest.Request()
		_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: fmt.Sprintf("p%d@example.org", i)})
		must(t, err)
		r.Caller.Address = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		_, err = w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
	}
	w.Letters(t)
	known := ceremonytest.Request()
	known.Known = w.Sessions.Recognize("", ana)
	ask := func() int {
		_, err := w.RP.BeginEmail(t.Context(), known, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
		return len(w.Letters(t))
	}
	if first, soon := ask(), ask(); first != 1 || soon != 0 {
		t.Fatalf("%d mails, and %d within 30 s", first, soon)
	}
	_, err := w.RP.BeginEmail(t.Context(), known, ceremony.EmailSignIn{Email: "ben@example.org"})
	refused(t, err, ceremony.KindLimited, "", "mails_asked") // it knows one address
}

// TestResend: one mail in 30 s; the next one does not make the one before useless.
func TestResend(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	first := mailed(t, w, anasAddress, mail.KindSignIn)
	w.Clock.Advance(30*time.Second - time.Millisecond)
	w.Ask(t, anasAddress)
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("too soon: %+v", letters)
	}
	w.Clock.Advance(time.Millisecond)
	second := mailed(t, w, anasAddress, mail.KindSignIn)
	for _, in := range []ceremony.EmailFinish{first, second} {
		if _, err := honoured(t, w, in); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNetworkAsksTooOften: a network is told, after 20 mails in an hour to whomever.
func TestNetworkAsksTooOften(t *testing.T) {
	w := ceremonytest.New(t)
	r := ceremonytest.Request()
	r.Caller.Address = netip.MustParseAddr("2001:db8::1")
	for i := range 20 {
		_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: fmt.Sprintf("p%d@example.org", i)})
		must(t, err)
	}
	r.Caller.Address = netip.MustParseAddr("2001:db8::2") // the same /64
	_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: "more@example.org"})
	refused(t, err, ceremony.KindLimited, "", "mails_asked")
	_, err = w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: "p1@example.org"})
	refused(t, err, ceremony.KindLimited, "", "mails_asked")
	if n := len(w.Letters(t)); n != 20 {
		t.Fatalf("%d mails", n)
	}
	r.Caller.Address = netip.MustParseAddr("2001:db8:0:1::1")
	_, err = w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: "more@example.org"})
	must(t, err)
}

// TestFullAddressCountsForTheNetwork: asking in silence is not free.
func TestFullAddressCountsForTheNetwork(t *testing.T) {
	w := ceremonytest.New(t)
	for range 20 {
		w.Ask(t, anasAddress)
	}
	_, err := w.RP.BeginEmail(t.Context(), ceremonytest.Request(), ceremony.EmailSignIn{Email: anasAddress})
	refused(t, err, ceremony.KindLimited, "", "mails_asked")
	if n := len(w.Letters(t)); n != 1 {
		t.Fatalf("%d mails", n)
	}
}

// TestKnownBrowserHasItsOwnShare: strangers cannot use up the mails of a browser that has
// signed in with the address before.
func TestKnownBrowserHasItsOwnShare(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	cookie := w.Sessions.Recognize("", ana)
	for range 3 {
		w.Ask(t, anasAddress) // strangers
	}
	if n := len(w.Letters(t)); n != 1 {
		t.Fatalf("%d mails to strangers", n)
	}
	for _, c := range []struct {
		name, cookie string
		mails        int
	}{{"forged", cookie[:len(cookie)-2] + "AA", 0}, {"another's", w.Sessions.Recognize("", w.Resident(t, "bob", "bob@example.org")), 0}, {"ours", cookie, 1}, {"ours again", cookie, 0}} {
		r := ceremonytest.Request()
		r.Known = c.cookie
		_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: anasAddress})
		must(t, err)
		if n := len(w.Letters(t)); n != c.mails {
			t.Errorf("%s: %d mails, want %d", c.name, n, c.mails)
		}
	}
}
