package record

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// flips calls try with every edition of b that has one byte changed, cut off or
// added, and with none.
func flips(t *testing.T, b []byte, try func(t *testing.T, bent []byte)) {
	t.Helper()
	for i := range b {
		bent := bytes.Clone(b)
		bent[i] ^= 1 << (i % 8)
		try(t, bent)
		if t.Failed() {
			t.Fatalf("byte %d of %d", i, len(b))
		}
	}
	for _, bent := range [][]byte{nil, {}, b[1:], b[:len(b)-1], append(bytes.Clone(b), 0)} {
		try(t, bent)
	}
}

// rows are one sealed row of every kind.
type rows struct {
	account    store.Row
	owner      Account
	credential store.Credential
	identifier store.Identifier
	session    store.Session
	ticket     store.Ticket
	event      store.Event
	signing    store.Key
}

func sealAll(t testing.TB, v *Vault, n byte) (r rows) {
	t.Helper()
	var err error
	check := func() {
		if err != nil {
			t.Fatal(err)
		}
	}
	r.account, err = v.SealAccount(person(v, n), 1)
	check()
	r.owner, err = v.OpenAccount(r.account)
	check()
	r.credential, err = v.SealCredential(NewCredential{passkey(), UseFacts{Edition: 1, SignCount: 5}, 7, "Laptop", person(v, n)})
	check()
	r.identifier, err = v.SealIdentifier("username", "ada", id(n))
	check()
	s := visit()
	s.ID, s.Account = id(60+n), id(n)
	r.session, err = v.SealSession(s, 1)
	check()
	r.ticket, err = v.SealTicketRow(TicketFacts{ID: [16]byte{n}, Purpose: "x", Account: id(n), Created: milli(start), Expires: milli(start)})
	check()
	r.event, err = v.SealEvent(store.Head{Chain: 1, Number: 4, Link: []byte("before")}, start, []byte("who"), []byte("what"))
	check()
	r.signing, err = v.SealSigningKey(SigningKey{Number: uint32(n), Issuer: "i", PKCS8: []byte{1}, Life: KeyPrimary, Since: milli(start)})
	check()
	return r
}

// openers try every kind of row and return what Open said.
func openers(v *Vault) map[string]func(r rows) error {
	return map[string]func(r rows) error{
		"account":    func(r rows) error { _, err := v.OpenAccount(r.account); return err },
		"credential": func(r rows) error { _, err := v.OpenCredential(r.credential, r.owner); return err },
		"identifier": func(r rows) error { _, err := v.OpenIdentifier("username", "ada", r.identifier); return err },
		"session":    func(r rows) error { _, err := v.OpenSession(r.session); return err },
		"ticket":     func(r rows) error { _, err := v.OpenTicketRow(r.ticket); return err },
		"event":      func(r rows) error { _, err := v.OpenEvent([]byte("before"), r.event); return err },
		"key":        func(r rows) error { _, err := v.OpenSigningKey(r.signing); return err },
	}
}

