package httpapi

import (
	"net/http"
	"strings"
	"time"
)

// ShownMail is a mail as it would have been sent.
type ShownMail struct {
	ID      string
	To      string
	Subject string
	At      time.Time
	Text    string
	HTML    string
}

// Mailbox keeps the mails of a development server. They are never sent, and they hold
// links that sign in: it is for whoever sits at the machine, and nobody else.
type Mailbox interface {
	// List gives what is kept, newest first.
	List() []ShownMail
	// Get finds a mail; ok is false when it is not kept.
	Get(id string) (m ShownMail, ok bool)
}

type mailsAnswer struct {
	Mails []mailAnswer `json:"mails"`
}

type mailAnswer struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	At      string `json:"at"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

// devRoutes are the routes that exist in development only.
func (a *API) devRoutes() []route {
	routes := []route{
		{"GET", "/dev", a.development(a.servePage("dev"))},
		{"GET", "/dev/{$}", a.development(a.servePage("dev"))},
		{"GET", "/dev/gallery", a.development(a.servePage("gallery"))},
	}
	if a.cfg.Mailbox != nil {
		routes = append(routes,
			route{"GET", "/dev/mail", a.development(a.mailPage)},
			route{"GET", "/dev/mails", a.development(a.listMails)},
			route{"GET", "/dev/mails/{id}", a.development(a.getMail)},
			route{"GET", "/dev/mails/{id}/html", a.development(a.frameMail)},
		)
	}
	return routes
}

func (a *API) listMails(x *exchange, _ *http.Request) {
	out := mailsAnswer{Mails: []mailAnswer{}}
	for _, m := range a.cfg.Mailbox.List() {
		out.Mails = append(out.Mails, mailAnswer{ID: m.ID, To: m.To, Subject: m.Subject, At: moment(m.At)})
	}
	reply(x, http.StatusOK, out)
}

func (a *API) getMail(x *exchange, r *http.Request) {
	m, ok := a.cfg.Mailbox.Get(r.PathValue("id"))
	if !ok {
		a.fail(x, refused(codeNotFound))
		return
	}
	reply(x, http.StatusOK, mailAnswer{ID: m.ID, To: m.To, Subject: m.Subject, At: moment(m.At), Text: m.Text, HTML: m.HTML})
}

// mailPage shows the mails, each in a frame of our own.
func (a *API) mailPage(x *exchange, r *http.Request) {
	x.Header().Set("Content-Security-Policy", contentPolicy+"; frame-src 'self'")
	a.sendPage(x, r, "mail")
}

// mailPolicy lets a mail look as it does in a mail program and do nothing: no scripts,
// nothing loaded, no origin of its own. Its links open a page of their own.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
	"sandbox allow-popups allow-popups-to-escape-sandbox"

// frameMail is the HTML of a mail, for a frame of the page.
func (a *API) frameMail(x *exchange, r *http.Request) {
	m, ok := a.cfg.Mailbox.Get(r.PathValue("id"))
	if !ok {
		a.fail(x, refused(codeNotFound))
		return
	}
	x.Header().Set("Content-Security-Policy", mailPolicy)
	x.Header().Set("X-Frame-Options", "SAMEORIGIN")
	html := strings.Replace(m.HTML, "<head>", `<head><base target="_blank">`, 1)
	write(x, http.StatusOK, "text/html; charset=utf-8", []byte(html))
}
