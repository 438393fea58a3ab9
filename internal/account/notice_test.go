package account_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// house is somebody with two addresses and, of late, a second passkey that every notice
// tells of.
type house struct {
	*ceremonytest.World
	first, second *webauthntest.Authenticator
	proof         ceremony.Proof // by the first
	passkey       account.Passkey
	links         map[string]string // of the notices, by address
	spare         string            // a recovery code, where there are any
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{World: ceremonytest.New(t), links: map[string]string{}}
	h.first, h.proof = resident(t, h.World, "ana")
	proves(t, h.World, h.proof, "a@example.org", "b@example.org")
	h.second, h.passkey = bind(t, h.World, h.proof)
	for _, letter := range h.Letters(t) {
		if letter.About != string(audit.PasskeyAdded) || letter.Subject != h.passkey.Name || letter.Person != "ana" {
			t.Fatalf("told %+v", letter)
		}
		h.links[letter.To] = ceremonytest.Token(t, letter)
	}
	if len(h.links) != 2 {
		t.Fatalf("told %v", h.links)
	}
	return h
}

func (h *house) undo(t *testing.T, link string) error {
	t.Helper()
	return h.Accounts.Undo(t.Context(), link, caller())
}

// TestThisWasNotMe: the passkey that the notice told of is suspended, every session ends,
// and all that was there before is as it was. The other address is told.
func TestThisWasNotMe(t *testing.T) {
	h := newHouse(t)
	theirs := by(t, h.World, h.second)
	must(t, h.Accounts.ConfirmRecoveryCode(t.Context(), current(t, h.World, h.proof), codes(t, h.World, h.proof)[0], caller()))
	link := asks(t, h.World, h.proof, "c@example.org")
	was := facts(t, h.World, h.proof)
	begun := h.Assert(t, h.first, "ana")

	must(t, h.undo(t, h.links["a@example.org"]))

	dead(t, h.World, theirs, "undone")
	dead(t, h.World, h.proof, "undone")
	for name, answer := range map[string][]byte{"the new passkey": h.Assert(t, h.second, ""), "what was begun": begun} {
		if _, err := h.Finish(t, answer); err == nil {
			t.Errorf("%s signs in", name)
		}
	}
	again := by(t, h.World, h.first)
	list, err := h.Accounts.Passkeys(t.Context(), current(t, h.World, again))
	must(t, err)
	if len(list) != 2 || list[0].Suspended || !list[1].Suspended || list[1].ID != h.passkey.ID {
		t.Fatalf("passkeys %+v", list)
	}
	now := facts(t, h.World, h.proof)
	if now.SessionEpoch != was.SessionEpoch+1 || now.TicketEpoch != was.TicketEpoch+1 || !now.Ways[1].Suspended {
		t.Fatalf("became %+v", now)
	}
	now.SessionEpoch, now.TicketEpoch, now.Ways[1] = was.SessionEpoch, was.TicketEpoch, was.Ways[1]
	if !reflect.DeepEqual(now, was) {
		t.Fatalf("more was undone: %+v\nwas %+v", now, was)
	}
	if _, err := h.Accounts.ProveEmail(t.Context(), current(t, h.World, again), link, caller()); !errors.Is(err, account.ErrLink) {
		t.Fatalf("a link of before: %v", err)
	}
	letters := h.Letters(t)
	if len(letters) != 1 || letters[0].To != "b@example.org" || letters[0].About != string(audit.NoticeUndone) || letters[0].Link != "" {
		t.Fatalf("told %+v", letters)
	}
	e := happened(t, h.World, audit.NoticeUndone)
	if len(e) != 1 || e[0].Code != string(audit.PasskeyAdded) || e[0].Passkey != h.passkey.ID {
		t.Fatalf("events %+v", e)
	}
}

// TestUndoOnce: one copy of the notice undoes it, and then none does; a passkey that its
// person restored since stays.
func TestUndoOnce(t *testing.T) {
	h := newHouse(t)
	must(t, h.undo(t, h.links["b@example.org"]))
	again := by(t, h.World, h.first)
	if _, err := standing(t, h.World, again, h.passkey, false); err != nil {
		t.Fatal(err)
	}
	for address, link := range h.links {
		if err := h.undo(t, link); !errors.Is(err, account.ErrLink) {
			t.Errorf("%s, again: %v", address, err)
		}
		if _, err := h.Accounts.SeeNotice(t.Context(), link); !errors.Is(err, account.ErrLink) {
			t.Errorf("%s, seen again: %v", address, err)
		}
	}
	by(t, h.World, h.second)
	current(t, h.World, again)
}

