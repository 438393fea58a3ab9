package settings

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// maxHold is the longest that recovery.hold may be: who comes back after a loss must
// not be kept out for long.
const maxHold = 72 * time.Hour

func mailRows() []Setting {
	return []Setting{
		{
			Name: "mail", Default: "page: in development, else none", Secret: true, masked: maskMail,
			Meaning: "how mail is sent: smtp://USER:PASSWORD@HOST:587, smtps://…, ses://REGION, page: to show it at /dev/mail",
			derive: func(s Settings) string {
				if s.Development() {
					return MailPage
				}
				return ""
			},
			field: text(func(s *Settings) *string { return &s.Mail }, checkMail),
		},
		{
			Name: "mail.from", Default: "keyturn@localhost with page:, else it must be set",
			Meaning: "whom mails are from: ADDRESS, or NAME <ADDRESS>",
			derive: func(s Settings) string {
				if s.Mail == MailPage {
					return "keyturn@localhost"
				}
				return ""
			},
			field: text(func(s *Settings) *string { return &s.MailFrom }, checkFrom),
		},
		{
			Name: "mail.templates", Meaning: "folder of templates that replace those built in",
			field: text(func(s *Settings) *string { return &s.MailTemplates }, checkText),
		},
		{
			Name: "limits.mail.rate", Default: "10",
			Meaning: "mails a second that this process sends; the others wait",
			field:   decimal(func(s *Settings) *float64 { return &s.MailRate }, 0.01, 1000),
		},
		{
			Name: "recovery.hold", Default: "24h",
			Meaning: "how long a passkey that a recovery code made must wait where another could object: 0 to 72h",
			field:   text(func(s *Settings) *string { return &s.RecoveryHold }, checkHold),
		},
		{
			Name: "notices.new_browser", Default: On,
			Meaning: "whether people are told by mail of a sign-in from a browser they have not used before: on or off",
			field:   choice(func(s *Settings) *string { return &s.NoticesNewBrowser }, On, Off),
		},
	}
}

// region is the name of an AWS region, such as eu-central-1.
var region = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)

// checkMail repeats nothing of the value: it may hold a password.
func checkMail(v string) error {
	const form = "write smtp://USER:PASSWORD@HOST:587, smtps://USER:PASSWORD@HOST, ses://REGION, or page: in development"
	if v == MailPage {
		return nil
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return errors.New("is no way to send mail; " + form)
	case u.Scheme == "ses":
		if u.User != nil || !region.MatchString(u.Host) {
			return errors.New("names no region; write ses://REGION, such as ses://eu-central-1")
		}
		return nil
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return errors.New("is no way to send mail; " + form)
	case u.Hostname() == "":
		return errors.New("names no mail server; " + form)
	}
	if err := checkAuthority(u.Host); err != nil {
		return fmt.Errorf("names no mail server (%w); %s", err, form)
	}
	if password, _ := u.User.Password(); u.User != nil && (u.User.Username() == "" || password == "") {
		return errors.New("has a user without a password, or a password without a user; write USER:PASSWORD@, or leave both out")
	}
	return nil
}

// maskMail shows how mail is sent and where, and hides as whom.
func maskMail(v string) string {
	if checkMail(v) != nil {
		return hidden // whatever of it is the password
	}
	if u, err := url.Parse(v); err == nil && u.User != nil {
		return u.Scheme + "://" + hidden + "@" + u.Host
	}
	return v
}

func checkFrom(v string) error {
	address, err := mail.ParseAddress(v)
	if err != nil || strings.ContainsAny(v, "\r\n") {
		return fmt.Errorf("%q is no address; write ADDRESS, or NAME <ADDRESS>", v)
	}
	_, domain, _ := strings.Cut(address.Address, "@")
	if err := checkDomain(domain); err != nil {
		return fmt.Errorf("%q is no address; write ADDRESS, or NAME <ADDRESS>", v)
	}
	return checkText(v)
}

func checkHold(v string) error {
	hold, err := time.ParseDuration(v)
	if err != nil || hold < 0 || hold > maxHold {
		return fmt.Errorf("%q is no duration from 0 to 72h; write such as 24h", v)
	}
	return nil
}

// refuseMail wants mail where something rests on it.
func (s Settings) refuseMail(refuse refuse) {
	switch {
	case s.Mail == "" && s.SignUp == SignUpEmail:
		refuse("sign_up", "email needs mail, which is not set; set mail, or choose open, invite or closed")
	case s.Mail == MailPage && !s.Development():
		refuse("mail", "page: shows everybody's mail on a page, and is for development; write smtp://USER:PASSWORD@HOST:587 or ses://REGION")
	case s.Mail != "" && s.MailFrom == "":
		refuse("mail.from", "must be set where mail is; write the address that mails are from")
	}
	switch {
	case s.Links != LinksAlways:
	case s.Mail == "":
		refuse("links", "always needs mail, which is not set; set mail, or choose without_passkey or never")
	case s.SessionProfile != ProfileStandard:
		refuse("links", "always lets people in by what session.profile %s does not accept; choose never, or the profile standard", s.SessionProfile)
	}
}

// sameMachine tells whether a host is this machine: what is sent there passes no wire.
func sameMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
