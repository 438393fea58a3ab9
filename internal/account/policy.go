package account

import (
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

// SignUpMode says who may open an account.
type SignUpMode string

// The modes of sign-up. Anything else is SignUpClosed.
const (
	SignUpOpen   SignUpMode = "open"   // anybody
	SignUpEmail  SignUpMode = "email"  // whoever has proved an address
	SignUpInvite SignUpMode = "invite" // whoever was invited
	SignUpClosed SignUpMode = "closed" // nobody; operators make accounts
)

// LinkMode says whom a mailed link may sign in.
type LinkMode string

// The modes of links. Anything else is LinksNever.
const (
	LinksWithoutPasskey LinkMode = "without_passkey" // accounts without any way in
	LinksAlways         LinkMode = "always"          // every account
	LinksNever          LinkMode = "never"           // nobody
)

// Policy is what an operator decides about accounts. Its zero value is the strictest.
type Policy struct {
	SignUp SignUpMode
	// Mail says that mails are sent; otherwise none is owed to whoever has no account yet
	// or just signed up, and no link can be asked for.
	Mail bool
	// Links says whom a mailed link signs in. A link is no authenticator (NIST SP
	// 800-63B-4 §3.1.3.1), so where Standard is false it signs nobody in.
	Links    LinkMode
	Standard bool // the session profile is "standard"
	// Hold is how long a passkey that a recovery bound waits before it may sign in, on
	// an account that has another way in, suspended or not. 0: not at all.
	Hold time.Duration
	// NewBrowser tells people of a sign-in from a browser that they have not used.
	NewBrowser bool
}

// LinkSignsIn tells whether a mailed link may sign this account in. Its ways in count
// whether they are suspended, held or missing.
func (p Policy) LinkSignsIn(a record.Account) bool {
	return p.linksSignIn() && a.Active() && (p.Links == LinksAlways || len(a.Facts().Ways) == 0)
}

func (p Policy) linksSignIn() bool {
	return p.Mail && p.Standard && (p.Links == LinksAlways || p.Links == LinksWithoutPasskey)
}

// LinkSignsUp tells whether a mailed link lets whoever has no account open one. Where an
// address comes first, it does so even where links sign nobody in.
func (p Policy) LinkSignsUp() bool {
	switch p.SignUp {
	case SignUpEmail:
		return p.Mail
	case SignUpOpen:
		return p.Mail && (p.Links == LinksAlways || p.Links == LinksWithoutPasskey)
	default:
		return false
	}
}

// AsksForLinks tells whether anybody may ask for a link at all.
func (p Policy) AsksForLinks() bool { return p.linksSignIn() || p.LinkSignsUp() }

// invites tells whether invitations are honoured. Where sign-up is closed, operators make
// accounts and nobody else does.
func (p Policy) invites() bool {
	return p.SignUp == SignUpOpen || p.SignUp == SignUpEmail || p.SignUp == SignUpInvite
}
