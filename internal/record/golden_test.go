package record

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

var update = flag.Bool("update", false, "write testdata/rows.json anew")

const goldenFile = "testdata/rows.json"

// golden is a small store as an earlier version wrote it, under serverKey(1, 1) without
// a KMS. It holds for ever: what was sealed, must open; what was keyed, must be found.
type golden struct {
	Keys    []store.Key
	Markers []store.Marker

	Account    store.Row
	Credential store.Credential
	Identifier store.Identifier
	Session    store.Session
	Ticket     store.Ticket
	Event      store.Event
	Signing    store.Key
	Mail       store.Mail
	Refresh    []byte // the tag of generation 3 of visit's session

	Keyed   map[string]string // what the keyed functions answer, in hexadecimal
	Encoded map[string]string // facts before they are sealed, in hexadecimal
}

// vault opens the golden store's keys.
func (g golden) vault(t *testing.T) *Vault {
	t.Helper()
	v, err := Open(context.Background(), config(t, &intruder{
		inner:   openStore(t),
		keys:    func([]store.Key) []store.Key { return g.Keys },
		markers: func([]store.Marker) []store.Marker { return g.Markers },
	}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func goldenTicket() TicketFacts {
	return TicketFacts{
		ID: [16]byte{9}, Purpose: "notice", Account: id(1), Created: milli(start), Expires: milli(start), Email: "ada@example.org",
		Role: RoleAdmin, DisplayName: "Ada ✓", By: id(2), About: "passkey.added", Subject: []byte("key"), Link: []byte("link"),
	}
}

func goldenMail() MailFacts {
	return MailFacts{
		ID: id(70), Kind: "link", Language: "de", Account: id(1), Address: "ada@example.org", Created: milli(start),
		Request: []byte("hash"), Mode: ModeToken, TicketEpoch: 300, SessionEpoch: 70_000, Right: [16]byte{4}, Expires: milli(start),
		HeldUntil: milli(start),
	}
}

func goldenSigning() SigningKey {
	return SigningKey{Number: 1, Issuer: "i", Algorithm: "ES256", PKCS8: []byte{1}, Life: KeyPrimary, Since: milli(start)}
}

var goldenHead = store.Head{Chain: 1, Number: 4, Link: []byte("before")}

// goldenUse has a regression behind it.
var goldenUse = UseFacts{Edition: 2, SignCount: 5, BackupState: true, UVInitialized: true, RegressedAt: 1_795_262_400_123}

func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	v := g.vault(t)
	same := func(kind string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", kind, err, got, want)
		}
	}
	a, err := v.OpenAccount(g.Account)
	same("account", a.Facts(), person(v, 1), err)
	c, err := v.OpenCredential(g.Credential, a)
	same("credential", c.Facts(), passkey(), err)
	same("use", c.Use(), goldenUse, nil)
	same("name", c.Name(), "Ada's telephone ✓", nil)
	owner, err := v.OpenIdentifier("username", "ada", g.Identifier)
	same("identifier", owner, id(1), err)
	s, err := v.OpenSession(g.Session)
	same("session", s.Facts(), visit(), err)
	ticket, err := v.OpenTicketRow(g.Ticket)
	same("ticket", ticket, goldenTicket(), err)
	body, err := v.OpenEvent(goldenHead.Link, g.Event)
	same("event", string(body), "what", err)
	signing, err := v.OpenSigningKey(g.Signing)
	same("signing key", signing, goldenSigning(), err)
	mail, err := v.OpenMail(g.Mail)
	same("mail", mail, goldenMail(), err)
	same("refresh tag", v.VerifyRefresh(g.Refresh, visit().ID, 3), error(nil), nil)
	same("keyed", keyed(t, v), g.Keyed, nil)
	same("encoded", encoded(t, v), g.Encoded, nil)
}

// keyed asks every keyed function once. Tags and links name no random bytes.
func keyed(t *testing.T, v *Vault) map[string]string {
	t.Helper()
	tag, err := v.RefreshTag(visit().ID, 3)
	if err != nil {
		t.Fatal(err)
	}
	link, err := v.link.MAC(linkParts(goldenHead.Link, store.Event{Chain: 1, Number: 5, At: start, Body: []byte("body")})...)
	if err != nil {
		t.Fatal(err)
	}
	event, outbox := v.EventID(3, 7), v.LinkID(id(70))
	text := map[string]string{}
	for name, value := range map[string][]byte{
		"credential": v.LookupCredential("example.org", []byte("id")), "identifier": v.LookupIdentifier("email", "ada@example.org"),
		"decoy": v.Decoy("label", 70, []byte("part"), nil), "secret": v.HashSecret("session-cookie", []byte("secret")),
		"event": event[:], "ticket": v.TicketKey([16]byte{9}), "outbox": outbox[:], "code": number(uint64(v.LinkCode([16]byte{9}))),
		"limit": v.LimitKey("kind", []byte("part")), "message": v.MessageID(id(70)), "refresh": tag, "link": link,
		"long": v.HashSecret("a part of more than one block", bytes.Repeat([]byte{1}, 300)), "export": v.ExportKey(),
	} {
		text[name] = hex.EncodeToString(value)
	}
	return text
}

func encoded(t *testing.T, v *Vault) map[string]string {
	t.Helper()
	text := map[string]string{}
	put := func(name string, plain []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		text[name] = hex.EncodeToString(plain)
	}
	blank := person(v, 1)
	blank.Emails, blank.Ways, blank.DisplayName = nil, nil, ""
	for name, facts := range map[string]AccountFacts{"account": person(v, 1), "blank account": blank} {
		plain, err := encode(v.codec, facts)
		put(name, plain, err)
	}
	plain, err := encode(v.codec, passkey())
	put("credential", plain, err)
	plain, err = encode(v.codec, CredentialFacts{})
	put("blank credential", plain, err)
	plain, err = encode(v.codec, goldenUse)
	put("use", plain, err)
	plain, err = encode(v.codec, "name ✓")
	put("name", plain, err)
	plain, err = encode(v.codec, visit())
	put("session", plain, err)
	plain, err = encode(v.codec, SessionFacts{AMR: []string{}, SecretHash: []byte{}})
	put("blank session", plain, err)
	plain, err = encode(v.codec, goldenTicket())
	put("ticket", plain, err)
	plain, err = encode(v.codec, goldenMail())
	put("mail", plain, err)
	return text
}

func writeGolden(t *testing.T) {
	t.Helper()
	s := openStore(t)
	v, err := Open(context.Background(), config(t, s))
	if err != nil {
		t.Fatal(err)
	}
	g := golden{Keyed: keyed(t, v), Encoded: encoded(t, v)}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	g.Keys, err = s.Keys(context.Background())
	check(err)
	g.Markers, err = s.Markers(context.Background())
	check(err)
	g.Account, err = v.SealAccount(person(v, 1), 1)
	check(err)
	g.Credential, err = v.SealCredential(NewCredential{passkey(), goldenUse, 7, "Ada's telephone ✓", person(v, 1)})
	check(err)
	g.Identifier, err = v.SealIdentifier("username", "ada", id(1))
	check(err)
	g.Session, err = v.SealSession(visit(), 1)
	check(err)
	g.Ticket, err = v.SealTicketRow(goldenTicket())
	check(err)
	g.Event, err = v.SealEvent(goldenHead, start, []byte("who"), []byte("what"))
	check(err)
	g.Signing, err = v.SealSigningKey(goldenSigning())
	check(err)
	g.Mail, err = v.SealMail(goldenMail())
	check(err)
	g.Refresh, err = v.RefreshTag(visit().ID, 3)
	check(err)
	text, err := json.MarshalIndent(g, "", "  ")
	check(err)
	check(os.MkdirAll("testdata", 0o755))
	check(os.WriteFile(goldenFile, append(text, '\n'), 0o644))
}
