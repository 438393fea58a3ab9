package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/mail"
)

// shelf is a mailbox with one mail.
type shelf struct{}

func (shelf) List() []ShownMail {
	m, _ := shelf{}.Get("one")
	return []ShownMail{m}
}

func (shelf) Get(id string) (ShownMail, bool) {
	return ShownMail{
		ID: "one", To: "ana@example.com", Subject: "Hello", At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Text: "Hello", HTML: "<html><head></head><body><a href=\"https://example.com\">x</a></body></html>",
	}, id == "one"
}

// TestMailbox: mails are shown in development, to whoever sits at the machine, and in a
// frame that runs nothing.
func TestMailbox(t *testing.T) {
	shown := func(c *Config) { c.Mailbox = shelf{} }
	s := newSite(t, development, shown)
	here := []with{host("localhost:8080"), from("127.0.0.1:50000")}
	if got := s.get("/dev/mails", here...).want(http.StatusOK); string(got.body) !=
		`{"mails":[{"id":"one","to":"ana@example.com","subject":"Hello","at":"2026-11-21T12:00:00Z"}]}`+"\n" {
		t.Errorf("list %s", got.body)
	}
	var one mailAnswer
	if s.get("/dev/mails/one", here...).want(http.StatusOK).json(&one); one.Text != "Hello" || one.HTML == "" {
		t.Errorf("mail %+v", one)
	}
	frame := s.get("/dev/mails/one/html", here...).want(http.StatusOK)
	if policy := frame.header.Get("Content-Security-Policy"); policy != mailPolicy || strings.Contains(policy, "allow-scripts") ||
		strings.Contains(policy, "allow-same-origin") || !strings.Contains(policy, "; sandbox ") {
		t.Errorf("policy %s", policy)
	}
	if frame.header.Get("X-Frame-Options") != "SAMEORIGIN" || frame.header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(string(frame.body), `<head><base target="_blank"></head>`) {
		t.Errorf("frame %v %s", frame.header, frame.body)
	}
	page := s.get("/dev/mail", here...).want(http.StatusOK)
	if policy := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, contentPolicy) || !strings.HasSuffix(policy, "; frame-src 'self'") {
		t.Errorf("page's policy %s", policy)
	}
	s.get("/dev/mails/two", here...).wantCode(codeNotFound)
	s.get("/dev/mails/two/html", here...).wantCode(codeNotFound)

	for name, other := range map[string]*site{
		"production": newSite(t, shown), "mails are sent": newSite(t, development),
	} {
		for _, path := range []string{"/dev/mail", "/dev/mails", "/dev/mails/one", "/dev/mails/one/html"} {
			edits := here
			if name == "production" {
				edits = here[1:]
			}
			if got := other.get(path, edits...); got.status != http.StatusNotFound {
				t.Errorf("%s: %s: %d", name, path, got.status)
			}
		}
	}
	for _, path := range []string{"/dev/mail", "/dev/mails", "/dev/mails/one", "/dev/mails/one/html"} {
		s.get(path, slices.Concat(here, []with{from("192.0.2.1:1")})...).wantCode(codeNotFound)
		s.get(path, slices.Concat(here, []with{header("X-Forwarded-For", "127.0.0.1")})...).wantCode(codeNotFound)
		s.get(path, host("evil.example"), from("127.0.0.1:1")).wantCode(codeMisdirected)
	}
}

// TestMailOwed: whoever sends mails hears that one was asked for, whoever it was for.
func TestMailOwed(t *testing.T) {
	heard := 0
	s := newSite(t, func(c *Config) { c.MailOwed = func() { heard++ } })
	s.ask(mail.KindSignIn, fields{"email": s.resident()})
	s.post("/v1/sign-in/email", fields{"email": newAddress()}, anywhere()).want(http.StatusAccepted)
	if s.post("/v1/sign-in/email", fields{"email": "nobody"}); heard != 2 {
		t.Errorf("heard %d times", heard)
	}
}
