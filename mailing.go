package keyturn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/httpapi"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/settings"
)

// policy is what the settings say about accounts.
func policy(set Settings) account.Policy {
	return account.Policy{
		SignUp: account.SignUpMode(set.SignUp), Mail: set.Mail != "", Links: account.LinkMode(set.Links),
		Standard: set.SessionProfile == settings.ProfileStandard,
		Hold:     set.Hold(), NewBrowser: set.NoticesNewBrowser == settings.On,
	}
}

// mailing makes what sends the mails that are owed. Where no mail is set, there is
// nothing that does.
func (s *Server) mailing(ctx context.Context) error {
	set := s.settings
	if set.Mail == "" {
		return nil
	}
	transport, err := s.transport(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: mail: %w", err)
	}
	var templates fs.FS
	if set.MailTemplates != "" {
		templates = os.DirFS(set.MailTemplates)
	}
	s.post, err = mail.NewPost(mail.PostConfig{
		Store: s.store, Vault: s.vault, Author: s.accounts, Transport: transport, From: set.MailFrom,
		Look: mail.Look{
			OperatorName: s.operatorName(), Accent: set.OperatorAccent, PublicURL: set.PublicURL,
			Links: mail.Links{Terms: set.OperatorTerms, Privacy: set.OperatorPrivacy, Support: set.OperatorSupport},
		},
		Templates: templates, Audit: s.audit, Log: s.log, Now: s.now, Rate: set.MailRate,
		Outcome: s.mailed,
	})
	if err != nil {
		return fmt.Errorf("keyturn: mail: %w", err)
	}
	return nil
}

// transport is what carries mails, by the setting's scheme.
func (s *Server) transport(ctx context.Context) (mail.Transport, error) {
	switch scheme, rest, _ := strings.Cut(s.settings.Mail, ":"); scheme {
	case "page":
		s.shelf = mail.NewShelf(mail.DefaultShelf)
		return s.shelf, nil
	case "ses":
		return mail.NewSES(ctx, strings.TrimPrefix(rest, "//"))
	case "smtp", "smtps":
		return mail.NewSMTP(mail.SMTPConfig{URL: s.settings.Mail})
	default:
		return nil, errors.New("no such transport")
	}
}

// owed tells the workers of this process that a mail waits.
func (s *Server) owed() {
	if s.post != nil {
		s.post.Wake()
	}
}

// operatorName is who runs this, as pages and mails say it.
func (s *Server) operatorName() string {
	if s.settings.OperatorName != "" {
		return s.settings.OperatorName
	}
	return s.settings.RPID
}

// mailbox shows the shelf to the door; nil where mails are sent.
func (s *Server) mailbox() httpapi.Mailbox {
	if s.shelf == nil {
		return nil
	}
	return mailbox{s.shelf}
}

// mailbox is a shelf as the door shows it: a mail is named by what stands before the @
// of its Message-ID.
type mailbox struct{ shelf *mail.Shelf }

// List gives the mails, newest first.
func (b mailbox) List() []httpapi.ShownMail {
	var list []httpapi.ShownMail
	for _, m := range b.shelf.List() {
		list = append(list, shown(m))
	}
	return list
}

// Get finds a mail.
func (b mailbox) Get(id string) (httpapi.ShownMail, bool) {
	m, ok := b.shelf.Get(id)
	return shown(m), ok
}

func shown(m mail.Message) httpapi.ShownMail {
	id, _, _ := strings.Cut(m.ID, "@")
	return httpapi.ShownMail{ID: id, To: m.To, Subject: m.Subject, At: m.Date, Text: m.Text, HTML: m.HTML}
}
