package account_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
)

// notify owes a notice to ana's one address.
func notify(t *testing.T, w *ceremonytest.World, a record.Account, n mail.Notice) {
	t.Helper()
	n.Account = a.Facts()
	owed, err := w.Accounts.Notify(n)
	must(t, err)
	must(t, w.Store.Append(t.Context(), w.Audit.Event(audit.Entry{Name: audit.AccountChanged, Account: a.ID()}, owed)))
}

// count counts letters by what they are about.
func count(letters []mail.Letter) map[string]int {
	n := map[string]int{}
	for _, l := range letters {
		n[l.About]++
	}
	return n
}

// TestAFloodOfNotices: an address gets thirty an hour and sixty a day, and whatever is beyond
// is told in sum, by a mail that is owed after the last of what it stands for.
func TestAFloodOfNotices(t *testing.T) {
	w := ceremonytest.New(t)
	a := w.Resident(t, "ana", "a@example.org")
	told := func(when string, own, sums int) {
		t.Helper()
		got := count(w.Letters(t))
		if got[string(audit.PasskeyRestored)] != own || got[string(mail.More)] != sums {
			t.Fatalf("%s: told %v, want %d and %d", when, got, own, sums)
		}
	}
	flood := func(n int) {
		for range n {
			notify(t, w, a, mail.Notice{About: audit.PasskeyRestored, Name: "phone"})
			w.Clock.Advance(time.Second)
		}
	}
	flood(300)
	told("a flood", 30, 1)
	flood(100)
	told("within the hour", 0, 0)
	w.Clock.Advance(time.Hour)
	told("an hour later", 30, 1) // thirty of those that waited, and one for the rest
	w.Clock.Advance(2 * time.Hour)
	told("when all was told", 0, 0)
	flood(5)
	told("the sixty-first of the day", 0, 1)
	flood(1)
	told("within the hour of that", 0, 0)
	w.Clock.Advance(time.Hour)
	told("an hour later, on the same day", 0, 1)
	w.Clock.Advance(24 * time.Hour)
	flood(1)
	told("after the flood", 1, 0)
}

// TestAFloodHidesNothing: what can be undone is told of at once, with its link, whatever
// else there is; and an address that is taken away hears of that.
func TestAFloodHidesNothing(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org")
	a, _, err := w.Accounts.Get(t.Context(), proof.Session().Person().ID)
	must(t, err)
	for range 100 {
		notify(t, w, a, mail.Notice{About: audit.PasskeyRestored})
	}
	w.Letters(t)
	for range 20 { // each makes the one before worth nothing
		_, err := w.Accounts.NewRecoveryCodes(t.Context(), current(t, w, proof), caller())
		must(t, err)
		w.Clock.Advance(time.Millisecond)
	}
	_, passkey := bind(t, w, proof)
	letters := w.Letters(t)
	got := count(letters)
	if got[string(audit.PasskeyAdded)] != 1 || got[string(audit.CodesMade)] != 1 || len(got) != 2 {
		t.Fatalf("told %v", got)
	}
	for _, l := range letters {
		if l.Link == "" || l.About == string(audit.PasskeyAdded) && l.Subject != passkey.Name {
			t.Errorf("told %+v", l)
		}
	}
	must(t, w.Accounts.RemoveEmail(t.Context(), current(t, w, proof), "a@example.org", caller()))
	if got := count(w.Letters(t)); got[string(audit.EmailRemoved)] != 1 || len(got) != 1 {
		t.Fatalf("told %v", got)
	}
}

// TestWhatCanBeUndoneWaits: beyond ten an hour of one kind, and is told of then.
func TestWhatCanBeUndoneWaits(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org")
	for range 12 {
		bind(t, w, proof)
	}
	letters := w.Letters(t)
	if got := count(letters); got[string(audit.PasskeyAdded)] != 10 || len(got) != 1 {
		t.Fatalf("told %v", got)
	}
	w.Clock.Advance(time.Hour)
	for _, l := range w.Letters(t) {
		if l.About != string(audit.PasskeyAdded) || l.Link == "" {
			t.Fatalf("told %+v", l)
		}
		letters = append(letters, l)
	}
	if len(letters) != 12 {
		t.Fatalf("%d of 12 were told", len(letters))
	}
}

// TestANoticeCountsOnce: however often it is tried, while the mail server is away.
func TestANoticeCountsOnce(t *testing.T) {
	w := ceremonytest.New(t)
	a := w.Resident(t, "ana", "a@example.org")
	notify(t, w, a, mail.Notice{About: audit.PasskeyRestored})
	rows, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 10)
	must(t, err)
	for range 30 {
		if _, err := w.Accounts.Letter(t.Context(), w.Owed(t, rows[0])); err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(30 * time.Minute)
	}
	for range 30 {
		notify(t, w, a, mail.Notice{About: audit.PasskeyRestored})
	}
	if got := count(w.Letters(t)); got[string(audit.PasskeyRestored)] != 30+1 { // the lease of the first is over
		t.Fatalf("told %v", got)
	}
}

// TestEveryAddressByItself: what one has had says nothing of another.
func TestEveryAddressByItself(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", "a@example.org")
	both := w.Resident(t, "ben", "A2@example.org", "b@example.org")
	for range 30 {
		notify(t, w, ana, mail.Notice{About: audit.AllSignedOut})
	}
	w.Letters(t)
	notify(t, w, both, mail.Notice{About: audit.AllSignedOut})
	if got := count(w.Letters(t)); got[string(audit.AllSignedOut)] != 2 {
		t.Fatalf("told %v", got)
	}
	notify(t, w, ana, mail.Notice{About: audit.AllSignedOut})
	if got := count(w.Letters(t)); got[string(mail.More)] != 1 || len(got) != 1 {
		t.Fatalf("told %v", got)
	}
}

// TestLetterDelays: a sender is told for how long.
func TestLetterDelays(t *testing.T) {
	w := ceremonytest.New(t)
	a := w.Resident(t, "ana", "a@example.org")
	var err error
	for i := range 11 {
		notify(t, w, a, mail.Notice{About: audit.RecoveryUsed, Subject: fmt.Append(nil, i), Undo: true})
		rows, taken := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Hour), 1)
		must(t, taken)
		if _, err = w.Accounts.Letter(t.Context(), w.Owed(t, rows[0])); i < 10 && err != nil {
			t.Fatal(err)
		}
	}
	var later *mail.Later
	if !errors.As(err, &later) || later.After <= 0 || later.After > time.Hour {
		t.Fatalf("the eleventh: %v", err)
	}
}
