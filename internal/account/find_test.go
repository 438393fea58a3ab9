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
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func TestFindByAnySpelling(t *testing.T) {
	w := ceremonytest.New(t)
	for stored, spellings := range map[string][]string{
		"ana.banana": {"ana.banana", "ANA.BANANA", "Ana.Banana", "ａｎａ.ｂａｎａｎａ", "ＡＮＡ．ＢＡＮＡＮＡ", "aNa.bAnAnA"},
		"órla":       {"órla", "ÓRLA", "o\u0301rla", "O\u0301RLA", "ｏ\u0301ｒｌａ"},
		"анна":       {"анна", "АННА"},
	} {
		up := w.SignUp(t, webauthntest.New(webauthntest.Phone()), stored)
		for _, typed := range spellings {
			a, ok, err := w.Accounts.Find(t.Context(), typed)
			if err != nil || !ok || a.ID() != up.Session().Person().ID {
				t.Errorf("%q does not find %q: %v, %v", typed, stored, ok, err)
			}
			_, _, err = w.Accounts.Add(t.Context(), account.NewAccount{Username: typed}, audit.Caller{})
			if !errors.Is(err, account.ErrTaken) {
				t.Errorf("%q could be taken beside %q: %v", typed, stored, err)
			}
		}
	}
	for _, typed := range []string{"", "ana", "ana.banana ", "ana.banana\x00", "аna.banana", "\xff", strings.Repeat("a", 1<<16), "ana.banana@example.org"} {
		if a, ok, err := w.Accounts.Find(t.Context(), typed); err != nil || ok {
			t.Errorf("%.20q finds %v, %v", typed, a.ID(), err)
		}
	}
}

