package ceremony

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// StepUp is what a fresh proof is asked for (RFC 9470 §4).
type StepUp struct {
	MaxAge    int64    // seconds; the proof is made now, so any limit is met
	ACRValues []string // the first that can be reached counts; empty: whatever it gives
	Binding   []byte   // what the person approves by it, at most 64 bytes; nil: nothing
}

// reachable are the acr values that a passkey gives without attestation.
func reachable() []string { return []string{"phr", "0"} }

// BeginStepUp makes request options for a fresh proof by who is signed in. The session
// goes on in its own mode and with its own scope, whatever the request says.
func (rp *RelyingParty) BeginStepUp(ctx context.Context, r Request, c session.Current, in StepUp) (webauthn.RequestOptions, error) {
	reached := func(v string) bool { return slices.Contains(reachable(), v) }
	switch {
	case in.MaxAge < 0:
		return webauthn.RequestOptions{}, field("max_age", "negative")
	case len(in.Binding) > maxBinding:
		return webauthn.RequestOptions{}, field("binding", "too_long")
	case len(in.ACRValues) > 0 && !slices.ContainsFunc(in.ACRValues, reached):
		return webauthn.RequestOptions{}, &Error{Kind: KindPolicy, Code: "acr_out_of_reach"}
	}
	a := c.Account()
	list, err := rp.usable(ctx, a)
	if err != nil {
		return webauthn.RequestOptions{}, err
	}
	if len(list) == 0 {
		return webauthn.RequestOptions{}, &Error{Kind: KindPolicy, Code: "no_passkey"}
	}
	t := ticket.StepUp{UserVerification: webauthn.VerificationRequired, Binding: in.Binding}
	r.Client.Mode = c.View().Mode
	if t.Common, err = rp.begin(ctx, r, nameStepUp, c.View().Scope, &a); err != nil {
		return webauthn.RequestOptions{}, err
	}
	t.Session = c.View().ID
	challenge, err := ticket.Mint(rp.cfg.Tickets, r.client(), t, ticketLife, rp.cfg.Now())
	if err != nil {
		return webauthn.RequestOptions{}, unavailable(err)
	}
	return rp.requestOptions(challenge, list), nil
}

// requestOptions are the options of every assertion (§5.5).
func (rp *RelyingParty) requestOptions(challenge []byte, allowed []webauthn.Descriptor) webauthn.RequestOptions {
	return webauthn.RequestOptions{
		Challenge: challenge, Timeout: int(optionsLife / time.Millisecond), RPID: rp.cfg.RPID,
		AllowCredentials: allowed, UserVerification: webauthn.VerificationRequired,
	}
}

// FinishStepUp verifies an assertion (§7.2) and raises the session: a new one of the
// same kind takes its place in the same commit.
func (rp *RelyingParty) FinishStepUp(ctx context.Context, r Request, c session.Current, in Finish) (Proof, error) {
	return rp.assert(ctx, r, in, nameStepUp, func(challenge []byte) (asserted, error) {
		t, err := ticket.Open[ticket.StepUp](rp.cfg.Tickets, challenge, rp.want(r))
		if err == nil && record.ID(t.Session) != c.View().ID {
			err = &ticket.Error{Code: ticket.CodeMismatch}
		}
		return asserted{
			Common: t.Common, event: audit.SteppedUp, named: true,
			verification: t.UserVerification, binding: t.Binding, replaces: c.Ref().Key,
		}, err
	})
}
