package ceremonytest

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Letters writes every mail that is owed now, as the post does, and settles it: what
// people find in their mailboxes, oldest first. A mail that is no longer due is none; one
// that is due later stays owed.
func (w *World) Letters(t testing.TB) []mail.Letter {
	t.Helper()
	var letters []mail.Letter
	for {
		rows, err := w.Store.TakeMails(t.Context(), w.Clock.Now(), w.Clock.Now().Add(time.Minute), 100)
		must(t, err)
		if len(rows) == 0 {
			return letters
		}
		for _, row := range rows {
			letter, err := w.Accounts.Letter(t.Context(), w.Owed(t, row))
			if later, ok := errors.AsType[*mail.Later](err); ok {
				must(t, w.Store.PostponeMail(t.Context(), row.Key, row.Taken, w.Clock.Now().Add(later.After)))
				continue
			}
			switch {
			case err == nil:
				letters = append(letters, letter)
			case !errors.Is(err, mail.ErrObsolete):
				t.Fatal(err)
			}
			must(t, w.Store.SettleMail(t.Context(), row.Key, row.Taken))
		}
	}
}

// Owed opens the row of a mail.
func (w *World) Owed(t testing.TB, row store.Mail) record.MailFacts {
	t.Helper()
	facts, err := w.Vault.OpenMail(row)
	must(t, err)
	return facts
}

// Letter gives the one mail that is owed now; it must be of the kind.
func (w *World) Letter(t testing.TB, kind mail.Kind) mail.Letter {
	t.Helper()
	letters := w.Letters(t)
	if len(letters) != 1 || letters[0].Kind != kind {
		t.Fatalf("mails %+v, want one of the kind %s", letters, kind)
	}
	return letters[0]
}

// Token is what the link of a mail grants: its fragment.
func Token(t testing.TB, letter mail.Letter) string {
	t.Helper()
	page, token, ok := strings.Cut(letter.Link, "#")
	if !ok || token == "" || !strings.HasPrefix(page, URL+"/") {
		t.Fatalf("link %q", letter.Link)
	}
	return token
}

// Ask asks for a link and gives the request's secret.
func (w *World) Ask(t testing.TB, address string) string {
	t.Helper()
	begun, err := w.RP.BeginEmail(t.Context(), Request(), ceremony.EmailSignIn{Email: address})
	must(t, err)
	return begun.Request
}

// Resident makes an account that has proved addresses and has no way in, as an import
// leaves it.
func (w *World) Resident(t testing.TB, username string, addresses ...string) record.Account {
	t.Helper()
	facts, err := account.Blank(rand.Reader, w.Clock.Now())
	must(t, err)
	facts.Username, facts.Emails = username, addresses
	verb := store.SignUp{Event: w.Audit.Event(audit.Entry{Name: audit.AccountAdded, Account: facts.ID})}
	_, err = rand.Read(verb.Op[:])
	must(t, err)
	verb.Account, err = w.Vault.SealAccount(facts, 1)
	must(t, err)
	for _, name := range append([]string{username}, addresses...) {
		kind, canonical := account.Canonical(name)
		identifier, err := w.Vault.SealIdentifier(kind, canonical, facts.ID)
		must(t, err)
		verb.Identifiers = append(verb.Identifiers, identifier)
	}
	must(t, w.Store.RecordSignUp(t.Context(), verb))
	a, err := w.Vault.OpenAccount(verb.Account)
	must(t, err)
	return a
}
