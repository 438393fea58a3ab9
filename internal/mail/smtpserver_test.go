package mail

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// authority is a certificate authority of the tests alone.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert, key, pool}
}

// issue makes a server's certificate for the addresses of loopback, or for other names.
func (a *authority) issue(t *testing.T, names ...string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: names,
	}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// received is what a server took.
type received struct {
	from, to string
	user     string
	tls      bool
	data     []byte
	header   netmail.Header
}

// mailServer is a real SMTP server on loopback. Each hook may refuse what it is asked.
type mailServer struct {
	address string
	wants   string // "user:password"; empty: nobody needs to sign in

	onMail, onRcpt, onData func() error

	mu    sync.Mutex
	mails []received
	calls int // of onRcpt
}

// serverOptions says how a server listens.
type serverOptions struct {
	tls      *tls.Config // for STARTTLS, or implicit
	implicit bool
	wants    string
}

func serve(t *testing.T, o serverOptions) *mailServer {
	t.Helper()
	s := &mailServer{wants: o.wants}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, encrypted := c.TLSConnectionState()
		return &visit{server: s, mail: received{tls: encrypted}}, nil
	}))
	server.Domain, server.EnableSMTPUTF8 = "mail.test", true
	server.AllowInsecureAuth = o.tls == nil
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	if o.implicit {
		listener = tls.NewListener(listener, o.tls)
	} else {
		server.TLSConfig = o.tls
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
		<-done
	})
	return s
}

// quiet is a log that nobody reads.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *mailServer) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

// visit is one connection to a mailServer.
type visit struct {
	server *mailServer
	mail   received
}

func (v *visit) AuthMechanisms() []string {
	if v.server.wants == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+":"+password != v.server.wants {
			return smtp.ErrAuthFailed
		}
		v.mail.user = user
		return nil
	}), nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.server.wants != "" && v.mail.user == "" {
		return smtp.ErrAuthRequired
	}
	v.mail.from = from
	return ask(v.server.onMail)
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.mail.to = to
	v.server.mu.Lock()
	v.server.calls++
	v.server.mu.Unlock()
	return ask(v.server.onRcpt)
}

func (v *visit) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := v.mail
	m.data = data
	if parsed, err := netmail.ReadMessage(bytes.NewReader(data)); err == nil {
		m.header = parsed.Header
	}
	v.server.mu.Lock()
	v.server.mails = append(v.server.mails, m)
	v.server.mu.Unlock()
	return ask(v.server.onData)
}

func ask(hook func() error) error {
	if hook == nil {
		return nil
	}
	return hook()
}
