package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// read walks one chain and gives what it yielded before it stopped.
func read(t *testing.T, log *audit.Log, chain uint32) ([]audit.Record, error) {
	t.Helper()
	var records []audit.Record
	err := log.Walk(t.Context(), chain, func(r audit.Record) error {
		records = append(records, r)
		return nil
	})
	return records, err
}

// life makes a store with a past: people, sign-ins, failures, and at least eight
// events in every chain.
func life(t *testing.T) (w *ceremonytest.World, written int) {
	t.Helper()
	w = ceremonytest.New(t)
	for _, name := range []string{"ana", "bob"} {
		a := webauthntest.New(webauthntest.Phone())
		w.SignUp(t, a, name)
		if _, err := w.Finish(t, w.Assert(t, a, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(t, w.Assert(t, a, name, webauthntest.SignWithNewKey())); err == nil {
			t.Fatal("a wrong key signed in")
		}
	}
	if err := w.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 32 {
		entry := audit.Entry{Name: audit.AccountLinkMade, Account: record.ID{15: byte(i + 1)}, Code: fmt.Sprint(i)}
		if err := w.Store.Append(t.Context(), w.Audit.Event(entry.By(ceremonytest.Request().Caller))); err != nil {
			t.Fatal(err)
		}
	}
	return w, 2*2 + 1 + 32
}

func TestWalkReadsWhatWasWritten(t *testing.T) {
	w, written := life(t)
	names := map[audit.Name]int{}
	total := 0
	for chain := range w.Store.Chains() {
		records, err := read(t, w.Audit, chain)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			if r.Chain != chain || r.Number != uint64(i+1) || !r.At.Equal(w.Clock.Now()) {
				t.Fatalf("event %d of chain %d reads as %+v", i+1, chain, r)
			}
			names[r.Name]++
			if r.Name == audit.SignedIn && (r.AAL != 2 || r.Network != "192.0.2.1/32" || r.Agent != "test" || r.Door != ceremonytest.Door || r.Request != "test") {
				t.Fatalf("a sign-in was remembered as %+v", r)
			}
			if r.Name == audit.AttemptsFailed && r.Counts["sign_in/signature_invalid"] != 2 {
				t.Fatalf("failures were remembered as %+v", r.Counts)
			}
		}
		total += len(records)
	}
	if total != written {
		t.Fatalf("%d events, want %d", total, written)
	}
	if names[audit.AccountSignedUp] != 2 || names[audit.SignedIn] != 2 || names[audit.AttemptsFailed] != 1 {
		t.Fatalf("events %v", names)
	}
}

// short answers a few events at a time, so that a walk takes many pages.
type short struct{ store.Events }

func (s short) Chain(ctx context.Context, chain uint32, after uint64, limit int) ([]store.Event, error) {
	return s.Events.Chain(ctx, chain, after, min(limit, 3))
}

func TestWalkGoesThroughPages(t *testing.T) {
	w, _ := life(t)
	log := audit.New(audit.Config{Vault: w.Vault, Store: short{w.Store}, Now: w.Clock.Now})
	whole, err := read(t, w.Audit, 0)
	if err != nil {
		t.Fatal(err)
	}
	paged, err := read(t, log, 0)
	if err != nil || len(paged) != len(whole) {
		t.Fatalf("%d events by pages, %d at once: %v", len(paged), len(whole), err)
	}
}

func TestWalkStopsAtTheErrorOfYield(t *testing.T) {
	w, _ := life(t)
	stop, seen := errors.New("enough"), 0
	err := w.Audit.Walk(t.Context(), 0, func(audit.Record) error {
		seen++
		return stop
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Fatalf("walk went on after %d events: %v", seen, err)
	}
}

const (
	columns = "chain, number, at, account, link, body"
	insert  = "INSERT INTO events (" + columns + ") VALUES (?, ?, ?, ?, ?, ?)"
)

// TestTamperedEvents: whoever edits, removes, moves or copies an event in the middle
// of a chain is found, by name, at that event, and the other chains still verify.
func TestTamperedEvents(t *testing.T) {
	const chain = 1
	event := func(i *ceremonytest.Intruder, number int64) []any {
		return i.Row("SELECT "+columns+" FROM events WHERE chain = ? AND number = ?", chain, number)
	}
	last := func(i *ceremonytest.Intruder, chain int) int64 {
		return i.Row("SELECT max(number) FROM events WHERE chain = ?", chain)[0].(int64)
	}
	set := func(column string, change func(i *ceremonytest.Intruder, row []any) any) func(*ceremonytest.Intruder) {
		return func(i *ceremonytest.Intruder) {
			i.Do("UPDATE events SET "+column+" = ? WHERE chain = ? AND number = 4", change(i, event(i, 4)), chain)
		}
	}
	flip := func(v any) any { b := v.([]byte); b[len(b)-1] ^= 1; return b }
	for _, c := range []struct {
		name   string
		tamper func(i *ceremonytest.Intruder)
		intact int // events that verify before the first that does not
	}{
		{"body edited", set("body", func(_ *ceremonytest.Intruder, row []any) any { return flip(row[5]) }), 3},
		{"body emptied", set("body", func(*ceremonytest.Intruder, []any) any { return []byte{} }), 3},
		{"body of another", set("body", func(i *ceremonytest.Intruder, _ []any) any { return event(i, 5)[5] }), 3},
		{"link edited", set("link", func(_ *ceremonytest.Intruder, row []any) any { return flip(row[4]) }), 3},
		{"link of another", set("link", func(i *ceremonytest.Intruder, _ []any) any { return event(i, 5)[4] }), 3},
		{"moved in time", set("at", func(_ *ceremonytest.Intruder, row []any) any { return row[2].(int64) - 1 }), 3},
		{"blamed on another", set("account", func(*ceremonytest.Intruder, []any) any { return make([]byte, 16) }), 3},
		{"deleted", func(i *ceremonytest.Intruder) { i.Do("DELETE FROM events WHERE chain = ? AND number = 4", chain) }, 3},
		{"deleted and the rest renumbered", func(i *ceremonytest.Intruder) {
			i.Do("DELETE FROM events WHERE chain = ? AND number = 4", chain)
			for n := int64(5); n <= last(i, chain); n++ {
				i.Do("UPDATE events SET number = ? WHERE chain = ? AND number = ?", n-1, chain, n)
			}
		}, 3},
		{"the first deleted", func(i *ceremonytest.Intruder) { i.Do("DELETE FROM events WHERE chain = ? AND number = 1", chain) }, 0},
		{"reordered", func(i *ceremonytest.Intruder) {
			i.Do("UPDATE events SET number = -4 WHERE chain = ? AND number = 4", chain)
			i.Do("UPDATE events SET number = 4 WHERE chain = ? AND number = 5", chain)
			i.Do("UPDATE events SET number = 5 WHERE chain = ? AND number = -4", chain)
		}, 3},
		{"copied over another", func(i *ceremonytest.Intruder) {
			row := event(i, 3)
			row[1] = int64(4)
			i.Do("DELETE FROM events WHERE chain = ? AND number = 4", chain)
			i.Do(insert, row...)
		}, 3},
		{"copied from another chain", func(i *ceremonytest.Intruder) {
			row := i.Row("SELECT " + columns + " FROM events WHERE chain = 2 AND number = 4")
			row[0] = int64(chain)
			i.Do("DELETE FROM events WHERE chain = ? AND number = 4", chain)
			i.Do(insert, row...)
		}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, _ := life(t)
			c.tamper(w.Intrude(t))
			records, err := read(t, w.Audit, chain)
			var tampered *record.Tampered
			if !errors.As(err, &tampered) || tampered.Code != "event_record_tampered" {
				t.Fatalf("error %v, want event_record_tampered", err)
			}
			if len(records) != c.intact {
				t.Fatalf("%d events verified before it, want %d", len(records), c.intact)
			}
			for other := range w.Store.Chains() {
				if other == chain {
					continue
				}
				if _, err := read(t, w.Audit, other); err != nil {
					t.Fatalf("chain %d: %v", other, err)
				}
			}
		})
	}
}

// TestCopiedToTheEnd: an event that happened once is not made to have happened twice.
func TestCopiedToTheEnd(t *testing.T) {
	w, _ := life(t)
	i := w.Intrude(t)
	before, err := read(t, w.Audit, 1)
	if err != nil {
		t.Fatal(err)
	}
	row := i.Row("SELECT " + columns + " FROM events WHERE chain = 1 AND number = 4")
	row[1] = int64(len(before) + 1)
	i.Do(insert, row...)
	after, err := read(t, w.Audit, 1)
	var tampered *record.Tampered
	if !errors.As(err, &tampered) || tampered.Code != "event_record_tampered" || len(after) != len(before) {
		t.Fatalf("%d events, then %v", len(after), err)
	}
}

// TestCutEndShowsInTheNumber: a chain whose end was cut off verifies; what gives it
// away is the last number, for whoever kept it elsewhere.
func TestCutEndShowsInTheNumber(t *testing.T) {
	w, _ := life(t)
	before, err := read(t, w.Audit, 1)
	if err != nil {
		t.Fatal(err)
	}
	w.Intrude(t).Do("DELETE FROM events WHERE chain = 1 AND number = ?", len(before))
	after, err := read(t, w.Audit, 1)
	if err != nil || len(after) != len(before)-1 {
		t.Fatalf("%d events, %v; want one fewer than %d", len(after), err, len(before))
	}
}
