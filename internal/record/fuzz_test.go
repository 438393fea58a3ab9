package record

import (
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// fuzzBody runs open on whatever a writer of the database puts into a body: nothing
// panics, and nothing opens that was not sealed.
func fuzzBody(f *testing.F, code string, whole []byte, open func(body []byte) error) {
	if err := open(whole); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := open(body); err != nil {
			wantTampered(t, err, code)
		} else if string(body) != string(whole) {
			t.Errorf("opened what was not sealed: %x", body)
		}
	})
}

func FuzzOpenAccount(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeAccount, r.account.Body, func(b []byte) error {
		_, err := v.OpenAccount(store.Row{Key: r.account.Key, Version: 1, Body: b})
		return err
	})
}

func FuzzOpenCredential(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	for _, part := range [][]byte{r.credential.Sealed, r.credential.Body, r.credential.Name} {
		f.Add(part, uint8(0))
		f.Add(part, uint8(1))
		f.Add(part, uint8(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, part uint8) {
		c := r.credential
		at := []*[]byte{&c.Sealed, &c.Body, &c.Name}[part%3]
		same := string(b) == string(*at)
		*at = b
		if _, err := v.OpenCredential(c, r.owner); err != nil {
			wantTampered(t, err, codeCredential)
		} else if !same {
			t.Errorf("opened what was not sealed: %x", b)
		}
	})
}

func FuzzOpenIdentifier(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeIdentifier, r.identifier.Body, func(b []byte) error {
		_, err := v.OpenIdentifier("username", "ada", store.Identifier{Key: r.identifier.Key, Account: r.identifier.Account, Body: b})
		return err
	})
}

func FuzzOpenSession(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeSession, r.session.Body, func(b []byte) error {
		s := r.session
		s.Body = b
		_, err := v.OpenSession(s)
		return err
	})
}

func FuzzOpenTicketRow(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeTicket, r.ticket.Body, func(b []byte) error {
		row := r.ticket
		row.Body = b
		_, err := v.OpenTicketRow(row)
		return err
	})
}

func FuzzOpenEvent(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeEvent, r.event.Body, func(b []byte) error {
		e := r.event
		e.Body = b
		_, err := v.OpenEvent([]byte("before"), e)
		return err
	})
}

func FuzzOpenSigningKey(f *testing.F) {
	v := openVault(f)
	r := sealAll(f, v, 1)
	fuzzBody(f, codeKey, r.signing.Body, func(b []byte) error {
		k := r.signing
		k.Body = b
		_, err := v.OpenSigningKey(k)
		return err
	})
}
