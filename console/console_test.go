package console

import (
	"bytes"
	"encoding/json"
	"html"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func pagesOf(t *testing.T, operator Operator) map[string][]byte {
	t.Helper()
	files, err := Pages(operator)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var example = Operator{Name: "Example & Söhne", SignUp: "open"}

func TestEveryPageInEveryLanguage(t *testing.T) {
	files := pagesOf(t, example)
	for _, lang := range []string{"en", "de"} {
		for page := range screens {
			body := string(files["pages/"+lang+"/"+page+".html"])
			for _, want := range []string{
				`<html lang="` + lang + `" dir="ltr">`, `data-page="` + page + `"`, "Example &amp; Söhne",
			} {
				if !strings.Contains(body, want) {
					t.Errorf("%s/%s has no %s", lang, page, want)
				}
			}
		}
	}
}

// The door sends a policy under which none of this would work.
func TestNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:>|\s[^>]*[^>/]>[^<])|javascript:|(?:src|href)="(?:https?:)?//`)
	for name, body := range pagesOf(t, example) {
		if path.Ext(name) == ".html" {
			if found := inline.Find(body); found != nil {
				t.Errorf("%s: %q", name, found)
			}
		}
	}
}

// What the script is told of the operator is text, whatever it holds.
func TestOperatorIsText(t *testing.T) {
	name := `"><script>alert(1)</script>`
	body := string(pagesOf(t, Operator{Name: name})["pages/en/sign-in.html"])
	if strings.Contains(body, "<script>alert") {
		t.Error("a name is markup")
	}
	p := &press{operator: Operator{Name: name}, manifest: map[string]chunk{entry: {File: "assets/main.js"}}, files: map[string][]byte{}}
	var err error
	if p.catalogs, err = catalogs(nil); err != nil {
		t.Fatal(err)
	}
	if err := p.print(); err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`data-site="([^"]*)"`).FindSubmatch(p.files["pages/de/account.html"])
	var s site
	if err := json.Unmarshal([]byte(html.UnescapeString(string(told[1]))), &s); err != nil || s.Name != name {
		t.Errorf("told %q: %v", told[1], err)
	}
}

func TestLinkedFilesAreThere(t *testing.T) {
	files := pagesOf(t, Operator{Name: "Example", Accent: "#ff6600", Logo: []byte("<svg/>")})
	linked := regexp.MustCompile(`(?:src|href)="/(assets/[^"]*)"`)
	for name, body := range files {
		for _, found := range linked.FindAllSubmatch(body, -1) {
			if _, ok := files[string(found[1])]; path.Ext(name) == ".html" && !ok {
				t.Errorf("%s links to %s", name, found[1])
			}
		}
	}
}

func TestLink(t *testing.T) {
	p := &press{accent: "/assets/accent.css", manifest: map[string]chunk{
		entry:        {Name: "main", File: "assets/main.js", CSS: []string{"assets/main.css"}, Imports: []string{"_shared.js"}},
		"_shared.js": {Name: "shared", File: "assets/shared.js", Imports: []string{entry}},
		"_a.js":      {Name: "Account", File: "assets/a.js", CSS: []string{"assets/a.css"}, Imports: []string{"_shared.js", "_menu.js"}},
		"_menu.js":   {Name: "Menu", File: "assets/menu.js", CSS: []string{"assets/menu.css"}},
	}}
	for needs, want := range map[string]shell{
		"": {
			Script: "/assets/main.js", Preloads: []string{"/assets/shared.js"},
			Styles: []string{"/assets/main.css", "/assets/accent.css"},
		},
		"Account": {
			Script: "/assets/main.js", Preloads: []string{"/assets/shared.js", "/assets/a.js", "/assets/menu.js"},
			Styles: []string{"/assets/main.css", "/assets/a.css", "/assets/menu.css", "/assets/accent.css"},
		},
	} {
		var got shell
		p.link(&got, needs)
		if got.Script != want.Script || !slices.Equal(got.Preloads, want.Preloads) || !slices.Equal(got.Styles, want.Styles) {
			t.Errorf("%q: %+v", needs, got)
		}
	}
}

func TestUnbuiltPageSaysHowToBuild(t *testing.T) {
	p := &press{operator: example, files: map[string][]byte{}}
	var err error
	if p.catalogs, err = catalogs(nil); err != nil {
		t.Fatal(err)
	}
	if err := p.print(); err != nil {
		t.Fatal(err)
	}
	if body := p.files["pages/en/sign-in.html"]; !bytes.Contains(body, []byte("run make console")) || bytes.Contains(body, []byte("<script")) {
		t.Errorf("%s", body)
	}
}

func TestRightToLeft(t *testing.T) {
	for lang, want := range map[string]string{"ar": "rtl", "he": "rtl", "fa": "rtl", "ur": "rtl", "en": "ltr", "de": "ltr", "uz": "ltr", "az-Arab": "rtl"} {
		if got := direction(lang); got != want {
			t.Errorf("%s is written %s", lang, got)
		}
	}
}

func TestWhatTheOperatorGivesIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		operator Operator
		want     string
	}{
		"accent by name":   {Operator{Accent: "red"}, "no colour"},
		"accent of letter": {Operator{Accent: "#gggggg"}, "no colour"},
		"logo of text":     {Operator{Logo: []byte("logo")}, "no SVG, PNG, JPEG or WebP"},
		"logo too large":   {Operator{Logo: make([]byte, logoLimit+1)}, "make it smaller"},
		"terms by http":    {Operator{Links: Links{Terms: "http://example.com"}}, "terms"},
		"terms by mail":    {Operator{Links: Links{Terms: "mailto:a@example.com"}}, "terms"},
		"privacy":          {Operator{Links: Links{Privacy: "javascript:alert(1)"}}, "privacy"},
		"support":          {Operator{Links: Links{Support: "mailto:"}}, "support"},
		"wording":          {Operator{Wording: fstest.MapFS{}}, "wording"},
	} {
		if _, err := Pages(test.operator); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	every := Operator{Accent: "red", Logo: []byte("logo"), Links: Links{Terms: "x"}, Wording: fstest.MapFS{}}
	if _, err := Pages(every); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not every fault: %v", err)
	}
	good := Operator{
		Name: "Example", Accent: "#FF6600", Logo: []byte("\x89PNG\r\n\x1a\n"),
		Links: Links{Terms: "https://example.com/terms", Support: "mailto:help@example.com"},
	}
	body := string(pagesOf(t, good)["pages/en/sign-in.html"])
	if manifest, err := readManifest(); err != nil || manifest != nil && !strings.Contains(body, "/assets/accent-") {
		t.Errorf("%v, no accent in %s", err, body)
	}
}
