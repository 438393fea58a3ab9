package transfer

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// intrude changes a database behind the store's back.
func (d *deployment) intrude(t *testing.T, query string, args ...any) {
	t.Helper()
	conn, err := sqlite.OpenConn(d.path, sqlite.OpenReadWrite)
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args}))
	if conn.Changes() != 1 {
		t.Fatalf("%d rows changed", conn.Changes())
	}
}

// TestFaults: what does not open does not move, is told and raises an alarm; the rest
// moves.
func TestFaults(t *testing.T) {
	one, two := person(1, 2), person(2, 2)
	key := func(d *deployment) []byte { return d.Vault.LookupCredential(rpID, one.Passkeys[0].Facts.ID) }
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, d *deployment)
		edit  func(*record.Moving) // what comes of one; nil: it is left out
		why   Why
		alarm string
	}{
		{"account", func(t *testing.T, d *deployment) {
			d.intrude(t, "UPDATE accounts SET version = 2 WHERE key = ?", one.Account.ID[:])
		}, nil, WhyTampered, "account_record_tampered"},
		{"passkey", func(t *testing.T, d *deployment) {
			d.intrude(t, "UPDATE credentials SET state = 9 WHERE key = ?", key(d))
		}, func(m *record.Moving) { m.Passkeys, m.Account.HadWay = m.Passkeys[1:], true }, WhyTampered, "credential_record_tampered"},
		{"passkey gone", func(t *testing.T, d *deployment) {
			d.intrude(t, "DELETE FROM credentials WHERE key = ?", key(d))
		}, func(m *record.Moving) { m.Passkeys, m.Account.HadWay = m.Passkeys[1:], true }, WhyTampered, "row_missing"},
		{"name gone", func(t *testing.T, d *deployment) {
			d.intrude(t, "DELETE FROM identifiers WHERE key = ?", d.Vault.LookupIdentifier("username", one.Account.Username))
		}, func(*record.Moving) {}, WhyName, "row_missing"},
		{"name of another", func(t *testing.T, d *deployment) {
			d.intrude(t, "UPDATE identifiers SET account = ? WHERE key = ?", two.Account.ID[:],
				d.Vault.LookupIdentifier("email", one.Account.Emails[0]))
		}, func(*record.Moving) {}, WhyName, "identifier_record_tampered"},
		{"name that leads elsewhere", func(t *testing.T, d *deployment) {
			i, err := d.Vault.SealIdentifier("username", one.Account.Username, two.Account.ID)
			must(t, err)
			d.intrude(t, "UPDATE identifiers SET account = ?, body = ? WHERE key = ?", i.Account, i.Body, i.Key)
		}, func(*record.Moving) {}, WhyName, "identifier_elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := found(t)
			d.takes(t, list{one, two}, withRoles)
			c.spoil(t, d)
			file, id, done := d.export(t)
			var got list
			must(t, read(t, bytes.NewReader(file), d.Vault.ExportKey(), id, &got))
			want := list{two}
			if c.edit != nil {
				moved := one
				c.edit(&moved)
				want = list{moved, two}
			}
			equal(t, got, want)
			if done.Faults != 1 || done.Accounts != len(want) || !slices.Equal(d.alarmed, []string{c.alarm}) {
				t.Errorf("exported %+v, alarms %q", done, d.alarmed)
			}
			if len(d.left) != 1 || d.left[0].Why != c.why {
				t.Errorf("left out %+v", d.left)
			}
		})
	}
}

// restless has an account move after it was listed.
type restless struct {
	Store
	move func()
}

func (s *restless) ListAccounts(ctx context.Context, after []byte, limit int) ([]store.Row, error) {
	rows, err := s.Store.ListAccounts(ctx, after, limit)
	if len(rows) > 0 {
		s.move()
	}
	return rows, err
}

