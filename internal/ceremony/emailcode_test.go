package ceremony_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn"
)

// shown opens a link on another device, which shows the code.
func shown(t *testing.T, w *ceremonytest.World, token string) ceremony.EmailCode {
	t.Helper()
	code, err := w.RP.EmailCode(t.Context(), ceremonytest.Request(), token)
	must(t, err)
	return code
}

// typed types a code into the client that has the secret.
func typed(t *testing.T, w *ceremonytest.World, code, request string) (ceremony.EmailDone, error) {
	t.Helper()
	return honoured(t, w, ceremony.EmailFinish{Code: code, Request: request})
}

// wrong is a code that differs in its last character.
func wrong(code string) string {
	if code[5] == '0' {
		return code[:5] + "1"
	}
	return code[:5] + "0"
}

// TestCode: a link that is opened elsewhere shows a code and warns; typed where the link
// was asked for, it does what the link would have done, once.
func TestCode(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token)
	if len(code.Code) != 6 || strings.Trim(code.Code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" || code.ExpiresIn != 2*time.Minute {
		t.Fatalf("code %+v", code)
	}
	if code.Email != anasAddress || code.SameClient || code.Network != "192.0.2.1/32" || code.Agent != "test" || !code.AskedAt.Equal(w.Clock.Now()) {
		t.Fatalf("warns of %+v", code.EmailSeen)
	}
	done, err := typed(t, w, code.Code, in.Request)
	must(t, err)
	if done.Proof.Session().Person().ID != ana.ID() || done.Proof.Session().View().ACR != "0" {
		t.Fatalf("done %+v", done)
	}
	_, err = honoured(t, w, in)
	refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
	_, err = typed(t, w, code.Code, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "code_unknown") // it went with the link
	if entry, n := last(t, w, audit.LinkCodeMade); n != 1 || entry.Account != ana.ID() {
		t.Fatalf("%d events, %+v", n, entry)
	}
	if code := shown(t, w, mailedLater(t, w).Token); code.Code == "" {
		t.Fatal("no other code")
	}
}

// mailedLater is a link of another request.
func mailedLater(t *testing.T, w *ceremonytest.World) ceremony.EmailFinish {
	t.Helper()
	w.Clock.Advance(time.Minute)
	return mailed(t, w, anasAddress, mail.KindSignIn)
}

// TestCodeSignsUp: the address of nobody gets its right by code as well.
func TestCodeSignsUp(t *testing.T) {
	w := ceremonytest.New(t)
	in := mailed(t, w, anasAddress, mail.KindSignUp)
	done, err := typed(t, w, shown(t, w, in.Token).Code, in.Request)
	must(t, err)
	if done.SignUp == nil || done.SignUp.Email != anasAddress || !done.Proof.Session().IsZero() {
		t.Fatalf("done %+v", done)
	}
}

