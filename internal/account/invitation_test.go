package account_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
)

// as is somebody of a role who has just signed in.
func as(t *testing.T, w *ceremonytest.World, role record.Role) session.Current {
	t.Helper()
	_, proof := resident(t, w, "user-"+string(role))
	a, _, err := w.Accounts.Get(t.Context(), proof.Session().Person().ID)
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.Role = role })
	return current(t, w, proof)
}

// TestWhoInvites: administrators, with a fresh proof; nobody else, and never nobody.
func TestWhoInvites(t *testing.T) {
	w := ceremonytest.New(t)
	admin := as(t, w, record.RoleAdmin)
	for name, c := range map[string]struct {
		c    session.Current
		want error
	}{
		"administrator": {admin, nil}, "support": {as(t, w, record.RoleSupport), account.ErrForbidden},
		"member": {as(t, w, record.RoleMember), account.ErrForbidden}, "nobody": {session.Current{}, session.ErrNone},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := w.Accounts.Invite(t.Context(), c.c, account.InvitationDraft{}, caller()); !errors.Is(err, c.want) {
				t.Errorf("invite: %v", err)
			}
			if _, _, err := w.Accounts.Invitations(t.Context(), c.c, "", 10); !errors.Is(err, c.want) {
				t.Errorf("list: %v", err)
			}
			if err := w.Accounts.Withdraw(t.Context(), c.c, strings.Repeat("A", 22), caller()); !errors.Is(err, c.want) {
				t.Errorf("withdraw: %v", err)
			}
		})
	}
	w.Clock.Advance(account.FreshProof + time.Second)
	if _, err := w.Accounts.Invite(t.Context(), admin, account.InvitationDraft{}, caller()); !errors.Is(err, account.ErrStepUp) {
		t.Fatalf("with a stale proof: %v", err)
	}
}

// TestInvitationDrafts: what an invitation may say.
func TestInvitationDrafts(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "bob", "bob@example.org")
	for name, c := range map[string]struct {
		in          account.InvitationDraft
		field, code string
	}{
		"nothing":             {account.InvitationDraft{}, "", ""},
		"everything":          {account.InvitationDraft{Email: "ana@example.org", Role: record.RoleAdmin, DisplayName: "Ana", Deliver: true}, "", ""},
		"no address":          {account.InvitationDraft{Deliver: true}, "email", "required"},
		"no such address":     {account.InvitationDraft{Email: "ana"}, "email", account.NameMalformed},
		"a look-alike":        {account.InvitationDraft{Email: "\u212aim@example.org"}, "email", account.NameMalformed},
		"somebody's":          {account.InvitationDraft{Email: "BOB@example.org"}, "email", account.NameTaken},
		"unknown role":        {account.InvitationDraft{Role: "root"}, "role", "not_allowed"},
		"unprintable":         {account.InvitationDraft{DisplayName: "a\u202eb"}, "display_name", account.NameCharacters},
		"a name that is long": {account.InvitationDraft{DisplayName: strings.Repeat("a", 129)}, "display_name", account.NameTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Accounts.InviteByOperator(t.Context(), c.in, audit.Caller{})
			if c.code == "" {
				must(t, err)
				return
			}
			refused(t, err, c.field, c.code)
		})
	}
	silent := ceremonytest.Policy()
	silent.Mail = false
	w = ceremonytest.NewUnder(t, silent)
	if _, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{Email: "ana@example.org", Deliver: true}, audit.Caller{}); !errors.Is(err, account.ErrUninvitable) {
		t.Fatalf("without mail: %v", err)
	}
	_, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{Email: "ana@example.org"}, audit.Caller{})
	must(t, err)
}

// TestInvitationsAreListed: every one that lives, page by page, and nothing else that is
// stored as a right; a withdrawn one is gone, and its mail is not sent.
func TestInvitationsAreListed(t *testing.T) {
	w := ceremonytest.New(t)
	_, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{DisplayName: "old"}, audit.Caller{})
	must(t, err)
	w.Clock.Advance(account.InvitationLife)
	admin := as(t, w, record.RoleAdmin)
	for range 120 {
		_, err := w.Accounts.Link(t.Context(), "user-admin", audit.Caller{})
		must(t, err)
	}
	want := map[string]bool{}
	for i := range 7 {
		name := "person " + string(rune('a'+i))
		_, err := w.Accounts.Invite(t.Context(), admin, account.InvitationDraft{DisplayName: name, Email: "p" + string(rune('a'+i)) + "@example.org", Deliver: true}, caller())
		must(t, err)
		want[name] = true
	}
	var ids []string
	cursor, pages := "", 0
	for {
		list, next, err := w.Accounts.Invitations(t.Context(), admin, cursor, 3)
		must(t, err)
		for _, i := range list {
			if !want[i.DisplayName] || i.By != admin.Person().ID || i.Role != string(record.RoleMember) || !i.Expires.Equal(w.Clock.Now().Add(account.InvitationLife)) {
				t.Fatalf("listed %+v", i)
			}
			delete(want, i.DisplayName)
			ids = append(ids, i.ID)
		}
		if pages++; next == "" {
			break
		}
		cursor = next
	}
	if len(want) != 0 || pages < 3 {
		t.Fatalf("not listed: %v, in %d pages", want, pages)
	}
	for range 2 {
		must(t, w.Accounts.Withdraw(t.Context(), admin, ids[0], caller()))
	}
	if events := happened(t, w, audit.InvitationEnded); len(events) != 1 || events[0].Actor != admin.Person().ID || events[0].Account != uuid.Nil {
		t.Fatalf("events %+v", events)
	}
	if letters := w.Letters(t); len(letters) != 6 {
		t.Fatalf("%d letters, want 6", len(letters))
	}
	made := map[uuid.UUID]int{}
	for _, e := range happened(t, w, audit.InvitationMade) {
		made[e.Actor]++
	}
	if made[admin.Person().ID] != 7 || made[uuid.Nil] != 1 {
		t.Fatalf("events by %v", made)
	}
}

