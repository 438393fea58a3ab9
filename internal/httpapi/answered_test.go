package httpapi

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestAnswered: who counts hears of every answer, by route and codes, and of nothing
// that a client made up.
func TestAnswered(t *testing.T) {
	var heard []Answered
	s := newSite(t, func(c *Config) { c.Answered = func(a Answered) { heard = append(heard, a) } })
	for _, c := range []struct {
		method, path, body string
		want               Answered
	}{
		{"GET", "/healthz", "", Answered{Method: "GET", Route: "/healthz", Status: 200}},
		{"DELETE", "/v1/passkeys/0198c5f2-ana", "", Answered{Method: "DELETE", Route: "/v1/passkeys/{id}", Status: 401, Code: "unauthenticated"}},
		{"POST", "/v1/sign-in/passkey", "{", Answered{Method: "POST", Route: "/v1/sign-in/passkey", Status: 400, Code: "malformed", Reason: "syntax"}},
		{"GET", "/ana@example.com", "", Answered{Method: "GET", Route: "none", Status: 404, Code: "not_found"}},
		{"STEAL", "/healthz", "", Answered{Method: "other", Route: "none", Status: 405, Code: "method_not_allowed"}},
	} {
		r := httptest.NewRequest(c.method, s.cfg.PublicURL.String()+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		heard = heard[:0]
		s.ServeHTTP(httptest.NewRecorder(), r)
		if !slices.Equal(heard, []Answered{c.want}) {
			t.Errorf("%s %s: heard %+v, want %+v", c.method, c.path, heard, c.want)
		}
	}
}
