package record

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func TestAccountRoundTrip(t *testing.T) {
	v := openVault(t)
	f := person(v, 1)
	f.Created = start // rows keep milliseconds
	row, err := v.SealAccount(f, 9)
	if err != nil {
		t.Fatal(err)
	}
	f.Created = milli(start)
	a, err := v.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a.Facts(), f) {
		t.Errorf("got  %+v\nwant %+v", a.Facts(), f)
	}
	way, ok := a.Way(f.Ways[0].Credential)
	if _, none := a.Way([]byte("other")); !ok || none || !reflect.DeepEqual(way, f.Ways[0]) {
		t.Errorf("way %+v %v %v", way, ok, none)
	}
	if a.ID() != f.ID || !bytes.Equal(a.Key(), f.ID[:]) || a.Version() != 9 || !a.Active() || a.TicketEpoch() != 2 ||
		a.SessionEpoch() != 3 || !bytes.Equal(a.UserHandle(), f.UserHandle) {
		t.Errorf("accessors of %+v", a)
	}
	if ref := a.Ref(); !bytes.Equal(ref.Key, row.Key) || ref.Version != 9 {
		t.Errorf("ref %+v", ref)
	}
	if bytes.Contains(row.Body, []byte("ada")) {
		t.Error("the name can be read in the row")
	}
}

// TestCopiesAreDeep: what was checked cannot be changed by who holds it.
func TestCopiesAreDeep(t *testing.T) {
	v := openVault(t)
	a := account(t, v, person(v, 1))
	f := a.Facts()
	f.UserHandle[0], f.Salt[0], f.Emails[0], f.Ways[0].Credential[0], f.Ways[0].Suspended = 0, 0, "x", 0, true
	way, _ := a.Way(person(v, 1).Ways[0].Credential)
	way.Credential[0], a.Key()[0], a.UserHandle()[0] = 0, 0, 0
	if !reflect.DeepEqual(a.Facts(), person(v, 1)) {
		t.Errorf("account changed: %+v", a.Facts())
	}
	c, err := v.OpenCredential(sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 7, "n", person(v, 1)}), a)
	if err != nil {
		t.Fatal(err)
	}
	cf := c.Facts()
	cf.ID[0], cf.PublicKey[0], cf.Transports[0], cf.AttestationObject[0], c.Key()[0], c.Way().Credential[0] = 0, 0, "x", 0, 0, 0
	if !reflect.DeepEqual(c.Facts(), passkey()) || !reflect.DeepEqual(c.Way(), person(v, 1).Ways[0]) {
		t.Errorf("credential changed: %+v", c)
	}
	row, err := v.SealSession(visit(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := v.OpenSession(row)
	if err != nil {
		t.Fatal(err)
	}
	sf := s.Facts()
	sf.SecretHash[0], sf.Credential[0], sf.AMR[0], s.Ref().Key[0] = 0, 0, "x", 99
	if !reflect.DeepEqual(s.Facts(), visit()) {
		t.Errorf("session changed: %+v", s.Facts())
	}
}

// TestUnknownReadsAsStrictest: what a later version may write never grants here.
func TestUnknownReadsAsStrictest(t *testing.T) {
	v := openVault(t)
	for _, c := range []struct {
		state, wantState State
		role, wantRole   Role
	}{
		{StateActive, StateActive, RoleAdmin, RoleAdmin},
		{StateDisabled, StateDisabled, RoleSupport, RoleSupport},
		{"", StateDisabled, "", RoleMember},
		{"awake", StateDisabled, "owner", RoleMember},
	} {
		f := person(v, 1)
		f.State, f.Role = c.state, c.role
		a := account(t, v, f)
		if got := a.Facts(); got.State != c.wantState || got.Role != c.wantRole || a.Active() != (c.wantState == StateActive) {
			t.Errorf("%q %q reads as %q %q", c.state, c.role, got.State, got.Role)
		}
	}
	row, err := v.SealSigningKey(SigningKey{Number: 1, Issuer: "i", PKCS8: []byte{1}, Life: "eternal"})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := v.OpenSigningKey(row); err != nil || k.Life != KeyRetired {
		t.Errorf("life %q, %v", k.Life, err)
	}
}

func TestCredentialRoundTrip(t *testing.T) {
	v := openVault(t)
	f, use := passkey(), UseFacts{Edition: 3, SignCount: 8, BackupState: true, UVInitialized: true, RegressedAt: 9}
	owner := person(v, 1)
	owner.Ways[0].Suspended = true
	a := account(t, v, owner)
	row := sealed(t, v, NewCredential{Facts: f, Use: use, State: 7, Name: "Laptop ✓", Account: owner})
	row.LastUsed, row.TimesUsed = start, 5
	c, err := v.OpenCredential(row, a)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Facts(), f) || c.Use() != use || c.Name() != "Laptop ✓" || c.State() != 7 || !c.Suspended() ||
		c.Version() != use.Version() || c.LastUsed() != start || c.TimesUsed() != 5 || !bytes.Equal(c.Key(), row.Key) {
		t.Errorf("got %+v", c)
	}
	if ref := c.Ref(); !bytes.Equal(ref.Key, row.Key) || ref.Version != row.Version {
		t.Errorf("ref %+v", ref)
	}
	next := UseFacts{Edition: 3, SignCount: 9}
	row.Version, row.Body, err = v.SealUse(c, next)
	if err != nil {
		t.Fatal(err)
	}
	if row.Name, err = v.SealName(c, "Phone"); err != nil {
		t.Fatal(err)
	}
	if c, err = v.OpenCredential(row, a); err != nil || c.Use() != next || c.Name() != "Phone" {
		t.Errorf("after use: %+v, %v", c, err)
	}
}