func TestEveryByteOfEveryBody(t *testing.T) {
	v := openVault(t)
	whole := sealAll(t, v, 1)
	for kind, open := range openers(v) {
		if err := open(whole); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	for name, c := range map[string]struct {
		kind string
		body func(r *rows) *[]byte
	}{
		"account":         {"account", func(r *rows) *[]byte { return &r.account.Body }},
		"account key":     {"account", func(r *rows) *[]byte { return &r.account.Key }},
		"facts":           {"credential", func(r *rows) *[]byte { return &r.credential.Sealed }},
		"use":             {"credential", func(r *rows) *[]byte { return &r.credential.Body }},
		"name":            {"credential", func(r *rows) *[]byte { return &r.credential.Name }},
		"credential key":  {"credential", func(r *rows) *[]byte { return &r.credential.Key }},
		"credential of":   {"credential", func(r *rows) *[]byte { return &r.credential.Account }},
		"identifier":      {"identifier", func(r *rows) *[]byte { return &r.identifier.Body }},
		"identifier key":  {"identifier", func(r *rows) *[]byte { return &r.identifier.Key }},
		"identifier of":   {"identifier", func(r *rows) *[]byte { return &r.identifier.Account }},
		"session":         {"session", func(r *rows) *[]byte { return &r.session.Body }},
		"session key":     {"session", func(r *rows) *[]byte { return &r.session.Key }},
		"session of":      {"session", func(r *rows) *[]byte { return &r.session.Account }},
		"ticket":          {"ticket", func(r *rows) *[]byte { return &r.ticket.Body }},
		"ticket key":      {"ticket", func(r *rows) *[]byte { return &r.ticket.Key }},
		"ticket of":       {"ticket", func(r *rows) *[]byte { return &r.ticket.Account }},
		"event":           {"event", func(r *rows) *[]byte { return &r.event.Body }},
		"event link":      {"event", func(r *rows) *[]byte { return &r.event.Link }},
		"event of":        {"event", func(r *rows) *[]byte { return &r.event.Account }},
		"signing key":     {"key", func(r *rows) *[]byte { return &r.signing.Body }},
		"signing key key": {"key", func(r *rows) *[]byte { return &r.signing.Key }},
	} {
		t.Run(name, func(t *testing.T) {
			r := whole
			flips(t, *c.body(&whole), func(t *testing.T, bent []byte) {
				*c.body(&r) = bent
				wantTampered(t, openers(v)[c.kind](r), c.kind+"_record_tampered")
			})
		})
	}
}

func TestZeroRows(t *testing.T) {
	v := openVault(t)
	for kind, open := range openers(v) {
		wantTampered(t, open(rows{owner: account(t, v, person(v, 1))}), kind+"_record_tampered")
	}
}

// TestColumns: every column that is copied out for queries is compared, and every
// row is bound to its edition and place.
func TestColumns(t *testing.T) {
	v := openVault(t)
	whole, other := sealAll(t, v, 1), sealAll(t, v, 2)
	later := start.Add(time.Hour)
	for name, c := range map[string]struct {
		kind   string
		change func(r *rows)
	}{
		"account version":        {"account", func(r *rows) { r.account.Version++ }},
		"account body swapped":   {"account", func(r *rows) { r.account.Body = other.account.Body }},
		"use version":            {"credential", func(r *rows) { r.credential.Version++ }},
		"credential state":       {"credential", func(r *rows) { r.credential.State++ }},
		"credential's new owner": {"credential", func(r *rows) { r.credential.Account = other.credential.Account }},
		"whole credential moved": {"credential", func(r *rows) { r.credential, r.owner = other.credential, whole.owner }},
		"owner exchanged":        {"credential", func(r *rows) { r.owner = other.owner }},
		"facts of another":       {"credential", func(r *rows) { r.credential.Sealed = other.credential.Sealed }},
		"use of another":         {"credential", func(r *rows) { r.credential.Body = other.credential.Body }},
		"facts for use":          {"credential", func(r *rows) { r.credential.Body = r.credential.Sealed }},
		"identifier re-pointed":  {"identifier", func(r *rows) { r.identifier.Account = other.identifier.Account }},
		"session version":        {"session", func(r *rows) { r.session.Version++ }},
		"session expires":        {"session", func(r *rows) { r.session.Expires = later.Add(time.Hour) }},
		"session body swapped":   {"session", func(r *rows) { r.session.Body = other.session.Body }},
		"ticket version":         {"ticket", func(r *rows) { r.ticket.Version++ }},
		"ticket expires":         {"ticket", func(r *rows) { r.ticket.Expires = later }},
		"ticket for nobody":      {"ticket", func(r *rows) { r.ticket.Account = nil }},
		"ticket body swapped":    {"ticket", func(r *rows) { r.ticket.Body = other.ticket.Body }},
		"event chain":            {"event", func(r *rows) { r.event.Chain++ }},
		"event number":           {"event", func(r *rows) { r.event.Number++ }},
		"event time":             {"event", func(r *rows) { r.event.At = later }},
		"key version":            {"key", func(r *rows) { r.signing.Version++ }},
		"key kind":               {"key", func(r *rows) { r.signing.Kind = SigningKind("j") }},
		"key number":             {"key", func(r *rows) { r.signing.Number++ }},
		"key body swapped":       {"key", func(r *rows) { r.signing.Body = other.signing.Body }},
	} {
		t.Run(name, func(t *testing.T) {
			r := whole
			c.change(&r)
			wantTampered(t, openers(v)[c.kind](r), c.kind+"_record_tampered")
		})
	}
	t.Run("event after another", func(t *testing.T) {
		_, err := v.OpenEvent([]byte("other"), whole.event)
		wantTampered(t, err, codeEvent)
	})
	for name, ask := range map[string][2]string{"other name": {"username", "bob"}, "other kind": {"email", "ada"}} {
		t.Run("identifier under "+name, func(t *testing.T) {
			_, err := v.OpenIdentifier(ask[0], ask[1], whole.identifier)
			wantTampered(t, err, codeIdentifier)
		})
	}
}

// TestMapIsTheHinge: a credential counts only as its account's map names it.
func TestMapIsTheHinge(t *testing.T) {
	v := openVault(t)
	owner := person(v, 1)
	row := sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 7, "n", owner})
	for name, change := range map[string]func(*AccountFacts){
		"not named":     func(f *AccountFacts) { f.Ways = nil },
		"other key":     func(f *AccountFacts) { f.Ways[0].Credential = []byte("x") },
		"later state":   func(f *AccountFacts) { f.Ways[0].State = 8 },
		"earlier state": func(f *AccountFacts) { f.Ways[0].State = 6 },
		"other kind":    func(f *AccountFacts) { f.Ways[0].Kind = "password" },
		"other salt":    func(f *AccountFacts) { f.Salt = bytes.Repeat([]byte{9}, saltSize) },
		"other handle":  func(f *AccountFacts) { f.UserHandle = []byte("x") },
	} {
		t.Run(name, func(t *testing.T) {
			f := person(v, 1)
			change(&f)
			_, err := v.OpenCredential(row, account(t, v, f))
			wantTampered(t, err, codeCredential)
		})
	}
	t.Run("another account names it", func(t *testing.T) {
		_, err := v.OpenCredential(row, account(t, v, person(v, 2)))
		wantTampered(t, err, codeCredential)
	})
	t.Run("no account", func(t *testing.T) {
		_, err := v.OpenCredential(row, Account{})
		wantTampered(t, err, codeCredential)
	})
	t.Run("name of another credential", func(t *testing.T) {
		bent := row
		var err error
		if bent.Name, err = v.sealName([]byte("another key"), owner.Salt, "n"); err != nil {
			t.Fatal(err)
		}
		_, err = v.OpenCredential(bent, account(t, v, owner))
		wantTampered(t, err, codeCredential)
	})
	t.Run("use of an earlier state", func(t *testing.T) {
		a := account(t, v, owner)
		c, err := v.OpenCredential(row, a)
		if err != nil {
			t.Fatal(err)
		}
		_, old, err := v.SealUse(c, UseFacts{Edition: 1})
		if err != nil {
			t.Fatal(err)
		}
		next := person(v, 1)
		next.Ways[0].State = 8
		moved := sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 8, "n", next})
		moved.Body = old
		_, err = v.OpenCredential(moved, account(t, v, next))
		wantTampered(t, err, codeCredential)
	})
}