// TestUndoRace: of fifty who undo it at once, one does.
func TestUndoRace(t *testing.T) {
	h := newHouse(t)
	was := facts(t, h.World, h.proof)
	var wait sync.WaitGroup
	results, gate := make(chan error, 50), make(chan struct{})
	for i := range cap(results) {
		wait.Go(func() {
			<-gate
			results <- h.Accounts.Undo(t.Context(), h.links[[]string{"a@example.org", "b@example.org"}[i%2]], caller())
		})
	}
	close(gate)
	wait.Wait()
	close(results)
	wins := 0
	for err := range results {
		if err == nil {
			wins++
		} else if !errors.Is(err, account.ErrLink) {
			t.Error(err)
		}
	}
	if now := facts(t, h.World, h.proof); wins != 1 || now.SessionEpoch != was.SessionEpoch+1 {
		t.Fatalf("%d won; session epoch %d, was %d", wins, now.SessionEpoch, was.SessionEpoch)
	}
	if e := happened(t, h.World, audit.NoticeUndone); len(e) != 1 {
		t.Fatalf("%d events", len(e))
	}
}

// TestSeeingANotice: looking tells what it is about and changes nothing, however often.
func TestSeeingANotice(t *testing.T) {
	h := newHouse(t)
	before := h.Store.Writes()
	for _, link := range h.links {
		for range 2 {
			about, err := h.Accounts.SeeNotice(t.Context(), link)
			if err != nil || about.Name != audit.PasskeyAdded || about.Subject != h.passkey.Name || about.At.IsZero() {
				t.Fatalf("about %+v, %v", about, err)
			}
		}
	}
	if h.Store.Writes() != before {
		t.Fatal("looking wrote something")
	}
	current(t, h.World, h.proof)
}

// TestSevenDays: a notice can be undone for seven days.
func TestSevenDays(t *testing.T) {
	for left, want := range map[time.Duration]error{time.Millisecond: nil, 0: account.ErrLink, -time.Hour: account.ErrLink} {
		h := newHouse(t)
		h.Clock.Advance(mail.UndoLife - left)
		if _, err := h.Accounts.SeeNotice(t.Context(), h.links["a@example.org"]); !errors.Is(err, want) {
			t.Errorf("%v left, seen: %v", left, err)
		}
		if err := h.undo(t, h.links["a@example.org"]); !errors.Is(err, want) {
			t.Errorf("%v left: %v", left, err)
		}
	}
}

