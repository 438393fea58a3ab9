package mail

import (
	"fmt"
	"testing"
)

func TestShelf(t *testing.T) {
	s := NewShelf(3)
	send := func(n int, subject string) {
		t.Helper()
		m := message()
		m.ID, m.Subject = fmt.Sprintf("%d@example.com", n), subject
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		send(n, "first")
	}
	send(3, "again")
	got := s.List()
	if len(got) != 3 || got[0].ID != "4@example.com" || got[1].ID != "3@example.com" || got[1].Subject != "again" || got[2].ID != "2@example.com" {
		t.Errorf("%+v", got)
	}
	for id, want := range map[string]bool{"4": true, "4@example.com": true, "1": false, "": false, "4@example.org": false} {
		if m, ok := s.Get(id); ok != want || ok && m.ID != "4@example.com" {
			t.Errorf("%q: %+v %v", id, m, ok)
		}
	}
	got[0].Subject = "changed"
	if s.List()[0].Subject == "changed" {
		t.Error("the list is the shelf's own")
	}
	if NewShelf(0).limit != DefaultShelf {
		t.Error("no limit")
	}
}
