package sqlite

import (
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

// most is how many hits the largest store.Rate looks at.
const most = 64

// TestHitsStaySmall: whoever hits a key again and again does not make its row grow.
func TestHitsStaySmall(t *testing.T) {
	s := openTest(t, Config{})
	for n := range 3 * most {
		wait, err := s.Hit(t.Context(), store.Hits{
			At:   dawn.Add(time.Duration(n) * time.Second),
			Hits: []store.Hit{{Key: key("hit"), Rates: []store.Rate{{Count: 1, Per: time.Second}}}},
		})
		if wait != 0 || err != nil {
			t.Fatalf("hit %d: wait %v, %v", n, wait, err)
		}
	}
	inWriter(t, s, func(conn *sqlite.Conn) error {
		size, err := number(conn, "SELECT max(length(body)) FROM hits")
		if size != 8*most {
			t.Errorf("%d bytes, want %d", size, 8*most)
		}
		return err
	})
}

// TestMailsByIndex: what is due is found and ordered without reading the rest.
func TestMailsByIndex(t *testing.T) {
	s := openTest(t, Config{})
	var plan []string
	inWriter(t, s, func(conn *sqlite.Conn) error {
		_, err := scanRows(conn, "EXPLAIN QUERY PLAN "+findDueMails, func(stmt *sqlite.Stmt) {
			plan = append(plan, stmt.ColumnText(3))
		}, 0, 1)
		return err
	})
	if len(plan) != 1 || plan[0] != "SEARCH mails USING INDEX mails_due (due<?)" {
		t.Errorf("plan %q", plan)
	}
}