// rightID is the name of a link's stored half, as an invitation would be called.
func rightID(t *testing.T, link string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(link)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(raw[9:25])
}

// TestWithdrawEndsInvitationsOnly: no other right is ended by it, whatever it is called.
func TestWithdrawEndsInvitationsOnly(t *testing.T) {
	w := ceremonytest.New(t)
	admin := as(t, w, record.RoleAdmin)
	link, err := w.Accounts.Link(t.Context(), "user-admin", audit.Caller{})
	must(t, err)
	for _, id := range []string{"", "x", strings.Repeat("A", 22), strings.Repeat("A", 43), rightID(t, link.Ticket), "\n" + rightID(t, link.Ticket)} {
		must(t, w.Accounts.Withdraw(t.Context(), admin, id, caller()))
	}
	if _, _, err := w.Accounts.OpenEnrolmentLink(t.Context(), link.Ticket, ceremonytest.Door); err != nil {
		t.Fatalf("the enrolment link is gone: %v", err)
	}
	if events := happened(t, w, audit.InvitationEnded); len(events) != 0 {
		t.Fatalf("events %+v", events)
	}
}

// TestInvitationCursor: what is no cursor is refused.
func TestInvitationCursor(t *testing.T) {
	w := ceremonytest.New(t)
	admin := as(t, w, record.RoleAdmin)
	for _, cursor := range []string{"*", "A", strings.Repeat("A", 200)} {
		_, _, err := w.Accounts.Invitations(t.Context(), admin, cursor, 10)
		refused(t, err, "cursor", account.NameMalformed)
	}
}

// TestTamperedInvitation: one that was edited is left out, with an alarm.
func TestTamperedInvitation(t *testing.T) {
	w := ceremonytest.New(t)
	admin := as(t, w, record.RoleAdmin)
	link, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{}, audit.Caller{})
	must(t, err)
	w.Intrude(t).Do("UPDATE tickets SET body = zeroblob(length(body))")
	list, _, err := w.Accounts.Invitations(t.Context(), admin, "", 10)
	if err != nil || len(list) != 0 || !strings.Contains(w.Journal.String(), "ticket_record_tampered") {
		t.Fatalf("listed %+v, %v", list, err)
	}
	if _, err := w.Accounts.OpenSignUpLink(t.Context(), link.Ticket, ceremonytest.Door); !errors.Is(err, account.ErrLink) {
		t.Fatalf("opened: %v", err)
	}
}

// TestInvitationLanguage: the mail speaks the language of who invites.
func TestInvitationLanguage(t *testing.T) {
	w := ceremonytest.New(t)
	by := caller()
	by.Language = "de"
	_, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{Email: "ana@example.org", Deliver: true}, by)
	must(t, err)
	if letter := w.Letter(t, mail.KindInvitation); letter.Language != "de" || letter.Network != "" || letter.Agent != "" {
		t.Fatalf("letter %+v", letter)
	}
}

// TestInvitationEndsWithItsMaker: whoever got hold of an administrator's session for a
// moment must not keep a way in when that administrator is demoted, disabled or deleted;
// neither is the mail sent then. What an operator on the machine made stays.
func TestInvitationEndsWithItsMaker(t *testing.T) {
	for name, end := range map[string]func(*testing.T, account.Administration, uuid.UUID) error{
		"demoted": func(t *testing.T, m account.Administration, id uuid.UUID) error {
			_, err := m.Change(t.Context(), id, account.Amendment{Role: ptr("support")})
			return err
		},
		"disabled": func(t *testing.T, m account.Administration, id uuid.UUID) error {
			_, err := m.Change(t.Context(), id, account.Amendment{Disabled: ptr(true)})
			return err
		},
		"deleted": func(t *testing.T, m account.Administration, id uuid.UUID) error {
			return m.Delete(t.Context(), id, "left")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			admin := as(t, w, record.RoleAdmin)
			w.Letters(t)
			theirs, err := w.Accounts.Invite(t.Context(), admin, account.InvitationDraft{Email: "mallory@example.org", Role: record.RoleAdmin, Deliver: true}, caller())
			must(t, err)
			operators, err := w.Accounts.InviteByOperator(t.Context(), account.InvitationDraft{}, audit.Caller{})
			must(t, err)
			for _, link := range []string{theirs.Ticket, operators.Ticket} {
				_, err := w.Accounts.OpenSignUpLink(t.Context(), link, ceremonytest.Door)
				must(t, err)
			}
			must(t, end(t, w.Accounts.Operate(audit.Caller{}), admin.Person().ID))
			if _, err := w.Accounts.OpenSignUpLink(t.Context(), theirs.Ticket, ceremonytest.Door); !errors.Is(err, account.ErrLink) {
				t.Fatalf("it still opens: %v", err)
			}
			_, err = w.Accounts.OpenSignUpLink(t.Context(), operators.Ticket, ceremonytest.Door)
			must(t, err)
			for _, letter := range w.Letters(t) {
				if letter.Kind == mail.KindInvitation {
					t.Error("it is mailed")
				}
			}
		})
	}
}
