package account_test

import (
	"errors"
	"fmt"
	"slices"
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

// asks claims an address and gives the link that is mailed to it.
func asks(t *testing.T, w *ceremonytest.World, p ceremony.Proof, address string) string {
	t.Helper()
	must(t, w.Accounts.AskEmail(t.Context(), current(t, w, p), address, caller()))
	letter := w.Letter(t, mail.KindProof)
	if letter.To != address || letter.Person != "" {
		t.Fatalf("a mail to %q about %q", letter.To, letter.Person)
	}
	return ceremonytest.Token(t, letter)
}

// proves makes an address the account's own and forgets what it is told of that.
func proves(t *testing.T, w *ceremonytest.World, p ceremony.Proof, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, p), asks(t, w, p, address), caller())
		must(t, err)
		w.Letters(t)
	}
}

// told are the addresses that are told of something now, in order; anything else that is
// told is a fault.
func told(t *testing.T, w *ceremonytest.World, about audit.Name) (to []string) {
	t.Helper()
	for _, letter := range w.Letters(t) {
		if letter.Kind != mail.KindNotice || letter.About != string(about) {
			t.Fatalf("a mail %+v, want a notice of %s", letter, about)
		}
		to = append(to, letter.To)
	}
	slices.Sort(to)
	return to
}

func facts(t *testing.T, w *ceremonytest.World, p ceremony.Proof) record.AccountFacts {
	t.Helper()
	a, ok, err := w.Accounts.Get(t.Context(), p.Session().Person().ID)
	if err != nil || !ok {
		t.Fatalf("account: %v, %v", ok, err)
	}
	return a.Facts()
}

// TestAddressIsProvedByWhoAsked: a claim resolves nothing; the link from the mailbox, in a
// session of the account that asked, makes the address its first one, once.
func TestAddressIsProvedByWhoAsked(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "old@example.org")
	link := asks(t, w, proof, "Ana@Example.org")
	if p := current(t, w, proof).Person(); p.PendingEmail != "Ana@Example.org" || p.Email != "old@example.org" {
		t.Fatalf("claimed: %+v", p)
	}
	if found(t, w, "ana@example.org") != uuid.Nil {
		t.Fatal("a claim resolves")
	}
	p, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), link, caller())
	if err != nil || p.Email != "Ana@Example.org" || !slices.Equal(p.Emails, []string{"Ana@Example.org", "old@example.org"}) || p.PendingEmail != "" {
		t.Fatalf("proved: %+v, %v", p, err)
	}
	if found(t, w, "ana@example.org") != p.ID || found(t, w, "old@example.org") != p.ID {
		t.Fatal("a proved address does not resolve")
	}
	letters := w.Letters(t)
	if len(letters) != 2 {
		t.Fatalf("told %+v", letters)
	}
	for _, letter := range letters {
		if letter.About != string(audit.EmailAdded) || letter.Subject != "Ana@Example.org" || letter.Person != "ana" {
			t.Fatalf("told %+v", letter)
		}
		ceremonytest.Token(t, letter)
	}
	if e := happened(t, w, audit.EmailAdded); len(e) != 2 || e[1].Session != proof.Session().View().ID {
		t.Fatalf("events %+v", e)
	}
	if e := happened(t, w, audit.EmailAsked); len(e) != 2 {
		t.Fatalf("events %+v", e)
	}
	if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), link, caller()); !errors.Is(err, account.ErrLink) {
		t.Fatalf("proved again: %v", err)
	}
}

// TestProofTakesASessionOfWhoAsked: whoever reads the mailbox and is signed in as somebody
// else proves nothing, and uses nothing up.
func TestProofTakesASessionOfWhoAsked(t *testing.T) {
	w := ceremonytest.New(t)
	_, ana := resident(t, w, "ana")
	_, ben := resident(t, w, "ben")
	link := asks(t, w, ana, "ana@example.org")
	before := w.Store.Writes()
	_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, ben), link, caller())
	if !errors.Is(err, account.ErrOtherPerson) || !errors.Is(err, account.ErrLink) || w.Store.Writes() != before {
		t.Fatalf("proved by somebody else: %v", err)
	}
	if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, ana), link, caller()); err != nil {
		t.Fatal(err)
	}
}

