package keyturn_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// shownMail is a mail on the page of a development server.
type shownMail struct {
	ID, To, Subject, Text, HTML string
}

// read gets a JSON document of the development server.
func (h *host) read(t *testing.T, path string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.origin()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(body, into) != nil {
		t.Fatalf("%s: %d %s %v", path, answer.StatusCode, body, err)
	}
}

// awaitMail waits for the mail to an address.
func (h *host) awaitMail(t *testing.T, to string) (m shownMail) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		var list struct{ Mails []shownMail }
		h.read(t, "/dev/mails", &list)
		for _, listed := range list.Mails {
			if listed.To == to {
				h.read(t, "/dev/mails/"+listed.ID, &m)
				return m
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no mail to %s among %+v", to, list.Mails)
		}
	}
}

// run does a server's work in the background until the test ends.
func run(t *testing.T, server *keyturn.Server) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestMailInDevelopment: what is owed is sent, and a server at home shows it.
func TestMailInDevelopment(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen, set.OperatorName = strings.TrimPrefix(h.URL, "http://"), "Example"
	server := open(t, keyturn.Config{Settings: set})
	h.handler = server
	run(t, server)
	h.post(t, "/v1/sign-in/email", "", map[string]any{"email": "ana@example.com"})
	m := h.awaitMail(t, "ana@example.com")
	link := h.origin() + "/link#"
	if !strings.Contains(m.Text, link) || !strings.Contains(m.HTML, link) || !strings.Contains(m.Subject, "Example") {
		t.Errorf("mail %+v", m)
	}
	if _, err := server.Operator().Invite(t.Context(), keyturn.Invitation{Email: "ben@example.com", Send: true}); err != nil {
		t.Fatal(err)
	}
	if m := h.awaitMail(t, "ben@example.com"); !strings.Contains(m.Text, h.origin()+"/sign-up#") {
		t.Errorf("mail %+v", m)
	}
}

// TestInvitation: where sign-up is by invitation, a link opens one account.
func TestInvitation(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen, set.SignUp = strings.TrimPrefix(h.URL, "http://"), "invite"
	server := open(t, keyturn.Config{Settings: set})
	h.handler = server
	link, err := server.Operator().Invite(t.Context(), keyturn.Invitation{Role: "support", DisplayName: "Ana Lima"})
	if err != nil {
		t.Fatal(err)
	}
	_, invitation, ok := strings.Cut(link.URL, h.origin()+"/sign-up#ticket=")
	if left := time.Until(link.Expires); !ok || left < 6*24*time.Hour || left > 7*24*time.Hour {
		t.Fatalf("link %+v", link)
	}
	options := h.post(t, "/v1/sign-up/passkey/options", "", map[string]any{"username": "ana", "ticket": invitation})
	answer, err := webauthntest.New(webauthntest.Phone()).Create(options["publicKey"], webauthntest.Client{Origin: h.origin()})
	if err != nil {
		t.Fatal(err)
	}
	parse(t, h.post(t, "/v1/sign-up/passkey", "", map[string]any{"credential": json.RawMessage(answer)}))
	accounts, _, err := server.Operator().Accounts(t.Context(), [16]byte{}, 10)
	if err != nil || len(accounts) != 1 || accounts[0].Role != "support" {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
}

// TestMailSettings: each way to send opens without asking anybody, and a mistake in what
// mails look like is told at start.
func TestMailSettings(t *testing.T) {
	for _, way := range []string{"smtp://me:secret@mail.example.com", "smtps://mail.example.com", "ses://eu-central-1", ""} {
		set := production(t, "https://login.example.com")
		if set.Mail = way; way != "" {
			set.MailFrom = "Example <login@example.com>"
		}
		open(t, keyturn.Config{Settings: set})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "en", "notice.txt")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{{.Nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := production(t, "https://login.example.com")
	set.Mail, set.MailFrom, set.MailTemplates = "smtp://me:secret@mail.example.com", "login@example.com", dir
	if _, err := keyturn.New(t.Context(), keyturn.Config{Settings: set}); err == nil || !strings.Contains(err.Error(), "notice.txt") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a template that cannot be read: %v", err)
	}
}
