package httpapi

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/session"
)

const (
	// pageSize is how much of a list comes without being asked for more or less.
	pageSize = 50
	// pageLimit is the most that can be asked for.
	pageLimit = 100
)

// paging is which part of a list is asked for.
type paging struct {
	cursor []byte // nil: from the start
	limit  int
}

func pagingOf(r *http.Request) (p paging, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return p, &problem{code: codeMalformed, reason: "query"}
	}
	p.limit = pageSize
	if query.Has("limit") {
		p.limit, err = strconv.Atoi(query.Get("limit"))
		if err != nil || p.limit < 1 || p.limit > pageLimit || len(query["limit"]) > 1 {
			return p, invalid("limit", "not_allowed")
		}
	}
	if query.Has("cursor") {
		p.cursor, err = base64.RawURLEncoding.Strict().DecodeString(query.Get("cursor"))
		if err != nil || len(query["cursor"]) > 1 {
			return p, invalid("cursor", "not_allowed")
		}
	}
	return p, nil
}

// cursorOf is where a list goes on; nothing at its end.
func cursorOf(next []byte) string { return base64.RawURLEncoding.EncodeToString(next) }

func (a *API) listSessions(_ *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, false)
	if err != nil {
		return nil, err
	}
	page, err := pagingOf(r)
	if err != nil {
		return nil, err
	}
	var before uuid.UUID
	if page.cursor != nil {
		if before, err = uuid.FromBytes(page.cursor); err != nil {
			return nil, invalid("cursor", "not_allowed")
		}
	}
	listed, next, err := a.cfg.Sessions.List(r.Context(), current, before, page.limit)
	if err != nil {
		return nil, managed(err)
	}
	return newSessionsAnswer(listed, next), nil
}

func newSessionsAnswer(listed []session.Listed, next uuid.UUID) sessionsAnswer {
	out := sessionsAnswer{Sessions: []listedSession{}}
	if next != uuid.Nil {
		out.NextCursor = cursorOf(next[:])
	}
	for _, l := range listed {
		out.Sessions = append(out.Sessions, newListedSession(l))
	}
	return out
}

// endOther ends the session that the path names: any of the person's own, the one that
// asks included. Somebody else's is as little there as one that never was.
func (a *API) endOther(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	id, err := identifier(r)
	if err != nil {
		return nil, err
	}
	if err := ended(a.cfg.Sessions.EndOther(r.Context(), current, id, x.caller)); err != nil {
		return nil, err
	}
	a.forget(x, r)
	return nil, nil
}

// ended judges what came back from ending a session that the path names.
func ended(err error) error {
	if errors.Is(err, session.ErrNone) {
		return refused(codeNotFound)
	}
	return managed(err)
}

func (a *API) endOthers(x *exchange, r *http.Request) (answer, error) {
	current, err := a.identify(r, true)
	if err != nil {
		return nil, err
	}
	if _, err := a.cfg.Sessions.EndOthers(r.Context(), current, x.caller); err != nil {
		return nil, managed(err)
	}
	return nil, nil
}
