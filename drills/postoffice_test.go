package drills

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// letter is a mail as the post office took it.
type letter struct {
	id, to, subject, text, html string
}

// Stages of a mail's handing over, at which a post office can be made to wait.
const (
	beforeMail  = "before the mail"   // nothing was said about it yet
	afterAccept = "after it was read" // it is here, and the sender has not heard so
)

// postOffice is a real SMTP server on loopback. It keeps all that it takes.
type postOffice struct {
	d       *drill
	address string

	mu      sync.Mutex
	letters []letter
	more    chan struct{} // closed by the next letter
	stop    func(stage string)
}

// openPostOffice listens until the drill ends.
func openPostOffice(d *drill) *postOffice {
	d.Helper()
	o := &postOffice{d: d, more: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{o: o}, nil }))
	server.Domain, server.EnableSMTPUTF8, server.ErrorLog = "post.drill", true, silent{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	o.address = listener.Addr().String()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = server.Serve(listener) // it ends with an error when it is closed
	}()
	d.Cleanup(func() {
		_ = server.Close()
		<-closed
	})
	return o
}

// silent is a log that nobody reads: conversations that a kill ends are no news.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// settings are those of a server that sends its mails here.
func (o *postOffice) settings(more ...string) []string {
	return flooded(append([]string{
		"KEYTURN_MAIL=smtp://" + o.address, "KEYTURN_MAIL_FROM=keyturn@drill.example", "KEYTURN_LIMITS_MAIL_RATE=1000",
		"KEYTURN_TRUSTED_PROXIES=127.0.0.1",
		"KEYTURN_LIMITS_FAILURES_NETWORK=1000000", "KEYTURN_LIMITS_FAILURES_PROCESS=10000000",
	}, more...)...)
}

// at makes the office call stop at each stage of each mail; nil: not any more.
func (o *postOffice) at(stop func(stage string)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stop = stop
}

func (o *postOffice) reach(stage string) {
	o.mu.Lock()
	stop := o.stop
	o.mu.Unlock()
	if stop != nil {
		stop(stage)
	}
}

// all are the letters so far, and a channel that the next one closes.
func (o *postOffice) all() ([]letter, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.letters[:len(o.letters):len(o.letters)], o.more
}

// await finds a letter to an address whose subject holds some words, or waits for it.
// false: it did not come in time.
func (o *postOffice) await(to, subject string, patience time.Duration) (letter, bool) {
	deadline := time.After(patience)
	for {
		letters, more := o.all()
		for _, l := range letters {
			if l.to == to && strings.Contains(l.subject, subject) {
				return l, true
			}
		}
		select {
		case <-more:
		case <-deadline:
			return letter{}, false
		}
	}
}

// postPatience bounds the wait for a mail that is certainly sent.
const postPatience = 30 * time.Second

// next is await for a letter that must come.
func (o *postOffice) next(to, subject string) letter {
	o.d.Helper()
	l, ok := o.await(to, subject, postPatience)
	if !ok {
		letters, _ := o.all()
		o.d.Fatalf("no mail about %q to %s among %d", subject, to, len(letters))
	}
	return l
}

// token is what stands behind the # of the letter's link to a page; empty: there is no
// such link.
func (l letter) token(page string) string {
	found := regexp.MustCompile(regexp.QuoteMeta(page) + `#([A-Za-z0-9_=-]+)`).FindStringSubmatch(l.text)
	if found == nil {
		return ""
	}
	return strings.TrimPrefix(found[1], "ticket=")
}

// counter is one conversation.
type counter struct {
	o  *postOffice
	to string
}

func (c *counter) Mail(string, *smtp.MailOptions) error {
	c.o.reach(beforeMail)
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return nil
}

func (c *counter) Data(r io.Reader) error {
	l, err := readLetter(r)
	if err != nil {
		return err
	}
	l.to = c.to
	c.o.mu.Lock()
	c.o.letters = append(c.o.letters, l)
	close(c.o.more)
	c.o.more = make(chan struct{})
	c.o.mu.Unlock()
	c.o.reach(afterAccept)
	return nil
}

func (c *counter) Reset()        {}
func (c *counter) Logout() error { return nil }

func readLetter(r io.Reader) (l letter, err error) {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return letter{}, err
	}
	l.id = m.Header.Get("Message-ID")
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return letter{}, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return letter{}, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return letter{}, err
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			return letter{}, err
		}
		content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = string(content)
		} else {
			l.text = string(content)
		}
	}
}
