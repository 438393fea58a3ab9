package ceremony

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/ticket"
)

// Names of the ceremonies, as a Challenge hook, events and failure counts know them.
const (
	nameSignUp    = "sign_up"
	nameSignIn    = "sign_in"
	nameEnrolment = "enrolment"
	nameBinding   = "binding"
	nameStepUp    = "step_up"
	nameRecovery  = "recovery"
	nameEmail     = "email" // a mailed link; it has no challenge
)

// maxBinding bounds the bytes that a ceremony's signature is made to cover for
// somebody else.
const maxBinding = 64

// Began is a ceremony that begins.
type Began struct {
	Ceremony string    // "sign_up", "sign_in", "enrolment", "binding", "step_up" or "recovery"
	Account  uuid.UUID // uuid.Nil while nobody is known
}

// begin is what the ticket of every ceremony says. a is nil while nobody is known; an
// account that is known is sealed with its epochs: what calls the account back calls
// the ticket back.
func (rp *RelyingParty) begin(ctx context.Context, r Request, ceremony, scope string, a *record.Account) (ticket.Common, error) {
	c := ticket.Common{Door: r.Door, RPID: rp.cfg.RPID, Mode: string(r.Client.Mode), Scope: scope}
	began := Began{Ceremony: ceremony}
	if a != nil {
		began.Account = a.ID()
		c.Account, c.AccountKnown = a.ID(), true
		c.TicketEpoch, c.SessionEpoch = a.TicketEpoch(), a.SessionEpoch()
	}
	if rp.cfg.Challenge == nil {
		return c, nil
	}
	team, err := rp.cfg.Challenge(ctx, began)
	if err != nil {
		return c, unavailable(fmt.Errorf("challenge hook: %w", err))
	}
	if len(team) == 0 || len(team) > maxBinding {
		return c, unavailable(fmt.Errorf("challenge hook: %d bytes, want 1 to %d", len(team), maxBinding))
	}
	c.Team = team
	return c, nil
}

// errTeam says that a ticket lacks the team's bytes although a hook gives them: it was
// minted by a server without the hook.
var errTeam = errors.New("the ticket lacks the team's bytes")

// team demands the team's bytes where a hook gives them.
func (rp *RelyingParty) team(c ticket.Common) error {
	if rp.cfg.Challenge != nil && len(c.Team) == 0 {
		return &ticket.Error{Code: ticket.CodeMismatch, Err: errTeam}
	}
	return nil
}

// current tells whether a ticket that names an account still stands for it.
func current(c ticket.Common, a record.Account) bool {
	return c.AccountKnown && record.ID(c.Account) == a.ID() &&
		c.TicketEpoch == a.TicketEpoch() && c.SessionEpoch == a.SessionEpoch()
}
