package record

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func owed(n byte) MailFacts {
	return MailFacts{
		ID: id(n), Kind: "sign_in", Language: "de", Account: id(2), Address: "Ana@Example.org", Created: milli(start),
		Network: "192.0.2.1/32", Agent: "Firefox", Door: "rest", Request: []byte("hash"), Mode: ModeCookie, Scope: "openid",
		ReturnTo: "/home", TicketEpoch: 3, SessionEpoch: 4, Right: [16]byte{9}, Expires: milli(start).Add(time.Hour),
		About: "passkey.added", Subject: "Phone",
	}
}

func sealMail(t *testing.T, v *Vault, f MailFacts) store.Mail {
	t.Helper()
	row, err := v.SealMail(f)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestMailRoundTrip(t *testing.T) {
	v := openVault(t)
	f := owed(70)
	f.Created, f.Expires = start, start.Add(time.Hour) // rows keep milliseconds
	row := sealMail(t, v, f)
	if !bytes.Equal(row.Key, f.ID[:]) || !row.Due.Equal(milli(start)) || row.Taken != 0 {
		t.Errorf("row %+v", row)
	}
	for _, secret := range []string{"Ana@Example.org", "Phone", "sign_in", "192.0.2.1", "/home"} {
		if bytes.Contains(row.Body, []byte(secret)) {
			t.Errorf("%s can be read in the row", secret)
		}
	}
	got, err := v.OpenMail(row)
	if err != nil || !reflect.DeepEqual(got, owed(70)) {
		t.Errorf("got %+v, %v", got, err)
	}
	bare := MailFacts{ID: id(71), Kind: "proof", Address: "a@b", Created: milli(start)}
	if got, err := v.OpenMail(sealMail(t, v, bare)); err != nil || !reflect.DeepEqual(got, bare) {
		t.Errorf("got %+v, %v", got, err)
	}
	// When a mail is due and how often it was taken moves under the engine's hands alone.
	row.Due, row.Taken = start.Add(time.Hour), 7
	if _, err := v.OpenMail(row); err != nil {
		t.Error(err)
	}
}

func TestMailInvalid(t *testing.T) {
	v := openVault(t)
	for name, change := range map[string]func(*MailFacts){
		"no ID":                 func(f *MailFacts) { f.ID = ID{} },
		"no kind":               func(f *MailFacts) { f.Kind = "" },
		"no address":            func(f *MailFacts) { f.Address = "" },
		"name that is no UTF-8": func(f *MailFacts) { f.Subject = "\xff" },
		"year beyond 9999":      func(f *MailFacts) { f.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		f := owed(70)
		change(&f)
		var invalid *Invalid
		if _, err := v.SealMail(f); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMailTampered: whoever writes to the database can have no mail sent that is not
// owed, nor one sent elsewhere.
func TestMailTampered(t *testing.T) {
	v := openVault(t)
	row, other := sealMail(t, v, owed(70)), sealMail(t, v, owed(71))
	refused := func(t *testing.T, row store.Mail) {
		t.Helper()
		_, err := v.OpenMail(row)
		var tampered *Tampered
		if !errors.As(err, &tampered) || tampered.Code != "mail_record_tampered" || !bytes.Equal(tampered.Key, row.Key) {
			t.Fatalf("%v", err)
		}
	}
	flips(t, row.Body, func(t *testing.T, bent []byte) { refused(t, store.Mail{Key: row.Key, Body: bent}) })
	flips(t, row.Key, func(t *testing.T, bent []byte) { refused(t, store.Mail{Key: bent, Body: row.Body}) })
	refused(t, store.Mail{Key: row.Key, Body: other.Body})
	refused(t, store.Mail{Key: row.Key})
	refused(t, store.Mail{Key: row.Key, Body: row.Body[:len(row.Body)-1]})
	refused(t, store.Mail{Key: row.Key, Body: sealMail(t, openVault(t), owed(70)).Body})

	// Of another table, under the same key and version, with the very facts of a mail.
	plain, err := encode(v.codec, owed(70))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []store.Table{store.TableTickets, store.TableAccounts, store.TableSessions} {
		body, err := v.sealBody(table, row.Key, mailVersion, plain)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, store.Mail{Key: row.Key, Body: body})
	}
	// Sealed in place, but with the facts of another mail.
	body, err := v.sealBody(store.TableMails, other.Key, mailVersion, plain)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, store.Mail{Key: other.Key, Body: body})
}

// TestMailNames: what is derived from a mail's ID is stable, its own, and under the key.
func TestMailNames(t *testing.T) {
	v := openVault(t)
	link, code := v.LinkID(id(70)), v.LinkCode(v.LinkID(id(70)))
	if link != v.LinkID(id(70)) || link == v.LinkID(id(71)) || link == openVault(t).LinkID(id(70)) {
		t.Error("LinkID")
	}
	if code != v.LinkCode(link) || code == v.LinkCode(v.LinkID(id(71))) || code >= 1<<30 {
		t.Error("LinkCode")
	}
	name := v.MessageID(id(70))
	if len(name) != 16 || !bytes.Equal(name, v.MessageID(id(70))) || bytes.Equal(name, v.MessageID(id(71))) ||
		bytes.Equal(name, link[:]) || bytes.Equal(name, openVault(t).MessageID(id(70))) {
		t.Error("MessageID")
	}
	key := v.LimitKey("address", []byte("ab"), []byte("c"))
	if !bytes.Equal(key, v.LimitKey("address", []byte("ab"), []byte("c"))) || bytes.Equal(key, v.LimitKey("address", []byte("a"), []byte("bc"))) ||
		bytes.Equal(key, v.LimitKey("network", []byte("ab"), []byte("c"))) || len(key) != 32 {
		t.Error("LimitKey")
	}
}
