package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
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

// capacity is what a sign-in asks of the table.
type capacity struct {
	sent                   []request // in order
	reads, writes, indexes float64   // units
}

// measure signs somebody in and says what that took.
func (w *wire) measure(t *testing.T, s *Store, v store.SignIn) (c capacity) {
	t.Helper()
	w.take()
	w.meter = &meter{}
	_, _, err := s.CredentialAndAccount(t.Context(), v.Use.Key)
	must(t, err)
	must(t, s.RecordSignIn(t.Context(), v))
	c.sent = inOrder(w.take())
	c.reads, c.writes, c.indexes = w.meter.take()
	w.meter = nil
	for n := range c.sent {
		c.sent[n].call = "" // another one each time
	}
	return c
}

// at has the event of a sign-in written to a chain.
func at(chain byte, v store.SignIn) store.SignIn {
	v.Op[0] = chain
	return v
}

// TestCapacity: a sign-in sends the same requests, byte for byte as many, and consumes
// the same units, whether there are a thousand credentials or ten thousand (in full, a
// hundred thousand): nothing is counted or listed across accounts, and no item grows with
// their number.
func TestCapacity(t *testing.T) {
	t.Parallel()
	few, many := 1000, 10_000
	if os.Getenv("KEYTURN_DRILLS") == "full" {
		many = 100_000
	}
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	now := time.Now() // the length of a lock's time does not change
	c.Now = func() time.Time { return now }
	s := openTest(t, c)
	populate(t, s, 0, few)
	const chain = 10 // its number is part of what is sent
	for n := range 2 {
		must(t, s.RecordSignIn(t.Context(), at(chain, signIn(n, n))))
	}
	before := w.measure(t, s, at(chain, signIn(few/2, few)))
	if writes(before.sent) != 6 || before.reads == 0 || before.writes == 0 || before.indexes == 0 {
		t.Fatalf("%+v, want 6 writes, and units of each", before)
	}
	populate(t, s, few, many)
	if after := w.measure(t, s, at(chain, signIn(many/2, many))); !reflect.DeepEqual(after, before) {
		t.Errorf("at %d credentials: %+v\nat %d: %+v", many, after, few, before)
	}
	t.Logf("a sign-in: %d requests, %v read units, %v + %v write units, at %d and at %d credentials",
		len(before.sent), before.reads, before.writes, before.indexes, few, many)
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
	t.Parallel()
	document, err := os.ReadFile("../../../docs/dynamodb.md")
	must(t, err)
	first := openTest(t, testConfig(t))
	seed(t, first)
	for range 2 * chains { // so that no chain is empty: none is for long
		must(t, first.Append(t.Context(), telling(nil, dawn)))
	}
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
