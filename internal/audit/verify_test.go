package audit_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
)

// heads are those that an operator keeps of a walk.
func heads(t *testing.T, w *ceremonytest.World, kept []audit.Head) (found []audit.Head, faults []audit.Fault) {
	t.Helper()
	reports, err := w.Audit.Verify(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		found = append(found, r.Head)
		faults = append(faults, r.Fault)
	}
	return found, faults
}

// more appends events to every chain.
func more(t *testing.T, w *ceremonytest.World) {
	t.Helper()
	for range 2 * w.Store.Chains() {
		if err := w.Store.Append(t.Context(), w.Audit.Event(audit.Entry{Name: audit.AttemptsFailed})); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifyAgainstKeptHeads: what was written since changes nothing; what was taken away,
// or is another past, shows.
func TestVerifyAgainstKeptHeads(t *testing.T) {
	for name, c := range map[string]struct {
		meddle func(*ceremonytest.Intruder, []audit.Head) // with chain 1
		want   audit.Fault
	}{
		"nothing": {func(*ceremonytest.Intruder, []audit.Head) {}, ""},
		"the end is gone": {func(i *ceremonytest.Intruder, kept []audit.Head) {
			i.Do("DELETE FROM events WHERE chain = 1 AND number >= ?", int64(kept[1].Number))
		}, audit.FaultShortened},
		"all is gone": {func(i *ceremonytest.Intruder, _ []audit.Head) { i.Do("DELETE FROM events WHERE chain = 1") }, audit.FaultShortened},
		"one is gone": {func(i *ceremonytest.Intruder, _ []audit.Head) {
			i.Do("DELETE FROM events WHERE chain = 1 AND number = 2")
		}, audit.FaultTampered},
		"one is edited": {func(i *ceremonytest.Intruder, _ []audit.Head) {
			i.Do("UPDATE events SET body = zeroblob(80) WHERE chain = 1 AND number = 2")
		}, audit.FaultTampered},
		"another past": {func(_ *ceremonytest.Intruder, kept []audit.Head) {
			kept[1].Link = bytes.Repeat([]byte{1}, len(kept[1].Link))
		}, audit.FaultReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := life(t)
			kept, faults := heads(t, w, nil)
			if !slices.Equal(faults, make([]audit.Fault, len(faults))) {
				t.Fatalf("faults %q", faults)
			}
			if c.want != audit.FaultShortened {
				more(t, w)
			}
			c.meddle(w.Intrude(t), kept)
			found, faults := heads(t, w, kept)
			for chain, fault := range faults {
				if want := map[bool]audit.Fault{true: c.want}[chain == 1]; fault != want {
					t.Errorf("chain %d: %q, want %q", chain, fault, want)
				}
			}
			if c.want == "" && (found[1].Number <= kept[1].Number || bytes.Equal(found[1].Link, kept[1].Link)) {
				t.Errorf("head %+v after %+v", found[1], kept[1])
			}
		})
	}
}

// TestAKeptHeadOfNoChain: chains do not vanish.
func TestAKeptHeadOfNoChain(t *testing.T) {
	w, _ := life(t)
	chain := w.Store.Chains()
	reports, err := w.Audit.Verify(t.Context(), []audit.Head{{Chain: chain, Number: 1, Link: []byte{1}}})
	if err != nil || reports[chain].Fault != audit.FaultShortened {
		t.Errorf("%+v, %v", reports, err)
	}
}

// TestPart: any part is read and verified by itself; one that does not verify is not given.
func TestPart(t *testing.T) {
	w, _ := life(t)
	whole, err := read(t, w.Audit, 1)
	if err != nil {
		t.Fatal(err)
	}
	for after := range uint64(len(whole)) + 2 {
		part, err := w.Audit.Part(t.Context(), 1, after, 3)
		want := whole[min(int(after), len(whole)):min(int(after)+3, len(whole))]
		if err != nil || len(part) != len(want) {
			t.Fatalf("after %d: %d events, %v, want %d", after, len(part), err, len(want))
		}
		for i := range part {
			if part[i].ID != want[i].ID {
				t.Errorf("after %d: event %d is %+v", after, i, part[i])
			}
		}
	}
	w.Intrude(t).Do("UPDATE events SET at = at + 1 WHERE chain = 1 AND number = 4")
	part, err := w.Audit.Part(t.Context(), 1, 1, 5)
	if len(part) != 2 || err != nil {
		t.Errorf("up to it: %d events, %v", len(part), err)
	}
	var tampered *record.Tampered
	if part, err = w.Audit.Part(t.Context(), 1, 3, 5); len(part) != 0 || !errors.As(err, &tampered) {
		t.Errorf("from it: %d events, %v", len(part), err)
	}
}

// TestLatest: everything, once, newest first, whatever a page holds; what is written while
// somebody reads on shifts nothing.
func TestLatest(t *testing.T) {
	for _, limit := range []int{1, 3, 7, 1000} {
		w, written := life(t)
		seen := map[record.ID]bool{}
		var last audit.Record
		for cursor := []byte(nil); ; {
			list, next, err := w.Audit.Latest(t.Context(), cursor, limit)
			if err != nil || len(list) > limit {
				t.Fatal(len(list), err)
			}
			for _, r := range list {
				if seen[r.ID] || last.ID != (record.ID{}) && r.At.After(last.At) {
					t.Errorf("limit %d: %+v after %+v", limit, r, last)
				}
				seen[r.ID], last = true, r
			}
			if next == nil {
				break
			}
			more(t, w)
			cursor = next
		}
		if len(seen) != written {
			t.Errorf("limit %d: %d events of %d", limit, len(seen), written)
		}
		list, _, err := w.Audit.Latest(t.Context(), nil, 1000)
		if limit < 1000 && (err != nil || len(list) <= written) {
			t.Errorf("again: %d events, %v", len(list), err)
		}
	}
	w, _ := life(t)
	for _, cursor := range [][]byte{{}, {1}, make([]byte, 8*w.Store.Chains()+1)} {
		if _, _, err := w.Audit.Latest(t.Context(), cursor, 1); !errors.Is(err, audit.ErrCursor) {
			t.Errorf("cursor %x: %v", cursor, err)
		}
	}
	i := w.Intrude(t)
	i.Do("UPDATE events SET account = zeroblob(40) WHERE chain = 1 AND number = 1")
	if list, _, err := w.Audit.Latest(t.Context(), nil, 1000); err != nil || len(list) == 0 {
		t.Errorf("with one that was tampered with: %d, %v", len(list), err)
	}
}
