package ceremony

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// A mailed link proves that its holder reads an address, and nothing of who they are: it
// signs in only where the policy lets it, with the lowest assurance. It is worth
// something only to the client that asked for it, which alone has the request's secret;
// so a link that is forwarded, stolen, or asked for by a stranger signs nobody in.

const (
	// linkLife is how long a link lives, from when it was asked for.
	linkLife = 10 * time.Minute
	// requestSize is the length of a request's secret, in bytes.
	requestSize = 32
	// requestPurpose separates the hashes of request secrets from all others.
	requestPurpose = "email-request"
)

// EmailSignIn is what asking for a link begins with.
type EmailSignIn struct {
	Email    string
	ReturnTo string // path on our own origin to go to afterwards; empty for none
	Scope    string
}

// EmailBegun answers whoever asked for a link, the same whoever the address belongs to.
type EmailBegun struct {
	Request   string        // the asking client's secret, which it shows with the link
	ExpiresIn time.Duration // of the link
	ResendIn  time.Duration // until it makes sense to ask again
}

// BeginEmail owes a mail to an address. It does not look whether anybody has it: what
// the mail says is decided when it is sent. When the address has had its share of mails
// the answer is the same and no mail is owed; only a network that asks too often is told.
func (rp *RelyingParty) BeginEmail(ctx context.Context, r Request, in EmailSignIn) (EmailBegun, error) {
	if !rp.cfg.Accounts.Policy().AsksForLinks() {
		return EmailBegun{}, &Error{Kind: KindPolicy, Code: "links_off"}
	}
	address, err := account.Email(in.Email)
	if err != nil {
		return EmailBegun{}, nameError(err)
	}
	if !ownPath(in.ReturnTo) {
		return EmailBegun{}, field("return_to", "not_a_path")
	}
	if err := checkScope(in.Scope); err != nil {
		return EmailBegun{}, err
	}
	secret := make([]byte, requestSize)
	if _, err := io.ReadFull(rp.cfg.Rand, secret); err != nil {
		return EmailBegun{}, unavailable(fmt.Errorf("draw a request: %w", err))
	}
	owed, err := rp.cfg.Mail.Owe(record.MailFacts{
		Kind: string(mail.KindSignIn), Language: r.Caller.Language, Address: address,
		Network: networkName(r.Caller), Agent: audit.Agent(r.Caller.UserAgent), Door: r.Door,
		Request: rp.cfg.Vault.HashSecret(requestPurpose, secret), Mode: r.Client.Mode, Scope: in.Scope,
		ReturnTo: in.ReturnTo, Expires: rp.cfg.Now().Add(linkLife),
	})
	if err != nil {
		return EmailBegun{}, unavailable(err)
	}
	if err := rp.mailRoom(ctx, r, address, owed); err != nil {
		return EmailBegun{}, err
	}
	return EmailBegun{Request: linkText.EncodeToString(secret), ExpiresIn: linkLife, ResendIn: account.MailAgain}, nil
}

// mailRoom writes a mail if address and network have room for one. An address without
// room is passed over in silence, and counts for the network of a stranger all the same.
func (rp *RelyingParty) mailRoom(ctx context.Context, r Request, address string, owed store.Mail) error {
	known := rp.cfg.Sessions.RecognizesAddress(r.Known, address)
	hits := store.Hits{
		At: rp.cfg.Now(), Hits: rp.cfg.Accounts.MailHits(address, known, r.Caller), Mails: []store.Mail{owed},
	}
	wait, err := rp.cfg.Store.Hit(ctx, hits)
	switch {
	case err != nil || wait == 0:
	case known:
		wait = 0
	default:
		wait, err = rp.cfg.Store.Hit(ctx, store.Hits{At: hits.At, Hits: []store.Hit{rp.cfg.Accounts.NetworkHit(r.Caller)}})
	}
	if err != nil {
		return unavailable(err)
	}
	if wait > 0 {
		return &Error{Kind: KindLimited, Code: "mails_asked", RetryAfter: wait}
	}
	return nil
}

func networkName(c audit.Caller) string {
	if n := c.Network(); n.IsValid() {
		return n.String()
	}
	return ""
}

