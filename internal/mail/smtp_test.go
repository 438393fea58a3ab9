package mail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func message() Message {
	return Message{
		ID: "00112233@example.com", Date: start, From: `"Grüne Wiese" <login@example.com>`, To: "Ana@Example.org",
		Subject: "Bei Grüne Wiese anmelden", Text: "Grüße\nhttps://x/#t\n.\nEnde\n", HTML: "<p>Grüße</p>\n",
	}
}

func newSMTP(t *testing.T, url string, a *authority) *SMTP {
	t.Helper()
	cfg := SMTPConfig{URL: url}
	if a != nil {
		cfg.TLS = &tls.Config{RootCAs: a.pool}
	}
	s, err := NewSMTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parts reads the alternatives of a mail, decoded, by media type.
func parts(t *testing.T, data []byte) map[string]string {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	out := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if enc := part.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
			t.Errorf("encoded as %q", enc)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		out[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestSMTPDelivers(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct {
		options serverOptions
		scheme  string
		trust   *authority
		user    string
	}{
		"STARTTLS":               {serverOptions{tls: a.issue(t)}, "smtp://", a, ""},
		"STARTTLS with user":     {serverOptions{tls: a.issue(t), wants: "u@x:p@s/s:w"}, "smtp://u%40x:p%40s%2Fs%3Aw@", a, "u@x"},
		"implicit TLS":           {serverOptions{tls: a.issue(t), implicit: true}, "smtps://", a, ""},
		"implicit TLS with user": {serverOptions{tls: a.issue(t), implicit: true, wants: "u:p"}, "smtps://u:p@", a, "u"},
		"loopback without TLS":   {serverOptions{}, "smtp://", nil, ""},
		"loopback with user":     {serverOptions{wants: "u:p"}, "smtp://u:p@", nil, "u"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.options)
			m := message()
			if err := newSMTP(t, c.scheme+server.address, c.trust).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			got := server.got()
			if len(got) != 1 {
				t.Fatalf("%d mails", len(got))
			}
			g := got[0]
			if g.from != "login@example.com" || g.to != "Ana@example.org" && g.to != m.To || g.user != c.user || g.tls != (c.trust != nil) {
				t.Errorf("from %q to %q user %q TLS %v", g.from, g.to, g.user, g.tls)
			}
			var words mime.WordDecoder
			subject, err := words.DecodeHeader(g.header.Get("Subject"))
			if err != nil || subject != m.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			from, err := netmail.ParseAddress(g.header.Get("From"))
			if err != nil || from.Name != "Grüne Wiese" || from.Address != "login@example.com" {
				t.Errorf("from %v, %v", from, err)
			}
			date, err := g.header.Date()
			if err != nil || !date.Equal(m.Date) {
				t.Errorf("date %v, %v", date, err)
			}
			if g.header.Get("Message-Id") != "<00112233@example.com>" || g.header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("header %v", g.header)
			}
			if p := parts(t, g.data); p["text/plain; charset=UTF-8"] != m.Text || p["text/html; charset=UTF-8"] != m.HTML {
				t.Errorf("parts %q", p)
			}
		})
	}
}

// TestSMTPTrustsNobody: no mail and no password leaves over a connection that somebody
// else could read.
func TestSMTPTrustsNobody(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	for name, c := range map[string]struct {
		options serverOptions
		scheme  string
		trust   *authority
	}{
		"no STARTTLS":                   {serverOptions{wants: "u:p"}, "smtp://u:p@", a},
		"unknown authority":             {serverOptions{tls: stranger.issue(t)}, "smtp://", a},
		"unknown authority, implicit":   {serverOptions{tls: stranger.issue(t), implicit: true}, "smtps://", a},
		"system's authorities":          {serverOptions{tls: a.issue(t), implicit: true}, "smtps://", nil},
		"loopback's own authority":      {serverOptions{tls: a.issue(t)}, "smtp://", nil},
		"another host's certificate":    {serverOptions{tls: a.issue(t, "mail.example.com")}, "smtp://", a},
		"another host's, implicit":      {serverOptions{tls: a.issue(t, "mail.example.com"), implicit: true}, "smtps://", a},
		"plain where TLS should begin":  {serverOptions{}, "smtps://", a},
		"wrong password":                {serverOptions{tls: a.issue(t), wants: "u:p"}, "smtp://u:q@", a},
		"password where none is wanted": {serverOptions{tls: a.issue(t)}, "smtp://u:secret-word@", a},
		"no password where one is":      {serverOptions{tls: a.issue(t), wants: "u:p"}, "smtp://", a},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.options)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := newSMTP(t, c.scheme+server.address, c.trust).Send(ctx, message())
			if err == nil || errors.Is(err, ErrRefused) || len(server.got()) != 0 {
				t.Errorf("%v, %d mails", err, len(server.got()))
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// TestSMTPAnswers: which refusals are the last word about a mail.
func TestSMTPAnswers(t *testing.T) {
	says := func(code int, text string) func() error {
		return func() error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
		}
	}
	for name, c := range map[string]struct {
		hook  func(s *mailServer, answer func() error)
		code  int
		final bool
	}{
		"nobody of that name":   {func(s *mailServer, a func() error) { s.onRcpt = a }, 550, true},
		"mailbox is full":       {func(s *mailServer, a func() error) { s.onRcpt = a }, 452, false},
		"greylisted":            {func(s *mailServer, a func() error) { s.onRcpt = a }, 451, false},
		"who are you":           {func(s *mailServer, a func() error) { s.onRcpt = a }, 530, false},
		"content refused":       {func(s *mailServer, a func() error) { s.onData = a }, 554, true},
		"content refused today": {func(s *mailServer, a func() error) { s.onData = a }, 451, false},
		"sender refused":        {func(s *mailServer, a func() error) { s.onMail = a }, 550, false},
		"sender refused today":  {func(s *mailServer, a func() error) { s.onMail = a }, 450, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, serverOptions{})
			c.hook(server, says(c.code, "no, <Ana@Example.org> ana@example.org: "+name))
			err := newSMTP(t, "smtp://"+server.address, nil).Send(t.Context(), message())
			if err == nil || errors.Is(err, ErrRefused) != c.final {
				t.Fatalf("%v, final %v", err, errors.Is(err, ErrRefused))
			}
			if !strings.Contains(err.Error(), name) || strings.Contains(strings.ToLower(err.Error()), "ana@example.org") {
				t.Errorf("for the log: %v", err)
			}
		})
	}
}

