package account

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// NameError says why a name cannot be used. Field is the request's field, Code one
// of the codes below.
type NameError struct {
	Field string
	Code  string
}

func (e *NameError) Error() string { return fmt.Sprintf("account: %s: %s", e.Field, e.Code) }

// The codes of a NameError.
const (
	NameTooShort   = "too_short"
	NameTooLong    = "too_long"
	NameCharacters = "characters" // one that is not allowed
	NameShape      = "shape"      // reads as an address, a number, a UUID or a user handle
	NameMalformed  = "malformed"
	NameTaken      = "taken" // told to administrators only
)

// Limits of names.
const (
	minUsername     = 3 // characters
	maxUsername     = 64
	maxDisplayName  = 128 // bytes: it travels sealed in a challenge
	maxPasskeyName  = 64  // characters
	maxEmailAddress = 254 // bytes, RFC 5321 §4.5.3.1
)

var handleShape = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)

// Username checks a username and gives the form it is stored and compared in: PRECIS
// UsernameCaseMapped (RFC 8265 §3.3). It refuses, with a *NameError, what could be
// taken for something else: an address, a number, a UUID, a user handle.
func Username(name string) (string, error) {
	refuse := func(code string) (string, error) {
		return "", &NameError{Field: "username", Code: code}
	}
	if len(name) > maxUsername*utf8.UTFMax {
		return refuse(NameTooLong) // before anything is computed over it
	}
	if strings.ContainsRune(name, '@') {
		return refuse(NameShape) // who types an address is told that it is no username
	}
	if strings.ContainsAny(name, "|:") || strings.ContainsFunc(name, unicode.IsSpace) {
		return refuse(NameCharacters)
	}
	canonical, err := precis.UsernameCaseMapped.String(name)
	if err != nil {
		return refuse(NameCharacters)
	}
	// Width mapping may bring forth what the raw text did not hold.
	if strings.ContainsRune(canonical, '@') {
		return refuse(NameShape)
	}
	if strings.ContainsAny(canonical, "|:") {
		return refuse(NameCharacters)
	}
	switch n := utf8.RuneCountInString(canonical); {
	case n < minUsername:
		return refuse(NameTooShort)
	case n > maxUsername:
		return refuse(NameTooLong)
	}
	if numberShaped(canonical) || uuidShaped(canonical) || handleShape.MatchString(canonical) {
		return refuse(NameShape)
	}
	return canonical, nil
}

// uuidShaped tells whether a name reads as a UUID to the parser that an operator's
// input goes through: without hyphens and in braces too.
func uuidShaped(name string) bool {
	_, err := uuid.Parse(name)
	return err == nil
}

// numberShaped tells whether a name reads as a number: digits of any script with
// nothing but signs and separators between them.
func numberShaped(name string) bool {
	digits := false
	for _, r := range name {
		switch {
		case unicode.Is(unicode.N, r):
			digits = true
		case strings.ContainsRune("+-.,_()/", r):
		default:
			return false
		}
	}
	return digits
}

// Canonical tells the kind of a name that somebody typed to sign in, and the form it
// is looked up by. It never fails: a name that nobody can have has a form that
// nobody has.
func Canonical(name string) (kind, canonical string) {
	if strings.Contains(name, "@") {
		if canonical, ok := canonicalEmail(name); ok {
			return KindEmail, canonical
		}
		return KindEmail, name
	}
	canonical, err := precis.UsernameCaseMapped.String(name)
	if err != nil {
		return KindUsername, name
	}
	return KindUsername, canonical
}

// Email checks that a claimed address is one bare address, without anything that hides,
// reorders or imitates text: authenticators, pages and mails show it. It does not say
// that the address exists or is anybody's.
func Email(address string) (string, error) {
	if len(address) > maxEmailAddress {
		return "", &NameError{Field: "email", Code: NameTooLong}
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || !printable(address) {
		return "", &NameError{Field: "email", Code: NameMalformed}
	}
	if _, ok := canonicalEmail(address); !ok {
		return "", &NameError{Field: "email", Code: NameMalformed}
	}
	return address, nil
}

// canonicalEmail is the one form in which an address is looked up and limited: the
// domain in its ASCII form (RFC 5891), and of the local part the ASCII letters in lower
// case. Nothing else of the local part is folded: a Kelvin sign is no k and a dotless i
// no i, to the mail system no more than to us, so no two mailboxes have one form. ok is
// false for an address that imitates another, which nobody can have: with compatibility
// characters (ligatures, full-width letters), with invisible ones, or with a domain that
// is not what it looks like.
func canonicalEmail(address string) (canonical string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > maxEmailAddress || !norm.NFKC.IsNormalString(address) || strings.ContainsFunc(address, invisible) {
		return "", false
	}
	local, domain := address[:at], address[at+1:]
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" {
		return "", false
	}
	if !strings.EqualFold(ascii, domain) {
		shown, err := idna.Lookup.ToUnicode(ascii)
		if err != nil || shown != strings.ToLower(domain) {
			return "", false
		}
	}
	return lowerASCII(local) + "@" + ascii, true
}

// invisible are characters that an address may hold without showing them.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// lowerASCII folds what every mail system folds, and nothing else.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// DisplayName checks the name a person is greeted by: at most 128 bytes, nothing
// that hides or reorders text (RFC 8266 leaves bidirectional marks to us).
func DisplayName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if len(name) > maxDisplayName {
		return "", &NameError{Field: "display_name", Code: NameTooLong}
	}
	if !printable(name) {
		return "", &NameError{Field: "display_name", Code: NameCharacters}
	}
	return name, nil
}

// PasskeyName checks the friendly name of a passkey: 1 to 64 characters, no control
// characters. An empty name is not an error: it asks for a suggestion.
func PasskeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > maxPasskeyName {
		return "", &NameError{Field: "name", Code: NameTooLong}
	}
	if !printable(name) {
		return "", &NameError{Field: "name", Code: NameCharacters}
	}
	return name, nil
}

// printable refuses invalid UTF-8, control characters, line separators and
// bidirectional controls. Joiners stay: scripts and emoji need them.
func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		bidi := r == 0x061C || r == 0x200E || r == 0x200F || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069)
		if unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || bidi {
			return false
		}
	}
	return true
}
