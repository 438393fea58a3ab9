package ceremony_test

import (
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
	"github.com/keyturn/keyturn/internal/session"
)

// invited makes an invitation as an operator does.
func invited(t *testing.T, w *ceremonytest.World, in account.InvitationDraft) string {
	t.Helper()
	link, err := w.Accounts.InviteByOperator(t.Context(), in, audit.Caller{})
	must(t, err)
	return link.Ticket
}

// TestSignUpModes: who may open an account in which mode, with nothing, with a proved
// address, with an invitation and with the first administrator's link.
func TestSignUpModes(t *testing.T) {
	for _, c := range []struct {
		mode                     account.SignUpMode
		nothing, proved, invited bool
	}{
		{account.SignUpOpen, true, true, true},
		{account.SignUpEmail, false, true, true},
		{account.SignUpInvite, false, false, true},
		{account.SignUpClosed, false, false, false},
		{"", false, false, false},
		{"OPEN", false, false, false},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			w := under(t, func(p *account.Policy) { p.SignUp = c.mode })
			right, row, err := w.Accounts.GiveEmailRight("ana@example.org", ceremonytest.Door)
			must(t, err)
			must(t, w.Store.PutTicket(t.Context(), row, w.Audit.Event(audit.Entry{Name: audit.LinkHonoured})))
			invitation := "none"
			if c.invited {
				invitation = invited(t, w, account.InvitationDraft{})
			} else if _, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{}, audit.Caller{}); err == nil {
				t.Error("made an invitation that nobody can use")
			}
			administrator, ok, err := w.Accounts.AdministratorLink(t.Context(), audit.Caller{})
			if err != nil || !ok {
				t.Fatalf("administrator: %v, %v", ok, err)
			}
			for _, try := range []struct {
				name, ticket string
				allowed      bool
			}{{"nothing", "", c.nothing}, {"proved", right.Ticket, c.proved}, {"invited", invitation, c.invited}, {"administrator", administrator.Ticket, true}} {
				_, err := begin(t, w, ceremony.SignUp{Username: "somebody", Ticket: try.ticket})
				switch {
				case try.allowed:
					must(t, err)
				case try.ticket == "":
					refused(t, err, ceremony.KindClosed, "", "sign_up_closed")
				default:
					refused(t, err, ceremony.KindExpired, "", "link_unusable")
				}
			}
		})
	}
}

// TestInvitation: it opens one account, with the role that it says, once.
func TestInvitation(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.SignUp = account.SignUpInvite })
	ticket := invited(t, w, account.InvitationDraft{Role: record.RoleSupport, DisplayName: "Ana"})
	first := w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: ticket})
	second := w.Register(t, phone(), ceremony.SignUp{Username: "bob", Ticket: ticket})
	proof, err := finish(t, w, first)
	must(t, err)
	if p := proof.Session().Person(); p.Role != string(record.RoleSupport) || p.DisplayName != "Ana" || p.Username != "ana" {
		t.Fatalf("person %+v", p)
	}
	_, err = finish(t, w, second)
	refused(t, err, ceremony.KindExpired, "", "link_unusable")
	_, err = begin(t, w, ceremony.SignUp{Username: "eve", Ticket: ticket})
	refused(t, err, ceremony.KindExpired, "", "link_unusable")
}

// TestInvitationRace: an invitation that many use at once opens one account.
func TestInvitationRace(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.SignUp = account.SignUpInvite })
	ticket := invited(t, w, account.InvitationDraft{})
	answers := make([][]byte, 16)
	for i := range answers {
		answers[i] = w.Register(t, phone(), ceremony.SignUp{Username: "user" + string(rune('a'+i)), Ticket: ticket})
	}
	wins := 0
	for _, err := range together(len(answers), func(i int) error { _, err := finish(t, w, answers[i]); return err }) {
		if err == nil {
			wins++
			continue
		}
		refused(t, err, ceremony.KindExpired, "", "link_unusable")
	}
	if wins != 1 || len(accounts(t, w)) != 1 {
		t.Fatalf("%d of %d won, %d accounts", wins, len(answers), len(accounts(t, w)))
	}
}

// TestInvitationEnds: one that expired, or was withdrawn while its sign-up was under way,
// opens nothing.
func TestInvitationEnds(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		w := ceremonytest.New(t)
		ticket := invited(t, w, account.InvitationDraft{})
		w.Clock.Advance(account.InvitationLife)
		_, err := begin(t, w, ceremony.SignUp{Username: "ana", Ticket: ticket})
		refused(t, err, ceremony.KindExpired, "", "link_unusable")
	})
	t.Run("withdrawn", func(t *testing.T) {
		w := ceremonytest.New(t)
		admin := administrator(t, w)
		ticket := invited(t, w, account.InvitationDraft{})
		answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: ticket})
		list, _, err := w.Accounts.Invitations(t.Context(), admin, "", 10)
		must(t, err)
		must(t, w.Accounts.Withdraw(t.Context(), admin, list[0].ID, audit.Caller{}))
		_, err = finish(t, w, answer)
		refused(t, err, ceremony.KindExpired, "", "link_unusable")
	})
}

