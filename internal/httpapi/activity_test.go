package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
)

func (s *site) activity(query string, edits ...with) activityAnswer {
	s.t.Helper()
	var out activityAnswer
	s.get("/v1/account/activity"+query, edits...).want(http.StatusOK).json(&out)
	return out
}

// TestActivity: what a person did is what they read, newest first, by token and by
// cookie, and nobody else does.
func TestActivity(t *testing.T) {
	s := newSite(t)
	s.someone()
	p := s.proved(t)
	s.Clock.Advance(time.Second)
	s.signIn(p.phone, fields{}, header("User-Agent", "Browser")).want(http.StatusOK)
	s.Clock.Advance(time.Second)
	var passkeys passkeysAnswer
	s.get("/v1/passkeys", bearer(p.token)).json(&passkeys)
	mine := passkeys.Passkeys[0].ID
	s.send(http.MethodPatch, "/v1/passkeys/"+mine, []byte(`{"name":"Blue"}`), bearer(p.token)).want(http.StatusOK)
	s.Clock.Advance(time.Second)
	s.send(http.MethodPatch, "/v1/account", []byte(`{"display_name":"Bea"}`), s.ownCookie(p)).want(http.StatusOK)

	byToken, byCookie := s.activity("", bearer(p.token)), s.activity("", s.ownCookie(p))
	if byToken.NextCursor != "" || len(byToken.Events) != len(byCookie.Events) {
		t.Fatalf("by token %+v\nby cookie %+v", byToken, byCookie)
	}
	var names []string
	for _, e := range byToken.Events {
		names = append(names, e.Name)
	}
	if len(names) < 5 || !slices.Equal(names[:3], []string{"account.changed", "passkey.renamed", "session.signed_in"}) ||
		!slices.Contains(names[3:], "account.signed_up") {
		t.Fatalf("events %v", names)
	}
	changed, renamed, signedIn := byToken.Events[0], byToken.Events[1], byToken.Events[2]
	if changed.ThisSession || !renamed.ThisSession || !byCookie.Events[0].ThisSession || byCookie.Events[1].ThisSession {
		t.Errorf("this session: %+v %+v", byToken.Events[:2], byCookie.Events[:2])
	}
	if renamed.PasskeyID != mine || changed.PasskeyID != "" || renamed.SessionID == changed.SessionID {
		t.Errorf("%+v %+v", renamed, changed)
	}
	if signedIn.UserAgent != "Browser" || signedIn.AAL != 2 || signedIn.Network != "192.0.2.1/32" || signedIn.PasskeyID != mine || signedIn.SessionID == "" {
		t.Errorf("%+v", signedIn)
	}
	for _, e := range s.activity("", bearer(s.someone().token)).Events {
		if slices.ContainsFunc(byToken.Events, func(o eventAnswer) bool { return o.ID == e.ID }) {
			t.Errorf("a stranger reads %+v", e)
		}
	}
	s.get("/v1/account/activity").wantCode(codeUnauthenticated)
}

// TestActivitySignedOut: signing out is told from ending a session elsewhere.
func TestActivitySignedOut(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	s.Clock.Advance(time.Second)
	s.delete("/v1/account/sessions", s.ownCookie(p)).want(http.StatusNoContent)
	ended := s.activity("?limit=1", s.ownCookie(p)).Events[0]
	if ended.Name != "session.signed_out" || ended.Code != "elsewhere" || ended.ThisSession {
		t.Errorf("ended from another: %+v", ended)
	}
	s.Clock.Advance(time.Second)
	s.post("/v1/sign-out", fields{}, s.ownCookie(p)).want(http.StatusNoContent)
	var out tokenAnswer
	s.signIn(p.phone, fields{}).want(http.StatusOK).json(&out)
	left := s.activity("", bearer(out.AccessToken)).Events
	i := slices.IndexFunc(left, func(e eventAnswer) bool { return e.Name == "session.signed_out" })
	if i < 0 || left[i].Code != "" {
		t.Errorf("signed out: %+v", left)
	}
}

// TestActivityParts: part by part the list is what it is at once, and a cursor is
// nobody's but its person's.
func TestActivityParts(t *testing.T) {
	s := newSite(t)
	p, stranger := s.proved(t), s.proved(t)
	for range 3 {
		s.signIn(p.phone, fields{}).want(http.StatusOK)
	}
	all := s.activity("?limit=100", bearer(p.token)).Events
	var parts []eventAnswer
	cursor := ""
	for n := 0; n == 0 || cursor != ""; n++ {
		query := "?limit=2"
		if cursor != "" {
			query += "&cursor=" + cursor
		}
		part := s.activity(query, bearer(p.token))
		parts = append(parts, part.Events...)
		if len(part.Events) > 2 || n > len(all) {
			t.Fatalf("part %d: %+v", n, part)
		}
		cursor = part.NextCursor
	}
	if len(all) < 5 || fmt.Sprint(parts) != fmt.Sprint(all) {
		t.Errorf("in parts %+v\nat once %+v", parts, all)
	}
	theirs := s.activity("?limit=1", bearer(stranger.token)).NextCursor
	for query, field := range map[string]string{
		"?limit=0": "limit", "?limit=101": "limit", "?cursor=": "cursor", "?cursor=x": "cursor", "?cursor=AAAA": "cursor",
		"?cursor=" + theirs: "cursor", "?cursor=" + theirs + "&cursor=" + theirs: "cursor",
	} {
		got := s.get("/v1/account/activity"+query, bearer(p.token)).wantCode(codeInvalidField)
		if e := got.problem().Errors; len(e) != 1 || e[0].Field != field {
			t.Errorf("%s: %+v", query, e)
		}
	}
}

// TestActivityKeepsQuiet: how much happens on the server, and what a ceremony's
// signature covered, is in no answer.
func TestActivityKeepsQuiet(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	got := s.get("/v1/account/activity", bearer(p.token)).want(http.StatusOK)
	var out struct {
		Events []map[string]any `json:"events"`
	}
	got.json(&out)
	told := []string{"id", "name", "at", "passkey_id", "session_id", "aal", "code", "network", "user_agent", "this_session"}
	for _, e := range out.Events {
		for member := range e {
			if !slices.Contains(told, member) {
				t.Errorf("%s is told", member)
			}
		}
	}
}

// TestActivityNames: the document lists the names that are shown, all of them.
func TestActivityNames(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	listed, _ := readContract(t).at("/components/schemas/Event/properties/name", "enum")
	var names []string
	for _, name := range listed.([]any) {
		names = append(names, fmt.Sprint(name))
	}
	current, err := s.cfg.Tokens.Verify(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		entry := audit.Entry{Name: audit.Name(name), Account: current.Person().ID}
		if err := s.Store.Append(t.Context(), s.Audit.Event(entry)); err != nil {
			t.Fatal(err)
		}
	}
	var shown []string
	for _, e := range s.activity("?limit=100", bearer(p.token)).Events {
		shown = append(shown, e.Name)
	}
	for _, name := range names {
		if !slices.Contains(shown, name) {
			t.Errorf("%s is in the document and not shown", name)
		}
	}
	if text, err := json.Marshal(shown); err != nil || strings.Contains(string(text), string(audit.AttemptsFailed)) {
		t.Errorf("shown %s, %v", text, err)
	}
}