// TestDeadProofs: a link proves nothing once the claim, the account or the time has moved
// on, and when it is no such link.
func TestDeadProofs(t *testing.T) {
	edits := func(edit func(*record.AccountFacts)) func(*testing.T, *ceremonytest.World, ceremony.Proof, string) string {
		return func(t *testing.T, w *ceremonytest.World, p ceremony.Proof, link string) string {
			a, _, err := w.Accounts.Get(t.Context(), p.Session().Person().ID)
			must(t, err)
			replace(t, w, a, edit)
			return link
		}
	}
	for name, spoil := range map[string]func(*testing.T, *ceremonytest.World, ceremony.Proof, string) string{
		"the claim was withdrawn": edits(func(f *record.AccountFacts) { f.PendingEmail = "" }),
		"another was claimed":     edits(func(f *record.AccountFacts) { f.PendingEmail = "other@example.org" }),
		"tickets called back":     edits(func(f *record.AccountFacts) { f.TicketEpoch++ }),
		"expired": func(t *testing.T, w *ceremonytest.World, _ ceremony.Proof, link string) string {
			w.Clock.Advance(account.ProofLife)
			return link
		},
		"truncated": func(_ *testing.T, _ *ceremonytest.World, _ ceremony.Proof, link string) string {
			return link[:len(link)-4]
		},
		"a line end": func(_ *testing.T, _ *ceremonytest.World, _ ceremony.Proof, link string) string {
			return link[:8] + "\n" + link[8:]
		},
		"a bit flipped": func(_ *testing.T, _ *ceremonytest.World, _ ceremony.Proof, link string) string {
			return link[:80] + string("AB"[btoi(link[80] == 'A')]) + link[81:]
		},
		"nothing": func(*testing.T, *ceremonytest.World, ceremony.Proof, string) string { return "" },
		"of a notice": func(t *testing.T, w *ceremonytest.World, p ceremony.Proof, link string) string {
			_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, p), link, caller())
			must(t, err)
			return ceremonytest.Token(t, w.Letter(t, mail.KindNotice))
		},
		"the right was revoked": func(t *testing.T, w *ceremonytest.World, _ ceremony.Proof, link string) string {
			if w.Intrude(t).Do("DELETE FROM tickets") != 1 {
				t.Fatal("no right")
			}
			return link
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, proof := resident(t, w, "ana")
			link := spoil(t, w, proof, asks(t, w, proof, "ana@example.org"))
			before := facts(t, w, proof)
			if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), link, caller()); !errors.Is(err, account.ErrLink) {
				t.Fatalf("proved: %v", err)
			}
			if got := facts(t, w, proof); !slices.Equal(got.Emails, before.Emails) {
				t.Fatalf("addresses %v", got.Emails)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestProofEndsWithTheSession: what ends every session ends what they began.
func TestProofEndsWithTheSession(t *testing.T) {
	w := ceremonytest.New(t)
	key, proof := resident(t, w, "ana")
	link := asks(t, w, proof, "ana@example.org")
	must(t, w.Sessions.End(t.Context(), current(t, w, proof), true, caller()))
	if _, err := w.Accounts.ProveEmail(t.Context(), proof.Session(), link, caller()); !errors.Is(err, session.ErrNone) {
		t.Fatalf("proved: %v", err)
	}
	if _, err := w.Accounts.ProveEmail(t.Context(), by(t, w, key).Session(), link, caller()); !errors.Is(err, account.ErrLink) {
		t.Fatalf("proved by the next session: %v", err)
	}
}

// TestAddressProvedByAnotherMeanwhile: the address is whose who proved it first; the other
// account is told so, loses its claim and nothing else.
func TestAddressProvedByAnotherMeanwhile(t *testing.T) {
	for _, first := range []string{"ana", "ben"} {
		t.Run(first, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, ana := resident(t, w, "ana")
			_, ben := resident(t, w, "ben")
			winner, loser := ana, ben
			if first == "ben" {
				winner, loser = ben, ana
			}
			proves(t, w, loser, "own@example.org")
			const address = "both@example.org"
			theirs := asks(t, w, loser, address)
			w.Clock.Advance(account.MailAgain)
			_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, winner), asks(t, w, winner, address), caller())
			must(t, err)
			if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, loser), theirs, caller()); !errors.Is(err, account.ErrEmailTaken) {
				t.Fatalf("proved by both: %v", err)
			}
			if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, loser), theirs, caller()); !errors.Is(err, account.ErrLink) {
				t.Fatalf("the link again: %v", err)
			}
			p := current(t, w, loser).Person()
			if p.PendingEmail != "" || !slices.Equal(p.Emails, []string{"own@example.org"}) {
				t.Fatalf("the loser reads %+v", p)
			}
			if found(t, w, address) != winner.Session().Person().ID || found(t, w, "own@example.org") != p.ID {
				t.Fatal("an address changed hands")
			}
		})
	}
}