func TestOtherRoundTrips(t *testing.T) {
	v := openVault(t)
	t.Run("session", func(t *testing.T) {
		f := visit()
		f.AuthTime, f.ProvedAt, f.Created, f.LastSeen, f.RotatedAt = start, start, start, start, start
		f.Expires = start.Add(time.Hour)
		row, err := v.SealSession(f, 4)
		if err != nil {
			t.Fatal(err)
		}
		s, err := v.OpenSession(row)
		if err != nil || !reflect.DeepEqual(s.Facts(), visit()) || s.Version() != 4 || s.Ref().Version != 4 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("session in tokens", func(t *testing.T) {
		f := SessionFacts{ID: id(61), Account: id(1), Mode: ModeToken}
		row, err := v.SealSession(f, 1)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := v.OpenSession(row); err != nil || !reflect.DeepEqual(s.Facts(), f) {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("identifier", func(t *testing.T) {
		row, err := v.SealIdentifier("username", "ada", id(1))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.OpenIdentifier("username", "ada", row); err != nil || got != id(1) {
			t.Errorf("%v, %v", got, err)
		}
	})
	for name, owner := range map[string]ID{"ticket": id(1), "ticket of nobody": {}} {
		t.Run(name, func(t *testing.T) {
			f := TicketFacts{ID: [16]byte{1}, Purpose: "enrolment-link", Account: owner, Created: milli(start), Expires: milli(start)}
			row, err := v.SealTicketRow(f)
			if err != nil {
				t.Fatal(err)
			}
			if (owner == ID{}) != (row.Account == nil) {
				t.Errorf("account column %x", row.Account)
			}
			if got, err := v.OpenTicketRow(row); err != nil || !reflect.DeepEqual(got, f) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	t.Run("signing key", func(t *testing.T) {
		k := SigningKey{
			Number: 2, Issuer: "https://example.org", Algorithm: "ES256", PKCS8: []byte{1}, Life: KeyPrepared,
			Since: milli(start), Edition: 3,
		}
		row, err := v.SealSigningKey(k)
		if err != nil {
			t.Fatal(err)
		}
		if row.Kind != "sign/https://example.org" || row.Number != 2 || row.Version != 4 {
			t.Errorf("row %+v", row)
		}
		if got, err := v.OpenSigningKey(row); err != nil || !reflect.DeepEqual(got, k) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("events", func(t *testing.T) {
		first, err := v.SealEvent(store.Head{Chain: 2}, start, nil, []byte("one"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := v.SealEvent(store.Head{Chain: 2, Number: 1, Link: first.Link}, start, []byte("who"), []byte("two"))
		if err != nil {
			t.Fatal(err)
		}
		if first.Number != 1 || second.Number != 2 || second.Chain != 2 || first.At != milli(start) {
			t.Errorf("%+v %+v", first, second)
		}
		if b, err := v.OpenEvent(nil, first); err != nil || string(b) != "one" {
			t.Errorf("%q, %v", b, err)
		}
		if b, err := v.OpenEvent(first.Link, second); err != nil || string(b) != "two" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// TestInvalid: what could never be opened again, or opened by anybody, is not sealed.
func TestInvalid(t *testing.T) {
	v := openVault(t)
	acc := func(version uint64, change func(*AccountFacts)) error {
		f := person(v, 1)
		change(&f)
		_, err := v.SealAccount(f, version)
		return err
	}
	cred := func(change func(*NewCredential)) error {
		n := NewCredential{passkey(), UseFacts{Edition: 1}, 7, "n", person(v, 1)}
		change(&n)
		_, err := v.SealCredential(n)
		return err
	}
	second := func(_ any, err error) error { return err }
	_, _, useErr := v.SealUse(Credential{}, UseFacts{Edition: 1})
	c, err := v.OpenCredential(sealed(t, v, NewCredential{passkey(), UseFacts{Edition: 1}, 7, "n", person(v, 1)}), account(t, v, person(v, 1)))
	if err != nil {
		t.Fatal(err)
	}
	_, _, editionErr := v.SealUse(c, UseFacts{SignCount: 1})
	for name, err := range map[string]error{
		"account version 0":        acc(0, func(*AccountFacts) {}),
		"account without ID":       acc(1, func(f *AccountFacts) { f.ID = ID{} }),
		"no user handle":           acc(1, func(f *AccountFacts) { f.UserHandle = nil }),
		"long user handle":         acc(1, func(f *AccountFacts) { f.UserHandle = make([]byte, 65) }),
		"short salt":               acc(1, func(f *AccountFacts) { f.Salt = make([]byte, 31) }),
		"name that is not UTF-8":   acc(1, func(f *AccountFacts) { f.DisplayName = "\xff" }),
		"year beyond 9999":         acc(1, func(f *AccountFacts) { f.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"use edition 0":            cred(func(n *NewCredential) { n.Use.Edition = 0 }),
		"no credential ID":         cred(func(n *NewCredential) { n.Facts.ID = nil }),
		"no RP ID":                 cred(func(n *NewCredential) { n.Facts.RPID = "" }),
		"credential without salt":  cred(func(n *NewCredential) { n.Account.Salt = nil }),
		"credential without owner": cred(func(n *NewCredential) { n.Account.ID = ID{} }),
		"passkey name not UTF-8":   cred(func(n *NewCredential) { n.Name = "\xff" }),
		"use of no credential":     useErr,
		"next use edition 0":       editionErr,
		"identifier of nobody":     second(v.SealIdentifier("username", "ada", ID{})),
		"empty identifier":         second(v.SealIdentifier("username", "", id(1))),
		"session without ID":       second(v.SealSession(SessionFacts{Account: id(1)}, 1)),
		"session of nobody":        second(v.SealSession(SessionFacts{ID: id(1)}, 1)),
		"ticket without ID":        second(v.SealTicketRow(TicketFacts{Purpose: "x"})),
		"ticket without purpose":   second(v.SealTicketRow(TicketFacts{ID: [16]byte{1}})),
		"signing key: no issuer":   second(v.SealSigningKey(SigningKey{Number: 1, PKCS8: []byte{1}})),
		"signing key: no number":   second(v.SealSigningKey(SigningKey{Issuer: "i", PKCS8: []byte{1}})),
		"signing key: no key":      second(v.SealSigningKey(SigningKey{Issuer: "i", Number: 1})),
	} {
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Code() != "facts_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
