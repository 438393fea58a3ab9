package account_test

import (
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
)

// becomes writes the next edition of an account.
func becomes(t *testing.T, w *ceremonytest.World, a record.Account, edit func(*record.AccountFacts)) {
	t.Helper()
	latest, ok, err := w.Accounts.Get(t.Context(), a.ID())
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	replace(t, w, latest, edit)
}

// TestNoticeOfWhatIsGone: a notice goes where it was owed, whatever has become of the
// account; it names nobody to an address that is not the account's own, and its link is
// there as long as it works.
func TestNoticeOfWhatIsGone(t *testing.T) {
	const own, other = "ana@example.org", "old@example.org"
	for name, c := range map[string]struct {
		change       func(t *testing.T, w *ceremonytest.World, a record.Account)
		person, link bool // to the own address
	}{
		"as it was": {func(*testing.T, *ceremonytest.World, record.Account) {}, true, true},
		"disabled": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		}, true, true},
		"the address is gone": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.Emails = nil })
		}, false, true},
		"the account is gone": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			w.Intrude(t).Do("DELETE FROM accounts")
		}, false, true},
		"the right is gone": {func(t *testing.T, w *ceremonytest.World, _ record.Account) {
			w.Intrude(t).Do("DELETE FROM tickets")
		}, true, false},
		"a week later": {func(_ *testing.T, w *ceremonytest.World, _ record.Account) { w.Clock.Advance(mail.UndoLife) }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := w.Resident(t, "ana", own)
			owed, err := w.Mail.Notify(mail.Notice{
				Account: a.Facts(), About: audit.EmailRemoved, Name: other, Undo: true, Also: []string{other}, Door: ceremonytest.Door, By: caller(),
			})
			must(t, err)
			must(t, w.Store.PutTicket(t.Context(), owed.Tickets[0], w.Audit.Event(audit.Entry{Name: audit.EmailRemoved}, audit.Owed{Mails: owed.Mails})))
			c.change(t, w, a)
			letters := w.Letters(t)
			if len(letters) != 2 {
				t.Fatalf("letters %+v", letters)
			}
			for _, l := range letters {
				person := ""
				if l.To == own && c.person {
					person = "ana"
				}
				if l.Kind != mail.KindNotice || l.Person != person || l.Subject != other || l.About != string(audit.EmailRemoved) {
					t.Errorf("letter %+v", l)
				}
				if got := strings.HasPrefix(l.Link, ceremonytest.URL+"/undo#"); got != c.link || (l.Link != "") != c.link {
					t.Errorf("link %q", l.Link)
				}
			}
		})
	}
}

// enrolmentMail owes the mail of an enrolment link.
func enrolmentMail(t *testing.T, w *ceremonytest.World, a record.Account, address string) {
	t.Helper()
	now := w.Clock.Now()
	right := record.TicketFacts{ID: [16]byte{5}, Purpose: "enrolment", Account: a.ID(), Created: now, Expires: now.Add(account.LinkLife)}
	row, err := w.Vault.SealTicketRow(right)
	must(t, err)
	owed, err := w.Mail.Owe(record.MailFacts{
		Kind: string(mail.KindEnrolment), Account: a.ID(), Address: address, Door: ceremonytest.Door,
		TicketEpoch: a.TicketEpoch(), SessionEpoch: a.SessionEpoch(), Right: right.ID, Expires: right.Expires,
	})
	must(t, err)
	must(t, w.Store.PutTicket(t.Context(), row, w.Audit.Event(audit.Entry{Name: audit.AccountLinkMade}, audit.Owed{Mails: []store.Mail{owed}})))
}

// TestEnrolmentByMail: the link goes to the address as it was proved, as long as it is the
// account's, and lets its person make a passkey.
func TestEnrolmentByMail(t *testing.T) {
	w := ceremonytest.New(t)
	a := w.Resident(t, "ana", "Ana@Example.org")
	enrolmentMail(t, w, a, "ana@example.org")
	letter := w.Letter(t, mail.KindEnrolment)
	if letter.To != "Ana@Example.org" || letter.Person != "ana" || !strings.HasPrefix(letter.Link, ceremonytest.URL+"/enrol#") {
		t.Fatalf("letter %+v", letter)
	}
	if _, err := w.RP.BeginEnrolment(t.Context(), ceremonytest.Request(), ceremonytest.Token(t, letter)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ceremonytest.World, record.Account){
		"another's address": func(*ceremonytest.World, record.Account) {},
		"disabled": func(w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		},
		"withdrawn": func(w *ceremonytest.World, _ record.Account) { w.Intrude(t).Do("DELETE FROM tickets") },
		"expired":   func(w *ceremonytest.World, _ record.Account) { w.Clock.Advance(account.LinkLife) },
		"gone":      func(w *ceremonytest.World, _ record.Account) { w.Intrude(t).Do("DELETE FROM accounts") },
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := w.Resident(t, "ana", "ana@example.org")
			to := "ana@example.org"
			if name == "another's address" {
				to = "eve@example.org"
			}
			enrolmentMail(t, w, a, to)
			change(w, a)
			if letters := w.Letters(t); len(letters) != 0 {
				t.Fatalf("letters %+v", letters)
			}
		})
	}
}

