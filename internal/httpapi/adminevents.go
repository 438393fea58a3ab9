package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
)

const (
	// mediaLines is one JSON object a line.
	mediaLines = "application/x-ndjson"
	// exportLimit is the most events that one call exports.
	exportLimit = 1000
	// verifyTime bounds how long a call may walk the chains: a proxy in front would not
	// wait much longer either.
	verifyTime = 20 * time.Second
	// verifyAgain is when to come back while another call walks them.
	verifyAgain = 5 * time.Second
)

// adminEvent is what an administrator may know of an event.
type adminEvent struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	At        string            `json:"at"`
	AccountID string            `json:"account_id,omitempty"`
	ActorID   string            `json:"actor_id,omitempty"`
	PasskeyID string            `json:"passkey_id,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	AAL       int               `json:"aal,omitempty"`
	Reasons   []string          `json:"reasons,omitempty"`
	Code      string            `json:"code,omitempty"`
	Note      string            `json:"note,omitempty"`
	Counts    map[string]uint64 `json:"counts,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Network   string            `json:"network,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	Door      string            `json:"door,omitempty"`
}

func newAdminEvent(e audit.Record) adminEvent {
	return adminEvent{
		ID: e.ID.String(), Name: string(e.Name), At: moment(e.At),
		AccountID: named(e.Account), ActorID: named(e.Actor), PasskeyID: named(e.Passkey), SessionID: named(e.Session),
		AAL: e.AAL, Reasons: e.Reasons, Code: e.Code, Note: e.Note, Counts: e.Counts,
		RequestID: e.Request, Network: e.Network, UserAgent: e.Agent, Door: e.Door,
	}
}

type adminEvents struct {
	Events     []adminEvent `json:"events"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

func newAdminEvents(list []audit.Record, next []byte, err error) (answer, error) {
	if errors.Is(err, audit.ErrCursor) {
		return nil, invalid("cursor", "not_allowed")
	}
	if err != nil {
		return nil, managed(err)
	}
	out := adminEvents{Events: []adminEvent{}, NextCursor: cursorOf(next)}
	for _, e := range list {
		out.Events = append(out.Events, newAdminEvent(e))
	}
	return out, nil
}

func (a *API) adminListActivity(x *exchange, r *http.Request) (answer, error) {
	admin, id, err := a.administerOn(x, r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	return newAdminEvents(admin.Activity(r.Context(), id, page.cursor, page.limit))
}

func (a *API) adminListEvents(x *exchange, r *http.Request) (answer, error) {
	admin, err := a.administer(x, r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	return newAdminEvents(admin.Events(r.Context(), page.cursor, page.limit))
}

// exportedEvent is an event with its place in its chain.
type exportedEvent struct {
	Chain  uint32 `json:"chain"`
	Number uint64 `json:"number"`
	Link   string `json:"link"`
	adminEvent
}

// adminExportEvents answers a part of a chain, an event a line, whole or not at all.
func (a *API) adminExportEvents(x *exchange, r *http.Request) {
	lines, err := a.exported(x, r)
	if err != nil {
		a.fail(x, err)
		return
	}
	write(x, http.StatusOK, mediaLines, lines)
}

func (a *API) exported(x *exchange, r *http.Request) ([]byte, error) {
	if err := a.admit(x, r); err != nil {
		return nil, err
	}
	admin, err := a.administer(x, r, false)
	if err != nil {
		return nil, err
	}
	chain, after, limit, err := partOf(r)
	if err != nil {
		return nil, err
	}
	list, err := admin.Export(r.Context(), chain, after, limit)
	if err != nil {
		return nil, managed(err)
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, e := range list {
		out := exportedEvent{e.Chain, e.Number, base64.RawURLEncoding.EncodeToString(e.Link), newAdminEvent(e)}
		if err := encoder.Encode(out); err != nil {
			return nil, err
		}
	}
	return lines.Bytes(), nil
}

// partOf is which part of which chain is asked for.
func partOf(r *http.Request) (chain uint32, after uint64, limit int, err error) {
	numbers := map[string]uint64{"chain": 0, "after": 0, "limit": exportLimit}
	for name, most := range map[string]uint64{"chain": 1<<32 - 1, "after": 1<<63 - 1, "limit": exportLimit} {
		text, err := parameter(r, name)
		if err != nil {
			return 0, 0, 0, err
		}
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n > most || name == "limit" && n == 0 {
			return 0, 0, 0, invalid(name, "not_allowed")
		}
		numbers[name] = n
	}
	return uint32(numbers["chain"]), numbers["after"], int(numbers["limit"]), nil
}

type verified struct {
	Intact bool           `json:"intact"`
	Chains []chainVerdict `json:"chains"`
}

type chainVerdict struct {
	Chain  uint32 `json:"chain"`
	Events uint64 `json:"events"`
	Head   string `json:"head,omitempty"`
	Fault  string `json:"fault,omitempty"`
}

// adminVerifyEvents walks every chain. One call at a time does: it reads all there is.
func (a *API) adminVerifyEvents(x *exchange, r *http.Request) (answer, error) {
	admin, err := a.administer(x, r, false)
	if err != nil {
		return nil, err
	}
	if !a.verifying.TryLock() {
		return nil, &problem{code: codeRateLimited, retry: verifyAgain, reason: "verifying"}
	}
	defer a.verifying.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), verifyTime)
	defer cancel()
	reports, err := admin.Verify(ctx)
	if err != nil {
		return nil, managed(err)
	}
	out := verified{Intact: true}
	for _, report := range reports {
		out.Intact = out.Intact && report.Fault == ""
		out.Chains = append(out.Chains, chainVerdict{
			report.Chain, report.Number, base64.RawURLEncoding.EncodeToString(report.Link), string(report.Fault),
		})
	}
	return out, nil
}