// administrator signs the first administrator in.
func administrator(t *testing.T, w *ceremonytest.World) session.Current {
	t.Helper()
	a := phone()
	_, err := finish(t, w, w.Register(t, a, ceremony.SignUp{Username: "admin", Ticket: administratorLink(t, w)}))
	must(t, err)
	return signedIn(t, w, a, ceremonytest.Request()).Session()
}

// TestMailedInvitationProves: the link that was mailed proves the address it went to; the
// one that is handed over proves nothing, though it is the same invitation.
func TestMailedInvitationProves(t *testing.T) {
	for name, c := range map[string]struct {
		mailed         bool
		email, pending string
	}{"mailed": {true, "ana@example.org", ""}, "handed over": {false, "", "ana@example.org"}} {
		t.Run(name, func(t *testing.T) {
			w := under(t, func(p *account.Policy) { p.SignUp = account.SignUpInvite })
			handed := invited(t, w, account.InvitationDraft{Email: "ana@example.org", Deliver: true})
			letter := w.Letter(t, mail.KindInvitation)
			if letter.To != "ana@example.org" || letter.Person != "" || !strings.HasPrefix(letter.Link, ceremonytest.URL+"/sign-up#") {
				t.Fatalf("letter %+v", letter)
			}
			ticket := handed
			if c.mailed {
				ticket = ceremonytest.Token(t, letter)
			}
			proof, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Ticket: ticket}))
			must(t, err)
			if p := proof.Session().Person(); p.Email != c.email || p.PendingEmail != c.pending {
				t.Fatalf("person %+v", p)
			}
			for _, other := range []string{handed, ceremonytest.Token(t, letter)} {
				_, err := begin(t, w, ceremony.SignUp{Username: "again", Ticket: other})
				refused(t, err, ceremony.KindExpired, "", "link_unusable")
			}
		})
	}
}

// TestProvedAddressIsTheOnlyOne: the right of a proved address opens no account with
// another address as if it were proved.
func TestProvedAddressIsTheOnlyOne(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.SignUp = account.SignUpEmail })
	done, err := honoured(t, w, mailed(t, w, "eve@example.org", mail.KindSignUp))
	must(t, err)
	for _, other := range []string{"ana@example.org", "eve+1@example.org", "eve@example.com"} {
		_, err := begin(t, w, ceremony.SignUp{Email: other, Ticket: done.SignUp.Ticket})
		fieldRefused(t, err, ceremony.KindField, "email", "not_proved")
	}
	proof, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Email: "EVE@example.org", Ticket: done.SignUp.Ticket}))
	must(t, err)
	if p := proof.Session().Person(); p.Email != "eve@example.org" || p.PendingEmail != "" {
		t.Fatalf("person %+v", p)
	}
}

// TestOneProvedAddressOneAccount: of two rights to one address, one opens an account;
// the other is of no use any more, and nobody is told why.
func TestOneProvedAddressOneAccount(t *testing.T) {
	w := ceremonytest.New(t)
	one, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
	must(t, err)
	two, err := honoured(t, w, mailedAgain(t, w))
	must(t, err)
	first := w.Register(t, phone(), ceremony.SignUp{Ticket: one.SignUp.Ticket})
	second := w.Register(t, phone(), ceremony.SignUp{Ticket: two.SignUp.Ticket, Username: "other"})
	_, err = finish(t, w, first)
	must(t, err)
	_, err = finish(t, w, second)
	refused(t, err, ceremony.KindExpired, "", "address_taken")
	if n := len(accounts(t, w)); n != 1 {
		t.Fatalf("%d accounts", n)
	}
}

func mailedAgain(t *testing.T, w *ceremonytest.World) ceremony.EmailFinish {
	t.Helper()
	w.Clock.Advance(time.Minute)
	return mailed(t, w, anasAddress, mail.KindSignUp)
}