// TestMailsOfAnAddressThatIsTaken: no mail is sent that could prove nothing.
func TestMailsOfAnAddressThatIsTaken(t *testing.T) {
	w := ceremonytest.New(t)
	_, ana := resident(t, w, "ana")
	_, ben := resident(t, w, "ben")
	proves(t, w, ana, "ana@example.org")
	w.Clock.Advance(account.MailAgain)
	must(t, w.Accounts.AskEmail(t.Context(), current(t, w, ben), "ana@example.org", caller()))
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("sent %+v", letters)
	}
}

// TestFiveAddresses: an account proves five at most; the newest comes first.
func TestFiveAddresses(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	var want []string
	for n := range account.MaxEmails {
		address := fmt.Sprintf("ana%d@example.org", n)
		proves(t, w, proof, address)
		want = append([]string{address}, want...)
	}
	if got := current(t, w, proof).Person().Emails; !slices.Equal(got, want) {
		t.Fatalf("addresses %v", got)
	}
	refused(t, w.Accounts.AskEmail(t.Context(), current(t, w, proof), "ana5@example.org", caller()), "email", account.NameTooMany)
	if got := current(t, w, proof).Person().PendingEmail; got != "" {
		t.Fatalf("claimed %q", got)
	}
}

// TestSixthAddressMeanwhile: a claim that had room when it was made and has none when it is
// proved is refused.
func TestSixthAddressMeanwhile(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	link := asks(t, w, proof, "ana@example.org")
	a, _, err := w.Accounts.Get(t.Context(), proof.Session().Person().ID)
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) {
		f.Emails = []string{"1@example.org", "2@example.org", "3@example.org", "4@example.org", "5@example.org"}
	})
	_, err = w.Accounts.ProveEmail(t.Context(), current(t, w, proof), link, caller())
	refused(t, err, "email", account.NameTooMany)
}

// TestRemoveEmail: the address resolves no more, every address is told, the removed one
// too, and what was begun before is called back. A claim is withdrawn the same way.
func TestRemoveEmail(t *testing.T) {
	w := ceremonytest.New(t)
	key, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org", "b@example.org")
	begun := w.Assert(t, key, "ana")
	for range 2 {
		must(t, w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "A@EXAMPLE.ORG", caller()))
	}
	if got := told(t, w, audit.EmailRemoved); !slices.Equal(got, []string{"a@example.org", "b@example.org"}) {
		t.Fatalf("told %v", got)
	}
	if e := happened(t, w, audit.EmailRemoved); len(e) != 1 {
		t.Fatalf("events %+v", e)
	}
	if found(t, w, "a@example.org") != uuid.Nil || found(t, w, "b@example.org") == uuid.Nil {
		t.Fatal("the wrong one resolves")
	}
	if _, err := w.Finish(t, begun); err == nil {
		t.Fatal("what was begun before goes on")
	}
	link := asks(t, w, proof, "c@example.org")
	must(t, w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "c@example.org", caller()))
	if p := current(t, w, proof).Person(); p.PendingEmail != "" {
		t.Fatalf("still claimed: %+v", p)
	}
	if _, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), link, caller()); !errors.Is(err, account.ErrLink) {
		t.Fatalf("a withdrawn claim was proved: %v", err)
	}
	must(t, w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "b@example.org", caller()))
	if got := current(t, w, proof).Person().Emails; len(got) != 0 {
		t.Fatalf("addresses %v", got)
	}
}

