package doctor

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/internal/settings"
)

// within tells whether a host is a domain or below it.
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// rpID: our own pages make passkeys, so the relying party must be theirs.
func rpID(_ context.Context, p *Patient) (Level, string) {
	set := p.Settings
	host := hostOf(set.PublicURL)
	switch {
	case !within(host, set.RPID) && !slices.Contains(set.RPRelatedOrigins, set.PublicURL):
		return fail("rp.id %s is no part of %s, so no browser makes passkeys on our own pages; set rp.id to %s or a domain above it, or public_url to an address below rp.id", set.RPID, set.PublicURL, host)
	case set.RPID == host && !set.Development() && !p.Given["rp.id"]:
		return warn("rp.id is %s, the host of public_url, because nothing else is set, and it can never change; write it down, as rp.id: %s or a domain above it", host, host)
	}
	return ok("passkeys are for %s", set.RPID)
}

// origins: a ceremony on a page whose origin is not listed is refused.
func origins(_ context.Context, p *Patient) (Level, string) {
	set := p.Settings
	if !slices.Contains(set.Origins(), set.PublicURL) {
		return fail("rp.origins lacks %s, so every ceremony on our own pages is refused; add it", set.PublicURL)
	}
	for _, origin := range set.CORSOrigins {
		if !slices.Contains(set.Origins(), origin) {
			return warn("%s is in cors.origins and not in rp.origins: its pages can call the API and cannot run a ceremony; add it to rp.origins if they should", origin)
		}
	}
	return ok("ceremonies run at %s", strings.Join(set.Origins(), ", "))
}

// mailing: without mail nobody is told of what happens to an account.
func mailing(_ context.Context, p *Patient) (Level, string) {
	switch set := p.Settings; {
	case set.Mail == settings.MailPage:
		return ok("mails are shown at /dev/mail, and none is sent")
	case set.Mail == "":
		return warn("mail is not set: nobody gets a link, and nobody is told of a new passkey or a recovery; set mail and mail.from")
	default:
		return ok("mails are from %s", set.MailFrom)
	}
}

// mailServer greets the server as if to send.
func mailServer(ctx context.Context, p *Patient) (Level, string) {
	scheme, _, _ := strings.Cut(p.Settings.Mail, ":")
	if scheme != "smtp" && scheme != "smtps" {
		return skip("there is no SMTP server to greet")
	}
	server, err := p.smtp()
	if err != nil {
		return fail("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, netWait)
	defer cancel()
	switch err := server.Try(ctx); {
	case err == nil:
		return ok("the server takes our mails")
	case offline(err):
		return skip("not checked: %v", err)
	default:
		return fail("the server does not take our mails (%v); check mail: host, port, user and password", err)
	}
}

// idle are settings that do nothing unless another holds.
type idle struct {
	names []string
	when  func(settings.Settings) bool
	why   string
}

func idles() []idle {
	return []idle{
		{
			[]string{"mail.from", "mail.templates", "limits.mail.rate", "notices.new_browser"},
			func(s settings.Settings) bool { return s.Mail == "" }, "mail is not set",
		},
		{
			[]string{"links"},
			func(s settings.Settings) bool {
				return s.Links == settings.LinksWithoutPasskey && s.SessionProfile != settings.ProfileStandard
			},
			"no link signs in beside session.profile aal2 and aal3",
		},
		{
			[]string{"cors.origins"},
			func(s settings.Settings) bool { return !slices.Contains(s.SessionModes, "token") },
			"a foreign origin can only use tokens, and session.modes has no token",
		},
		{
			[]string{"token.audience", "token.algorithm"},
			func(s settings.Settings) bool { return !slices.Contains(s.SessionModes, "token") },
			"session.modes has no token",
		},
		{
			[]string{"data_dir"},
			func(s settings.Settings) bool { return s.Backend() != "sqlite" || s.Store != "sqlite:" },
			"store names another place",
		},
		{
			[]string{"operator.name"},
			func(s settings.Settings) bool { return s.OperatorName == s.RPID },
			"it is rp.id, which is shown anyway",
		},
	}
}

// noEffect: a setting that somebody wrote and that does nothing was meant otherwise.
func noEffect(_ context.Context, p *Patient) (Level, string) {
	var found []string
	for _, i := range idles() {
		for _, name := range i.names {
			if p.Given[name] && i.when(p.Settings) {
				found = append(found, name+" ("+i.why+")")
			}
		}
	}
	if len(found) > 0 {
		return warn("without effect: %s; remove it, or set what it needs", strings.Join(found, ", "))
	}
	return ok("every setting that is written has an effect")
}
