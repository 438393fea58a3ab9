package account_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
)

var seeds = []string{
	"", "ana", "Ana", "ａｎａ", "a\u0301na", "ana@example.org", "a|b", "a:b", "a b", "12345", "１２３", "\xff", "İstanbul", "ſtraße",
	"ΣΊΣΥΦΟΣ", "ana\u202eb", "018f3f2e-7b1a-7c3d-9e4f-0123456789ab", "ﬀﬁ", "ｶﾞｷﾞ", "Å", "K", "שלום", "\u3000", "᾽",
}

// FuzzUsername: a username that is accepted is its own canonical form, is found by
// every spelling of it, and can be taken for nothing else.
func FuzzUsername(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		canonical, err := account.Username(name)
		if err != nil {
			if canonical != "" {
				t.Fatalf("%q refused, and yet %q", name, canonical)
			}
			return
		}
		if again, err := account.Username(canonical); err != nil || again != canonical {
			t.Fatalf("%q became %q, which becomes %q, %v", name, canonical, again, err)
		}
		if strings.ContainsAny(canonical, "@|:") || strings.ContainsFunc(canonical, unicode.IsSpace) || strings.ContainsFunc(canonical, unicode.IsControl) {
			t.Fatalf("%q became %q", name, canonical)
		}
		if n := utf8.RuneCountInString(canonical); !utf8.ValidString(canonical) || n < 3 || n > 64 {
			t.Fatalf("%q became %q, %d characters", name, canonical, n)
		}
		if _, err := uuid.Parse(canonical); err == nil {
			t.Fatalf("%q reads as a UUID", canonical)
		}
		for _, typed := range []string{name, canonical} {
			if kind, found := account.Canonical(typed); kind != account.KindUsername || found != canonical {
				t.Fatalf("%q is stored as %q and looked up as %s %q", typed, canonical, kind, found)
			}
		}
	})
}

// FuzzCanonical: what is looked up has one form.
func FuzzCanonical(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kind, canonical := account.Canonical(name)
		if _, err := account.Username(name); err != nil && kind == account.KindUsername {
			return // nobody has it, in whatever form
		}
		if k, again := account.Canonical(canonical); k != kind || again != canonical {
			t.Fatalf("%q is %s %q, which is %s %q", name, kind, canonical, k, again)
		}
	})
}

// FuzzEmail: an address that is accepted is one line of text with one at sign that
// counts, as it was given.
func FuzzEmail(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
		f.Add(s + "@example.org")
		f.Add("ana@" + s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, err := account.Email(address)
		if err != nil {
			return
		}
		if got != address || len(got) > 254 || !utf8.ValidString(got) || !strings.Contains(got, "@") {
			t.Fatalf("%q became %q", address, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsAny(got, "\u2028\u2029\u202e<>,") {
			t.Fatalf("accepted %q", got)
		}
		kind, canonical := account.Canonical(got)
		if kind != account.KindEmail {
			t.Fatalf("%q is looked up as %s", got, kind)
		}
		// The form of an address is an address with that form, so whatever is no address,
		// and is looked up as it is, is nobody's.
		if _, err := account.Email(canonical); err != nil && len(canonical) <= 254 {
			t.Fatalf("%q is looked up as %q, which is none: %v", got, canonical, err)
		}
	})
}

// FuzzNamesForPeople: display names and passkey names come out bounded, printable and
// in a form that is its own.
func FuzzNamesForPeople(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, err := account.DisplayName(name); err == nil {
			again, err := account.DisplayName(got)
			if err != nil || again != got || len(got) > 128 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Fatalf("%q became %q, then %q, %v", name, got, again, err)
			}
		}
		if got, err := account.PasskeyName(name); err == nil {
			again, err := account.PasskeyName(got)
			if err != nil || again != got || utf8.RuneCountInString(got) > 64 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Fatalf("%q became %q, then %q, %v", name, got, again, err)
			}
		}
	})
}