// TestPartsOfOtherEditions: parts that were once sealed for this row, or for its
// neighbour of the same owner, state and version, do not open in it.
func TestPartsOfOtherEditions(t *testing.T) {
	v := openVault(t)
	neighbour := passkey()
	neighbour.ID = []byte("another-id-of-16")
	owner := person(v, 1)
	owner.Ways = append(owner.Ways, Way{Credential: v.LookupCredential(neighbour.RPID, neighbour.ID), Kind: WayPasskey, State: 7})
	a := account(t, v, owner)
	row := sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 7, "n", owner})
	next := sealed(t, v, NewCredential{neighbour, UseFacts{Edition: 1}, 7, "m", owner})
	old := sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 6, "n", owner})
	for _, whole := range []store.Credential{row, next} {
		if _, err := v.OpenCredential(whole, a); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(c *store.Credential){
		"facts of an earlier state": func(c *store.Credential) { c.Sealed = old.Sealed },
		"use of an earlier state":   func(c *store.Credential) { c.Body = old.Body },
		"facts of the neighbour":    func(c *store.Credential) { c.Sealed = next.Sealed },
		"use of the neighbour":      func(c *store.Credential) { c.Body = next.Body },
		"name of the neighbour":     func(c *store.Credential) { c.Name = next.Name },
	} {
		t.Run(name, func(t *testing.T) {
			bent := row
			change(&bent)
			_, err := v.OpenCredential(bent, a)
			wantTampered(t, err, codeCredential)
		})
	}
	t.Run("body of an event that was refused", func(t *testing.T) {
		head := store.Head{Chain: 1, Number: 1, Link: []byte("before")}
		written, err := v.SealEvent(head, start, nil, []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		refused, err := v.SealEvent(head, start, nil, []byte("b"))
		if err != nil {
			t.Fatal(err)
		}
		written.Body = refused.Body
		_, err = v.OpenEvent(head.Link, written)
		wantTampered(t, err, codeEvent)
	})
}

// TestSealedLies: bodies that we sealed ourselves, with facts that contradict their
// place. No row like these is written; the checks stand behind the seal.
func TestSealedLies(t *testing.T) {
	v := openVault(t)
	r := sealAll(t, v, 1)
	put := func(table store.Table, ad [][]byte, salt []byte, facts any) []byte {
		plain, err := v.codec.enc.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		body, err := v.purposes[table].Seal(ad, salt, plain)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	salt := person(v, 1).Salt
	renamed := passkey()
	renamed.RPID = "example.com"
	wrongUse := UseFacts{Edition: 1, SignCount: 6}
	sess := visit()
	sess.ID, sess.Account = id(61), id(2)
	for name, c := range map[string]struct {
		kind   string
		change func(r *rows)
	}{
		"account of other ID": {"account", func(r *rows) {
			r.account.Body = put(store.TableAccounts, bodyAD(store.TableAccounts, r.account.Key, 1), nil, person(v, 2))
		}},
		"account not CBOR": {"account", func(r *rows) {
			r.account.Body = put(store.TableAccounts, bodyAD(store.TableAccounts, r.account.Key, 1), nil, "x")
		}},
		"facts of another RP": {"credential", func(r *rows) {
			r.credential.Sealed = put(store.TableCredentials, factsAD(r.credential, []byte{'h', 1}), salt, renamed)
		}},
		"facts not CBOR": {"credential", func(r *rows) {
			r.credential.Sealed = put(store.TableCredentials, factsAD(r.credential, []byte{'h', 1}), salt, "x")
		}},
		"use of another version": {"credential", func(r *rows) {
			r.credential.Body = put(store.TableCredentials, useAD(r.credential), salt, wrongUse)
		}},
		"use not CBOR": {"credential", func(r *rows) { r.credential.Body = put(store.TableCredentials, useAD(r.credential), salt, "x") }},
		"name not text": {"credential", func(r *rows) {
			r.credential.Name = put(store.TableCredentials, nameAD(r.credential.Key), salt, 5)
		}},
		"identifier of another": {"identifier", func(r *rows) {
			r.identifier.Body = put(store.TableIdentifiers, identifierAD(r.identifier), nil, identifierFacts{"username", "ada", id(2)})
		}},
		"identifier of another kind": {"identifier", func(r *rows) {
			r.identifier.Body = put(store.TableIdentifiers, identifierAD(r.identifier), nil, identifierFacts{"email", "ada", id(1)})
		}},
		"identifier of another name": {"identifier", func(r *rows) {
			r.identifier.Body = put(store.TableIdentifiers, identifierAD(r.identifier), nil, identifierFacts{"username", "eve", id(1)})
		}},
		"identifier not CBOR": {"identifier", func(r *rows) {
			r.identifier.Body = put(store.TableIdentifiers, identifierAD(r.identifier), nil, "x")
		}},
		"session of another": {"session", func(r *rows) {
			r.session.Body = put(store.TableSessions, bodyAD(store.TableSessions, r.session.Key, 1), nil, sess)
		}},
		"session of other ID": {"session", func(r *rows) {
			renamed := visit()
			renamed.ID = id(99)
			r.session.Body = put(store.TableSessions, bodyAD(store.TableSessions, r.session.Key, 1), nil, renamed)
			r.session.Account, r.session.Expires = accountColumn(renamed.Account), renamed.Expires
		}},
		"session not CBOR": {"session", func(r *rows) {
			r.session.Body = put(store.TableSessions, bodyAD(store.TableSessions, r.session.Key, 1), nil, "x")
		}},
		"ticket of another": {"ticket", func(r *rows) {
			r.ticket.Body = put(store.TableTickets, bodyAD(store.TableTickets, r.ticket.Key, 1), nil,
				TicketFacts{ID: [16]byte{2}, Account: id(1), Expires: milli(start)})
		}},
		"ticket not CBOR": {"ticket", func(r *rows) {
			r.ticket.Body = put(store.TableTickets, bodyAD(store.TableTickets, r.ticket.Key, 1), nil, "x")
		}},
		"signing key not CBOR": {"key", func(r *rows) {
			r.signing.Body = put(store.TableKeys, bodyAD(store.TableKeys, r.signing.Key, 1), nil, "x")
		}},
		"signing key of another issuer": {"key", func(r *rows) {
			r.signing.Body = put(store.TableKeys, bodyAD(store.TableKeys, r.signing.Key, 1), nil,
				SigningKey{Number: 1, Issuer: "j", PKCS8: []byte{1}})
		}},
		"signing key of another number": {"key", func(r *rows) {
			r.signing.Body = put(store.TableKeys, bodyAD(store.TableKeys, r.signing.Key, 1), nil,
				SigningKey{Number: 2, Issuer: "i", PKCS8: []byte{1}})
		}},
		"signing key of another edition": {"key", func(r *rows) {
			r.signing.Body = put(store.TableKeys, bodyAD(store.TableKeys, r.signing.Key, 1), nil,
				SigningKey{Number: 1, Issuer: "i", PKCS8: []byte{1}, Edition: 4})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bent := r
			c.change(&bent)
			wantTampered(t, openers(v)[c.kind](bent), c.kind+"_record_tampered")
		})
	}
}

// TestForeignVault: what another deployment sealed is tampered with here, even
// under the same server key.
func TestForeignVault(t *testing.T) {
	ours, theirs := openVault(t), openVault(t)
	r := sealAll(t, theirs, 1)
	r.owner = account(t, ours, person(ours, 1))
	for kind, open := range openers(ours) {
		wantTampered(t, open(r), kind+"_record_tampered")
	}
}

// TestIdentifierKeyColumn: a row answered under a key that is not its name's.
func TestIdentifierKeyColumn(t *testing.T) {
	v := openVault(t)
	row := store.Identifier{Key: v.LookupIdentifier("username", "eve"), Account: accountColumn(id(1))}
	plain, err := encode(v.codec, identifierFacts{"username", "ada", id(1)})
	if err != nil {
		t.Fatal(err)
	}
	if row.Body, err = v.purposes[store.TableIdentifiers].Seal(identifierAD(row), nil, plain); err != nil {
		t.Fatal(err)
	}
	_, err = v.OpenIdentifier("username", "ada", row)
	wantTampered(t, err, codeIdentifier)
}

func ExampleTampered() {
	fmt.Println(&Tampered{Code: codeAccount, Key: []byte{1, 2}})
	// Output: account_record_tampered: row 0102
}
