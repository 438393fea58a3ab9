package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// sender is whose mails these are.
type sender struct {
	text   string // as in a From header, with a name
	domain string // of the address, in ASCII: where Message-IDs stand
}

// parseSender reads the setting mail.from. Without a name in it, mails come from name.
func parseSender(from, name string) (sender, error) {
	parsed, err := netmail.ParseAddress(from)
	if err != nil || hasControl(from) {
		return sender{}, fmt.Errorf("mail: %q is no sender; write an address, such as %q", from, "Example <login@example.com>")
	}
	if parsed.Name == "" {
		parsed.Name = name
	}
	address, err := asciiDomain(parsed.Address)
	if err != nil {
		return sender{}, err
	}
	parsed.Address = address
	_, domain, _ := strings.Cut(address[strings.LastIndexByte(address, '@'):], "@")
	return sender{text: parsed.String(), domain: domain}, nil
}

// envelope is the addresses of a message, checked.
type envelope struct{ from, to *netmail.Address }

// envelopeOf checks what a message says of itself. Its headers are encoded by the
// library; a line end in one is refused all the same, as nobody honest put it there.
func envelopeOf(m Message) (envelope, error) {
	for name, value := range map[string]string{"ID": m.ID, "sender": m.From, "address": m.To, "subject": m.Subject} {
		if value == "" || hasControl(value) {
			return envelope{}, fmt.Errorf("%w: its %s is empty or holds control characters", ErrRefused, name)
		}
	}
	if strings.ContainsAny(m.ID, "<> ") || strings.Count(m.ID, "@") != 1 {
		return envelope{}, fmt.Errorf("%w: its ID is no Message-ID", ErrRefused)
	}
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return envelope{}, fmt.Errorf("%w: its sender is no address", ErrRefused)
	}
	// The parser also takes "Name <address>" and comments: only the bare address is one.
	to, err := netmail.ParseAddress("<" + m.To + ">")
	if err != nil || to.Name != "" || to.Address != m.To {
		return envelope{}, fmt.Errorf("%w: its address is none", ErrRefused)
	}
	if to.Address, err = asciiDomain(to.Address); err != nil {
		return envelope{}, fmt.Errorf("%w: the domain of its address is none", ErrRefused)
	}
	return envelope{from, to}, nil
}

// compose writes a message as MIME: text and HTML as alternatives of each other.
func compose(m Message) (*gomail.Msg, error) {
	e, err := envelopeOf(m)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(e.from)
	msg.ToMailAddress(e.to)
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	msg.SetMessageIDWithValue(m.ID)
	// RFC 3834 §5: nobody's absence is to be announced to us.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// raw is the message as bytes.
func raw(msg *gomail.Msg) ([]byte, error) {
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("mail: write: %w", err)
	}
	return out.Bytes(), nil
}

// asciiDomain is the address with its domain as the DNS has it (RFC 5891).
func asciiDomain(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", errors.New("mail: an address without @")
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return "", fmt.Errorf("mail: the domain of an address: %w", err)
	}
	return address[:at+1] + domain, nil
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
