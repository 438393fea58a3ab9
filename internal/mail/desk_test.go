package mail

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

var (
	update  = flag.Bool("update", false, "write the golden files anew")
	gallery = flag.String("gallery", "", "folder to write every sample mail to, for looking at")
)

const site = "https://login.example.com"

func exampleLook() Look {
	return Look{
		OperatorName: "Example", PublicURL: site,
		Links: Links{Terms: "https://example.com/terms", Privacy: "https://example.com/privacy", Support: "mailto:help@example.com"},
	}
}

func openDesk(t *testing.T, look Look) *desk {
	t.Helper()
	d, err := newDesk(look, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, d *desk, l Letter) written {
	t.Helper()
	out, err := d.write(l, l.At)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sampleName names a sample as its golden file is named.
func sampleName(l Letter) string {
	name := l.Language + "-" + string(l.Kind)
	if l.Kind != KindNotice {
		return name
	}
	if l.About == "" {
		l.About = anyNotice
	}
	if name += "-" + l.About; !l.HeldUntil.IsZero() {
		name += "-held"
	}
	if l.CodesEnded {
		name += "-codes"
	}
	if l.Link == "" {
		name += "-bare"
	}
	return name
}

// TestGolden holds what every kind says, in both languages, against what was read and
// found good. go test -run TestGolden -update writes it anew.
func TestGolden(t *testing.T) {
	d := openDesk(t, exampleLook())
	seen := map[string]bool{}
	for _, l := range samples(site) {
		out := write(t, d, l)
		files := map[string]string{sampleName(l) + ".txt": "Subject: " + out.subject + "\n\n" + out.text}
		if l.Kind != KindNotice || l.About == "passkey.added" {
			files[sampleName(l)+".html"] = out.html
		}
		for name, got := range files {
			path := filepath.Join("testdata", "golden", name)
			seen[name] = true
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is not what it was:\n%s", name, got)
			}
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("%s belongs to no sample", f.Name())
		}
	}
}

var leftover = regexp.MustCompile(`\{[a-z{]|<no value>|%!|ZgotmplZ`)

// TestEverySampleIsWhole: every kind × language has every sentence it needs, its link
// once in the text and twice in HTML (button and words), and nothing unfilled.
func TestEverySampleIsWhole(t *testing.T) {
	d := openDesk(t, exampleLook())
	body := regexp.MustCompile(`(?s)<body.*</body>`)
	for _, l := range samples(site) {
		t.Run(sampleName(l), func(t *testing.T) {
			out := write(t, d, l)
			page := d.page(l, l.At)
			link := page.Link
			if (link == "") != (l.Link == "" && l.Kind != KindUsePasskey) {
				t.Errorf("link %q", link)
			}
			if link != "" && (strings.Count(out.text, link) != 1 || strings.Count(out.html, link) != 2) {
				t.Errorf("the link stands %d times in the text and %d times in HTML", strings.Count(out.text, link), strings.Count(out.html, link))
			}
			if link != "" && !strings.Contains(out.html, `<a href="`+link+`"`) {
				t.Error("no button leads to the link")
			}
			for what, text := range map[string]string{"subject": out.subject, "text": out.text, "HTML": body.FindString(out.html)} {
				if hit := leftover.FindString(text); hit != "" {
					t.Errorf("%s: %q is left in it:\n%s", what, hit, text)
				}
			}
			if page.Heading == "" || len(page.Intro) == 0 || page.Intro[0] == "" || page.Footer == "" || link != "" && page.Button == "" {
				t.Errorf("sentences are missing: %+v", page)
			}
			if !strings.Contains(out.html, `lang="`+l.Language+`"`) {
				t.Error("HTML is not in its language")
			}
			if n := len([]rune(out.subject)); n > 80 {
				t.Errorf("a subject of %d characters", n)
			}
			if strings.Contains(out.html, "<img") || strings.Contains(out.html, "url(") || strings.Contains(out.html, "<script") {
				t.Error("something is loaded from elsewhere")
			}
		})
	}
}

// TestWordingIsComplete: both languages have the same sentences with the same
// placeholders.
func TestWordingIsComplete(t *testing.T) {
	all, err := readWording()
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\{[a-z]+\}`)
	shape := func(s string) string { return fmt.Sprintf("%v %v", s == "", len(names.FindAllString(s, -1))) }
	kindShape := func(k kindWording) string {
		out := shape(k.Subject) + shape(k.Heading) + shape(k.Button)
		for _, list := range [][]string{k.Intro, k.Ask, k.Notes} {
			out += fmt.Sprint(len(list))
			for _, s := range list {
				out += shape(s)
			}
		}
		return out
	}
	base := all[english]
	for language, w := range all {
		for _, kind := range kinds() {
			if _, ok := w.Kinds[kind]; !ok || kindShape(w.Kinds[kind]) != kindShape(base.Kinds[kind]) {
				t.Errorf("%s: %s differs", language, kind)
			}
		}
		if len(w.Kinds) != len(kinds()) || len(w.Notices) != len(told())+1 || len(w.Months) != 12 {
			t.Errorf("%s: %d kinds, %d notices, %d months", language, len(w.Kinds), len(w.Notices), len(w.Months))
		}
		for about, n := range w.Notices {
			b, ok := base.Notices[about]
			if shape(n.Held)+shape(n.HeldNamed)+shape(n.Waits) != shape(b.Held)+shape(b.HeldNamed)+shape(b.Waits) {
				t.Errorf("%s: %s waits in other words", language, about)
			}
			if !ok || shape(n.Subject)+shape(n.Text)+shape(n.Named)+shape(n.Undo) != shape(b.Subject)+shape(b.Text)+shape(b.Named)+shape(b.Undo) ||
				n.Stranger != b.Stranger || n.Heading == "" || n.Undo == "" {
				t.Errorf("%s: %s differs", language, about)
			}
		}
		if w.Notice.Codes == "" || shape(w.Notice.Codes) != shape(base.Notice.Codes) {
			t.Errorf("%s: codes end in other words", language)
		}
		for _, role := range []record.Role{record.RoleMember, record.RoleSupport, record.RoleAdmin} {
			if w.Roles[string(role)] == "" {
				t.Errorf("%s: the role %s has no word", language, role)
			}
		}
		for _, about := range told() {
			if _, ok := w.Notices[string(about)]; !ok {
				t.Errorf("%s: %s is missing", language, about)
			}
		}
	}
}

// TestHeldToTheMinute: a mail never tells of a moment that is too early.
func TestHeldToTheMinute(t *testing.T) {
	d := openDesk(t, exampleLook())
	at := time.Date(2026, time.November, 21, 23, 13, 0, 0, time.UTC)
	for held, want := range map[time.Duration]string{
		0: "From 22 November 2026, 23:13 UTC on", time.Millisecond: "From 22 November 2026, 23:14 UTC on",
		time.Minute - time.Millisecond: "From 22 November 2026, 23:14 UTC on",
	} {
		out := write(t, d, Letter{Kind: KindNotice, About: "passkey.added", At: at, HeldUntil: at.Add(24*time.Hour + held)})
		if !strings.Contains(out.text, want) || strings.Contains(out.text, "account. It can sign in") {
			t.Errorf("%v: want %q in %s", held, want, out.text)
		}
	}
}

// TestStrangersSayNothing: whatever people chose for a name, no mail shows it as markup,
// as a second line, as a link, or with its direction turned.
func TestStrangersSayNothing(t *testing.T) {
	d := openDesk(t, exampleLook())
	for _, evil := range []string{
		`<a href="https://evil.example">x</a>`, `"><script>alert(1)</script>`, "a\r\nBcc: all@example.com", "https://evil.example/win",
		"evil.example", "www.evil.example", "me@evil.example", "\u202eelpmaxe.live", "a\u2028b\x00c", "{operator}{link}", "{{.Link}}",
		strings.Repeat("long ", 100),
	} {
		for _, l := range samples(site) {
			if l.Kind == KindNotice && l.About != "passkey.added" && l.About != "email.added" {
				continue
			}
			l.Subject, l.Person, l.Agent, l.Network = evil, evil, evil, evil
			out := write(t, d, l)
			for _, text := range []string{out.subject, out.text, out.html} {
				for _, bad := range []string{"evil.example", "://evil", "@evil", "\u202e", "\u2028", "\x00", "Bcc: all@", "\nBcc", strings.Repeat("long ", 14) + "l"} {
					if strings.Contains(text, bad) {
						t.Fatalf("%s: %q lets %q through:\n%s", sampleName(l), evil, bad, text)
					}
				}
			}
			if strings.Contains(out.html, "<script>alert") || strings.Contains(out.html, "<a href=\"https:\u2060") {
				t.Errorf("%s: %q is markup:\n%s", sampleName(l), evil, out.html)
			}
			if hasControl(out.subject) {
				t.Errorf("subject %q", out.subject)
			}
			if !personal(l.Kind) && strings.Contains(out.text, clean(evil)) {
				t.Errorf("%s goes to an address that nobody proved, and says %q", l.Kind, evil)
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	d := openDesk(t, exampleLook())
	for tag, want := range map[string]string{"en": "en", "de": "de", "de-AT": "de", "DE": "de", "": "en", "fr": "en", "../de": "en"} {
		if got := d.language(tag); got != want {
			t.Errorf("%q is read as %q", tag, got)
		}
	}
}

func TestKindsAreClosed(t *testing.T) {
	if _, err := openDesk(t, exampleLook()).write(Letter{Kind: "poem"}, time.Time{}); err == nil {
		t.Error("a poem was written")
	}
}

func TestFactsOfAsking(t *testing.T) {
	d := openDesk(t, exampleLook())
	l := samples(site)[0]
	out := write(t, d, l)
	for _, want := range []string{"Browser: Firefox on Linux", "Network: 192.0.2.17\n", "Time: 21 November 2026, 14:05 UTC", "for 10 minutes", "nobody gets in", "Account: ana"} {
		if !strings.Contains(out.text, want) {
			t.Errorf("%q is missing in\n%s", want, out.text)
		}
	}
	l.Kind, l.About, l.Language = KindNotice, "account.disabled", "en"
	if out := write(t, d, l); strings.Contains(out.text, "192.0.2.17") || strings.Contains(out.text, "Firefox") {
		t.Errorf("it says where the administrator works:\n%s", out.text)
	}
}

func TestOwnTemplates(t *testing.T) {
	own := fstest.MapFS{
		"en/sign_in.html":        {Data: []byte(`<p>{{.Operator}} <a href="{{.Link}}">go</a> {{.Person}}</p>`)},
		"en/sign_in.subject.txt": {Data: []byte("Knock at {{.Operator}}\n")},
	}
	d, err := newDesk(exampleLook(), own)
	if err != nil {
		t.Fatal(err)
	}
	l := samples(site)[0]
	l.Person = "<b>"
	out := write(t, d, l)
	if out.subject != "Knock at Example" || !strings.Contains(out.html, `<p>Example <a href="`+l.Link+`">go</a> &lt;b&gt;</p>`) {
		t.Errorf("%+v", out)
	}
	if ours := write(t, openDesk(t, exampleLook()), l); out.text != ours.text {
		t.Errorf("the text is not ours: %s", out.text)
	}
	l.Language = "de"
	if out := write(t, d, l); out.subject != "Bei Example anmelden" {
		t.Errorf("in German: %s", out.subject)
	}
}

// TestFaultyTemplates: each is refused at start, in a sentence that names the file.
func TestFaultyTemplates(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"unknown kind":      {"en/sign_on.html", "x", "en/sign_on.html is none"},
		"unknown language":  {"fr/sign_in.html", "x", "fr/sign_in.html is none"},
		"unknown part":      {"en/sign_in.md", "x", "en/sign_in.md is none"},
		"not in a language": {"sign_in.html", "x", "sign_in.html is none"},
		"unparsable":        {"en/sign_in.txt", "{{.Link", "en/sign_in.txt cannot be understood"},
		"unknown field":     {"en/sign_in.txt", "{{.Link}} {{.Password}}", "en/sign_in.txt"},
		"fails on some":     {"en/notice.txt", "{{.Link}} {{if not .Link}}{{index .Facts 9}}{{end}}", "en/notice.txt"},
		"no link in text":   {"de/sign_in.txt", "Hallo", "de/sign_in.txt leaves out the link"},
		"no link in HTML":   {"de/sign_in.html", "<p>Hallo</p>", "de/sign_in.html leaves out the link"},
		"empty subject":     {"en/notice.subject.txt", "\n", "the subject of notice in en is not one line"},
		"long subject":      {"en/notice.subject.txt", "a\nb", "the subject of notice in en is not one line"},
		"HTML out of joint": {"en/sign_in.html", `<a href="{{.Link}}>{{if .Name}}">{{end}}`, "en/sign_in.html"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDesk(exampleLook(), fstest.MapFS{c.file: {Data: []byte(c.text)}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := newDesk(exampleLook(), fstest.MapFS{}); err == nil {
		t.Error("an empty folder was taken")
	}
}

func TestFaultyLook(t *testing.T) {
	for name, change := range map[string]func(*Look){
		"no name":          func(l *Look) { l.OperatorName = " " },
		"line end in name": func(l *Look) { l.OperatorName = "a\nb" },
		"no pages":         func(l *Look) { l.PublicURL = "" },
		"pages elsewhere":  func(l *Look) { l.PublicURL = "ftp://example.com" },
		"accent":           func(l *Look) { l.Accent = "red" },
		"short accent":     func(l *Look) { l.Accent = "#fff" },
		"accent and more":  func(l *Look) { l.Accent = "#fffff;" },
		"terms":            func(l *Look) { l.Links.Terms = "javascript:alert(1)" },
		"privacy by mail":  func(l *Look) { l.Links.Privacy = "mailto:a@example.com" },
		"support":          func(l *Look) { l.Links.Support = "http://example.com" },
	} {
		look := exampleLook()
		change(&look)
		if _, err := newDesk(look, nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestAccentCanBeRead(t *testing.T) {
	for _, accent := range []string{"", "#000000", "#ffffff", "#0b7a5c", "#ffcc00", "#777777", "#FF0000"} {
		p, err := paletteOf(accent)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]string{{string(p.Accent), string(p.OnAccent)}, {string(p.DarkAccent), string(p.DarkOnAccent)}} {
			var a, b uint64
			if _, err := fmt.Sscanf(pair[0]+" "+pair[1], "#%x #%x", &a, &b); err != nil {
				t.Fatal(err)
			}
			hi, lo := max(luminance(a), luminance(b)), min(luminance(a), luminance(b))
			if (hi+0.05)/(lo+0.05) < 4.5 {
				t.Errorf("%q: %v cannot be read", accent, pair)
			}
		}
	}
}

// TestGallery writes every sample to the folder of -gallery, as files to look at.
func TestGallery(t *testing.T) {
	if *gallery == "" {
		return
	}
	for name, look := range map[string]Look{"": exampleLook(), "green-": {OperatorName: "Grüne Wiese GmbH", Accent: "#0b7a5c", PublicURL: "https://wiese.example"}} {
		d := openDesk(t, look)
		for _, l := range samples(site) {
			path := filepath.Join(*gallery, name+sampleName(l)+".html")
			if err := os.WriteFile(path, []byte(write(t, d, l).html), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
