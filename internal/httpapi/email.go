package httpapi

import (
	"net/http"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
)

type emailOptions struct {
	Email       string `json:"email"`
	ReturnTo    string `json:"return_to"`
	SessionMode string `json:"session_mode"`
	Scope       string `json:"scope"`
}

type emailBegun struct {
	Request   string `json:"request"`
	ExpiresIn int    `json:"expires_in"` // seconds
	ResendIn  int    `json:"resend_in"`  // seconds
}

// beginEmail asks for a link by mail. Whoever the address belongs to, the answer is
// the same: what the mail says is decided when it is sent.
func (a *API) beginEmail(x *exchange, r *http.Request, in emailOptions) (answer, error) {
	if in.Email == "" {
		return nil, invalid("email", "required")
	}
	request, err := a.begin(x, r, in.SessionMode)
	if err != nil {
		return nil, err
	}
	begun, err := a.cfg.Ceremonies.BeginEmail(r.Context(), request, ceremony.EmailSignIn{
		Email: in.Email, ReturnTo: in.ReturnTo, Scope: in.Scope,
	})
	if err != nil {
		return nil, err
	}
	a.mailOwed()
	return emailBegun{Request: begun.Request, ExpiresIn: seconds(begun.ExpiresIn), ResendIn: seconds(begun.ResendIn)}, nil
}

// mailOwed tells whoever sends mails that one may wait.
func (a *API) mailOwed() {
	if a.cfg.MailOwed != nil {
		a.cfg.MailOwed()
	}
}

// seconds is a duration on the wire.
func seconds(d time.Duration) int { return int(d / time.Second) }

// link is the body of a call with what stands behind the # of a mailed link.
type link struct {
	Token string `json:"token"`
}

// linked is who comes with a link. Nobody is signed in by it yet, but whoever causes
// the call must be our own page, one that is allowed, or no page at all.
func (a *API) linked(x *exchange, r *http.Request, token string) (ceremony.Request, error) {
	if token == "" {
		return ceremony.Request{}, invalid("token", "required")
	}
	return a.presented(r, x)
}

type linkLook struct {
	Token   string `json:"token"`
	Request string `json:"request"`
}

type linkSeen struct {
	Email      string `json:"email"`
	SameClient bool   `json:"same_client"`
	AskedFrom  whence `json:"asked_from"`
	Used       bool   `json:"used,omitempty"`
}

// whence is where a link was asked for.
type whence struct {
	At        string `json:"at"`
	Network   string `json:"network,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

func newWhence(s ceremony.EmailSeen) whence {
	return whence{At: moment(s.AskedAt), Network: s.Network, UserAgent: s.Agent}
}

func (a *API) seeEmail(x *exchange, r *http.Request, in linkLook) (answer, error) {
	request, err := a.linked(x, r, in.Token)
	if err != nil {
		return nil, err
	}
	seen, err := a.cfg.Ceremonies.SeeEmail(r.Context(), request, in.Token, in.Request)
	if err != nil {
		return nil, err
	}
	return linkSeen{Email: seen.Email, SameClient: seen.SameClient, AskedFrom: newWhence(seen), Used: seen.Used}, nil
}

type emailFinish struct {
	Token   string `json:"token"`
	Code    string `json:"code"`
	Request string `json:"request"`
}

// emailDone is what a link earns: a session and where to go, or the right to sign up.
type emailDone struct {
	*tokenAnswer
	SignUp   *signUpRight `json:"sign_up,omitempty"`
	ReturnTo string       `json:"return_to,omitempty"`
}

type signUpRight struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int    `json:"expires_in"` // seconds
	Email     string `json:"email"`
}

func (a *API) finishEmail(x *exchange, r *http.Request, in emailFinish) (answer, error) {
	switch {
	case in.Token == "" && in.Code == "":
		return nil, invalid("token", "required")
	case in.Token != "" && in.Code != "":
		return nil, invalid("code", "not_allowed")
	case in.Code != "" && in.Request == "":
		return nil, invalid("request", "required")
	}
	request, err := a.presented(r, x)
	if err != nil {
		return nil, err
	}
	if request.Session, err = a.replaced(r, request.Client); err != nil {
		return nil, err
	}
	done, err := a.cfg.Ceremonies.FinishEmail(r.Context(), request, ceremony.EmailFinish{
		Token: in.Token, Code: in.Code, Request: in.Request,
	})
	if err != nil {
		return nil, err
	}
	if right := done.SignUp; right != nil {
		return emailDone{ReturnTo: done.ReturnTo, SignUp: &signUpRight{
			Ticket: right.Ticket, ExpiresIn: seconds(right.ExpiresIn), Email: right.Email,
		}}, nil
	}
	issued, err := a.issued(x, r, done.Proof)
	return emailDone{tokenAnswer: &issued, ReturnTo: done.ReturnTo}, err
}

type emailCode struct {
	Code      string `json:"code"`
	ExpiresIn int    `json:"expires_in"` // seconds
	Email     string `json:"email"`
	AskedFrom whence `json:"asked_from"`
}

func (a *API) makeEmailCode(x *exchange, r *http.Request, in link) (answer, error) {
	request, err := a.linked(x, r, in.Token)
	if err != nil {
		return nil, err
	}
	made, err := a.cfg.Ceremonies.EmailCode(r.Context(), request, in.Token)
	if err != nil {
		return nil, err
	}
	return emailCode{Code: made.Code, ExpiresIn: seconds(made.ExpiresIn), Email: made.Email, AskedFrom: newWhence(made.EmailSeen)}, nil
}

func (a *API) denyEmail(x *exchange, r *http.Request, in link) (answer, error) {
	request, err := a.linked(x, r, in.Token)
	if err != nil {
		return nil, err
	}
	return nil, a.cfg.Ceremonies.DenyEmail(r.Context(), request, in.Token)
}