// TestCodeAsPeopleTypeIt: case, groups and letters that look like digits do not matter.
func TestCodeAsPeopleTypeIt(t *testing.T) {
	for name, c := range map[string]struct {
		holds string // what the code must hold for the case to say anything
		write func(string) string
	}{
		"lower case": {"A", strings.ToLower},
		"in groups":  {"", func(c string) string { return c[:3] + "-" + c[3:] }},
		"spaced":     {"", func(c string) string { return " " + c[:3] + " " + c[3:] + " " }},
		"o":          {"0", func(c string) string { return strings.ReplaceAll(c, "0", "o") }},
		"O":          {"0", func(c string) string { return strings.ReplaceAll(c, "0", "O") }},
		"l":          {"1", func(c string) string { return strings.ReplaceAll(c, "1", "l") }},
		"I":          {"1", func(c string) string { return strings.ReplaceAll(c, "1", "I") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			code, request := codeThatHolds(t, w, c.holds)
			if _, err := typed(t, w, c.write(code), request); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// codeThatHolds asks for links until the code of one holds a character.
func codeThatHolds(t *testing.T, w *ceremonytest.World, character string) (code, request string) {
	t.Helper()
	for i := range 500 {
		r := ceremonytest.Request()
		r.Caller.Address = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		begun, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: fmt.Sprintf("p%d@example.org", i)})
		must(t, err)
		code := shown(t, w, ceremonytest.Token(t, w.Letter(t, mail.KindSignUp))).Code
		if strings.Contains(code, character) {
			return code, begun.Request
		}
	}
	t.Fatalf("no code holds %q", character)
	return "", ""
}

// TestCodeLives: for two minutes, and never longer than its link; asking again while it
// lives shows it for what is left, and after that it lives anew.
func TestCodeLives(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	w.Clock.Advance(77 * time.Second) // codes do not begin with the slots they are kept in
	first := shown(t, w, in.Token)
	w.Clock.Advance(90 * time.Second)
	if again := shown(t, w, in.Token); again.Code != first.Code || again.ExpiresIn != 30*time.Second {
		t.Fatalf("again %+v, was %+v", again, first)
	}
	w.Clock.Advance(30 * time.Second)
	before := w.Store.Writes()
	_, err := typed(t, w, first.Code, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "code_unknown")
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes for a code that is dead", n)
	}
	if anew := shown(t, w, in.Token); anew.ExpiresIn != 2*time.Minute {
		t.Fatalf("anew %+v", anew)
	}
	if _, n := last(t, w, audit.LinkCodeMade); n != 2 {
		t.Fatalf("%d events", n)
	}
	w.Clock.Advance(10*time.Minute - 197*time.Second - time.Minute)
	if short := shown(t, w, in.Token); short.ExpiresIn != time.Minute {
		t.Fatalf("lives on after its link: %+v", short)
	}
	if _, err := typed(t, w, first.Code, in.Request); err != nil {
		t.Fatal(err)
	}
}

// TestFiveTries: a wrong code counts, also while a right one is typed at the same time;
// after five the code is dead, and whatever new one is made of the link too.
func TestFiveTries(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	for range 4 {
		_, err := typed(t, w, wrong(code), in.Request)
		refused(t, err, ceremony.KindAuthentication, "", "code_wrong")
	}
	other := mailedLater(t, w)
	if _, err := typed(t, w, shown(t, w, other.Token).Code, other.Request); err != nil {
		t.Fatalf("another link's code: %v", err)
	}
	_, err := typed(t, w, "", in.Request)
	fieldRefused(t, err, ceremony.KindField, "token", "required")
	_, err = typed(t, w, "nothing that is a code at all, but long", in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "code_wrong")
	for range 3 {
		_, err = typed(t, w, code, in.Request)
		refused(t, err, ceremony.KindAuthentication, "", "code_tries")
		w.Clock.Advance(2 * time.Minute)
		shown(t, w, in.Token)
	}
}

// TestFourTriesAndTheRightOne: the fifth try is the last that counts.
func TestFourTriesAndTheRightOne(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	for range 4 {
		_, err := typed(t, w, wrong(code), in.Request)
		refused(t, err, ceremony.KindAuthentication, "", "code_wrong")
	}
	if _, err := typed(t, w, code, in.Request); err != nil {
		t.Fatal(err)
	}
}

// TestTriesAreCountedTogether: guessing in parallel gives no more than five tries.
func TestTriesAreCountedTogether(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	compared := 0
	for _, err := range together(100, func(int) error { _, err := typed(t, w, wrong(code), in.Request); return err }) {
		if strings.Contains(err.Error(), "code_wrong") {
			compared++
			continue
		}
		refused(t, err, ceremony.KindAuthentication, "", "code_tries")
	}
	if compared != 5 {
		t.Fatalf("%d guesses were compared, want 5", compared)
	}
}

// TestCodeNeedsTheAskingClient: without the secret of the client that asked, a code is of
// no use and nobody's tries are used up.
func TestCodeNeedsTheAskingClient(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	theirs := w.Ask(t, "eve@example.org")
	w.Letters(t)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	before := w.Store.Writes()
	for range 3 {
		for request, want := range map[string]string{
			"": "request_unknown", "short": "request_unknown", in.Request + "A": "request_unknown",
			strings.Repeat("A", 43): "code_unknown", theirs: "code_unknown",
		} {
			_, err := typed(t, w, code, request)
			refused(t, err, ceremony.KindAuthentication, "", want)
		}
	}
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes", n)
	}
	if _, err := typed(t, w, code, in.Request); err != nil {
		t.Fatal(err)
	}
}

// TestLinkAfterTheCode: that a code was shown makes the link no better elsewhere.
func TestLinkAfterTheCode(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token)
	for _, request := range []string{"", code.Code, strings.Repeat("A", 43)} {
		_, err := honoured(t, w, ceremony.EmailFinish{Token: in.Token, Request: request})
		refused(t, err, ceremony.KindOtherBrowser, "", "other_browser")
	}
	must(t, w.RP.DenyEmail(t.Context(), ceremonytest.Request(), in.Token))
	_, err := typed(t, w, code.Code, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", webauthn.CodeChallengeConsumed)
}

// TestCodeRace: link and code at once are one session.
func TestCodeRace(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	for range 8 { // an address gets five mails a day from one network
		in := mailedLater(t, w)
		code := ceremony.EmailFinish{Code: shown(t, w, in.Token).Code, Request: in.Request}
		wins := 0
		for _, err := range together(8, func(i int) error {
			finish := in
			if i%2 == 0 {
				finish = code
			}
			_, err := honoured(t, w, finish)
			return err
		}) {
			if err == nil {
				wins++
			}
		}
		if wins != 1 {
			t.Fatalf("%d of 8 won", wins)
		}
		w.Clock.Advance(5 * time.Hour)
	}
}

