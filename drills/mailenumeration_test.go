package drills

import (
	"fmt"
	"testing"
)

// TestMailEnumeration: nobody learns by asking for a link, or by showing a recovery code,
// whether an address or a name belongs to somebody. Whoever asks has as many networks as
// they like; an address has room for a few mails, and is asked about all the same.
func TestMailEnumeration(t *testing.T) {
	d := begin(t, "enumeration by mail")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email")...)
	c := s.wanderer(0)
	random := d.random(0)
	n, people := size(1000, 20_000), size(10, enumeratedNames)
	fresh := func() string { return fmt.Sprintf("p%010d@drill.example", random.Uint64()%10_000_000_000) }
	var links, bare, codes, empty []question
	for i := range people {
		known, unknown := fresh(), fresh()
		p := d.resident(c, o, known)
		// The unknown address has had its mail as well: both have none left for a while.
		d.asksForLink(c, unknown)
		asked := question{askLink, fmt.Appendf(nil, `{"email":%q}`, known), fmt.Appendf(nil, `{"email":%q}`, unknown)}
		shown := question{recoveryBegin, showing(known), showing(unknown)}
		if i%2 == 0 {
			d.savedCodes(c, p)
			links, codes = append(links, asked), append(codes, shown)
			continue
		}
		key, err := c.passkeys(d.signsIn(c, p).AccessToken)
		d.must(err)
		s.operate("passkey", "suspend", key[0].ID, "--account", known)
		bare, empty = append(bare, asked), append(empty, shown)
	}
	d.compare(c, "link for an address, with passkey or unknown", n, links)
	d.compare(c, "link for an address, without passkey or unknown", n, bare)
	d.compare(c, "recovery code, name with codes or unknown", n, codes)
	d.compare(c, "recovery code, name without codes or unknown", n, empty)
	s.alive()
}

// showing is a recovery code that is nobody's.
func showing(name string) []byte {
	return fmt.Appendf(nil, `{"username":%q,"code":"7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-JG"}`, name)
}