// EmailFinish is a link, or the code that stands for it, and the secret of the client
// that asked for it.
type EmailFinish struct {
	Token   string
	Code    string // in place of Token
	Request string
}

// EmailDone is what came of a link: a session, or the right to sign up.
type EmailDone struct {
	Proof    Proof        // zero when SignUp is set
	SignUp   *SignUpRight // the address was nobody's
	ReturnTo string
}

// SignUpRight lets whoever proved an address that is nobody's open an account with it.
type SignUpRight struct {
	Ticket    string
	ExpiresIn time.Duration
	Email     string
}

// FinishEmail honours a link. Without the secret of the client that asked it is
// KindOtherBrowser, and the link stays good; whatever else is wrong is
// KindAuthentication. What fails once the link is open burns it.
func (rp *RelyingParty) FinishEmail(ctx context.Context, r Request, in EmailFinish) (EmailDone, error) {
	if (in.Token == "") == (in.Code == "") {
		return EmailDone{}, field("token", "required")
	}
	if in.Code != "" {
		t, code, err := rp.openCode(ctx, r, in.Code, in.Request)
		if err != nil {
			return EmailDone{}, err
		}
		return rp.honour(ctx, r, t, code)
	}
	t, err := rp.openLink(ctx, r, in.Token)
	if err != nil {
		return EmailDone{}, err
	}
	if !rp.asked(t, in.Request) {
		return EmailDone{}, rp.failed(ctx, r, nameEmail, &Error{Kind: KindOtherBrowser, Code: "other_browser"})
	}
	return rp.honour(ctx, r, t, nil)
}

// openLink opens a mailed link: what fails here has written nothing.
func (rp *RelyingParty) openLink(ctx context.Context, r Request, token string) (ticket.EmailLink, error) {
	raw, err := parseText(token)
	if err != nil {
		return ticket.EmailLink{}, rp.failed(ctx, r, nameEmail, refuse(KindAuthentication, "", ticket.CodeUnknown))
	}
	t, err := ticket.OpenLink[ticket.EmailLink](rp.cfg.Tickets, raw, rp.want(r))
	if err != nil {
		failure := signInChallenge(err)
		failure.Step = ""
		return ticket.EmailLink{}, rp.failed(ctx, r, nameEmail, failure)
	}
	return t, nil
}

// asked tells whether a secret is that of the client which asked for a link.
func (rp *RelyingParty) asked(t ticket.EmailLink, request string) bool {
	hash, ok := rp.requestHash(request)
	return ok && subtle.ConstantTimeCompare(hash, t.Request) == 1
}

func (rp *RelyingParty) requestHash(request string) ([]byte, bool) {
	secret, err := parseText(request)
	if err != nil || len(secret) != requestSize {
		return nil, false
	}
	return rp.cfg.Vault.HashSecret(requestPurpose, secret), true
}

var linkText = base64.RawURLEncoding.Strict()

// parseText decodes the one text of a link or a secret: the decoder would skip line ends.
func parseText(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return linkText.DecodeString(text)
}

// honour commits what an opened link is worth. code is the stored half of the code that
// stood for it, if one did.
func (rp *RelyingParty) honour(ctx context.Context, r Request, t ticket.EmailLink, code *store.Ref) (EmailDone, error) {
	if session.Mode(t.Session) == session.ModeCookie && r.Client.Secret == nil {
		// A door passes the ceremony cookie on only where it may set the session's.
		return EmailDone{}, rp.failed(ctx, r, nameEmail, &Error{Kind: KindOtherBrowser, Code: "no_ceremony_cookie"})
	}
	op, err := rp.operation()
	if err != nil {
		return EmailDone{}, err
	}
	for range conflictTries {
		done, err := rp.judgeLink(ctx, r, store.Link{Op: op, Spend: t.Spend(), Ticket: code}, t)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		var failure *Error
		if !errors.As(err, &failure) || failure.Kind == KindUnavailable {
			return done, err
		}
		rp.failed(ctx, r, nameEmail, failure)
		if failure.Code == webauthn.CodeChallengeConsumed {
			return EmailDone{}, failure // it is spent already
		}
		return EmailDone{}, rp.burn(ctx, r, op, t.Spend(), failure)
	}
	return EmailDone{}, unavailable(errMoved)
}