// TestShownTogether: however many devices show it, it is one code of one row.
func TestShownTogether(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	codes := make([]string, 8)
	for _, err := range together(8, func(i int) error {
		code, err := w.RP.EmailCode(t.Context(), ceremonytest.Request(), in.Token)
		codes[i] = code.Code
		return err
	}) {
		must(t, err)
	}
	for _, code := range codes {
		if code != codes[0] {
			t.Fatalf("codes %v", codes)
		}
	}
	if _, n := last(t, w, audit.LinkCodeMade); n != 1 {
		t.Fatalf("%d events", n)
	}
}

// TestCodeOfAnAccountThatMoved: a code is worth what its link is.
func TestCodeOfAnAccountThatMoved(t *testing.T) {
	w := ceremonytest.New(t)
	ana := w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	enrolBy(t, w, ana)
	_, err := typed(t, w, code, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
}

// TestTriesAreBudgeted: a try is paid for before it is counted.
func TestTriesAreBudgeted(t *testing.T) {
	w := ceremonytest.New(t, func(c *ceremony.Config) { c.Failures = failures(1, c.Now) })
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	_, err := typed(t, w, wrong(code), in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "code_wrong")
	before := w.Store.Writes()
	_, err = typed(t, w, code, in.Request)
	refused(t, err, ceremony.KindLimited, "", "code_tries")
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes without a budget", n)
	}
}

// TestTamperedCode: a code's stored half that was edited, or that somebody put there, is
// no code, and raises the alarm.
func TestTamperedCode(t *testing.T) {
	w := ceremonytest.New(t)
	w.Resident(t, "ana", anasAddress)
	in := mailed(t, w, anasAddress, mail.KindSignIn)
	code := shown(t, w, in.Token).Code
	w.Intrude(t).Do("UPDATE tickets SET body = zeroblob(length(body))")
	_, err := typed(t, w, code, in.Request)
	refused(t, err, ceremony.KindAuthentication, "", "code_unknown")
	if !strings.Contains(w.Journal.String(), "ticket_record_tampered") {
		t.Fatal("no alarm")
	}
}

// TestStoredHalfOfACode: what is stored under a code's name is a code if it says so.
func TestStoredHalfOfACode(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*record.TicketFacts)
		code string
	}{
		"as it was":       {func(*record.TicketFacts) {}, ""},
		"another purpose": {func(f *record.TicketFacts) { f.Purpose = "email_right" }, "code_unknown"},
		"expired":         {func(f *record.TicketFacts) { f.Expires = f.Created }, "code_unknown"},
		"no link":         {func(f *record.TicketFacts) { f.Link = nil }, "challenge_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			in := mailed(t, w, anasAddress, mail.KindSignUp)
			code := shown(t, w, in.Token).Code
			secret, err := base64.RawURLEncoding.DecodeString(in.Request)
			must(t, err)
			link, err := base64.RawURLEncoding.DecodeString(in.Token)
			must(t, err)
			slot := binary.BigEndian.AppendUint64(w.Vault.HashSecret("email-request", secret), uint64(w.Clock.Now().Unix()/120))
			facts := record.TicketFacts{
				ID: [16]byte(w.Vault.HashSecret("email-code", slot)[:16]), Purpose: "email_code", Link: link,
				Created: w.Clock.Now(), Expires: w.Clock.Now().Add(time.Minute),
			}
			c.edit(&facts)
			row, err := w.Vault.SealTicketRow(facts)
			must(t, err)
			if n := w.Intrude(t).Do("DELETE FROM tickets"); n != 1 {
				t.Fatalf("%d rows", n)
			}
			must(t, w.Store.PutTicket(t.Context(), row, w.Audit.Event(audit.Entry{Name: audit.LinkCodeMade})))
			_, err = typed(t, w, code, in.Request)
			if c.code == "" {
				must(t, err)
				return
			}
			refused(t, err, ceremony.KindAuthentication, "", c.code)
		})
	}
}

// TestCodesAreSpread: codes are drawn from the whole range.
func TestCodesAreSpread(t *testing.T) {
	w := ceremonytest.New(t)
	seen := map[uint32]bool{}
	var high bool
	for i := range 1000 {
		n := w.Vault.LinkCode([16]byte{byte(i), byte(i >> 8), 1})
		if n >= 1<<30 || seen[n] {
			t.Fatalf("code %d, seen before: %v", n, seen[n])
		}
		seen[n], high = true, high || n >= 1<<29
	}
	if !high {
		t.Fatal("the top half of the range is empty")
	}
	if w.Vault.LinkID(record.ID{1}) == w.Vault.LinkID(record.ID{2}) {
		t.Fatal("two mails have one link")
	}
}