// TestNotANotice: nothing but a notice's own link undoes anything.
func TestNotANotice(t *testing.T) {
	h := newHouse(t)
	link := h.links["a@example.org"]
	proof := asks(t, h.World, h.proof, "c@example.org")
	enrolment, err := h.Accounts.Link(t.Context(), "ana", audit.Caller{})
	must(t, err)
	bad := map[string]string{
		"nothing": "", "no base64": "!", "a line end": link[:9] + "\n" + link[9:], "padded": link + "=",
		"a proof's": proof, "an enrolment's": enrolment.Ticket,
	}
	for _, n := range []int{1, 40, len(link) / 2, len(link) - 4} {
		bad[fmt.Sprint(n, " characters")] = link[:n]
		bad[fmt.Sprint("bent at ", n)] = link[:n-1] + string("AB"[btoi(link[n-1] == 'A')]) + link[n:]
	}
	before := h.Store.Writes()
	for name, token := range bad {
		if err := h.undo(t, token); !errors.Is(err, account.ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.Accounts.SeeNotice(t.Context(), token); !errors.Is(err, account.ErrLink) {
			t.Errorf("%s, seen: %v", name, err)
		}
	}
	if h.Store.Writes() != before {
		t.Fatal("something was written")
	}
	by(t, h.World, h.second)
}

// TestUndoLeavesNoWayIn: that a passkey is the only way in does not keep it from being
// suspended, and a mailed link opens the account no more than before.
func TestUndoLeavesNoWayIn(t *testing.T) {
	h := newHouse(t)
	again := by(t, h.World, h.second)
	_, err := standing(t, h.World, again, own(t, h.World, h.proof), true)
	must(t, err)
	must(t, h.undo(t, h.links["a@example.org"]))
	for _, key := range []*webauthntest.Authenticator{h.first, h.second} {
		if _, err := h.Finish(t, h.Assert(t, key, "")); err == nil {
			t.Fatal("signed in")
		}
	}
	a, _, err := h.Accounts.Get(t.Context(), h.proof.Session().Person().ID)
	must(t, err)
	if h.Accounts.Policy().LinkSignsIn(a) {
		t.Fatal("a mailed link signs in")
	}
}

// TestUndoWhateverBecameOfIt: a passkey that was removed since, one that does not open, and
// an account that is disabled: what can be undone is, and every session ends.
func TestUndoWhateverBecameOfIt(t *testing.T) {
	for name, c := range map[string]func(*testing.T, *house){
		"removed": func(t *testing.T, h *house) {
			must(t, h.Accounts.RemovePasskey(t.Context(), current(t, h.World, h.proof), h.passkey.ID, caller()))
		},
		"suspended": func(t *testing.T, h *house) {
			_, err := standing(t, h.World, h.proof, h.passkey, true)
			must(t, err)
		},
		"tampered with": func(t *testing.T, h *house) {
			key := h.Vault.LookupCredential(ceremonytest.RPID, h.passkey.CredentialID)
			if h.Intrude(t).Do("UPDATE credentials SET sealed = zeroblob(64) WHERE key = ?", key) != 1 {
				t.Fatal("no row")
			}
		},
		"disabled": func(t *testing.T, h *house) {
			a, _, err := h.Accounts.Get(t.Context(), h.proof.Session().Person().ID)
			must(t, err)
			replace(t, h.World, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c(t, h)
			was := facts(t, h.World, h.proof)
			must(t, h.undo(t, h.links["a@example.org"]))
			now := facts(t, h.World, h.proof)
			if now.SessionEpoch != was.SessionEpoch+1 || now.State != was.State {
				t.Fatalf("became %+v", now)
			}
			if way, ok := now.Way(h.Vault.LookupCredential(ceremonytest.RPID, h.passkey.CredentialID)); ok && !way.Suspended {
				t.Fatal("the passkey may be used")
			}
			dead(t, h.World, h.proof, "undone")
		})
	}
}

// TestUndoOfAnAccountThatIsGone is a link that cannot be used.
func TestUndoOfAnAccountThatIsGone(t *testing.T) {
	h := newHouse(t)
	must(t, h.Accounts.Delete(t.Context(), current(t, h.World, h.proof), caller()))
	if err := h.undo(t, h.links["a@example.org"]); !errors.Is(err, account.ErrLink) {
		t.Fatal(err)
	}
	if _, err := h.Accounts.SeeNotice(t.Context(), h.links["a@example.org"]); !errors.Is(err, account.ErrLink) {
		t.Fatal(err)
	}
}

// TestUndoAnAddress: the address that was added is removed, with its identifier; those
// before it stay. It is told where it was added and where it was not.
func TestUndoAnAddress(t *testing.T) {
	w := ceremonytest.New(t)
	key, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org", "b@example.org")
	_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), asks(t, w, proof, "Evil@example.org"), caller())
	must(t, err)
	links := map[string]string{}
	for _, letter := range w.Letters(t) {
		links[letter.To] = ceremonytest.Token(t, letter)
	}
	if len(links) != 3 {
		t.Fatalf("told %v", links)
	}
	about, err := w.Accounts.SeeNotice(t.Context(), links["a@example.org"])
	if err != nil || about.Name != audit.EmailAdded || !strings.EqualFold(about.Subject, "evil@example.org") {
		t.Fatalf("about %+v, %v", about, err)
	}
	was := facts(t, w, proof)
	must(t, w.Accounts.Undo(t.Context(), links["a@example.org"], caller()))
	if got := told(t, w, audit.NoticeUndone); !slices.Equal(got, []string{"Evil@example.org", "b@example.org"}) {
		t.Fatalf("told %v", got)
	}
	if found(t, w, "evil@example.org") != uuid.Nil || found(t, w, "a@example.org") == uuid.Nil || found(t, w, "b@example.org") == uuid.Nil {
		t.Fatal("the wrong address resolves")
	}
	now := facts(t, w, proof)
	if !slices.Equal(now.Emails, []string{"b@example.org", "a@example.org"}) || now.SessionEpoch != was.SessionEpoch+1 {
		t.Fatalf("became %+v", now)
	}
	if len(now.Disowned) != 1 {
		t.Fatalf("disowned %d addresses", len(now.Disowned))
	}
	now.Emails, now.SessionEpoch, now.TicketEpoch, now.Disowned = was.Emails, was.SessionEpoch, was.TicketEpoch, nil
	if !reflect.DeepEqual(now, was) {
		t.Fatalf("more was undone: %+v\nwas %+v", now, was)
	}
	dead(t, w, proof, "undone")
	if err := w.Accounts.Undo(t.Context(), links["b@example.org"], caller()); !errors.Is(err, account.ErrLink) {
		t.Fatalf("undone again: %v", err)
	}
	by(t, w, key)
	_, other := resident(t, w, "ben")
	w.Clock.Advance(account.MailAgain)
	proves(t, w, other, "evil@example.org") // it is anybody's again
}

