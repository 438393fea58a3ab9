package record

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

// mover is an account as it moves, with one passkey.
func mover() Moving {
	return Moving{
		Account: AccountFacts{
			ID: uuid.UUID{1}, UserHandle: []byte("handle"), State: StateDisabled, Role: RoleSupport, TicketEpoch: 2,
			Username: "ana", Emails: []string{"ana@example.org"}, Created: start.Truncate(time.Millisecond), HadWay: true,
		},
		Passkeys: []MovingPasskey{{
			Way:   Way{Kind: WayPasskey, State: 3, Suspended: true, HeldUntil: 9, Recovery: 1},
			Facts: CredentialFacts{Passkey: uuid.UUID{2}, ID: []byte("id"), RPID: "example.org", PublicKey: []byte("key")},
			Use:   UseFacts{Edition: 2, SignCount: 4}, Name: "key", LastUsed: start.Truncate(time.Millisecond), TimesUsed: 5,
		}},
	}
}

// TestLeaveAndArrive: what leaves one store is what arrived in it, and opens in another
// under its own keys only.
func TestLeaveAndArrive(t *testing.T) {
	v, other := openVault(t), openVault(t)
	want := mover()
	row, credentials, err := v.Arrive(want)
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.OpenCredential(credentials[0], a)
	if err != nil {
		t.Fatal(err)
	}
	if got := Leave(a, []Credential{c}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := other.OpenAccount(row); err == nil {
		t.Error("another deployment opens it")
	}
	again, _, err := v.Arrive(want)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := v.OpenAccount(again)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(twin.Facts().Salt, a.Facts().Salt) {
		t.Error("two arrivals have one salt")
	}
}

// TestLeaveBehind: a passkey that does not move leaves a mark on its account, and what is
// bound to the store stays.
func TestLeaveBehind(t *testing.T) {
	v := openVault(t)
	m := mover()
	m.Account.HadWay = false
	row, _, err := v.Arrive(m)
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.OpenAccount(row)
	if err != nil {
		t.Fatal(err)
	}
	a.facts.RecoveryCodes, a.facts.CodesSaved, a.facts.CodesMade = [][]byte{{1}}, true, start
	a.facts.Disowned = [][]byte{{2}}
	want := m
	want.Account.HadWay, want.Passkeys = true, nil
	if got := Leave(a, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestArriveRefuses: what could be no account here does not become one.
func TestArriveRefuses(t *testing.T) {
	v := openVault(t)
	for name, edit := range map[string]func(*Moving){
		"state":          func(m *Moving) { m.Account.State = "odd" },
		"role":           func(m *Moving) { m.Account.Role = "odd" },
		"identifier":     func(m *Moving) { m.Account.ID = ID{} },
		"user handle":    func(m *Moving) { m.Account.UserHandle = make([]byte, 65) },
		"salt":           func(m *Moving) { m.Account.Salt = make([]byte, saltSize) },
		"ways":           func(m *Moving) { m.Account.Ways = []Way{m.Passkeys[0].Way} },
		"recovery codes": func(m *Moving) { m.Account.RecoveryCodes = [][]byte{{1}} },
		"disowned":       func(m *Moving) { m.Account.Disowned = [][]byte{{1}} },
		"kind":           func(m *Moving) { m.Passkeys[0].Way.Kind = "odd" },
		"row key":        func(m *Moving) { m.Passkeys[0].Way.Credential = []byte("k") },
		"public key":     func(m *Moving) { m.Passkeys[0].Facts.PublicKey = nil },
		"passkey":        func(m *Moving) { m.Passkeys[0].Facts.Passkey = ID{} },
		"credential ID":  func(m *Moving) { m.Passkeys[0].Facts.ID = nil },
		"edition":        func(m *Moving) { m.Passkeys[0].Use.Edition = 0 },
		"text":           func(m *Moving) { m.Account.DisplayName = "\xff" },
	} {
		m := mover()
		edit(&m)
		var invalid *Invalid
		if _, _, err := v.Arrive(m); !errors.As(err, &invalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestExportKey: it is the deployment's, and stays.
func TestExportKey(t *testing.T) {
	s := openStore(t)
	v, err := Open(context.Background(), config(t, s))
	if err != nil {
		t.Fatal(err)
	}
	later, err := Open(context.Background(), config(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(later.ExportKey(), []byte("part"), v.SignExport([]byte("part"))) {
		t.Error("after a restart another key signs")
	}
	if bytes.Equal(openVault(t).ExportKey(), v.ExportKey()) {
		t.Error("two deployments have one key")
	}
}