// linkNotAllowed is the code of a link that is good and may sign nobody in or up: the
// account has moved since, or has got its first passkey.
const linkNotAllowed = "link_not_allowed"

// judgeLink judges a link against whoever has proved its address now. An account that
// merely claims the address is not looked at.
func (rp *RelyingParty) judgeLink(ctx context.Context, r Request, verb store.Link, t ticket.EmailLink) (EmailDone, error) {
	a, known, err := rp.cfg.Accounts.Find(ctx, t.Address)
	if err != nil {
		return EmailDone{}, unavailable(err)
	}
	policy := rp.cfg.Accounts.Policy()
	switch {
	case known && current(t.Common, a) && policy.LinkSignsIn(a):
		return rp.signInByLink(ctx, r, verb, t, a)
	case !known && !t.AccountKnown && policy.LinkSignsUp():
		return rp.signUpByLink(ctx, r, verb, t)
	default:
		return EmailDone{}, refuse(KindAuthentication, "", linkNotAllowed)
	}
}

// signInByLink opens a session without a passkey: acr "0", no assurance level (NIST SP
// 800-63B-4 §3.1.3.1: e-mail is no authenticator).
func (rp *RelyingParty) signInByLink(ctx context.Context, r Request, verb store.Link, t ticket.EmailLink, a record.Account) (EmailDone, error) {
	started, err := rp.cfg.Sessions.Start(session.Draft{
		Account: a.Facts(), Mode: session.Mode(t.Session), Door: t.Door,
		AAL: 0, ACR: "0", AMR: []string{"urn:x:email-link"}, Scope: t.Scope, UserAgent: r.Caller.UserAgent,
	})
	if err != nil {
		return EmailDone{}, unavailable(err)
	}
	var owed audit.Owed
	if f := a.Facts(); len(f.Emails) > 1 || len(f.Ways) > 0 {
		// Whoever reads the one address there is knows of it already.
		if owed, err = rp.newBrowser(r, t.Session, a); err != nil {
			return EmailDone{}, err
		}
	}
	ref := a.Ref()
	verb.Account, verb.Session, verb.Ends = &ref, &started.Row, r.replaces(t.Session)
	verb.Spend.Issued = started.Row.Key
	mark, err := rp.used(t, a.ID(), started.Row.Key)
	if err != nil {
		return EmailDone{}, err
	}
	verb.Event = rp.cfg.Audit.Event(audit.Entry{
		Name: audit.LinkHonoured, Account: a.ID(), Session: record.ID(started.Row.Key), Code: nameSignIn,
	}.By(r.Caller), owed, mark)
	if err := rp.recordLink(ctx, verb); err != nil {
		return EmailDone{}, err
	}
	return EmailDone{Proof: Proof{current: started.Current(a), cookie: started.Cookie}, ReturnTo: t.ReturnTo}, nil
}

// signUpByLink gives the right to sign up with the address, which whoever shows the link
// reads, and no session.
func (rp *RelyingParty) signUpByLink(ctx context.Context, r Request, verb store.Link, t ticket.EmailLink) (EmailDone, error) {
	right, row, err := rp.cfg.Accounts.GiveEmailRight(t.Address, t.Door)
	if err != nil {
		return EmailDone{}, unavailable(err)
	}
	mark, err := rp.used(t, record.ID{}, row.Key)
	if err != nil {
		return EmailDone{}, err
	}
	verb.Gives = &row
	verb.Event = rp.cfg.Audit.Event(audit.Entry{Name: audit.LinkHonoured, Code: nameSignUp}.By(r.Caller), mark)
	if err := rp.recordLink(ctx, verb); err != nil {
		return EmailDone{}, err
	}
	return EmailDone{
		SignUp:   &SignUpRight{Ticket: right.Ticket, ExpiresIn: right.Expires.Sub(rp.cfg.Now()), Email: t.Address},
		ReturnTo: t.ReturnTo,
	}, nil
}

func (rp *RelyingParty) recordLink(ctx context.Context, verb store.Link) error {
	err := rp.cfg.Store.RecordLink(ctx, verb)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrSpent):
		return refuse(KindAuthentication, "", webauthn.CodeChallengeConsumed)
	case errors.Is(err, store.ErrConflict):
		return store.ErrConflict
	default:
		return unavailable(err)
	}
}
