package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// TestLost: who comes to an address without a page with a browser is told in words, in
// their language; every program, and every call, gets the problem document.
func TestLost(t *testing.T) {
	s := newSite(t)
	browsers := header("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	german := header("Accept-Language", "de")
	for _, path := range []string{"/nothing", "/sign-in/more", "/assets/none.js", "//sign-in"} {
		s.get(path).wantCode(codeNotFound)
		s.get(path, header("Accept", "*/*")).wantCode(codeNotFound)
		page := s.get(path, browsers, german).want(http.StatusNotFound)
		if body := string(page.body); !strings.Contains(body, `data-page="lost"`) || !strings.Contains(body, `lang="de"`) {
			t.Errorf("%s: %s", path, body)
		}
		if got := page.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
	s.get("/v1/nothing", browsers).wantCode(codeNotFound)
	s.get("/.well-known/nothing", browsers).wantCode(codeNotFound)
	s.send(http.MethodPost, "/nothing", nil, browsers).wantCode(codeNotFound)
}
