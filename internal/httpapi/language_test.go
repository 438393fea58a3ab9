package httpapi

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// TestBestLanguage asks for everything twice: what is remembered is what was found.
func TestBestLanguage(t *testing.T) {
	l := newLanguages([]language.Tag{language.German, language.Arabic})
	for range 2 {
		for _, c := range []struct{ query, accept, want string }{
			{"", "", "en"},
			{"", "de-AT,de;q=0.9,en;q=0.8", "de"},
			{"", "fr, ar;q=0.5", "ar"},
			{"", "fr", "en"},
			{"", "nonsense;;q=;", "en"},
			{"lang=de", "", "de"},
			{"lang=de", "ar", "de"},
			{"lang=fr", "ar", "ar"},
			{"lang=" + strings.Repeat("de,", 100), "ar", "ar"},
			{"other=1", "ar", "ar"},
			{"", strings.Repeat("de,", 100), "en"},
		} {
			r := httptest.NewRequest("GET", "/?"+c.query, nil)
			if r.Header.Set("Accept-Language", c.accept); c.accept == "" {
				r.Header.Del("Accept-Language")
			}
			if got := l.best(r); got != c.want {
				t.Errorf("?%.20s, Accept-Language %.20q: %q, want %q", c.query, c.accept, got, c.want)
			}
		}
	}
}

// TestLanguagesForgetByPlaces: whatever strangers ask for, what is remembered has its
// fixed number of places, and stays right.
func TestLanguagesForgetByPlaces(t *testing.T) {
	l := newLanguages([]language.Tag{language.German})
	r := httptest.NewRequest("GET", "/", nil)
	for i := range 4 * wishesKept {
		for accept, want := range map[string]string{fmt.Sprintf("de;q=0.1%d", i): "de", fmt.Sprintf("en;q=0.1%d", i): "en"} {
			r.Header.Set("Accept-Language", accept)
			if got := l.best(r); got != want {
				t.Fatalf("%q: %q", accept, got)
			}
		}
	}
}