// TestMovedMeanwhile: an account that loses a passkey, or goes, while it is read is
// written as it stands then, and nobody is alarmed.
func TestMovedMeanwhile(t *testing.T) {
	one := person(1, 2)
	for _, c := range []struct {
		name string
		move func(t *testing.T, d *deployment)
		want list
	}{
		{"passkey removed", func(t *testing.T, d *deployment) {
			row, err := d.Store.Account(t.Context(), one.Account.ID[:])
			must(t, err)
			a, err := d.Vault.OpenAccount(row)
			must(t, err)
			facts := a.Facts()
			gone := facts.Ways[1].Credential
			facts.Ways = facts.Ways[:1]
			next, err := d.Vault.SealAccount(facts, 2)
			must(t, err)
			d.intrude(t, "UPDATE accounts SET version = 2, body = ? WHERE key = ?", next.Body, next.Key)
			d.intrude(t, "DELETE FROM credentials WHERE key = ?", gone)
		}, list{{Account: one.Account, Passkeys: one.Passkeys[:1]}}},
		{"account deleted", func(t *testing.T, d *deployment) {
			d.intrude(t, "DELETE FROM accounts WHERE key = ?", one.Account.ID[:])
			d.intrude(t, "DELETE FROM credentials WHERE key = ?", d.Vault.LookupCredential(rpID, one.Passkeys[0].Facts.ID))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := found(t)
			d.takes(t, list{one}, withRoles)
			once := sync.OnceFunc(func() { c.move(t, d) })
			d.Store = &restless{d.Store, once}
			equal(t, d.all(t), c.want)
			if len(d.alarmed)+len(d.left) != 0 {
				t.Errorf("alarms %q, left out %+v", d.alarmed, d.left)
			}
		})
	}
}

// TestConflictWithTampered: an account here that does not open is not taken for the same.
func TestConflictWithTampered(t *testing.T) {
	one := person(1, 1)
	d := found(t)
	d.takes(t, list{one}, withRoles)
	d.intrude(t, "UPDATE accounts SET version = 2 WHERE key = ?", one.Account.ID[:])
	if counts := d.takes(t, list{one}, withRoles); counts.Conflicts != 1 {
		t.Errorf("counts %+v", counts)
	}
	if !slices.Contains(d.alarmed, "account_record_tampered") {
		t.Errorf("alarms %q", d.alarmed)
	}
}

// TestConflictWithTamperedPasskey: an account here with a passkey that does not open is
// not the same as one without it.
func TestConflictWithTamperedPasskey(t *testing.T) {
	one := person(1, 2)
	one.Account.HadWay = true
	d := found(t)
	d.takes(t, list{one}, withRoles)
	d.intrude(t, "UPDATE credentials SET state = 9 WHERE key = ?", d.Vault.LookupCredential(rpID, one.Passkeys[1].Facts.ID))
	one.Passkeys = one.Passkeys[:1]
	if counts := d.takes(t, list{one}, withRoles); counts.Conflicts != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// TestCodesStay: recovery codes stay behind, and that is counted.
func TestCodesStay(t *testing.T) {
	d := found(t)
	one := person(1, 1)
	d.takes(t, list{one}, withRoles)
	row, err := d.Store.Account(t.Context(), one.Account.ID[:])
	must(t, err)
	a, err := d.Vault.OpenAccount(row)
	must(t, err)
	facts := a.Facts()
	facts.RecoveryCodes, facts.CodesSaved, facts.CodesMade = [][]byte{make([]byte, 16)}, true, start
	next, err := d.Vault.SealAccount(facts, 2)
	must(t, err)
	d.intrude(t, "UPDATE accounts SET version = 2, body = ? WHERE key = ?", next.Body, next.Key)
	file, id, done := d.export(t)
	if done.Codes != 1 || done.Faults != 0 {
		t.Errorf("exported %+v", done)
	}
	var got list
	must(t, read(t, bytes.NewReader(file), d.Vault.ExportKey(), id, &got))
	equal(t, got, list{one})
}
