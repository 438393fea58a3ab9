package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyturn/keyturn"
)

// TestOutward: what a command prints names no package of ours, and keeps what says what
// is wrong.
func TestOutward(t *testing.T) {
	for in, want := range map[string]string{
		"keyturn: sqlite: restore to a.db: sqlite: another process has it": "restore to a.db: another process has it",
		"keyturn: load the server key: seal: file:./k/server.key: no key":  "load the server key: file:./k/server.key: no key",
		"cannot open (sqlite: closed)":                                     "cannot open (closed)",
		"keyturn: the key sealrecord: it stays":                            "the key sealrecord: it stays",
		"record keyturn: x":                                                "record keyturn: x",
	} {
		if got := outward(in); got != want {
			t.Errorf("%q is printed as %q", in, got)
		}
	}
}

// TestListedAddresses: an account is found by its address too, and a claim is told from
// a proof.
func TestListedAddresses(t *testing.T) {
	for want, a := range map[string]keyturn.Account{
		"":                              {},
		"ana@example.com":               {Emails: []string{"ana@example.com"}},
		"ana@example.com, ana@home.org": {Emails: []string{"ana@example.com", "ana@home.org"}},
		"ana@example.com (not proved)":  {PendingEmail: "ana@example.com"},
		"a@example.com, b@example.com (not proved)": {Emails: []string{"a@example.com"}, PendingEmail: "b@example.com"},
	} {
		var out bytes.Buffer
		p := &program{stdout: &out}
		if err := p.printAccounts([]listedAccount{listed(a)}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) || strings.Count(out.String(), "@") != strings.Count(want, "@") {
			t.Errorf("want %q in %s", want, out.String())
		}
		text, err := json.Marshal(listed(a))
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Emails  []string `json:"emails"`
			Pending string   `json:"pending_email"`
		}
		if err := json.Unmarshal(text, &back); err != nil || len(back.Emails) != len(a.Emails) || back.Pending != a.PendingEmail {
			t.Errorf("as JSON: %s %v", text, err)
		}
	}
}
