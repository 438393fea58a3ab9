package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// What the SMTP server wants to hear.
const (
	smtpUser     = "keyturn@mail.test"
	smtpPassword = "p@ss/word"
)

// postOffice is a real SMTP server on loopback, with a certificate of an authority that
// only those trust who are told of it. It shows what it took as a development server
// shows its mails.
type postOffice struct {
	authority string // file that the server under test is to trust
	port      int
	shelf     string

	mu      sync.Mutex
	letters []letter
	plain   int // mails that came without TLS, or from nobody
}

// openPostOffice listens until the test ends: with TLS from the first byte, or with
// STARTTLS.
func openPostOffice(t *testing.T, implicit bool) *postOffice {
	t.Helper()
	o := &postOffice{authority: filepath.Join(t.TempDir(), "authority.pem")}
	config := o.certify(t)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, encrypted := c.TLSConnectionState()
		return &counter{o: o, encrypted: encrypted}, nil
	}))
	server.Domain, server.EnableSMTPUTF8 = "mail.test", true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.port = listener.Addr().(*net.TCPAddr).Port
	if implicit {
		listener = tls.NewListener(listener, config)
	} else {
		server.TLSConfig = config
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	front := httptest.NewServer(http.HandlerFunc(o.show))
	o.shelf = front.URL
	t.Cleanup(func() {
		front.Close()
		if err := server.Close(); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
		<-done
		if o.plain > 0 {
			t.Errorf("%d mails came without TLS, or from nobody", o.plain)
		}
	})
	return o
}

// certify makes an authority, writes it down, and makes a certificate for localhost.
func (o *postOffice) certify(t *testing.T) *tls.Config {
	t.Helper()
	issue := func(template, by *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if by == nil {
			by, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	authority, signer := issue(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	cert, key := issue(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}}, authority, signer)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw})
	if err := os.WriteFile(o.authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
}

// settings are those of a server that sends its mails here.
func (o *postOffice) settings(scheme string, more ...string) []string {
	return append([]string{
		fmt.Sprintf("KEYTURN_MAIL=%s://keyturn%%40mail.test:p%%40ss%%2Fword@localhost:%d", scheme, o.port),
		"KEYTURN_MAIL_FROM=keyturn@mail.test", "SSL_CERT_FILE=" + o.authority,
	}, more...)
}

// mailbox reads what a server sends to one address by way of this office.
func (o *postOffice) mailbox(t *testing.T, s *server, to string) *mailbox {
	return &mailbox{t: t, server: s.url, shelf: o.shelf, to: to, read: map[string]bool{}}
}

// show answers as a development server does for its mails, newest first.
func (o *postOffice) show(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/dev/mails"), "/")
	list := []letter{}
	for i := len(o.letters) - 1; i >= 0; i-- {
		one := o.letters[i]
		if one.ID == id {
			_ = json.NewEncoder(w).Encode(one)
			return
		}
		list = append(list, letter{ID: one.ID, To: one.To, Subject: one.Subject})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"mails": list})
}

// counter is one conversation.
type counter struct {
	o         *postOffice
	encrypted bool
	known     bool
	to        string
}

func (c *counter) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != smtpUser || password != smtpPassword {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}

func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return nil
}

func (c *counter) Data(r io.Reader) error {
	l, err := readLetter(r)
	if err != nil {
		return err
	}
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	l.To = c.to
	c.o.letters = append(c.o.letters, l)
	if !c.encrypted || !c.known {
		c.o.plain++
	}
	return nil
}

func (c *counter) Reset()        {}
func (c *counter) Logout() error { return nil }

// readLetter reads a mail of two alternatives.
func readLetter(r io.Reader) (l letter, err error) {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return letter{}, err
	}
	l.ID, _, _ = strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<>"), "@")
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return letter{}, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return letter{}, err
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return letter{}, err
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return letter{}, err
		}
		text := string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.HTML = text
		} else {
			l.Text = text
		}
	}
}
