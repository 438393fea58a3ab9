package ceremony

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// SignIn is what a sign-in begins with.
type SignIn struct {
	Username  string // a username or a proved address; empty: whoever the passkey names
	Mediation string // "conditional" for autofill, else empty
	Scope     string
}

// maxIdentifier bounds what is looked up, in bytes.
const maxIdentifier = 254

// BeginSignIn makes request options (§5.5). It stores nothing, and says nothing of
// whether the name is known: an unknown one gets decoys.
func (rp *RelyingParty) BeginSignIn(ctx context.Context, r Request, in SignIn) (webauthn.RequestOptions, error) {
	if in.Mediation != "" && in.Mediation != conditional {
		return webauthn.RequestOptions{}, field("mediation", "unknown")
	}
	if len(in.Username) > maxIdentifier {
		return webauthn.RequestOptions{}, field("username", "too_long")
	}
	if err := checkScope(in.Scope); err != nil {
		return webauthn.RequestOptions{}, err
	}
	t := ticket.SignIn{
		UserVerification: webauthn.VerificationRequired,
		Conditional:      in.Mediation == conditional, Named: in.Username != "",
	}
	allowed := []webauthn.Descriptor{}
	var known *record.Account
	if t.Named {
		var err error
		if known, allowed, err = rp.named(ctx, in.Username); err != nil {
			return webauthn.RequestOptions{}, err
		}
		t.Decoy = known == nil
	}
	var err error
	if t.Common, err = rp.begin(ctx, r, nameSignIn, in.Scope, known); err != nil {
		return webauthn.RequestOptions{}, err
	}
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.RequestOptions{}, unavailable(err)
	}
	return rp.requestOptions(challenge, allowed), nil
}

// named finds the account of a name and lists its credentials. A name that nobody has,
// or whose account cannot sign in, gets no account and decoys. Both are looked for
// whatever comes of it, so that the time tells neither.
func (rp *RelyingParty) named(ctx context.Context, name string) (known *record.Account, allowed []webauthn.Descriptor, err error) {
	decoys := rp.decoys.list(name)
	a, listed, err := rp.cfg.Accounts.SignInBy(ctx, name, len(decoys))
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if len(listed) == 0 && rp.cfg.TellUnknown {
		return nil, nil, &Error{Kind: KindUnknown, Code: "account_unknown"}
	}
	if allowed = decoys; len(listed) > 0 {
		known, allowed = &a, descriptors(listed)
	}
	if !rp.cfg.AllowList {
		allowed = []webauthn.Descriptor{}
	}
	return known, allowed, nil
}

func descriptors(listed []account.Listed) []webauthn.Descriptor {
	list := make([]webauthn.Descriptor, len(listed))
	for i, l := range listed {
		list[i] = webauthn.Descriptor{Type: publicKey, ID: l.ID, Transports: l.Transports}
	}
	return list
}

// usable lists the credentials that may sign an account in.
func (rp *RelyingParty) usable(ctx context.Context, a record.Account) ([]webauthn.Descriptor, error) {
	credentials, err := rp.cfg.Accounts.Credentials(ctx, a)
	if err != nil {
		return nil, unavailable(err)
	}
	var list []webauthn.Descriptor
	for _, c := range credentials {
		if f := c.Facts(); f.RPID == rp.cfg.RPID && open(c.Way(), rp.cfg.Now()) {
			list = append(list, webauthn.Descriptor{Type: publicKey, ID: f.ID, Transports: f.Transports})
		}
	}
	return list, nil
}

// open tells whether a way in may be used: neither suspended nor held.
func open(w record.Way, now time.Time) bool {
	return !w.Suspended && now.UnixMilli() >= w.HeldUntil
}

// FinishSignIn verifies an assertion (§7.2) and signs its account in. In cookie mode
// the session of the request ends in the same commit.
func (rp *RelyingParty) FinishSignIn(ctx context.Context, r Request, in Finish) (Proof, error) {
	return rp.assert(ctx, r, in, nameSignIn, func(challenge []byte) (asserted, error) {
		t, err := ticket.Open[ticket.SignIn](rp.cfg.Tickets, challenge, rp.want(r))
		return asserted{
			Common: t.Common, event: audit.SignedIn, named: t.Named, decoy: t.Decoy, verification: t.UserVerification,
			replaces: r.replaces(t.Mode),
		}, err
	})
}