// TestPendingAddressFindsNobody: only what was proved resolves.
func TestPendingAddressFindsNobody(t *testing.T) {
	w := ceremonytest.New(t)
	answer := w.Register(t, webauthntest.New(webauthntest.Phone()), ceremony.SignUp{Username: "ana", Email: "ana@example.org"})
	proof, err := w.RP.FinishSignUp(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
	if err != nil {
		t.Fatal(err)
	}
	if p := proof.Session().Person(); p.Email != "" || p.PendingEmail != "ana@example.org" {
		t.Fatalf("the person reads %+v", p)
	}
	if _, ok, err := w.Accounts.Find(t.Context(), "ana@example.org"); err != nil || ok {
		t.Fatalf("a claimed address resolves: %v, %v", ok, err)
	}
}

// replace writes an account's next edition with identifiers added.
func replace(t *testing.T, w *ceremonytest.World, a record.Account, edit func(*record.AccountFacts), add ...store.Identifier) {
	t.Helper()
	facts := a.Facts()
	edit(&facts)
	next, err := w.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Store.ReplaceAccount(t.Context(), store.AccountChange{
		Op: store.OpID{9}, Account: a.Ref(), Next: next, Add: add,
		Event: w.Audit.Event(audit.Entry{Name: audit.AccountAdded, Account: facts.ID}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIdentifierAloneGrantsNothing: an identifier that we sealed ourselves, and that
// the account does not carry any more, leads nowhere.
func TestIdentifierAloneGrantsNothing(t *testing.T) {
	w := ceremonytest.New(t)
	w.SignUp(t, webauthntest.New(webauthntest.Phone()), "ana")
	a, ok, err := w.Accounts.Find(t.Context(), "ana")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	old, err := w.Vault.SealIdentifier(account.KindEmail, "ana@old.example.org", a.ID())
	if err != nil {
		t.Fatal(err)
	}
	current, err := w.Vault.SealIdentifier(account.KindEmail, "ana@example.org", a.ID())
	if err != nil {
		t.Fatal(err)
	}
	replace(t, w, a, func(f *record.AccountFacts) {
		f.Username, f.Emails = "ana-b", []string{"Ana@Example.org"}
	}, old, current)
	for typed, want := range map[string]bool{
		"ana": false, "ana@old.example.org": false, "ana-b": false, "ana@example.org": true, "ANA@EXAMPLE.ORG": true,
	} {
		if _, ok, err := w.Accounts.Find(t.Context(), typed); err != nil || ok != want {
			t.Errorf("%s: found %v, %v; want %v", typed, ok, err, want)
		}
	}
}

func TestList(t *testing.T) {
	w := ceremonytest.New(t)
	const n = 7
	var ids []uuid.UUID
	for i := range n {
		id, _, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: fmt.Sprintf("user-%d", i), DisplayName: "U", Admin: i == 0}, audit.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		w.Clock.Advance(time.Second)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, limit := range []int{1, 2, 3, n, n + 1, 100} {
		var seen []uuid.UUID
		after, pages := uuid.Nil, 0
		for {
			page, next, err := w.Accounts.List(t.Context(), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit {
				t.Fatalf("%d accounts on a page of %d", len(page), limit)
			}
			for _, s := range page {
				seen = append(seen, s.ID)
			}
			if pages++; pages > n+1 {
				t.Fatalf("limit %d: the list does not end", limit)
			}
			if next == uuid.Nil {
				break
			}
			after = next
		}
		if !slices.Equal(seen, ids) {
			t.Fatalf("limit %d: %v, want %v", limit, seen, ids)
		}
	}
	page, _, err := w.Accounts.List(t.Context(), uuid.Nil, n)
	if err != nil {
		t.Fatal(err)
	}
	admins := 0
	for _, s := range page {
		if s.Role == "admin" {
			admins++
		}
		if s.State != "active" || s.Passkeys != 0 || s.DisplayName != "U" || s.Created.IsZero() {
			t.Fatalf("reads %+v", s)
		}
	}
	if admins != 1 {
		t.Fatalf("%d administrators", admins)
	}
}

// TestListLeavesTamperedOut: one bad row hides itself, raises the alarm, and breaks
// neither the list nor its pages.
func TestListLeavesTamperedOut(t *testing.T) {
	w := ceremonytest.New(t)
	for i := range 5 {
		if _, _, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: fmt.Sprintf("user-%d", i)}, audit.Caller{}); err != nil {
			t.Fatal(err)
		}
	}
	intruder := w.Intrude(t)
	key := intruder.Row("SELECT key FROM accounts ORDER BY key LIMIT 1 OFFSET 1")[0].([]byte)
	intruder.Do("UPDATE accounts SET version = version + 1 WHERE key = ?", key)
	var seen int
	after := uuid.Nil
	for {
		page, next, err := w.Accounts.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page)
		if after = next; next == uuid.Nil {
			break
		}
	}
	if seen != 4 || !strings.Contains(w.Journal.String(), `"alarm":"account_record_tampered"`) {
		t.Fatalf("%d accounts; log %s", seen, w.Journal)
	}
}

// TestLinkNamesAnAccount: an operator names an account by its username or by its
// identifier, and gets a link for that one only.
func TestLinkNamesAnAccount(t *testing.T) {
	w := ceremonytest.New(t)
	id, _, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: "ana"}, audit.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{"ana", "ANA", id.String()} {
		link, err := w.Accounts.Link(t.Context(), named, audit.Caller{})
		if err != nil {
			t.Fatalf("%s: %v", named, err)
		}
		a, _, err := w.Accounts.OpenEnrolmentLink(t.Context(), link.Ticket, ceremonytest.Door)
		if err != nil || a.ID() != id || !link.Expires.Equal(w.Clock.Now().Add(account.LinkLife)) {
			t.Fatalf("%s: a link for %v until %v, %v", named, a.ID(), link.Expires, err)
		}
	}
	a, _, err := w.Accounts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
	for _, named := range []string{"bob", uuid.NewString(), "ana"} {
		if _, err := w.Accounts.Link(t.Context(), named, audit.Caller{}); !errors.Is(err, account.ErrUnknown) {
			t.Fatalf("%s: %v", named, err)
		}
	}
}
