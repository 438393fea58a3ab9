package ceremony_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// changed writes the next edition of an account.
func changed(t *testing.T, w *ceremonytest.World, a interface{ ID() uuid.UUID }, edit func(*record.AccountFacts)) {
	t.Helper()
	latest, ok, err := w.Accounts.Get(t.Context(), a.ID())
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	facts := latest.Facts()
	edit(&facts)
	next, err := w.Vault.SealAccount(facts, latest.Version()+1)
	must(t, err)
	must(t, w.Store.ReplaceAccount(t.Context(), store.AccountChange{
		Op: store.OpID{2, byte(next.Version)}, Account: latest.Ref(), Next: next,
		Event: w.Audit.Event(audit.Entry{Name: audit.AccountChanged, Account: facts.ID}),
	}))
}

func disable(f *record.AccountFacts) { f.State = record.StateDisabled }

// live fails unless a link can still be used.
func live(t *testing.T, w *ceremonytest.World, in ceremony.EmailFinish) {
	t.Helper()
	if _, err := honoured(t, w, in); err != nil {
		t.Fatalf("the link is of no use any more: %v", err)
	}
}

// TestOtherBrowser: without the secret of the client that asked, a link is of no use, and
// nothing is used up or written: not with none, a wrong one, or one of another request.
func TestOtherBrowser(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	theirs := w.Ask(t, "eve@example.org")
	w.Letters(t)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	before := w.Store.Writes()
	for name, request := range map[string]string{
		"none": "", "of another request": theirs, "cut": in.Request[:42], "longer": in.Request + "A",
		"with a line end": in.Request + "\n", "not base64": strings.Repeat("*", 43), "zeros": strings.Repeat("A", 43),
		"the link itself": in.Token,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := honoured(t, w, ceremony.EmailFinish{Token: in.Token, Request: request})
			refused(t, err, ceremony.KindOtherBrowser, "", "other_browser")
			seen, err := w.RP.SeeEmail(t.Context(), ceremonytest.Request(), in.Token, request)
			if err != nil || seen.SameClient {
				t.Fatalf("seen %+v, %v", seen, err)
			}
		})
	}
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes", n)
	}
	live(t, w, in)
}

// TestLinkTwice: a link that was used is of no use, to whoever has it; and there is
// nothing to burn, so nobody's budget pays for it.
func TestLinkTwice(t *testing.T) {
	w := ceremonytest.New(t, func(c *ceremony.Config) { c.Failures = failures(1, c.Now) })
	w.Resident(t, "ana", anasAddress)
	for _, in := range []ceremony.EmailFinish{
		mailed(t, w, anasAddress, mail.KindSignIn), mailed(t, w, "nobody@example.org", mail.KindSignUp),
	} {
		live(t, w, in)
		for range 3 {
			_, err := honoured(t, w, in)
			refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
		}
	}
}

// TestLinkRace: however many finish a link at once, one of them has the session.
func TestLinkRace(t *testing.T) {
	const racers = 200
	for name, kind := range map[string]mail.Kind{anasAddress: mail.KindSignIn, "nobody@example.org": mail.KindSignUp} {
		t.Run(string(kind), func(t *testing.T) {
			w := ceremonytest.New(t)
			w.Resident(t, "ana", anasAddress)
			in := mailed(t, w, name, kind)
			wins := 0
			for _, err := range together(racers, func(int) error { _, err := honoured(t, w, in); return err }) {
				if err == nil {
					wins++
					continue
				}
				refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
			}
			if _, n := last(t, w, audit.LinkHonoured); wins != 1 || n != 1 {
				t.Fatalf("%d of %d won, %d events", wins, racers, n)
			}
		})
	}
}