// TestLastAddressWithoutPasskey: while no passkey could sign the person in, the last
// address is what leads back, and stays.
func TestLastAddressWithoutPasskey(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org", "b@example.org")
	a, _, err := w.Accounts.Get(t.Context(), proof.Session().Person().ID)
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.Ways[0].Verified = false })
	must(t, w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "a@example.org", caller()))
	w.Letters(t)
	if err := w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "b@example.org", caller()); !errors.Is(err, account.ErrLastPasskey) {
		t.Fatalf("removed: %v", err)
	}
	if letters := w.Letters(t); len(letters) != 0 || found(t, w, "b@example.org") == uuid.Nil {
		t.Fatalf("told %+v", letters)
	}
}

// TestLookingAfterTakesAFreshProof: claiming and removing an address, and drawing recovery
// codes, take a proof of at most five minutes.
func TestLookingAfterTakesAFreshProof(t *testing.T) {
	for name, call := range map[string]func(w *ceremonytest.World, c session.Current) error{
		"claim": func(w *ceremonytest.World, c session.Current) error {
			return w.Accounts.AskEmail(t.Context(), c, "b@example.org", caller())
		},
		"remove": func(w *ceremonytest.World, c session.Current) error {
			return w.Accounts.RemoveEmail(t.Context(), c, "a@example.org", caller())
		},
		"codes": func(w *ceremonytest.World, c session.Current) error {
			_, err := w.Accounts.NewRecoveryCodes(t.Context(), c, caller())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			key, proof := resident(t, w, "ana")
			proves(t, w, proof, "a@example.org")
			w.Clock.Advance(account.FreshProof + time.Millisecond)
			before := w.Store.Writes()
			if err := call(w, proof.Session()); !errors.Is(err, account.ErrStepUp) || w.Store.Writes() != before {
				t.Fatalf("without a fresh proof: %v", err)
			}
			proof = by(t, w, key)
			w.Clock.Advance(account.FreshProof)
			must(t, call(w, proof.Session()))
		})
	}
}

// TestAskedMailsAreLimited: one address gets one mail in thirty seconds whoever claims it,
// and one network asks for twenty an hour.
func TestAskedMailsAreLimited(t *testing.T) {
	w := ceremonytest.New(t)
	key, proof := resident(t, w, "ana")
	_, other := resident(t, w, "ben")
	asks(t, w, proof, "ana@example.org")
	var limited *account.LimitError
	for _, p := range []ceremony.Proof{proof, other} {
		err := w.Accounts.AskEmail(t.Context(), current(t, w, p), "ANA@example.org", caller())
		if !errors.As(err, &limited) || limited.RetryAfter <= 0 || limited.RetryAfter > account.MailAgain || len(w.Letters(t)) != 0 {
			t.Fatalf("asked again: %v", err)
		}
	}
	w.Clock.Advance(account.MailAgain)
	asks(t, w, proof, "ana@example.org") // the same claim again: another mail
	for n := range 18 {
		asks(t, w, proof, fmt.Sprintf("ana%d@example.org", n))
	}
	if err := w.Accounts.AskEmail(t.Context(), current(t, w, proof), "more@example.org", caller()); !errors.As(err, &limited) {
		t.Fatalf("a network without bound: %v", err)
	}
	w.Clock.Advance(time.Hour)
	asks(t, w, by(t, w, key), "more@example.org")
}

// TestNamesInMailsOfProof: what a stranger wrote into an account is in no mail that proves
// an address.
func TestNamesInMailsOfProof(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, err := edit(t, w, proof, account.Profile{DisplayName: ptr("Visit http://evil.example")})
	must(t, err)
	must(t, w.Accounts.AskEmail(t.Context(), current(t, w, proof), "victim@example.org", caller()))
	letter := w.Letter(t, mail.KindProof)
	if strings.Contains(fmt.Sprint(letter), "evil") {
		t.Fatalf("sent %+v", letter)
	}
}
