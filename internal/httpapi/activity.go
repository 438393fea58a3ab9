package httpapi

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/session"
)

func (a *API) listActivity(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	events, next, err := a.cfg.Accounts.Activity(r.Context(), current, page.cursor, page.limit)
	if errors.Is(err, audit.ErrCursor) {
		return nil, invalid("cursor", "not_allowed")
	}
	if err != nil {
		return nil, managed(err)
	}
	out := activityAnswer{Events: []eventAnswer{}, NextCursor: cursorOf(next)}
	for _, e := range events {
		out.Events = append(out.Events, newEventAnswer(e, current.View()))
	}
	return out, nil
}

type activityAnswer struct {
	Events     []eventAnswer `json:"events"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

// eventAnswer is what may be told of an event to the person it concerns.
type eventAnswer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	At          string `json:"at"`
	PasskeyID   string `json:"passkey_id,omitempty"`
	SessionID   string `json:"session_id,omitempty"`
	AAL         int    `json:"aal,omitempty"`
	Code        string `json:"code,omitempty"`
	Network     string `json:"network,omitempty"`
	UserAgent   string `json:"user_agent,omitempty"`
	ThisSession bool   `json:"this_session,omitempty"`
	// ByAdministrator: somebody else did it, whose network and browser are not told.
	ByAdministrator bool `json:"by_administrator,omitempty"`
}

func newEventAnswer(e audit.Record, now session.View) eventAnswer {
	if e.Actor != uuid.Nil {
		return eventAnswer{
			ID: e.ID.String(), Name: string(e.Name), At: moment(e.At),
			PasskeyID: named(e.Passkey), SessionID: named(e.Session), Code: e.Code, ByAdministrator: true,
		}
	}
	return eventAnswer{
		ID: e.ID.String(), Name: string(e.Name), At: moment(e.At),
		PasskeyID: named(e.Passkey), SessionID: named(e.Session), AAL: e.AAL, Code: e.Code,
		Network: e.Network, UserAgent: e.Agent, ThisSession: e.Session == now.ID,
	}
}

// named is an identifier on the wire; that of nothing is left out.
func named(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}
