package httpapi

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func (s *site) sessions(query string, edits ...with) sessionsAnswer {
	s.t.Helper()
	var out sessionsAnswer
	s.get("/v1/account/sessions"+query, edits...).want(http.StatusOK).json(&out)
	return out
}

func TestListSessions(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	for range 3 {
		s.Clock.Advance(time.Second)
		s.signIn(p.phone, fields{}, header("User-Agent", "Browser")).want(http.StatusOK)
	}
	s.someone()
	all := s.sessions("", bearer(p.token))
	if len(all.Sessions) != 6 || all.NextCursor != "" || all.Sessions[0].UserAgent != "Browser" || all.Sessions[0].Mode != "token" {
		t.Fatalf("sessions %+v", all)
	}
	var paged []listedSession
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		query := "?limit=4"
		if cursor != "" {
			query += "&cursor=" + cursor
		}
		part := s.sessions(query, bearer(p.token))
		paged, cursor = append(paged, part.Sessions...), part.NextCursor
		if len(part.Sessions) > 4 || n > 2 {
			t.Fatalf("part %d: %+v", n, part)
		}
	}
	mine := 0
	for i, one := range paged {
		if fmt.Sprint(one) != fmt.Sprint(all.Sessions[i]) {
			t.Errorf("%d: %+v, want %+v", i, one, all.Sessions[i])
		}
		if one.ThisSession {
			mine++
		}
	}
	if len(paged) != 6 || mine != 1 {
		t.Errorf("%d sessions, %d of them this one", len(paged), mine)
	}
	for query, field := range map[string]string{
		"?limit=0": "limit", "?limit=101": "limit", "?limit=x": "limit", "?limit=": "limit", "?limit=1&limit=2": "limit",
		"?cursor=": "cursor", "?cursor=x": "cursor", "?cursor=AAAA": "cursor", "?limit=5&cursor=%00": "cursor",
	} {
		got := s.get("/v1/account/sessions"+query, bearer(p.token)).wantCode(codeInvalidField)
		if e := got.problem().Errors; len(e) != 1 || e[0].Field != field {
			t.Errorf("%s: %+v", query, e)
		}
	}
	s.get("/v1/account/sessions?limit=%zz", bearer(p.token)).wantCode(codeMalformed)
}

func TestEndSessions(t *testing.T) {
	s := newSite(t)
	p, stranger := s.proved(t), s.proved(t)
	var own, cookieSession string
	for _, one := range s.sessions("", bearer(p.token)).Sessions {
		switch {
		case one.ThisSession:
			own = one.ID
		case one.Mode == "cookie":
			cookieSession = one.ID
		}
	}
	s.delete("/v1/account/sessions/"+own, bearer(stranger.token)).wantCode(codeNotFound)
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)

	s.delete("/v1/account/sessions/"+cookieSession, bearer(p.token)).want(http.StatusNoContent)
	s.get("/v1/account", s.ownCookie(p)).wantCode(codeUnauthenticated)
	s.delete("/v1/account/sessions/"+cookieSession, bearer(p.token)).wantCode(codeNotFound)

	p.cookie = s.signIn(p.phone, fields{"session_mode": "cookie"}).set[s.cookies.session].Value
	s.delete("/v1/account/sessions", s.ownCookie(p)).want(http.StatusNoContent)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
	left := s.sessions("", s.ownCookie(p)).Sessions
	if len(left) != 1 || !left[0].ThisSession {
		t.Fatalf("left %+v", left)
	}
	ended := s.delete("/v1/account/sessions/"+left[0].ID, s.ownCookie(p)).want(http.StatusNoContent)
	if c := ended.set[s.cookies.session]; c == nil || c.MaxAge >= 0 {
		t.Error("the browser keeps the cookie of a session that has ended")
	}
	s.get("/v1/account", bearer(stranger.token)).want(http.StatusOK)
}