// TestSMTPDead: a server that is gone, silent or hangs up is tried again, and none of
// them holds a worker for longer than its context.
func TestSMTPDead(t *testing.T) {
	listen := func(serve func(net.Conn)) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				serve(conn)
			}
		}()
		return listener.Addr().String()
	}
	held := make(chan net.Conn, 9)
	// A hundred times what it may take: a busy machine is slow, not broken.
	const unhurried = 30 * time.Second
	for name, address := range map[string]string{
		"nobody listens": "127.0.0.1:1",
		"silent":         listen(func(c net.Conn) { held <- c }),
		"hangs up":       listen(func(c net.Conn) { _ = c.Close() }),
		"no SMTP": listen(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			held <- c
		}),
		"silent after a greeting": listen(func(c net.Conn) {
			_, _ = io.WriteString(c, "220 mail.test\r\n")
			held <- c
		}),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			err := newSMTP(t, "smtp://"+address, nil).Send(ctx, message())
			if err == nil || errors.Is(err, ErrRefused) || time.Since(begun) > unhurried {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
		})
	}
}

// TestSMTPTakenIsTaken: a server that took a mail and then dies must not get it again.
func TestSMTPTakenIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		lines := bufio.NewScanner(conn)
		_, _ = io.WriteString(conn, "220 mail.test\r\n")
		for data := false; lines.Scan(); {
			switch line := lines.Text(); {
			case data && line != ".":
				continue
			case line == "DATA":
				data = true
				_, _ = io.WriteString(conn, "354 go on\r\n")
				continue
			case line == "RSET":
				return
			}
			data = false
			_, _ = io.WriteString(conn, "250 ok\r\n")
		}
	}()
	if err := newSMTP(t, "smtp://"+listener.Addr().String(), nil).Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
}

// TestHeaderInjection: no line end gets into a header, whichever member carries it, on
// any transport.
func TestHeaderInjection(t *testing.T) {
	server := serve(t, serverOptions{})
	transport := newSMTP(t, "smtp://"+server.address, nil)
	for name, change := range map[string]func(m *Message, evil string){
		"ID":       func(m *Message, evil string) { m.ID = "a@b" + evil },
		"sender":   func(m *Message, evil string) { m.From = "login@example.com" + evil },
		"name":     func(m *Message, evil string) { m.From = `"a` + evil + `" <login@example.com>` },
		"address":  func(m *Message, evil string) { m.To = "ana@example.org" + evil },
		"address2": func(m *Message, evil string) { m.To = evil + "ana@example.org" },
		"subject":  func(m *Message, evil string) { m.Subject = "Hello" + evil },
	} {
		for _, evil := range []string{"\r\nBcc: all@example.org", "\nBcc: all@example.org", "\r", "\x00", "\r\n\r\nbody", "\u0085Bcc: x@y"} {
			m := message()
			change(&m, evil)
			for _, tr := range []Transport{transport, NewShelf(0)} {
				if err := tr.Send(t.Context(), m); !errors.Is(err, ErrRefused) {
					t.Errorf("%s with %q: %v", name, evil, err)
				}
			}
		}
	}
	for name, to := range map[string]string{
		"nobody": "", "two": "a@example.org,b@example.org", "with a name": "Ana <ana@example.org>", "in brackets": "<ana@example.org>",
		"with a comment": "ana@example.org (x)", "no domain": "ana", "group": "g:a@example.org;", "space": "a b@example.org", "bad domain": "a@-",
		"command": "ana@example.org> SIZE=1", "quoted": `"ana"@example.org`,
	} {
		m := message()
		m.To = to
		if err := transport.Send(t.Context(), m); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "a", "a@b@c", "a b@c", "<a@b>"} {
		m := message()
		m.ID = id
		if err := transport.Send(t.Context(), m); !errors.Is(err, ErrRefused) {
			t.Errorf("ID %q: %v", id, err)
		}
	}
	m := message()
	m.Text, m.HTML = "a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n", "<p>x</p>\r\n.\r\nQUIT\r\n"
	if err := transport.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.got()
	if len(got) != 1 || server.calls != 1 || parts(t, got[0].data)["text/plain; charset=UTF-8"] != strings.ReplaceAll(m.Text, "\r\n", "\n") {
		t.Errorf("%d mails", len(got))
	}
}