// TestLinkExpires: a link lives ten minutes from when it was asked for, whenever it was
// sent, and one that expired is not sent any more.
func TestLinkExpires(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	request := w.Ask(t, anasAddress)
	w.Clock.Advance(9 * time.Minute)
	in := ceremony.EmailFinish{Token: ceremonytest.Token(t, w.Letter(t, mail.KindSignIn)), Request: request}
	w.Clock.Advance(time.Minute + time.Millisecond)
	before := w.Store.Writes()
	_, err := honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", ticket.CodeExpired)
	_, err = w.RP.SeeEmail(t.Context(), ceremonytest.Request(), in.Token, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", ticket.CodeExpired)
	_, err = w.RP.EmailCode(t.Context(), ceremonytest.Request(), in.Token)
	refused(t, err, ceremony.KindAuthentication, "", ticket.CodeExpired)
	refused(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), in.Token), ceremony.KindAuthentication, "", ticket.CodeExpired)
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes", n)
	}
	w.Ask(t, anasAddress)
	w.Clock.Advance(10 * time.Minute)
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("sent too late: %+v", letters)
	}
}

// TestForgedLinks: what we did not mail opens nothing, and writes nothing.
func TestForgedLinks(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	raw, err := base64.RawURLEncoding.DecodeString(in.Token)
	must(t, err)
	enrolment, err := w.Accounts.Link(t.Context(), "ana", audit.Caller{})
	must(t, err)
	invitation, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{}, audit.Caller{})
	must(t, err)
	right, _, err := w.Accounts.GiveEmailRight(anasAddress, ceremonytest.Door)
	must(t, err)
	options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{})
	must(t, err)
	proof, err := ticket.MintLinkAs(w.Tickets, ticket.EmailProof{
		Common: ticket.Common{Door: ceremonytest.Door, RPID: ceremonytest.RPID, Account: ana.ID(), AccountKnown: true}, Address: anasAddress,
	}, [16]byte{1}, w.Clock.Now(), w.Clock.Now().Add(time.Minute))
	must(t, err)
	text := base64.RawURLEncoding.EncodeToString
	elsewhere := ceremonytest.New(t)
	elsewhere.Resident(t, "ana", anasAddress)
	forged := map[string]string{
		"not base64": "*" + in.Token[1:], "padded": in.Token + "=", "with a line end": in.Token[:8] + "\n" + in.Token[8:],
		"empty inside": " ", "of another store": mailed(t, elsewhere, anasAddress, mail.KindSignIn).Token,
		"an enrolment link": enrolment.Ticket, "an invitation": invitation.Ticket, "a right to sign up": right.Ticket,
		"a challenge": text(options.Challenge), "a proof of the address": text(proof), "twice": in.Token + in.Token,
		"the request": in.Request,
	}
	for _, n := range []int{1, 16, 400, len(raw) - 1} {
		forged["cut to "+text([]byte{byte(n >> 8), byte(n)})] = text(raw[:n])
	}
	for i := 0; i < len(raw); i += 37 {
		bent := bytes.Clone(raw)
		bent[i] ^= 1
		forged["bent at "+text([]byte{byte(i >> 8), byte(i)})] = text(bent)
	}
	before := w.Store.Writes()
	for name, token := range forged {
		t.Run(name, func(t *testing.T) {
			_, err := honoured(t, w, ceremony.EmailFinish{Token: token, Request: in.Request})
			refused(t, err, ceremony.KindAuthentication, "", ticket.CodeUnknown)
			_, err = w.RP.SeeEmail(t.Context(), ceremonytest.Request(), token, in.Request)
			refused(t, err, ceremony.KindAuthentication, "", ticket.CodeUnknown)
			_, err = w.RP.EmailCode(t.Context(), ceremonytest.Request(), token)
			refused(t, err, ceremony.KindAuthentication, "", ticket.CodeUnknown)
			refused(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), token), ceremony.KindAuthentication, "", ticket.CodeUnknown)
		})
	}
	otherDoor := ceremonytest.Request()
	otherDoor.Door = "cognito"
	_, err = w.RP.FinishEmail(t.Context(), otherDoor, in)
	refused(t, err, ceremony.KindAuthentication, "", ticket.CodeUnknown)
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes", n)
	}
	live(t, w, in)
}

