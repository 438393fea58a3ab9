package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/account"
)

// refused asserts on field and code: "some error" proves nothing.
func refused(t *testing.T, err error, field, code string) {
	t.Helper()
	var n *account.NameError
	if !errors.As(err, &n) || n.Field != field || n.Code != code {
		t.Fatalf("error %v, want %s: %s", err, field, code)
	}
}

func TestUsername(t *testing.T) {
	for _, c := range []struct{ name, canonical string }{
		{"ana", "ana"},
		{"Ana", "ana"},
		{"ANA.Banana-7_x", "ana.banana-7_x"},
		{"ａｎａ", "ana"},       // full width
		{"Ａ\u0301na", "ána"}, // full width, then composed
		{"a\u0301na", "ána"}, // NFC
		{"ÄÖÜ", "äöü"},
		{"ΣΊΣΥΦΟΣ", "σίσυφοσ"}, // no final-sigma rule: one letter, one form (RFC 8265 §3.3.1)
		{"Анна", "анна"},
		{"山田太郎", "山田太郎"},
		{"1a2", "1a2"},
		{"0x10", "0x10"},
		{strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{strings.Repeat("𠀀", 64), strings.Repeat("𠀀", 64)}, // characters, not bytes
		{"abc", "abc"},
		{"{not-a-uuid}", "{not-a-uuid}"},
	} {
		got, err := account.Username(c.name)
		if err != nil || got != c.canonical {
			t.Errorf("%q is %q, %v; want %q", c.name, got, err, c.canonical)
		}
	}
}

func TestUsernameRefused(t *testing.T) {
	const uuid = "018f3f2e-7b1a-7c3d-9e4f-0123456789ab"
	for _, c := range []struct{ why, name, code string }{
		{"empty", "", account.NameTooShort},
		{"one character", "a", account.NameTooShort},
		{"two characters", "ab", account.NameTooShort},
		{"two characters of four bytes", "𠀀𠀀", account.NameTooShort},
		{"65 characters", strings.Repeat("a", 65), account.NameTooLong},
		{"an address", "ana@example.org", account.NameShape},
		{"a full-width address", "ana＠example.org", account.NameShape},
		{"a small commercial at", "ana﹫example.org", account.NameCharacters},
		{"a bar", "ana|bob", account.NameCharacters},
		{"a full-width bar", "ana｜bob", account.NameCharacters},
		{"a colon", "urn:ana", account.NameCharacters},
		{"a full-width colon", "urn：ana", account.NameCharacters},
		{"a space", "ana banana", account.NameCharacters},
		{"a leading space", " ana", account.NameCharacters},
		{"an ideographic space", "ana\u3000banana", account.NameCharacters},
		{"a no-break space", "ana\u00a0banana", account.NameCharacters},
		{"a zero-width space", "ana\u200bbanana", account.NameCharacters},
		{"a soft hyphen", "ana\u00adbanana", account.NameCharacters},
		{"a line", "ana\nbanana", account.NameCharacters},
		{"a zero byte", "ana\x00", account.NameCharacters},
		{"not UTF-8", "ana\xff", account.NameCharacters},
		{"a direction override", "ana\u202ebanana", account.NameCharacters},
		{"both directions", "anaאבג", account.NameCharacters}, // RFC 5893 §2
		{"a symbol", "ana♥", account.NameCharacters},
		{"digits", "12345", account.NameShape},
		{"digits and separators", "+49-170.123,45_6", account.NameShape},
		{"full-width digits", "１２３", account.NameCharacters},
		{"Devanagari digits", "१२३", account.NameShape},
		{"a UUID", uuid, account.NameShape},
		{"a UUID in capitals", strings.ToUpper(uuid), account.NameShape},
		{"a UUID without hyphens", strings.ReplaceAll(uuid, "-", ""), account.NameShape},
		{"a UUID in braces", "{" + uuid + "}", account.NameShape},
		{"a UUID between other characters", "x" + uuid + "x", account.NameShape},
		{"a user handle", strings.Repeat("Ab-_9", 9)[:43], account.NameShape},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := account.Username(c.name)
			refused(t, err, "username", c.code)
			if got != "" {
				t.Fatalf("refused, and yet %q", got)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ name, kind, canonical string }{
		{"Ana", account.KindUsername, "ana"},
		{"ＡＮＡ", account.KindUsername, "ana"},
		{"Ana@Example.ORG", account.KindEmail, "ana@example.org"},
		{"ana banana", account.KindUsername, "ana banana"}, // nobody can have it
		{"", account.KindUsername, ""},
		{"\xff", account.KindUsername, "\xff"},
	} {
		kind, canonical := account.Canonical(c.name)
		if kind != c.kind || canonical != c.canonical {
			t.Errorf("%q is %s %q, want %s %q", c.name, kind, canonical, c.kind, c.canonical)
		}
	}
}

// TestLookAlikesAreNobodyElse: addresses that look alike, or that some folding of letters
// makes alike, have forms of their own; addresses of one mailbox have one.
func TestLookAlikesAreNobodyElse(t *testing.T) {
	_, ours := account.Canonical("kim@example.org")
	for _, same := range []string{"kim@example.org", "Kim@Example.Org", "KIM@EXAMPLE.ORG"} {
		if _, canonical := account.Canonical(same); canonical != ours {
			t.Errorf("%q is %q, want %q", same, canonical, ours)
		}
	}
	for _, other := range []string{
		"\u212aim@example.org", "k\u0131m@example.org", "K\u0130M@example.org", "k\u0456m@example.org",
		"\uff4bim@example.org", "kim@example\u3002org", "kim@\uff45xample.org", "ki\u00adm@example.org",
		"kim@exam\u00adple.org", "ki\u200dm@example.org", "kim@ex\u0430mple.org", "kim@example.org\u200b",
		"kim+keyturn@example.org", "k.im@example.org", " kim@example.org", "kim@example.org ", "kim@example.org.",
		"kim@example.com", "kim@sub.example.org", "<kim@example.org>", "kim@@example.org", "kim@example.org\x00",
	} {
		if _, canonical := account.Canonical(other); canonical == ours {
			t.Errorf("%q is taken for %q", other, ours)
		}
	}
	for _, pair := range [][2]string{{"ana@bücher.example", "ana@xn--bcher-kva.example"}, {"ana@BÜCHER.example", "Ana@bücher.example"}} {
		_, one := account.Canonical(pair[0])
		if _, two := account.Canonical(pair[1]); one != two {
			t.Errorf("%q is %q and %q is %q", pair[0], one, pair[1], two)
		}
	}
}

func TestEmail(t *testing.T) {
	for _, c := range []struct{ why, address, code string }{
		{"plain", "ana@example.org", ""},
		{"capitals are kept", "Ana@Example.org", ""},
		{"tagged", "ana+keyturn@example.org", ""},
		{"254 bytes", strings.Repeat("a", 254-len("@example.org")) + "@example.org", ""},
		{"255 bytes", strings.Repeat("a", 255-len("@example.org")) + "@example.org", account.NameTooLong},
		{"empty", "", account.NameMalformed},
		{"no at", "ana", account.NameMalformed},
		{"two ats", "ana@bob@example.org", account.NameMalformed},
		{"no name", "@example.org", account.NameMalformed},
		{"no domain", "ana@", account.NameMalformed},
		{"with a name", "Ana <ana@example.org>", account.NameMalformed},
		{"in brackets", "<ana@example.org>", account.NameMalformed},
		{"with a comment", "ana@example.org (Ana)", account.NameMalformed},
		{"two addresses", "ana@example.org, bob@example.org", account.NameMalformed},
		{"a quoted name", `"ana bob"@example.org`, account.NameMalformed},
		{"a space around", " ana@example.org", account.NameMalformed},
		{"a header after it", "ana@example.org\r\nBcc: bob@example.org", account.NameMalformed},
		{"not UTF-8", "ana\xff@example.org", account.NameMalformed},
		{"a direction override", "ana\u202e@example.org", account.NameMalformed},
		{"a control of the second set", "ana\u0085@example.org", account.NameMalformed},
		{"a line separator", "ana@exam\u2028ple.org", account.NameMalformed},
		{"another script", "анна@example.org", ""},
		{"a domain of another script", "ana@bücher.example", ""},
		{"a domain in its ASCII form", "ana@xn--bcher-kva.example", ""},
		{"a ligature", "e\ufb03ana@example.org", account.NameMalformed},
		{"a full-width name", "ａｎａ@example.org", account.NameMalformed},
		{"a full-width domain", "ana@ｅxample.org", account.NameMalformed},
		{"a full-width at", "ana＠example.org", account.NameMalformed},
		{"a Kelvin sign", "\u212aim@example.org", account.NameMalformed},
		{"a Kelvin sign in the domain", "ana@\u212aim.example", account.NameMalformed},
		{"a long s", "jo\u017fe@example.org", account.NameMalformed},
		{"a dot like another", "ana@example\u3002org", account.NameMalformed},
		{"a soft hyphen", "an\u00ada@example.org", account.NameMalformed},
		{"a soft hyphen in the domain", "ana@exam\u00adple.org", account.NameMalformed},
		{"a joiner", "an\u200da@example.org", account.NameMalformed},
		{"a variation selector", "ana\ufe0f@example.org", account.NameMalformed},
		{"a letter and its accent apart", "jose\u0301@example.org", account.NameMalformed},
		{"a capital with a dot in the domain", "ana@\u0130xample.org", account.NameMalformed},
		{"no host name", "ana@exa_mple.org", account.NameMalformed},
		{"a literal", "ana@[192.0.2.1]", account.NameMalformed},
		{"broken Punycode", "ana@xn--a.example", account.NameMalformed},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := account.Email(c.address)
			if c.code != "" {
				refused(t, err, "email", c.code)
				return
			}
			if err != nil || got != c.address {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

// unprintable is what no name for people may hold.
var unprintable = map[string]string{
	"a line": "a\nb", "a return": "a\rb", "a tab": "a\tb", "a zero byte": "a\x00b", "an escape": "a\x1bb", "delete": "a\x7fb",
	"next line": "a\u0085b", "a line separator": "a\u2028b", "a paragraph separator": "a\u2029b",
	"an Arabic letter mark": "a\u061cb", "a left-to-right mark": "a\u200eb", "a right-to-left mark": "a\u200fb",
	"an embedding": "a\u202ab", "the end of one": "a\u202cb", "an override": "a\u202eb",
	"an isolate": "a\u2066b", "the end of an isolate": "a\u2069b", "not UTF-8": "a\xffb", "half a character": "a\xc3",
}

func TestDisplayName(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "",
		"Ana Banana":             "Ana Banana",
		"  Ana  ":                "Ana",
		"שלום":                   "שלום",  // its own direction is a letter's, no mark's
		"👩‍👩‍👧":                  "👩‍👩‍👧", // joiners stay
		strings.Repeat("a", 128): strings.Repeat("a", 128),
	} {
		if got, err := account.DisplayName(name); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", name, got, err, want)
		}
	}
	_, err := account.DisplayName(strings.Repeat("é", 64) + "a") // bytes, not characters
	refused(t, err, "display_name", account.NameTooLong)
	for why, name := range unprintable {
		t.Run(why, func(t *testing.T) {
			_, err := account.DisplayName(name)
			refused(t, err, "display_name", account.NameCharacters)
		})
	}
}

func TestPasskeyName(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "",
		"   ":                   "",
		" Ana's phone ":         "Ana's phone",
		strings.Repeat("é", 64): strings.Repeat("é", 64), // characters, not bytes
	} {
		if got, err := account.PasskeyName(name); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", name, got, err, want)
		}
	}
	_, err := account.PasskeyName(strings.Repeat("é", 65))
	refused(t, err, "name", account.NameTooLong)
	for why, name := range unprintable {
		t.Run(why, func(t *testing.T) {
			_, err := account.PasskeyName(name)
			refused(t, err, "name", account.NameCharacters)
		})
	}
}
