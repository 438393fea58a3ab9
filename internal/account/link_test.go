package account_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
)

// TestStoredHalf: a link is as good as its stored half: of its purpose, and still alive.
func TestStoredHalf(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*record.TicketFacts)
		good bool
	}{
		"as it was":       {func(*record.TicketFacts) {}, true},
		"another purpose": {func(f *record.TicketFacts) { f.Purpose = "first_admin" }, false},
		"shorter":         {func(f *record.TicketFacts) { f.Expires = f.Created }, false},
		"another ID":      {func(f *record.TicketFacts) { f.ID[0] ^= 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			id, link, err := w.Accounts.Add(t.Context(), account.NewAccount{Username: "ana"}, audit.Caller{})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := base64.RawURLEncoding.DecodeString(link.Ticket)
			if err != nil {
				t.Fatal(err)
			}
			facts := record.TicketFacts{
				ID: [16]byte(raw[9:25]), Purpose: "enrolment", Account: id, Created: w.Clock.Now(), Expires: w.Clock.Now().Add(30 * time.Minute),
			}
			c.edit(&facts)
			row, err := w.Vault.SealTicketRow(facts)
			if err != nil {
				t.Fatal(err)
			}
			w.Intrude(t).Do("DELETE FROM tickets")
			if err := w.Store.PutTicket(t.Context(), row, w.Audit.Event(audit.Entry{Name: audit.AccountLinkMade})); err != nil {
				t.Fatal(err)
			}
			_, _, err = w.Accounts.OpenEnrolmentLink(t.Context(), link.Ticket, ceremonytest.Door)
			if c.good && err != nil || !c.good && !errors.Is(err, account.ErrLink) {
				t.Fatalf("error %v", err)
			}
		})
	}
}
