// Package ceremony is the heart: it runs WebAuthn ceremonies from begin to finish and
// decides, by policy, what their evidence is worth.
//
// Every ceremony is the same walk: a sealed ticket goes out as the challenge and
// nothing is stored; evidence comes back; the ticket in the signed client data is
// opened; the steps of the standard are checked by package webauthn; one store verb
// commits the outcome with its event; and a Proof says that it happened. A Proof
// comes from nowhere else.
//
// What fails before the credential step (§7.1 step 9, the look-up of §7.2 step 6)
// writes nothing and costs one AEAD open. What fails after it burns the ticket by one
// bare insert, paid from a budget per network, so that strangers cannot make the
// store work. Why a sign-in failed is in the log and in no answer.
//
// The package knows no HTTP and no key, and issues no token.
package ceremony

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
)

const (
	// optionsLife is the timeout the browser is told (§15.1 recommends 5 to 10 min).
	optionsLife = 5 * time.Minute
	// ticketLife is how long the server accepts an answer: a page's clock is not ours.
	ticketLife = 10 * time.Minute
	// conflictTries bounds how often an outcome is judged again because a row it
	// depends on moved between reading and commit.
	conflictTries = 8
)

// Store is what ceremonies need of the store.
type Store interface {
	store.Ceremonies
	store.Reader
	store.Ways
	store.Accounts
	store.Tickets
	store.Limits
}

// Config is what a RelyingParty needs. Every field is required but TopOrigins and Challenge.
type Config struct {
	RPID       string
	RPName     string
	Origins    []string // byte-exact, native app origins included
	TopOrigins []string // empty: never framed by another origin

	// AllowList answers a sign-in with a username by a list of credentials, decoys
	// included; otherwise only discoverable credentials can sign in.
	AllowList bool
	// TellUnknown answers a sign-in with an unknown name by KindUnknown. It tells
	// strangers who has an account.
	TellUnknown bool
	// PasskeysPerAccount is the most ways in that an account may have.
	PasskeysPerAccount int
	// Challenge gives 1 to 64 bytes of the team's own for a ceremony that begins. They
	// are sealed into its ticket, so the signature covers them, and stand in the Proof
	// and its event. Nil: none. Its error fails the call with KindUnavailable.
	Challenge func(context.Context, Began) ([]byte, error)

	Store    Store
	Vault    *record.Vault
	Tickets  *ticket.Sealer
	Sessions *session.Keeper
	Accounts *account.Directory
	Audit    *audit.Log
	Mail     *mail.Office
	Failures *limit.Failures
	Now      func() time.Time
	Rand     io.Reader
}

// RelyingParty runs the ceremonies of one RP ID. It is safe for concurrent use.
type RelyingParty struct {
	cfg    Config
	decoys *decoys
}

// New makes a RelyingParty.
func New(cfg Config) (*RelyingParty, error) {
	if cfg.RPID == "" || cfg.RPName == "" || len(cfg.Origins) == 0 {
		return nil, errors.New("ceremony: RP ID, RP name and origins are required")
	}
	if cfg.PasskeysPerAccount < 1 {
		return nil, errors.New("ceremony: an account needs room for at least one passkey")
	}
	return &RelyingParty{cfg: cfg, decoys: &decoys{vault: cfg.Vault, rpID: cfg.RPID}}, nil
}

// Client is the client of a ceremony, as its door sees it. A ceremony is bound to
// its client: in cookie mode by the secret in the ceremony cookie, in token mode by
// the Origin of the options call, whose absence is a value too.
type Client struct {
	Mode       session.Mode // at Begin: how the session will be carried
	Secret     []byte       // the ceremony cookie's secret; nil when none was sent
	Origin     string
	OriginSent bool
}

// Request is who calls, through which door.
type Request struct {
	Door   string
	Client Client
	Caller audit.Caller
	// Session is the session whose cookie came along with a sign-in; zero for none. A
	// sign-in in cookie mode takes its place: the browser has room for one cookie, so
	// the old session would live on with nobody to end it.
	Session session.Current
	// Known is the cookie of a browser that has signed somebody in before; empty for none.
	Known string
}

// replaces is the key of the session that a sign-in in the given mode takes the place
// of; nil for none. A session that is carried by token is never replaced: whoever
// holds its tokens still does.
func (r Request) replaces(mode string) []byte {
	if session.Mode(mode) != session.ModeCookie || r.Session.IsZero() || r.Session.View().Mode != session.ModeCookie {
		return nil
	}
	return r.Session.Ref().Key
}

func (r Request) client() ticket.Client {
	return ticket.Client{
		Mode: string(r.Client.Mode), Secret: r.Client.Secret,
		Origin: r.Client.Origin, OriginSent: r.Client.OriginSent,
	}
}

func (rp *RelyingParty) want(r Request) ticket.Want {
	return ticket.Want{Door: r.Door, RPID: rp.cfg.RPID, Client: r.client(), Now: rp.cfg.Now()}
}

// Finish is the second half of a ceremony.
type Finish struct {
	Credential []byte // RegistrationResponseJSON or AuthenticationResponseJSON, as received
	Name       string // registration: the passkey's friendly name; empty for a suggestion
}

// operation draws the identifier that makes the verbs of one finish call repeatable.
func (rp *RelyingParty) operation() (op store.OpID, err error) {
	if _, err = io.ReadFull(rp.cfg.Rand, op[:]); err != nil {
		return op, unavailable(fmt.Errorf("draw an operation: %w", err))
	}
	return op, nil
}

// maxScope bounds a scope, in bytes: it travels sealed in the challenge.
const maxScope = 64

// checkScope accepts the grammar of RFC 6749 §3.3.
func checkScope(scope string) error {
	if len(scope) > maxScope {
		return field("scope", "too_long")
	}
	for _, c := range []byte(scope) {
		if c != ' ' && (c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
			return field("scope", "characters")
		}
	}
	return nil
}
