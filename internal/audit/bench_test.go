package audit_test

import (
	"bytes"
	"testing"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// BenchmarkEvent is the event of a sign-in, sealed and chained. Appending it to the
// store is not measured.
func BenchmarkEvent(b *testing.B) {
	w := ceremonytest.New(b)
	caller := ceremonytest.Request().Caller
	head := store.Head{Chain: 1, Number: 4, Link: bytes.Repeat([]byte{3}, 41)}
	b.ReportAllocs()
	for b.Loop() {
		write := w.Audit.Event(audit.Entry{
			Name: audit.SignedIn, Account: record.ID{1}, Session: record.ID{2}, Passkey: record.ID{3},
			AAL: 2, Reasons: []string{"user_verified", "synced"},
		}.By(caller), audit.Owed{})
		if _, err := write(head); err != nil {
			b.Fatal(err)
		}
	}
}
