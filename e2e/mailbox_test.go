package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// letter is a mail as the development server shows it.
type letter struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`

	server string
}

// mailbox reads what a server sends to one address, each mail once.
type mailbox struct {
	t      *testing.T
	server string
	shelf  string // where its mails are shown: by the server itself, or by who took them
	to     string
	read   map[string]bool
}

func (s *server) mailbox(t *testing.T, to string) *mailbox {
	return &mailbox{t: t, server: s.url, shelf: s.url, to: to, read: map[string]bool{}}
}

// next waits for a mail whose subject holds some words.
func (m *mailbox) next(subject string) letter {
	m.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var list struct {
			Mails []letter `json:"mails"`
		}
		m.get("/dev/mails", &list)
		for i := len(list.Mails) - 1; i >= 0; i-- {
			if one := list.Mails[i]; one.To == m.to && !m.read[one.ID] && strings.Contains(one.Subject, subject) {
				m.read[one.ID] = true
				m.get("/dev/mails/"+url.PathEscape(one.ID), &one)
				one.server = m.server
				return one
			}
		}
		select {
		case <-deadline:
			m.t.Fatalf("no mail about %q to %s; there are %+v", subject, m.to, list.Mails)
		case <-tick.C:
		}
	}
}

func (m *mailbox) get(path string, into any) {
	m.t.Helper()
	answer, err := http.Get(m.shelf + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		m.t.Fatalf("GET %s: %v", path, err)
	}
}

// link is the path of the link in a mail that leads to a page, fragment included. The
// text and the HTML have the same one.
func (l letter) link(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(l.server+page) + `#[A-Za-z0-9_=-]+`).FindString(l.Text)
	if found == "" || !strings.Contains(l.HTML, found) {
		t.Fatalf("no link to %s in\n%s\n%s", page, l.Text, l.HTML)
	}
	return strings.TrimPrefix(found, l.server)
}