// TestLinkNeedsOneOfTwo: a link or a code, never none and never both.
func TestLinkNeedsOneOfTwo(t *testing.T) {
	w := ceremonytest.New(t)
	for _, in := range []ceremony.EmailFinish{{}, {Request: "x"}, {Token: "x", Code: "x"}} {
		_, err := honoured(t, w, in)
		fieldRefused(t, err, ceremony.KindField, "token", "required")
	}
}

// TestLinkJudgesTheAccountNow: a link is worth what its account is when it is used; one
// that is of no use is burned.
func TestLinkJudgesTheAccountNow(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, w *ceremonytest.World, a record.Account)
		signs  bool
	}{
		"nothing": {func(*testing.T, *ceremonytest.World, record.Account) {}, true},
		"renamed": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) { f.DisplayName = "Ana" })
		}, true},
		"got a passkey": {func(t *testing.T, w *ceremonytest.World, a record.Account) { enrolBy(t, w, a) }, false},
		"got a passkey that is suspended": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			enrolBy(t, w, a)
			changed(t, w, a, func(f *record.AccountFacts) { f.Ways[0].Suspended = true; f.TicketEpoch = 0 })
		}, false},
		"got a passkey that is held": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			enrolBy(t, w, a)
			changed(t, w, a, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 << 60; f.TicketEpoch = 0 })
		}, false},
		"got a way in that is missing": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) {
				f.Ways = []record.Way{{Credential: []byte("gone"), Kind: record.WayPasskey, State: 1}}
			})
		}, false},
		"disabled": {func(t *testing.T, w *ceremonytest.World, a record.Account) { changed(t, w, a, disable) }, false},
		"signed out everywhere": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) { f.SessionEpoch++ })
		}, false},
		"called back": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) { f.TicketEpoch++ })
		}, false},
		"lost the address": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) { f.Emails = nil })
		}, false},
		"only claims the address": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			changed(t, w, a, func(f *record.AccountFacts) { f.Emails, f.PendingEmail = nil, anasAddress })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := w.Resident(t, "ana", anasAddress)
			in := mailed(t, w, anasAddress, mail.KindSignIn)
			c.change(t, w, a)
			done, err := honoured(t, w, in)
			if c.signs {
				if err != nil || done.Proof.Session().Person().ID != a.ID() {
					t.Fatalf("%+v, %v", done, err)
				}
				return
			}
			refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
			_, err = honoured(t, w, in)
			var e *ceremony.Error
			if !errors.As(err, &e) || e.Kind != ceremony.KindAuthentication {
				t.Fatalf("again: %v", err)
			}
			must(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), in.Token))
			if _, n := last(t, w, audit.LinkDenied); n != 0 {
				t.Fatal("the link was not burned")
			}
		})
	}
}

// TestAddressGotAnAccountMeanwhile: a link to sign up gives no right when somebody else
// has proved the address since, and signs nobody in.
func TestAddressGotAnAccountMeanwhile(t *testing.T) {
	w := ceremonytest.New(t)
	in := mailed(t, w, anasAddress, mail.KindSignUp)
	w.Resident(t, "ana", anasAddress)
	done, err := honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
	if done.SignUp != nil || !done.Proof.Session().IsZero() {
		t.Fatalf("done %+v", done)
	}
}

// TestAddressMovedMeanwhile: a link for an account never opens the one that has the
// address now.
func TestAddressMovedMeanwhile(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	changed(t, w, ana, func(f *record.AccountFacts) { f.Emails = nil })
	latest, _, err := w.Accounts.Get(t.Context(), ana.ID())
	must(t, err)
	kind, canonical := account.Canonical(anasAddress)
	next, err := w.Vault.SealAccount(latest.Facts(), latest.Version()+1)
	must(t, err)
	must(t, w.Store.ReplaceAccount(t.Context(), store.AccountChange{
		Op: store.OpID{3}, Account: latest.Ref(), Next: next, Drop: [][]byte{w.Vault.LookupIdentifier(kind, canonical)},
		Event: w.Audit.Event(audit.Entry{Name: audit.EmailRemoved, Account: ana.ID()}),
	}))
	w.Resident(t, "bob", anasAddress)
	_, err = honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
}