// TestUndoFromTheAddressItself: whoever reads the address that was added can say that it is
// not theirs; the others are told, and it is not.
func TestUndoFromTheAddressItself(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org")
	_, err := w.Accounts.ProveEmail(t.Context(), current(t, w, proof), asks(t, w, proof, "b@example.org"), caller())
	must(t, err)
	for _, letter := range w.Letters(t) {
		if letter.To == "b@example.org" {
			must(t, w.Accounts.Undo(t.Context(), ceremonytest.Token(t, letter), caller()))
		}
	}
	if got := told(t, w, audit.NoticeUndone); !slices.Equal(got, []string{"a@example.org"}) {
		t.Fatalf("told %v", got)
	}
}

// TestRightsThatUndoNothing: a link for one account shows no right of another, and a right
// about what cannot be undone is none.
func TestRightsThatUndoNothing(t *testing.T) {
	for name, c := range map[string]struct {
		about audit.Name
		other bool
	}{"another account's": {audit.PasskeyAdded, true}, "of a removal": {audit.PasskeyRemoved, false}, "of nothing": {"", false}} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, ana := resident(t, w, "ana")
			_, ben := resident(t, w, "ben")
			whose := ana
			if c.other {
				whose = ben
			}
			right := record.TicketFacts{
				ID: [16]byte{1}, Purpose: mail.PurposeNotice, Account: whose.Session().Person().ID, About: string(c.about),
				Created: w.Clock.Now(), Expires: w.Clock.Now().Add(time.Hour),
			}
			row, err := w.Vault.SealTicketRow(right)
			must(t, err)
			must(t, w.Store.PutTicket(t.Context(), row, w.Audit.Event(audit.Entry{Name: audit.AccountLinkMade})))
			raw, err := ticket.MintLinkAs(w.Tickets, ticket.Notice{Common: ticket.Common{
				Door: ceremonytest.Door, RPID: ceremonytest.RPID, Account: ana.Session().Person().ID, AccountKnown: true,
			}}, right.ID, right.Created, right.Expires)
			must(t, err)
			link := base64.RawURLEncoding.EncodeToString(raw)
			if _, err := w.Accounts.SeeNotice(t.Context(), link); !errors.Is(err, account.ErrLink) {
				t.Errorf("seen: %v", err)
			}
			if err := w.Accounts.Undo(t.Context(), link, caller()); !errors.Is(err, account.ErrLink) {
				t.Errorf("undone: %v", err)
			}
			current(t, w, ana)
			current(t, w, ben)
		})
	}
}

