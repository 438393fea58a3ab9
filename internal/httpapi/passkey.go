package httpapi

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/session"
)

// options is the answer of every begin: the challenge in it is all the state there is.
type options struct {
	PublicKey any `json:"publicKey"`
}

type signUpOptions struct {
	Username    string `json:"username"`
	Email       string `json:"email"`
	DisplayName string `json:"display_name"`
	Ticket      string `json:"ticket"`
	SessionMode string `json:"session_mode"`
	Scope       string `json:"scope"`
}

func (a *API) beginSignUp(x *exchange, r *http.Request, in signUpOptions) (answer, error) {
	request, err := a.begin(x, r, in.SessionMode)
	if err != nil {
		return nil, err
	}
	publicKey, err := a.cfg.Ceremonies.BeginSignUp(r.Context(), request, ceremony.SignUp{
		Username: in.Username, Email: in.Email, DisplayName: in.DisplayName, Ticket: in.Ticket, Scope: in.Scope,
	})
	return options{publicKey}, err
}

type signInOptions struct {
	Username    string `json:"username"`
	Mediation   string `json:"mediation"`
	SessionMode string `json:"session_mode"`
	Scope       string `json:"scope"`
}

func (a *API) beginSignIn(x *exchange, r *http.Request, in signInOptions) (answer, error) {
	if in.Mediation != "" && in.Mediation != "conditional" {
		return nil, invalid("mediation", "not_allowed")
	}
	request, err := a.begin(x, r, in.SessionMode)
	if err != nil {
		return nil, err
	}
	publicKey, err := a.cfg.Ceremonies.BeginSignIn(r.Context(), request, ceremony.SignIn{
		Username: in.Username, Mediation: in.Mediation, Scope: in.Scope,
	})
	return options{publicKey}, err
}

type enrolmentOptions struct {
	Ticket      string `json:"ticket"`
	SessionMode string `json:"session_mode"`
}

func (a *API) beginEnrolment(x *exchange, r *http.Request, in enrolmentOptions) (answer, error) {
	if in.Ticket == "" {
		return nil, invalid("ticket", "required")
	}
	request, err := a.begin(x, r, in.SessionMode)
	if err != nil {
		return nil, err
	}
	publicKey, err := a.cfg.Ceremonies.BeginEnrolment(r.Context(), request, in.Ticket)
	return options{publicKey}, err
}

// begin is who begins a ceremony. The mode of the session to come is chosen here,
// once: in cookie mode the call sets a cookie and must come from our own page.
func (a *API) begin(x *exchange, r *http.Request, mode string) (ceremony.Request, error) {
	client, err := a.client(r, mode)
	if err != nil {
		return ceremony.Request{}, err
	}
	if client.Mode == session.ModeCookie {
		if client.Secret, err = a.cookies.bind(x.Header(), r, a.cfg.Rand); err != nil {
			return ceremony.Request{}, err
		}
	}
	return a.request(x, r, client), nil
}

func (a *API) client(r *http.Request, asked string) (ceremony.Client, error) {
	mode := session.ModeToken
	switch asked {
	case "", string(session.ModeToken):
	case string(session.ModeCookie):
		mode = session.ModeCookie
	default:
		return ceremony.Client{}, invalid("session_mode", "not_allowed")
	}
	if !slices.Contains(a.cfg.Modes, mode) {
		return ceremony.Client{}, invalid("session_mode", "not_allowed")
	}
	if mode == session.ModeCookie && !a.origins.same(r.Header) || !a.origins.allowed(r.Header) {
		return ceremony.Client{}, refused(codeOriginRefused)
	}
	client := ceremony.Client{Mode: mode}
	client.Origin, client.OriginSent = sentOrigin(r.Header)
	return client, nil
}

// finishing is the body of a finish. The credential goes to the ceremony as it came:
// what is signed are bytes.
type finishing struct {
	Credential jsontext.Value `json:"credential"`
}

type naming struct {
	Credential jsontext.Value `json:"credential"`
	Name       string         `json:"name"`
}

func (a *API) finishSignUp(x *exchange, r *http.Request, in naming) (answer, error) {
	request, err := a.finish(r, x, in.Credential)
	if err != nil {
		return nil, err
	}
	proof, err := a.cfg.Ceremonies.FinishSignUp(r.Context(), request, ceremony.Finish{Credential: in.Credential, Name: in.Name})
	return a.issue(x, r, proof, err)
}

func (a *API) finishSignIn(x *exchange, r *http.Request, in finishing) (answer, error) {
	request, err := a.finish(r, x, in.Credential)
	if err != nil {
		return nil, err
	}
	if request.Session, err = a.replaced(r, request.Client); err != nil {
		return nil, err
	}
	proof, err := a.cfg.Ceremonies.FinishSignIn(r.Context(), request, ceremony.Finish{Credential: in.Credential})
	return a.issue(x, r, proof, err)
}