// TestUnusualAddresses: what is an address arrives.
func TestUnusualAddresses(t *testing.T) {
	server := serve(t, serverOptions{})
	transport := newSMTP(t, "smtp://"+server.address, nil)
	for to, want := range map[string]string{
		"ana+tag@example.org": "ana+tag@example.org", "ana@bücher.example": "ana@xn--bcher-kva.example", "änn@example.org": "änn@example.org",
		"o'neil@example.org": "o'neil@example.org",
	} {
		m := message()
		m.To = to
		if err := transport.Send(t.Context(), m); err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		if got := server.got(); got[len(got)-1].to != want {
			t.Errorf("%s arrives at %s", to, got[len(got)-1].to)
		}
	}
}

func TestNewSMTPRefuses(t *testing.T) {
	for _, url := range []string{
		"", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://:25", "smtp://u:hush@mail.example.com:0", "smtp://u:hush@mail.example.com:65536",
		"smtp://u:hush@mail.example.com:x", "smtp://u@mail.example.com", "smtp://:hush@mail.example.com", "smtp://u:hush@mail.example.com/path",
		"smtp://u:hush@mail.example.com?tls=no", "smtp://u:hush@mail.example.com#x", "smtp://u:hush%zz@mail.example.com", "smtp://u:hu\nsh@mail.example.com",
	} {
		_, err := NewSMTP(SMTPConfig{URL: url})
		if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "hu\n") {
			t.Errorf("%q: %v", url, err)
		}
	}
	for url, want := range map[string]SMTP{
		"smtp://mail.example.com":      {host: "mail.example.com", port: 587},
		"smtps://mail.example.com/":    {host: "mail.example.com", port: 465, implicit: true},
		"smtp://localhost:2525":        {host: "localhost", port: 2525, near: true},
		"smtp://[::1]:25":              {host: "::1", port: 25, near: true},
		"smtp://127.9.9.9":             {host: "127.9.9.9", port: 587, near: true},
		"smtps://localhost":            {host: "localhost", port: 465, implicit: true},
		"smtp://localhost.example.com": {host: "localhost.example.com", port: 587},
		"smtp://127.0.0.1.example.com": {host: "127.0.0.1.example.com", port: 587},
		"smtp://192.0.2.1":             {host: "192.0.2.1", port: 587},
	} {
		s, err := NewSMTP(SMTPConfig{URL: url})
		if err != nil || s.host != want.host || s.port != want.port || s.implicit != want.implicit || s.near != want.near {
			t.Errorf("%s: %+v, %v", url, s, err)
		} else if s.tls.ServerName != want.host || s.tls.MinVersion < tls.VersionTLS12 || s.tls.InsecureSkipVerify {
			t.Errorf("%s: %+v", url, s.tls)
		}
	}
}

// TestPostOverSMTP: from the outbox to the mailbox. A server that is busy at first gets
// the same mail again; one whose answer was lost gets it twice under one Message-ID.
func TestPostOverSMTP(t *testing.T) {
	a := newAuthority(t)
	server := serve(t, serverOptions{tls: a.issue(t), wants: "u:p"})
	answers := make(chan error, 3)
	answers <- &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "try again later"}
	answers <- &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "lost my mind"}
	answers <- nil
	server.onData = func() error { return <-answers }
	w := newWorld(t)
	p := w.post(t, w.config(newSMTP(t, "smtp://u:p@"+server.address, a)))
	w.owe(t, signInFacts("ana@example.org"))
	for attempts := 1; attempts <= 3; attempts++ {
		w.drain(t, p)
		if n := len(server.got()); n != attempts {
			t.Fatalf("%d attempts, want %d\n%s", n, attempts, w.log)
		}
		w.clock.add(150 * time.Second)
	}
	if len(w.left(t)) != 0 {
		t.Error("it is still owed")
	}
	got := server.got()
	for _, g := range got {
		if id := g.header.Get("Message-Id"); id != got[0].header.Get("Message-Id") || !strings.HasSuffix(id, "@example.com>") {
			t.Errorf("Message-ID %s", id)
		}
	}
	if p := parts(t, got[2].data); !strings.Contains(p["text/plain; charset=UTF-8"], site+"/link#token") {
		t.Errorf("%s", p)
	}
}
