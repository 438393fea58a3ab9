package audit_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
)

var somebody, other = record.ID{15: 1}, record.ID{15: 2}

// happen appends an event.
func happen(t *testing.T, w *ceremonytest.World, e audit.Entry) {
	t.Helper()
	if err := w.Store.Append(t.Context(), w.Audit.Event(e.By(ceremonytest.Request().Caller))); err != nil {
		t.Fatal(err)
	}
}

// of reads all events of an account, so many at a time, and demands that each part but
// the last has a cursor.
func of(t *testing.T, w *ceremonytest.World, account record.ID, limit int) []audit.Record {
	t.Helper()
	var all []audit.Record
	for cursor, n := []byte(nil), 0; ; n++ {
		part, next, err := w.Audit.Of(t.Context(), account, cursor, limit)
		if err != nil || len(part) > limit || n > 100 {
			t.Fatalf("part %d: %d events, %v", n, len(part), err)
		}
		all = append(all, part...)
		if next == nil {
			return all
		}
		cursor = next
	}
}

// TestOf: a person's own events, newest first, each once, however many at a time.
func TestOf(t *testing.T) {
	w := ceremonytest.New(t)
	for i := range 9 {
		if i%3 == 0 {
			w.Clock.Advance(time.Second)
		}
		happen(t, w, audit.Entry{Name: audit.SignedIn, Account: somebody, Session: record.ID{15: byte(i)}, AAL: 2})
		happen(t, w, audit.Entry{Name: audit.SignedIn, Account: other})
		w.Audit.Fail(t.Context(), audit.Caller{}, "sign_in", "x")
		if err := w.Audit.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := of(t, w, somebody, 100)
	if len(all) != 9 {
		t.Fatalf("%d events, want 9", len(all))
	}
	ids := map[record.ID]bool{}
	for i, r := range all {
		if r.Account != somebody || r.Agent != "test" || r.Network != "192.0.2.1/32" || r.AAL != 2 {
			t.Errorf("event %d reads as %+v", i, r)
		}
		if i > 0 && r.At.After(all[i-1].At) {
			t.Errorf("event %d is later than the one before it", i)
		}
		ids[r.ID] = true
	}
	if len(ids) != len(all) {
		t.Errorf("%d identifiers of %d events", len(ids), len(all))
	}
	for limit := 1; limit <= 10; limit++ {
		if got := fmt.Sprint(of(t, w, somebody, limit)); got != fmt.Sprint(all) {
			t.Errorf("%d at a time: %s\nwant %v", limit, got, all)
		}
	}
	if none := of(t, w, record.ID{15: 3}, 5); len(none) != 0 {
		t.Errorf("a stranger has %d events", len(none))
	}
}

// TestOfWalk: what a person is told of an event is what its chain says.
func TestOfWalk(t *testing.T) {
	w, _ := life(t)
	walked := map[record.ID]string{}
	for chain := range w.Store.Chains() {
		records, err := read(t, w.Audit, chain)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			walked[r.ID] = fmt.Sprint(r)
			if r.Account == (record.ID{}) {
				continue
			}
			mine := of(t, w, r.Account, 2)
			if !slices.ContainsFunc(mine, func(m audit.Record) bool { return fmt.Sprint(m) == fmt.Sprint(r) }) {
				t.Errorf("%+v is not among the events of its person", r)
			}
		}
	}
	if len(walked) != 37 {
		t.Errorf("%d identifiers of 37 events", len(walked))
	}
}

func TestOfRefusesCursors(t *testing.T) {
	w := ceremonytest.New(t)
	for range 2 {
		happen(t, w, audit.Entry{Name: audit.SignedIn, Account: somebody})
		happen(t, w, audit.Entry{Name: audit.SignedIn, Account: other})
	}
	_, theirs, err := w.Audit.Of(t.Context(), other, nil, 1)
	if err != nil || theirs == nil {
		t.Fatal(err)
	}
	for name, cursor := range map[string][]byte{"empty": {}, "noise": []byte("noise"), "somebody else's": theirs} {
		if _, _, err := w.Audit.Of(t.Context(), somebody, cursor, 1); !errors.Is(err, audit.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOfTampered: what a writer to the database makes up is not shown, and an alarm
// says so; the rest is.
func TestOfTampered(t *testing.T) {
	for name, tamper := range map[string]string{
		"a body edited":         "UPDATE events SET body = zeroblob(300) WHERE chain = 1 AND number = 1",
		"another's for one's":   "UPDATE events SET account = x'00000000000000000000000000000001' WHERE account = x'00000000000000000000000000000002' AND chain = 1",
		"moved in time":         "UPDATE events SET at = at + 1 WHERE chain = 1 AND number = 1",
		"copied from elsewhere": "UPDATE events SET body = (SELECT body FROM events WHERE chain = 2 AND number = 1) WHERE chain = 1 AND number = 1",
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			for range 8 {
				happen(t, w, audit.Entry{Name: audit.SignedIn, Account: somebody})
			}
			for range 8 {
				happen(t, w, audit.Entry{Name: audit.SignedIn, Account: other})
			}
			whole := of(t, w, somebody, 3)
			w.Intrude(t).Do(tamper)
			left := of(t, w, somebody, 3)
			want := len(whole)
			if name != "another's for one's" {
				want--
			}
			if len(left) != want {
				t.Errorf("%d events, want %d", len(left), want)
			}
			for _, r := range left {
				if !slices.ContainsFunc(whole, func(o audit.Record) bool { return fmt.Sprint(o) == fmt.Sprint(r) }) {
					t.Errorf("made up: %+v", r)
				}
			}
			if !strings.Contains(w.Journal.String(), `"alarm":"event_record_tampered"`) {
				t.Error("no alarm")
			}
		})
	}
}

// TestOfShowsWhatIsPersonal: every name there is was judged, and what is not a
// person's is not shown even under their account.
func TestOfShowsWhatIsPersonal(t *testing.T) {
	w := ceremonytest.New(t)
	hidden := []audit.Name{audit.AttemptsFailed, audit.StoreImported, audit.StoreExported}
	var want []audit.Name
	for _, name := range append(names(t, "audit.go"), names(t, "moved.go")...) {
		happen(t, w, audit.Entry{Name: name, Account: somebody})
		if !slices.Contains(hidden, name) {
			want = append(want, name)
		}
	}
	happen(t, w, audit.Entry{Name: "invented.later", Account: somebody})
	var got []audit.Name
	for _, r := range of(t, w, somebody, 1) {
		got = append(got, r.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("shown %v\nwant %v", got, want)
	}
}

// names are the constants of type Name, from a file of the source.
func names(t *testing.T, source string) []audit.Name {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []audit.Name
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Name" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, audit.Name(text))
		}
		return true
	})
	if len(all) < 3 {
		t.Fatalf("%d names in %s", len(all), source)
	}
	return all
}