// TestProofThatIsNoLongerDue: an address is asked to prove itself as long as the account
// claims it and nobody has it.
func TestProofThatIsNoLongerDue(t *testing.T) {
	const address = "ana@example.org"
	for name, c := range map[string]struct {
		change func(t *testing.T, w *ceremonytest.World, a record.Account)
		due    bool
	}{
		"as it was": {func(*testing.T, *ceremonytest.World, record.Account) {}, true},
		"claims another": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.PendingEmail = "other@example.org" })
		}, false},
		"claims none": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.PendingEmail = "" })
		}, false},
		"disabled": {func(t *testing.T, w *ceremonytest.World, a record.Account) {
			becomes(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		}, false},
		"somebody has it": {func(t *testing.T, w *ceremonytest.World, _ record.Account) { w.Resident(t, "bob", address) }, false},
		"gone":            {func(t *testing.T, w *ceremonytest.World, _ record.Account) { w.Intrude(t).Do("DELETE FROM accounts") }, false},
		"right gone":      {func(t *testing.T, w *ceremonytest.World, _ record.Account) { w.Intrude(t).Do("DELETE FROM tickets") }, false},
		"a day later":     {func(_ *testing.T, w *ceremonytest.World, _ record.Account) { w.Clock.Advance(account.ProofLife) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a := w.Resident(t, "ana")
			becomes(t, w, a, func(f *record.AccountFacts) { f.PendingEmail = address })
			latest, _, err := w.Accounts.Get(t.Context(), a.ID())
			must(t, err)
			owed, err := w.Accounts.OweProof(latest.Facts(), address, ceremonytest.Door, caller())
			must(t, err)
			must(t, w.Store.Append(t.Context(), w.Audit.Event(audit.Entry{Name: audit.EmailAsked}, owed)))
			c.change(t, w, a)
			letters := w.Letters(t)
			if (len(letters) == 1) != c.due {
				t.Fatalf("letters %+v", letters)
			}
			if c.due && (letters[0].To != address || letters[0].Person != "" || letters[0].Kind != mail.KindProof) {
				t.Fatalf("letter %+v", letters[0])
			}
		})
	}
}

// TestTheTypedAddressIsNotWhereItGoes: a link goes to the address that its account has
// proved, not to what somebody typed.
func TestTheTypedAddressIsNotWhereItGoes(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", "Ana@BÜCHER.example")
	w.Ask(t, "ana@xn--bcher-kva.example")
	if letter := w.Letter(t, mail.KindSignIn); letter.To != "Ana@BÜCHER.example" {
		t.Fatalf("to %q", letter.To)
	}
}

// TestDisabledGetsNoLink: who is shut out gets no mail, not even one about passkeys.
func TestDisabledGetsNoLink(t *testing.T) {
	w := ceremonytest.New(t)
	a := w.Resident(t, "ana", "ana@example.org")
	becomes(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
	w.Ask(t, "ana@example.org")
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("letters %+v", letters)
	}
}

// TestLanguageAndOrigin: a letter is in the language of who asked, tells whence, and its
// link leads to the configured address, whatever the request said.
func TestLanguageAndOrigin(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", "ana@example.org")
	r := ceremonytest.Request()
	r.Caller.Language, r.Caller.UserAgent = "de", strings.Repeat("ü", 300)
	r.Client.Origin = "https://evil.example"
	begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: "ana@example.org"})
	must(t, err)
	letter := w.Letter(t, mail.KindSignIn)
	if letter.Language != "de" || letter.Network != "192.0.2.1/32" || len(letter.Agent) != 256 || !strings.HasPrefix(letter.Link, ceremonytest.URL+"/link#") {
		t.Fatalf("letter %+v", letter)
	}
	seen, err := w.RP.SeeEmail(t.Context(), r, ceremonytest.Token(t, letter), begun.Request)
	if err != nil || len(seen.Agent) != 96 {
		t.Fatalf("seen %+v, %v", seen, err)
	}
}

// TestUnknownKindStays: a mail of a kind that this version does not know is not lost.
func TestUnknownKindStays(t *testing.T) {
	w := ceremonytest.New(t)
	_, err := w.Accounts.Letter(t.Context(), record.MailFacts{Kind: "postcard", Address: "ana@example.org"})
	if err == nil || errors.Is(err, mail.ErrObsolete) {
		t.Fatalf("error %v", err)
	}
}

// TestLinkOfNobody: a mail that names an account which is not there is no longer due.
func TestLinkOfNobody(t *testing.T) {
	w := ceremonytest.New(t)
	for _, kind := range []mail.Kind{mail.KindProof, mail.KindInvitation, mail.KindEnrolment} {
		_, err := w.Accounts.Letter(t.Context(), record.MailFacts{
			Kind: string(kind), Account: uuid.UUID{1}, Address: "ana@example.org", Door: ceremonytest.Door, Right: [16]byte{9},
			Created: w.Clock.Now(), Expires: w.Clock.Now().Add(time.Minute),
		})
		if !errors.Is(err, mail.ErrObsolete) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
