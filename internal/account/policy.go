package account

import "time"

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
	// Links says whom a mailed link signs in. A link is no authenticator (NIST SP
	// 800-63B-4 §3.1.3.1), so where Standard is false it signs nobody in.
	Links    LinkMode
	Standard bool // the session profile is "standard"
	// Hold is how long a passkey that a recovery bound waits before it may sign in, on
	// an account that has another way in. 0: not at all.
	Hold time.Duration
	// NewBrowser tells people of a sign-in from a browser that they have not used.
	NewBrowser bool
}
