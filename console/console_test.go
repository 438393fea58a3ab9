package console_test

import (
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/console"
)

// rendered executes every page as the door does.
func rendered(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(console.Files(), "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, name := range names {
		if path.Base(name) == "layout.html" {
			continue
		}
		parsed, err := template.ParseFS(console.Files(), "pages/layout.html", name)
		if err != nil {
			t.Fatal(err)
		}
		var page strings.Builder
		data := struct {
			Name   string
			SignUp bool
		}{"Example & Söhne", true}
		if err := parsed.ExecuteTemplate(&page, "layout.html", data); err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = page.String()
	}
	return pages
}

func TestStableIDs(t *testing.T) {
	want := map[string][]string{
		"sign-in": {"sign-in", "username", "continue", "passkey", "to-sign-up"},
		"sign-up": {"sign-up", "username", "display-name", "create"},
		"enrol":   {"enrol", "create"},
		"account": {"account-name", "passkeys", "sign-out", "sign-out-everywhere"},
		"dev":     {},
	}
	every := []string{"status", "retry", "details", "details-code", "details-request"}
	pages := rendered(t)
	if len(pages) != len(want) {
		t.Errorf("%d pages, want %d", len(pages), len(want))
	}
	for name, ids := range want {
		for _, id := range append(ids, every...) {
			if n := strings.Count(pages[name], ` id="`+id+`"`); n != 1 {
				t.Errorf("%s: id %q stands %d times", name, id, n)
			}
			if !strings.Contains(pages[name], ` data-testid="`+id+`"`) {
				t.Errorf("%s: no data-testid %q", name, id)
			}
		}
		if !strings.Contains(pages[name], `data-page="`+name+`"`) {
			t.Errorf("%s: does not say which page it is", name)
		}
	}
}

// The door sends a policy under which none of this would work.
func TestNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:>|\s[^>]*[^>/]>[^<])|javascript:|https?://`)
	for name, page := range rendered(t) {
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s: %q", name, found)
		}
	}
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function`)
	scripts, err := fs.Glob(console.Files(), "assets/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, name := range scripts {
		source, err := fs.ReadFile(console.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if found := markup.Find(source); found != nil {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// Pages say what people do, not what the protocol does.
func TestLanguage(t *testing.T) {
	tags := regexp.MustCompile(`(?s)<[^>]*>`)
	jargon := regexp.MustCompile(`(?i)credential|assertion|ceremony|webauthn|fido|authenticator|log ?in\b|!`)
	for name, page := range rendered(t) {
		if found := jargon.FindString(tags.ReplaceAllString(page, " ")); found != "" {
			t.Errorf("%s says %q", name, found)
		}
		if !strings.Contains(page, "<title>") || !strings.Contains(page, "Example &amp; Söhne") {
			t.Errorf("%s does not say whose page it is", name)
		}
	}
}