// TestClaimedAddressOpensNothing: an address that nobody has *proved* never opens an
// account that merely claimed it; its mailbox gets a link to sign up, and whoever signs up
// with it has an account of their own.
func TestClaimedAddressOpensNothing(t *testing.T) {
	w := ceremonytest.New(t)
	eve := phone()
	claimed, err := finish(t, w, w.Register(t, eve, ceremony.SignUp{Username: "eve", Email: anasAddress}))
	must(t, err)
	w.Letters(t)
	w.Clock.Advance(time.Minute)
	done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
	must(t, err)
	if done.SignUp == nil || !done.Proof.Session().IsZero() {
		t.Fatalf("done %+v", done)
	}
	ana := phone()
	proof, err := finish(t, w, w.Register(t, ana, ceremony.SignUp{Ticket: done.SignUp.Ticket}))
	must(t, err)
	if id := proof.Session().Person().ID; id == claimed.Session().Person().ID {
		t.Fatal("one account")
	}
	signed, err := w.Finish(t, w.Assert(t, ana, anasAddress))
	must(t, err)
	if signed.Session().Person().Email != anasAddress {
		t.Fatalf("signed in %+v", signed.Session().Person())
	}
	// And the account that claimed it never gains it, though it asked first.
	still, err := w.Finish(t, w.Assert(t, eve, "eve"))
	must(t, err)
	if p := still.Session().Person(); p.Email != "" {
		t.Fatalf("eve has %+v", p)
	}
}

// TestLinkFailuresAreBudgeted: what burns a link is paid for like every failure.
func TestLinkFailuresAreBudgeted(t *testing.T) {
	w := ceremonytest.New(t, func(c *ceremony.Config) { c.Failures = failures(1, c.Now) })
	ana := w.Resident(t, "ana", anasAddress)
	bob := w.Resident(t, "bob", "bob@example.org")
	links := []ceremony.EmailFinish{mailed(t, w, anasAddress, mail.KindSignIn), mailed(t, w, "bob@example.org", mail.KindSignIn)}
	changed(t, w, ana, disable)
	changed(t, w, bob, disable)
	_, err := honoured(t, w, links[0])
	refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
	before := w.Store.Writes()
	_, err = honoured(t, w, links[1])
	refused(t, err, ceremony.KindLimited, "", "link_not_allowed")
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes without a budget", n)
	}
}

// TestDeny: whoever says that they did not ask burns the link, once and for all clients.
func TestDeny(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	for range 2 {
		must(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), in.Token))
	}
	_, err := honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
	if entry, n := last(t, w, audit.LinkDenied); n != 1 || entry.Account != ana.ID() {
		t.Fatalf("%d events, %+v", n, entry)
	}
}

// TestLinksAreInNoLog: neither link nor secret nor code is written anywhere.
func TestLinksAreInNoLog(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code, err := w.RP.EmailCode(t.Context(), ceremonytest.Request(), in.Token)
	must(t, err)
	_, _ = honoured(t, w, ceremony.EmailFinish{Token: in.Token})
	_, _ = honoured(t, w, ceremony.EmailFinish{Code: "000000", Request: in.Request})
	live(t, w, ceremony.EmailFinish{Code: code.Code, Request: in.Request})
	for _, secret := range []string{in.Token, in.Token[40:80], in.Request, code.Code} {
		if strings.Contains(w.Journal.String(), secret) {
			t.Fatalf("%q is in the log", secret)
		}
	}
}
