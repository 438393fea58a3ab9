package record

import (
	"bytes"
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// typical is a row of each kind as most accounts have them: one passkey of a phone, of
// the sizes that phones send.
func typical(b *testing.B, v *Vault) (owner AccountFacts, account store.Row, credential store.Credential) {
	b.Helper()
	facts := passkey()
	facts.ID, facts.PublicKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 77)
	facts.AttestationObject = bytes.Repeat([]byte{3}, 200)
	owner = person(v, 1)
	owner.UserHandle = bytes.Repeat([]byte{'h'}, 43)
	owner.Ways[0].Credential = v.LookupCredential(facts.RPID, facts.ID)
	account, err := v.SealAccount(owner, 1)
	if err != nil {
		b.Fatal(err)
	}
	credential, err = v.SealCredential(NewCredential{facts, UseFacts{Edition: 1, SignCount: 5}, 7, "Laptop", owner})
	if err != nil {
		b.Fatal(err)
	}
	return owner, account, credential
}

// measure runs one operation, which must succeed.
func measure(b *testing.B, do func() error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAccount(b *testing.B) {
	v := openVault(b)
	_, row, _ := typical(b, v)
	measure(b, func() error { _, err := v.OpenAccount(row); return err })
}

func BenchmarkOpenCredential(b *testing.B) {
	v := openVault(b)
	_, accountRow, row := typical(b, v)
	a, err := v.OpenAccount(accountRow)
	if err != nil {
		b.Fatal(err)
	}
	measure(b, func() error { _, err := v.OpenCredential(row, a); return err })
}

func BenchmarkSealAccount(b *testing.B) {
	v := openVault(b)
	owner, _, _ := typical(b, v)
	measure(b, func() error { _, err := v.SealAccount(owner, 1); return err })
}

func BenchmarkSealCredential(b *testing.B) {
	v := openVault(b)
	owner, _, _ := typical(b, v)
	made := NewCredential{passkey(), UseFacts{Edition: 1, SignCount: 5}, 7, "Laptop", owner}
	measure(b, func() error { _, err := v.SealCredential(made); return err })
}

func BenchmarkSealUse(b *testing.B) {
	v := openVault(b)
	_, accountRow, row := typical(b, v)
	a, err := v.OpenAccount(accountRow)
	if err != nil {
		b.Fatal(err)
	}
	c, err := v.OpenCredential(row, a)
	if err != nil {
		b.Fatal(err)
	}
	measure(b, func() error { _, _, err := v.SealUse(c, UseFacts{Edition: 1, SignCount: 6}); return err })
}

func BenchmarkSealSession(b *testing.B) {
	v := openVault(b)
	facts := visit()
	facts.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	measure(b, func() error { _, err := v.SealSession(facts, 1); return err })
}

func BenchmarkOpenSession(b *testing.B) {
	v := openVault(b)
	row, err := v.SealSession(visit(), 1)
	if err != nil {
		b.Fatal(err)
	}
	measure(b, func() error { _, err := v.OpenSession(row); return err })
}

func BenchmarkSealEvent(b *testing.B) {
	v := openVault(b)
	account, body := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 200)
	head := store.Head{Chain: 1, Number: 4, Link: bytes.Repeat([]byte{3}, 41)}
	measure(b, func() error { _, err := v.SealEvent(head, start, account, body); return err })
}

func BenchmarkLookupCredential(b *testing.B) {
	v := openVault(b)
	id := bytes.Repeat([]byte{1}, 32)
	b.ReportAllocs()
	for b.Loop() {
		v.LookupCredential("example.org", id)
	}
}

// BenchmarkFacts is a copy of what an account and its credential say: whoever looks at
// more than one field of either takes one.
func BenchmarkFacts(b *testing.B) {
	v := openVault(b)
	_, accountRow, row := typical(b, v)
	a, err := v.OpenAccount(accountRow)
	if err != nil {
		b.Fatal(err)
	}
	c, err := v.OpenCredential(row, a)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if a.Facts().ID == c.Facts().Passkey {
			b.Fatal("two things of one name")
		}
	}
}
