package keyturn_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn"
)

// TestOperator: the pages are the operator's, and a mistake in what he gives is told
// before anybody sees them.
func TestOperator(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	set := production(t, "https://login.example.com")
	set.OperatorName, set.OperatorAccent, set.OperatorTerms = "Example & Söhne", "#0b7a5c", "https://example.com/terms"
	set.OperatorLogo = write("logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	set.OperatorWording = filepath.Dir(write("good/en.json", `{"title.sign-in": "Welcome to {name}"}`))
	server := open(t, keyturn.Config{Settings: set})
	for lang, want := range map[string]string{"en": "<title>Welcome to Example &amp; Söhne", "de": "<title>Bei Example &amp; Söhne anmelden"} {
		r := httptest.NewRequest(http.MethodGet, "https://login.example.com/sign-in", nil)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: no %s in %s", lang, want, w.Body)
		}
	}

	for want, spoil := range map[string]func(*keyturn.Settings){
		"operator.logo": func(s *keyturn.Settings) { s.OperatorLogo = filepath.Join(dir, "absent.svg") },
		"no SVG":        func(s *keyturn.Settings) { s.OperatorLogo = write("text.svg", "text") },
		"no sentence":   func(s *keyturn.Settings) { s.OperatorWording = filepath.Dir(write("key/en.json", `{"x": "y"}`)) },
		"keep [name]": func(s *keyturn.Settings) {
			s.OperatorWording = filepath.Dir(write("lost/de.json", `{"sign-in.heading": "Hallo"}`))
		},
		"no file such as": func(s *keyturn.Settings) { s.OperatorWording = filepath.Join(dir, "absent") },
	} {
		bad := production(t, "https://login.example.com")
		spoil(&bad)
		if _, err := keyturn.New(t.Context(), keyturn.Config{Settings: bad}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