// TestNoticesGoToEveryAddress: each of these is told of at every proved address, with a
// link where it can be undone and none where it cannot.
func TestNoticesGoToEveryAddress(t *testing.T) {
	for about, do := range map[audit.Name]func(*testing.T, *house, session.Current){
		audit.PasskeySuspended: func(t *testing.T, h *house, _ session.Current) {
			_, err := standing(t, h.World, h.proof, h.passkey, true)
			must(t, err)
		},
		audit.PasskeyRestored: func(t *testing.T, h *house, _ session.Current) {
			_, err := standing(t, h.World, h.proof, h.passkey, true)
			must(t, err)
			h.Letters(t)
			_, err = standing(t, h.World, h.proof, h.passkey, false)
			must(t, err)
		},
		audit.PasskeyRemoved: func(t *testing.T, h *house, c session.Current) {
			must(t, h.Accounts.RemovePasskey(t.Context(), c, h.passkey.ID, caller()))
		},
		audit.PasskeyAdded: func(t *testing.T, h *house, _ session.Current) { bind(t, h.World, h.proof) },
		audit.CodesMade: func(t *testing.T, h *house, c session.Current) {
			_, err := h.Accounts.NewRecoveryCodes(t.Context(), c, caller())
			must(t, err)
		},
		audit.RecoveryUsed: func(t *testing.T, h *house, _ session.Current) {
			a, err := h.Accounts.Recoverable(t.Context(), "ana")
			must(t, err)
			_, ok, err := h.Accounts.UseRecoveryCode(t.Context(), a, h.spare, caller())
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
		},
		audit.EmailRemoved: func(t *testing.T, h *house, c session.Current) {
			must(t, h.Accounts.RemoveEmail(t.Context(), c, "a@example.org", caller()))
		},
		audit.AccountDeleted: func(t *testing.T, h *house, c session.Current) {
			must(t, h.Accounts.Delete(t.Context(), c, caller()))
		},
	} {
		t.Run(string(about), func(t *testing.T) {
			h := newHouse(t)
			h.spare = codes(t, h.World, h.proof)[0]
			do(t, h, current(t, h.World, h.proof))
			letters := h.Letters(t)
			to := map[string]bool{}
			for _, letter := range letters {
				to[letter.To] = true
				if letter.About != string(about) || (letter.Link != "") != account.Undoable(about) || letter.Network == "" || letter.At.IsZero() {
					t.Errorf("told %+v", letter)
				}
			}
			if len(letters) != 2 || !to["a@example.org"] || !to["b@example.org"] {
				t.Fatalf("told %v", to)
			}
		})
	}
}

// TestWhatIsRefusedIsNotTold: no mail is owed for what did not happen.
func TestWhatIsRefusedIsNotTold(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org")
	passkey := own(t, w, proof)
	if err := w.Accounts.RemovePasskey(t.Context(), current(t, w, proof), passkey.ID, caller()); !errors.Is(err, account.ErrLastPasskey) {
		t.Fatal(err)
	}
	if _, err := standing(t, w, proof, passkey, true); !errors.Is(err, account.ErrLastPasskey) {
		t.Fatal(err)
	}
	if letters := w.Letters(t); len(letters) != 0 {
		t.Fatalf("told %+v", letters)
	}
}

// TestNoMailNoNotice: where no mail is sent nothing is owed, and no right is stored that
// nobody could show.
func TestNoMailNoNotice(t *testing.T) {
	policy := ceremonytest.Policy()
	policy.Mail = false
	w := ceremonytest.NewUnder(t, policy)
	_, proof := resident(t, w, "ana")
	a, _, err := w.Accounts.Get(t.Context(), proof.Session().Person().ID)
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.Emails = []string{"a@example.org"} })
	bind(t, w, proof)
	must(t, w.Accounts.AskEmail(t.Context(), current(t, w, proof), "b@example.org", caller()))
	in := w.Intrude(t)
	if n := in.Row("SELECT (SELECT count(*) FROM mails) + (SELECT count(*) FROM tickets)")[0]; n != int64(0) {
		t.Fatalf("%d rows", n)
	}
}

