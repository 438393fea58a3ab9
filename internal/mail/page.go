package mail

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
)

// Page is what a template is given. Every text in it is plain: templates for HTML escape
// it by themselves.
type Page struct {
	frame

	Language string
	Kind     Kind
	About    string // of a notice: the event's name

	// The mail as our own templates put it together.
	MailSubject string
	Heading     string
	Intro       []string
	Facts       []Fact // who asked, when, from where
	Ask         []string
	Button      string
	Link        string // absolute; empty: the mail has none
	Copy        string // what stands before the link as text
	Notes       []string
	Footer      string
	Links       []NamedLink

	// The same in pieces, for templates that have words of their own. Each may be empty.
	Person  string // whom it is about
	Name    string // a passkey's name, an address
	Client  string // program and system, in words
	Network string
	Time    string
	Life    string // how long the link lasts
	Until   string // when the passkey that a notice tells of may sign in
	// CodesEnded: the recovery codes end with what a notice tells of.
	CodesEnded bool
}

// Fact is a line of what is known of the one who asked.
type Fact struct{ Label, Value string }

// NamedLink is a link at the foot.
type NamedLink struct{ Name, URL string }

// page puts a letter into words. now is when it is sent.
func (d *desk) page(l Letter, now time.Time) Page {
	language := d.language(l.Language)
	w := d.words[language]
	p := Page{
		frame: d.frame, Language: language, Kind: l.Kind, About: l.About, Link: l.Link, Copy: w.Copy,
		Name: clean(l.Subject), Network: networkInWords(l.Network),
	}
	if personal(l.Kind) {
		p.Person = clean(l.Person)
	}
	if l.Agent != "" {
		p.Client = w.client(l.Agent)
	}
	if !l.At.IsZero() {
		p.Time = w.instant(l.At)
	}
	if !l.Expires.IsZero() {
		p.Life = w.life(l.Expires.Sub(now))
	}
	if !l.HeldUntil.IsZero() {
		// It is told to the minute: not one too early.
		p.Until = w.instant(l.HeldUntil.Add(time.Minute - time.Nanosecond))
	}
	if role, ok := w.Roles[l.Subject]; ok && l.About == string(audit.RoleChanged) {
		p.Name = role
	}
	if l.Kind == KindUsePasskey && p.Link == "" {
		p.Link = d.frame.url + "/sign-in"
	}
	if l.Kind == KindNotice {
		p.CodesEnded = l.CodesEnded
		p.sayNotice(w)
	} else {
		p.say(w.Kinds[l.Kind])
	}
	p.Facts = p.facts(w)
	p.foot(w)
	p.fill()
	return p
}

// personal kinds go to addresses that their account has proved.
func personal(k Kind) bool {
	return slices.Contains([]Kind{KindSignIn, KindUsePasskey, KindEnrolment, KindNotice}, k)
}

func (p *Page) say(w kindWording) {
	p.MailSubject, p.Heading, p.Button = w.Subject, w.Heading, w.Button
	p.Intro, p.Ask, p.Notes = slices.Clone(w.Intro), slices.Clone(w.Ask), slices.Clone(w.Notes)
}

// sayNotice says what happened, and what to do about it: one click, where the mail has
// a link that undoes it.
func (p *Page) sayNotice(w wording) {
	n := w.notice(p.About)
	p.say(w.Kinds[KindNotice])
	p.MailSubject, p.Heading = n.Subject, n.Heading
	p.Intro = []string{n.Text}
	if p.Name != "" && n.Named != "" {
		p.Intro[0] = n.Named
	}
	if p.Until != "" && n.Held != "" {
		p.Intro = []string{n.Held, n.Waits}
		if p.Name != "" {
			p.Intro[0] = n.HeldNamed
		}
	}
	if p.CodesEnded {
		p.Intro = append(p.Intro, w.Notice.Codes)
	}
	switch {
	case p.Link != "":
		for i := range p.Ask {
			p.Ask[i] = fill(p.Ask[i], "undo", n.Undo)
		}
	case n.Stranger:
		p.Ask = []string{w.Notice.Stranger}
	default:
		p.Ask = []string{w.Notice.Advice}
	}
	if n.Stranger {
		// Where an administrator works is none of the person's business.
		p.Client, p.Network = "", ""
	}
}

// facts are what is known of whoever asked. The one who invites is not the reader's
// business.
func (p *Page) facts(w wording) []Fact {
	switch p.Kind {
	case KindInvitation:
		return nil
	case KindEnrolment:
		p.Client, p.Network = "", ""
	}
	var out []Fact
	for _, f := range []Fact{
		{w.Facts.Person, p.Person}, {w.Facts.Client, p.Client}, {w.Facts.Network, p.Network}, {w.Facts.Time, p.Time},
	} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func (p *Page) foot(w wording) {
	p.Footer = w.Footer
	for _, l := range []NamedLink{
		{w.Links.Terms, p.links.Terms}, {w.Links.Privacy, p.links.Privacy}, {w.Links.Support, p.links.Support},
	} {
		if l.URL != "" {
			p.Links = append(p.Links, l)
		}
	}
}

// fill puts the values into every sentence.
func (p *Page) fill() {
	values := []string{
		"operator", p.Operator, "site", p.Site, "life", p.Life, "name", p.Name, "until", p.Until,
		"account", p.url + "/account", "recover", p.url + "/recover",
	}
	for _, one := range []*string{&p.MailSubject, &p.Heading, &p.Button, &p.Footer} {
		*one = fill(*one, values...)
	}
	for _, list := range [][]string{p.Intro, p.Ask, p.Notes} {
		for i := range list {
			list[i] = fill(list[i], values...)
		}
	}
}
