package mail

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
)

var ana = record.AccountFacts{ID: uuid.UUID{6: 0x70, 8: 0x80, 15: 1}, Username: "ana", Emails: []string{"Ana@Example.org", "ana@work.example"}, PendingEmail: "claimed@example.org"}

func TestOwe(t *testing.T) {
	w := newWorld(t)
	in := signInFacts("ana@example.org")
	in.ID, in.Created = uuid.UUID{1}, start.Add(-time.Hour) // not the caller's to say
	row, err := w.office.Owe(in)
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.vault.OpenMail(row)
	if err != nil || f.Kind != "sign_in" || f.Address != "ana@example.org" || !f.Created.Equal(start) || f.ID == in.ID || f.ID.Version() != 7 {
		t.Errorf("%+v, %v", f, err)
	}
	if !row.Due.Equal(start) {
		t.Errorf("due %v", row.Due)
	}
	if again, err := w.office.Owe(in); err != nil || bytes.Equal(again.Key, row.Key) {
		t.Errorf("the same ID twice, %v", err)
	}
	if _, err := w.office.Owe(record.MailFacts{Kind: "sign_in"}); err == nil {
		t.Error("a mail to nobody")
	}
	broken := NewOffice(OfficeConfig{Vault: w.vault, Now: w.clock.Now, Rand: iotest.ErrReader(bytes.ErrTooLarge)})
	if _, err := broken.Owe(in); err == nil {
		t.Error("a mail without randomness")
	}
}

// TestNotify: everybody who must know gets one mail each, and all of them show the same
// right to undo.
func TestNotify(t *testing.T) {
	w := newWorld(t)
	owed, err := w.office.Notify(Notice{
		Account: ana, About: audit.EmailRemoved, Subject: []byte("old@example.org"), Name: "old@example.org", Undo: true, HeldUntil: start.UnixMilli(), CodesEnded: true,
		Also: []string{"old@example.org", "ANA@example.org", ""}, Door: "rest",
		By: audit.Caller{Language: "de", UserAgent: strings.Repeat("x", 1000), Address: netip.MustParseAddr("2001:db8::1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(owed.Tickets) != 1 {
		t.Fatalf("%d rights", len(owed.Tickets))
	}
	right, err := w.vault.OpenTicketRow(owed.Tickets[0])
	if err != nil || right.Purpose != "notice" || right.Account != ana.ID || right.About != "email.removed" || string(right.Subject) != "old@example.org" ||
		!right.Expires.Equal(start.Add(7*24*time.Hour)) || !right.Created.Equal(start) {
		t.Errorf("right %+v, %v", right, err)
	}
	var to []string
	ids := map[uuid.UUID]bool{}
	for _, row := range owed.Mails {
		f, err := w.vault.OpenMail(row)
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, f.Address)
		ids[f.ID] = true
		if f.Kind != "notice" || f.About != "email.removed" || f.Subject != "old@example.org" || f.Right != right.ID || !f.Expires.Equal(right.Expires) ||
			f.Language != "de" || f.Network != "2001:db8::/64" || len(f.Agent) != 256 || f.Door != "rest" || f.Account != ana.ID ||
			!f.HeldUntil.Equal(start.Truncate(time.Millisecond)) || !f.CodesEnded {
			t.Errorf("mail %+v", f)
		}
	}
	if want := []string{"Ana@Example.org", "ana@work.example", "old@example.org"}; !slices.Equal(to, want) || len(ids) != 3 {
		t.Errorf("to %v, want %v", to, want)
	}
	w.put(t, owed)
	if row, err := w.store.Ticket(t.Context(), owed.Tickets[0].Key); err != nil || !bytes.Equal(row.Body, owed.Tickets[0].Body) {
		t.Errorf("the right is not in the store: %v", err)
	}
}

func TestNotifyWithoutUndo(t *testing.T) {
	w := newWorld(t)
	owed, err := w.office.Notify(Notice{Account: ana, About: audit.NoticeUndone})
	if err != nil || len(owed.Mails) != 2 || owed.Tickets != nil {
		t.Fatalf("%+v, %v", owed, err)
	}
	f, err := w.vault.OpenMail(owed.Mails[0])
	if err != nil || f.Right != [16]byte{} || !f.Expires.IsZero() || !f.HeldUntil.IsZero() || f.Network != "" {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestNotifyNobody: without a proved address there is nobody to tell, and no right that
// nobody can show.
func TestNotifyNobody(t *testing.T) {
	w := newWorld(t)
	nobody := ana
	nobody.Emails = nil
	owed, err := w.office.Notify(Notice{Account: nobody, About: audit.PasskeyAdded, Undo: true})
	if err != nil || owed.Mails != nil || owed.Tickets != nil {
		t.Errorf("%+v, %v", owed, err)
	}
}

func TestNotifyFails(t *testing.T) {
	w := newWorld(t)
	short := NewOffice(OfficeConfig{Vault: w.vault, Now: w.clock.Now, Rand: iotest.ErrReader(bytes.ErrTooLarge)})
	if _, err := short.Notify(Notice{Account: ana, Undo: true}); err == nil {
		t.Error("a right without randomness")
	}
	if _, err := short.Notify(Notice{Account: ana}); err == nil {
		t.Error("a mail without randomness")
	}
}

// TestNotifyLookAlike: an address that only looks like another one in lower case, and is
// another mailbox, does not take its place.
func TestNotifyLookAlike(t *testing.T) {
	w := newWorld(t)
	account := ana
	account.Emails = []string{"\u0130na@example.org", "ina@example.org", "INA@example.org"}
	owed, err := w.office.Notify(Notice{Account: account, About: audit.PasskeyAdded})
	if err != nil {
		t.Fatal(err)
	}
	if len(owed.Mails) != 2 {
		t.Fatalf("%d mails, want 2", len(owed.Mails))
	}
}