func (a *API) finishEnrolment(x *exchange, r *http.Request, in naming) (answer, error) {
	request, err := a.finish(r, x, in.Credential)
	if err != nil {
		return nil, err
	}
	proof, err := a.cfg.Ceremonies.FinishEnrolment(r.Context(), request, ceremony.Finish{Credential: in.Credential, Name: in.Name})
	if passkey, ok := proof.Passkey(); err == nil && ok && proof.Session().IsZero() {
		return recovered{Passkey: newPasskeyAnswer(passkey), HoldUntil: moment(passkey.HeldUntil)}, nil
	}
	return a.issue(x, r, proof, err)
}

// finish is who finishes a ceremony.
func (a *API) finish(r *http.Request, x *exchange, credential jsontext.Value) (ceremony.Request, error) {
	if credential.Kind() != '{' {
		return ceremony.Request{}, invalid("credential", "required")
	}
	return a.presented(r, x)
}

// presented is who comes with something that was given out before: a challenge, a
// link. Which mode it is in stands sealed in it, so both bindings are passed on as
// they were presented. The ceremony cookie is read only when our own page sends it:
// with the page of another allowed origin it is as if it had not come along, and a
// client that does not say where it is from may not send it.
func (a *API) presented(r *http.Request, x *exchange) (ceremony.Request, error) {
	if !a.origins.allowed(r.Header) {
		return ceremony.Request{}, refused(codeOriginRefused)
	}
	var client ceremony.Client
	client.Origin, client.OriginSent = sentOrigin(r.Header)
	secret, present := a.cookies.secret(r)
	switch {
	case !present:
	case a.origins.same(r.Header):
		client.Secret = secret
	case !client.OriginSent:
		return ceremony.Request{}, refused(codeOriginRefused)
	}
	return a.request(x, r, client), nil
}

// request is a client's call of a ceremony. Whom the browser has signed in before is
// taken from its cookie whoever causes the call: it gives no authority.
func (a *API) request(x *exchange, r *http.Request, client ceremony.Client) ceremony.Request {
	return ceremony.Request{Door: door, Client: client, Caller: x.caller, Known: a.cookies.knownTo(r)}
}

// replaced is the session whose cookie the browser will lose to a sign-in in cookie
// mode; zero for none. It is asked for only when a ceremony cookie was taken, which is
// when our own page calls.
func (a *API) replaced(r *http.Request, c ceremony.Client) (session.Current, error) {
	cookies := a.cookies.sessions(r)
	if c.Secret == nil || len(cookies) != 1 {
		return session.Current{}, nil
	}
	current, err := a.cfg.Sessions.Check(r.Context(), cookies[0])
	if errors.Is(err, session.ErrNone) {
		return session.Current{}, nil
	}
	return current, asked(err)
}

// issue is the answer to a finish that gave a Proof, or the error it gave instead.
func (a *API) issue(x *exchange, r *http.Request, proof ceremony.Proof, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return a.issued(x, r, proof)
}

// issued turns a Proof into what the client carries: in cookie mode the session
// cookie, in token mode tokens; and tells of session, account and new passkey. The
// ceremony cookie stays until it expires or its person signs out: another tab may
// be in the middle of a ceremony, and each challenge works once anyhow.
func (a *API) issued(x *exchange, r *http.Request, proof ceremony.Proof) (tokenAnswer, error) {
	current := proof.Session()
	out := tokenAnswer{Session: newSessionAnswer(current.View()), Account: newAccountAnswer(current.Person())}
	out.Session.Binding = base64.RawURLEncoding.EncodeToString(proof.Binding())
	out.Session.Challenge = base64.RawURLEncoding.EncodeToString(proof.Challenge())
	if passkey, ok := proof.Passkey(); ok {
		told := newPasskeyAnswer(passkey)
		out.Passkey = &told
	}
	if proof.Cookie() != "" {
		a.cookies.set(x.Header(), a.cookies.session, proof.Cookie(), current.View().ExpiresAt.Sub(a.cfg.Now()))
		if known := a.cfg.Sessions.Recognize(a.cookies.knownTo(r), current.Account()); known != "" {
			a.cookies.set(x.Header(), a.cookies.known, known, knownLife)
		}
		return out, nil
	}
	issued, err := a.cfg.Tokens.Issue(r.Context(), proof)
	if err != nil {
		return tokenAnswer{}, err
	}
	out.carry(issued)
	return out, nil
}