// TestRightToSignUpEnds: half an hour after the link, and with the link's stored half.
func TestRightToSignUpEnds(t *testing.T) {
	w := ceremonytest.New(t)
	done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
	must(t, err)
	answer := w.Register(t, phone(), ceremony.SignUp{Ticket: done.SignUp.Ticket})
	w.Clock.Advance(account.RightLife - time.Minute)
	if _, err := begin(t, w, ceremony.SignUp{Ticket: done.SignUp.Ticket}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	_, err = begin(t, w, ceremony.SignUp{Ticket: done.SignUp.Ticket})
	refused(t, err, ceremony.KindExpired, "", "link_unusable")
	_, err = finish(t, w, answer)
	if err == nil {
		t.Fatal("a right that expired opened an account")
	}
}

// TestClaimedAddressIsAskedFor: a sign-up that claims an address owes it a mail, which
// says nothing of the account, and no more mails than an address gets.
func TestClaimedAddressIsAskedFor(t *testing.T) {
	w := ceremonytest.New(t)
	for _, name := range []string{"ana", "bob", "eve"} {
		proof, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: name, Email: anasAddress, DisplayName: "Call 0900"}))
		must(t, err)
		if p := proof.Session().Person(); p.PendingEmail != anasAddress || p.Email != "" {
			t.Fatalf("person %+v", p)
		}
	}
	letter := w.Letter(t, mail.KindProof) // one: the address has had its mail
	if letter.To != anasAddress || letter.Person != "" || letter.Subject != "" || !strings.HasPrefix(letter.Link, ceremonytest.URL+"/confirm-email#") {
		t.Fatalf("letter %+v", letter)
	}
	if !letter.Expires.Equal(w.Clock.Now().Add(account.ProofLife)) {
		t.Fatalf("expires %v", letter.Expires)
	}
}

// TestClaimedAddressWithoutMail: where no mail is sent, none is owed.
func TestClaimedAddressWithoutMail(t *testing.T) {
	w := under(t, func(p *account.Policy) { p.Mail = false })
	before := w.Store.Writes()
	_, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{Username: "ana", Email: anasAddress}))
	must(t, err)
	if n := w.Store.Writes() - before; n != 1 {
		t.Fatalf("%d writes", n)
	}
	if rows, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10); err != nil || len(rows) != 0 {
		t.Fatalf("%d mails owed, %v", len(rows), err)
	}
}

// TestAddressProvedByAnother: whoever proves an address has it; an account that claimed it
// never gains it, whichever came first, though its own link proves that it claimed it.
func TestAddressProvedByAnother(t *testing.T) {
	for name, claimFirst := range map[string]bool{"claimed first": true, "proved first": false} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			eve := phone()
			var token string
			claim := func() {
				_, err := finish(t, w, w.Register(t, eve, ceremony.SignUp{Username: "eve", Email: anasAddress}))
				must(t, err)
				w.Clock.Advance(time.Minute)
			}
			if claimFirst {
				claim()
				token = ceremonytest.Token(t, w.Letter(t, mail.KindProof))
			}
			done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
			must(t, err)
			ana := phone()
			owner, err := finish(t, w, w.Register(t, ana, ceremony.SignUp{Ticket: done.SignUp.Ticket}))
			must(t, err)
			if !claimFirst {
				w.Clock.Advance(time.Minute)
				claim()
				if letters := w.Letters(t); len(letters) != 0 {
					t.Fatalf("the owner is asked to give it away: %+v", letters)
				}
			} else if _, err := w.Accounts.ProveEmail(t.Context(), now(t, w, signedIn(t, w, eve, ceremonytest.Request())), token, audit.Caller{}); err == nil {
				t.Fatal("proved the address of another account")
			}
			if p := signedIn(t, w, eve, ceremonytest.Request()).Session().Person(); p.Email != "" {
				t.Fatalf("eve has %+v", p)
			}
			signed, err := w.Finish(t, w.Assert(t, ana, anasAddress))
			must(t, err)
			if id := signed.Session().Person().ID; id != owner.Session().Person().ID || id == uuid.Nil {
				t.Fatalf("signed in %s", id)
			}
		})
	}
}

// TestLargestPermittedSignUpFits: what an invitation says fits into the challenge beside
// the longest names.
func TestLargestPermittedSignUpFits(t *testing.T) {
	w := ceremonytest.New(t)
	address := strings.Repeat("a", 242) + "@example.org"
	invited(t, w, account.InvitationDraft{Email: address, Role: record.RoleSupport, DisplayName: strings.Repeat("é", 64), Deliver: true})
	proof, err := finish(t, w, w.Register(t, phone(), ceremony.SignUp{
		Username: strings.Repeat("𠀀", 64), Scope: strings.Repeat("s", 64), Ticket: ceremonytest.Token(t, w.Letter(t, mail.KindInvitation)),
	}))
	must(t, err)
	if p := proof.Session().Person(); p.Email != address || p.Role != string(record.RoleSupport) {
		t.Fatalf("person %+v", p)
	}
}
