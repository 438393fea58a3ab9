package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// populate puts people into the table, from one number up to another, as they stand
// after their sign-up.
func populate(t testing.TB, s *Store, from, to int) {
	t.Helper()
	var list []item
	for n := from; n < to; n++ {
		v := signUp(n)
		list = append(list,
			accountItem(v.Account, v.Op).changed(single(inAccounts, v.Account.Key).key()),
			credentialItem(*v.Credential).changed(single(inCredentials, v.Credential.Key).key()))
	}
	for _, i := range list {
		i.putBytes(attrRev, make([]byte, 12))
	}
	fill(t, s, list)
}

// inOrder sorts requests, so that those that are sent at once compare.
func inOrder(list []request) []request {
	slices.SortFunc(list, func(a, b request) int {
		return cmp.Or(cmp.Compare(a.operation, b.operation), cmp.Compare(a.size, b.size))
	})
	return list
}

// TestCapacity: a sign-in sends the same requests, byte for byte as many, whether there
// are a thousand credentials or ten thousand: nothing is counted or listed across
// accounts, and no item grows with their number.
func TestCapacity(t *testing.T) {
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	now := time.Now() // the length of a lock's time does not change
	c.Now = func() time.Time { return now }
	s := openTest(t, c)
	var before []request
	people := 0
	for _, many := range []int{1000, 10_000} {
		populate(t, s, people, many)
		people = many
		w.take()
		must(t, s.RecordSignIn(t.Context(), signIn(many/2, many)))
		sent := inOrder(w.take())
		if len(sent) == 0 || writes(sent) != 6 {
			t.Fatalf("%d writes, want 6: %v", writes(sent), sent)
		}
		if before != nil {
			if len(sent) != len(before) {
				t.Fatalf("%d requests at %d credentials, before %d", len(sent), many, len(before))
			}
			for n := range sent {
				if sent[n].operation != before[n].operation || sent[n].size != before[n].size {
					t.Errorf("at %d credentials: %s of %d bytes, before: %s of %d bytes",
						many, sent[n].operation, sent[n].size, before[n].operation, before[n].size)
				}
			}
		}
		before = sent
	}
}

// TestReadsWriteNothing: whoever may only read can read, locked rows included.
func TestReadsWriteNothing(t *testing.T) {
	first := openTest(t, testConfig(t))
	seed(t, first)
	s, _ := worldAgain(t, items(t, first))
	left := 3
	s.wire.spoil = func(r request) outcome {
		if r.writes && left == 0 {
			return unsent
		}
		if r.writes {
			left--
		}
		return passes
	}
	if err := s.RecordSignIn(t.Context(), signIn(0, 1)); err == nil {
		t.Fatal("it was said to have happened")
	}
	s.wire.spoil = nil
	s.suspect.Store(false)
	s.wire.take()
	for name, read := range reads() {
		if err := read(t.Context(), s.Store); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if sent := s.wire.take(); writes(sent) != 0 || len(sent) == 0 {
			t.Errorf("%s: %v", name, sent)
		}
	}
}

// TestUnits: what each verb costs is what docs/dynamodb.md says, in a row of its table.
// Rows are about as large as real ones.
func TestUnits(t *testing.T) {
	document, err := os.ReadFile("../../../docs/dynamodb.md")
	must(t, err)
	first := openTest(t, testConfig(t))
	seed(t, first)
	world := items(t, first)
	verbs := append(attemptables(),
		attemptable{name: "a plain sign-in", do: func(ctx context.Context, s *Store) error { return s.RecordSignIn(ctx, signIn(0, 1)) }},
		attemptable{name: "a plain sign-up", do: func(ctx context.Context, s *Store) error { return s.RecordSignUp(ctx, signUp(7)) }})
	for name, read := range reads() {
		verbs = append(verbs, attemptable{name: name, do: read})
	}
	for _, v := range verbs {
		c := testConfig(t)
		w := &wire{meter: &meter{}}
		c.Transport = w
		s := openTest(t, c)
		fill(t, s, world)
		w.take()
		w.meter.take()
		must(t, v.do(t.Context(), s))
		sent := w.take()
		reads, table, indexes := w.meter.take()
		row := fmt.Sprintf("| %s | %d | %v | %v + %v |", v.name, len(sent), reads, table, indexes)
		if !strings.Contains(string(document), "\n"+row+"\n") {
			t.Errorf("docs/dynamodb.md does not say: %s", row)
		}
	}
}