// TestDisownedAddressUndoesNothing: whoever put an address of theirs into an account keeps
// no way to suspend its person's passkeys, once that address was undone. The others undo
// as before, and so does the same address when its person proves it after all.
func TestDisownedAddressUndoesNothing(t *testing.T) {
	h := newHouse(t)
	_, err := h.Accounts.ProveEmail(t.Context(), current(t, h.World, h.proof), asks(t, h.World, h.proof, "Evil@example.org"), caller())
	must(t, err)
	adding := ceremonytest.Token(t, h.Letters(t)[0])
	notice := func(p ceremony.Proof) map[string]string {
		_, passkey := bind(t, h.World, p)
		links := map[string]string{}
		for _, letter := range h.Letters(t) {
			if letter.Subject == passkey.Name && letter.Link != "" {
				links[letter.To] = ceremonytest.Token(t, letter)
			}
		}
		return links
	}
	links := notice(h.proof)
	if len(links) != 3 {
		t.Fatalf("told %v", links)
	}
	must(t, h.undo(t, adding))
	before := h.Store.Writes()
	if _, err := h.Accounts.SeeNotice(t.Context(), links["Evil@example.org"]); !errors.Is(err, account.ErrLink) {
		t.Fatalf("seen: %v", err)
	}
	if err := h.undo(t, links["Evil@example.org"]); !errors.Is(err, account.ErrLink) {
		t.Fatalf("undone: %v", err)
	}
	if h.Store.Writes() != before {
		t.Fatal("something was written")
	}
	must(t, h.undo(t, links["b@example.org"]))

	h.Letters(t)
	h.Clock.Advance(time.Minute)
	again := by(t, h.World, h.first)
	proves(t, h.World, again, "evil@example.org")
	must(t, h.undo(t, notice(again)["evil@example.org"]))
}

// TestDisownedAddressesAreFew: the account remembers the latest of them alone.
func TestDisownedAddressesAreFew(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		h.Clock.Advance(time.Hour)
		again := by(t, h.World, h.first)
		h.Letters(t)
		_, err := h.Accounts.ProveEmail(t.Context(), current(t, h.World, again), asks(t, h.World, again, fmt.Sprintf("evil%d@example.org", i)), caller())
		must(t, err)
		must(t, h.undo(t, ceremonytest.Token(t, h.Letters(t)[0])))
		h.Letters(t)
	}
	if n := len(facts(t, h.World, h.proof).Disowned); n != 8 {
		t.Fatalf("%d remembered", n)
	}
}

// TestUndoCodes: codes that somebody else made are good for nothing once that is undone,
// and the person keeps their passkeys. Codes that were made after those stay.
func TestUndoCodes(t *testing.T) {
	made := func(t *testing.T, h *house) (codes []string, link string) {
		t.Helper()
		codes, err := h.Accounts.NewRecoveryCodes(t.Context(), current(t, h.World, h.proof), caller())
		must(t, err)
		return codes, ceremonytest.Token(t, h.Letters(t)[0])
	}
	works := func(t *testing.T, h *house, code string) bool {
		t.Helper()
		a, err := h.Accounts.Recoverable(t.Context(), "ana")
		must(t, err)
		_, ok, err := h.Accounts.UseRecoveryCode(t.Context(), a, code, caller())
		must(t, err)
		return ok
	}
	t.Run("theirs", func(t *testing.T) {
		h := newHouse(t)
		codes, link := made(t, h)
		if about, err := h.Accounts.SeeNotice(t.Context(), link); err != nil || about.Name != audit.CodesMade {
			t.Fatalf("about %+v, %v", about, err)
		}
		must(t, h.Accounts.ConfirmRecoveryCode(t.Context(), current(t, h.World, h.proof), codes[0], caller()))
		must(t, h.undo(t, link))
		dead(t, h.World, h.proof, "undone")
		if f := facts(t, h.World, h.proof); len(f.RecoveryCodes) != 0 || f.CodesSaved || !f.CodesMade.IsZero() {
			t.Fatalf("became %+v", f)
		}
		if works(t, h, codes[0]) {
			t.Fatal("a code still works")
		}
		by(t, h.World, h.first)
		by(t, h.World, h.second)
	})
	t.Run("newer ones", func(t *testing.T) {
		h := newHouse(t)
		_, link := made(t, h)
		h.Clock.Advance(time.Millisecond)
		codes, _ := made(t, h)
		must(t, h.undo(t, link))
		if !works(t, h, codes[0]) {
			t.Fatal("they were taken as well")
		}
	})
}
