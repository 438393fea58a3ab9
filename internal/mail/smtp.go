package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// smtpTimeout bounds each step of a conversation with a server.
const smtpTimeout = 20 * time.Second

// The ports of submission (RFC 6409, RFC 8314 §3.3).
const (
	portSubmission  = 587
	portSubmissions = 465
)

// SMTPConfig is what an SMTP transport is made of.
type SMTPConfig struct {
	// URL is smtp://USER:PASSWORD@HOST:PORT, which speaks STARTTLS (a server on loopback
	// may do without), or smtps://…, TLS from the first byte. User and password, percent
	// encoded, may be left out together; the port is 587 or 465 by default.
	URL string
	// TLS says whom to trust; nil: the system's authorities. With it, loopback must speak
	// STARTTLS too.
	TLS *tls.Config
}

// SMTP is a Transport to one submission server. It opens a connection for each mail,
// and is safe for concurrent use.
type SMTP struct {
	host     string
	port     int
	user     string
	password string
	tls      *tls.Config
	implicit bool // TLS from the first byte
	near     bool // on loopback, where a server may offer no STARTTLS
}

var _ Transport = (*SMTP)(nil)

// NewSMTP reads the setting. Its error says what is wrong with it, never what it holds:
// a password stands in it.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("mail: the address of the SMTP server cannot be read; write smtp://USER:PASSWORD@HOST:PORT, with user and password percent encoded")
	}
	s := &SMTP{host: u.Hostname(), port: portSubmission, tls: &tls.Config{}}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return nil, errors.New("mail: the address of the SMTP server begins with neither smtp:// nor smtps://")
	case s.host == "":
		return nil, errors.New("mail: the address of the SMTP server names no host")
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("mail: the address of the SMTP server goes on after host and port; leave that out")
	}
	if s.implicit = u.Scheme == "smtps"; s.implicit {
		s.port = portSubmissions
	}
	if text := u.Port(); text != "" {
		if s.port, err = strconv.Atoi(text); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("mail: the port of the SMTP server is none")
		}
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		if s.user == "" || s.password == "" {
			return nil, errors.New("mail: the SMTP server is given a user or a password alone; give both or neither")
		}
	}
	s.near = !s.implicit && cfg.TLS == nil && loopback(s.host)
	if cfg.TLS != nil {
		s.tls = cfg.TLS.Clone()
	}
	s.tls.ServerName = s.host
	s.tls.MinVersion = max(s.tls.MinVersion, tls.VersionTLS12)
	return s, nil
}

// loopback tells whether a host is this machine, whatever a resolver says.
func loopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// Send hands a message over. ErrRefused when the server's last word about this very
// message is no: what it says of the sender or of our credentials is not, as that can be
// mended.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(m)
	if err != nil {
		return err
	}
	line := &line{}
	client, err := gomail.NewClient(s.host, s.options(ctx, line)...)
	if err != nil {
		return fmt.Errorf("mail: SMTP: %w", err)
	}
	defer line.close()
	dialled, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: SMTP: connect to %s: %w", s.host, err)
	}
	err = client.SendWithSMTPClient(dialled, msg)
	if msg.IsDelivered() {
		// The server has it: what goes wrong afterwards must not send it twice.
		_ = client.CloseWithSMTPClient(dialled)
		return nil
	}
	return judgeSMTP(err, m.To)
}

// line is the connection of one conversation. The library looks at the context only
// while it dials, and leaves the connection open when a greeting fails: so we end it.
type line struct {
	conn net.Conn
	stop func() bool
}

func (l *line) open(ctx context.Context, conn net.Conn) {
	l.conn, l.stop = conn, context.AfterFunc(ctx, func() { _ = conn.Close() })
}

func (l *line) close() {
	if l.conn != nil {
		l.stop()
		_ = l.conn.Close() // it was said goodbye to, or is of no use any more
	}
}

// options of one conversation, which ends with the context.
func (s *SMTP) options(ctx context.Context, l *line) []gomail.Option {
	// The library's own address is none for IPv6.
	address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	dial := func(dialling context.Context, network, _ string) (conn net.Conn, err error) {
		if s.implicit {
			conn, err = (&tls.Dialer{Config: s.tls}).DialContext(dialling, network, address)
		} else {
			conn, err = (&net.Dialer{}).DialContext(dialling, network, address)
		}
		if err != nil {
			return nil, err
		}
		l.open(ctx, conn)
		return conn, nil
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(s.tls),
		gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithDialContextFunc(dial),
	}
	switch {
	case s.implicit:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS)) // it is there already
	case s.near:
		// Nobody listens on the way. What is offered is taken and verified all the same:
		// behind the port may be a tunnel to elsewhere.
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// judgeSMTP tells a last word from what may be otherwise in a minute. The server's text
// is kept for the log, without the address.
func judgeSMTP(err error, to string) error {
	if err == nil {
		return errors.New("mail: SMTP: the server took nothing and said nothing")
	}
	told := &smtpError{text: withoutAddress(err.Error(), to)}
	refusal, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return told
	}
	final := refusal.Reason == gomail.ErrSMTPRcptTo || refusal.Reason == gomail.ErrSMTPData ||
		refusal.Reason == gomail.ErrSMTPDataClose
	code := refusal.ErrorCode()
	// RFC 4954 §6: 530 and 535 say that we are not who may send here.
	told.final = final && code >= 500 && code != 530 && code != 535
	return told
}

// smtpError is what a server said. It is ErrRefused when final.
type smtpError struct {
	text  string
	final bool
}

func (e *smtpError) Error() string { return "mail: SMTP: " + e.text }

// Is makes errors.Is(err, ErrRefused) hold for a last word.
func (e *smtpError) Is(target error) bool { return e.final && target == ErrRefused }

// logLimit bounds what a server may write into our log, in bytes.
const logLimit = 300

// withoutAddress is a text for the log: whom a mail was for is not in it.
func withoutAddress(text, to string) string {
	local, domain, _ := strings.Cut(to, "@")
	for _, secret := range []string{to, strings.ToLower(to), local + "@" + strings.ToLower(domain)} {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return strings.ToValidUTF8(text[:min(len(text), logLimit)], "")
}
