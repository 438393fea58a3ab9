package e2e

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axe reads the accessibility checker that comes with the pages' tools.
var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile("../console/node_modules/axe-core/axe.min.js")
	return string(source), err
})

// view is how somebody looks at a page.
type view struct {
	name   string
	lang   string
	width  int64
	zoom   float64
	scheme string
	dir    string
	check  string // what axe is asked, which takes its time
}

// views are in the order of their languages: each page is loaded once for each. axe looks
// for everything once or more in light, in dark, at 360 and at 1280 px, at 200 % and from
// right to left. Where only the colours are others, it looks at those.
var views = []view{
	{"phone", "en", 360, 1, "light", "ltr", everything},
	{"phone, dark", "en", 360, 1, "dark", "ltr", colours},
	{"desk", "en", 1280, 1, "light", "ltr", everything},
	{"desk, dark", "en", 1280, 1, "dark", "ltr", ""},
	{"desk, 200 %", "en", 1280, 2, "light", "ltr", ""},
	{"desk, right to left", "en", 1280, 1, "dark", "rtl", everything},
	{"phone, right to left", "en", 360, 1, "light", "rtl", ""},
	{"phone, German", "de", 360, 1, "light", "ltr", ""},
	{"phone, German, 200 %", "de", 360, 2, "dark", "ltr", everything},
}

// What axe is asked, as the options of its run.
const (
	everything = `{resultTypes: ['violations']}`
	colours    = `{resultTypes: ['violations'], runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}`
)

// photographed are the views that there are pictures of, with what their names end in.
var photographed = map[string]string{
	"phone": "", "phone, dark": "", "desk": "", "desk, dark": "", "phone, German": "-lang-de", "desk, right to left": "-dir-rtl",
}

// TestGallery looks at every state of every screen in every view: nothing that axe
// finds fault with, nothing cut off, nothing that the pages' policy had to stop.
func TestGallery(t *testing.T) {
	t.Parallel()
	source, err := axe()
	need(t, "browser", err)
	if dir := os.Getenv(screenshotDir); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := startServer(t, "KEYTURN_OPERATOR_NAME=Example")
	index := startBrowser(t, s.url)
	index.open("/dev/gallery")
	index.await("the states", "document.querySelectorAll('[data-testid=states] a').length > 30")
	states := eval[[]string](index, "[...document.querySelectorAll('[data-testid=states] a')].map(a => a.textContent)")
	index.provokeAxe(source)
	left := make(chan string, len(states))
	for _, state := range states {
		left <- state
	}
	close(left)
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := startBrowser(t, s.url)
			b.plugIn(securityKey())
			command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch + source})
			for state := range left {
				b.inspect(state)
			}
		})
	}
}

// provokeAxe proves that its verdicts are worth something.
func (b *browser) provokeAxe(source string) {
	b.t.Helper()
	eval[any](b, source+`; { const words = document.createElement('p');
		words.textContent = 'words'; words.style = 'color: #eee; background: #fff';
		document.querySelector('main').append(document.createElement('img'), words); } null`)
	for rule, options := range map[string]string{"image-alt: ": everything, "color-contrast: ": colours} {
		found := b.violations(options)
		if !slices.ContainsFunc(found, func(one string) bool { return strings.HasPrefix(one, rule) }) {
			b.t.Fatalf("axe finds a picture without words and words that nobody can read, but not %s in %s", rule, found)
		}
	}
}

// watch notes in the page what goes wrong without anybody seeing it.
const watch = `window.faults = [];
	addEventListener('securitypolicyviolation', e => faults.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));
	addEventListener('error', e => faults.push('error: ' + e.message));
	addEventListener('unhandledrejection', e => faults.push('rejection: ' + e.reason));
	`

// settled waits until the page has stopped changing: what it shows comes in answers that
// follow one another. A button that is loaded later has a span in its place until then.
const settled = `new Promise(done => {
	let timer;
	const rest = () => { clearTimeout(timer); timer = setTimeout(done, 50, null); };
	new MutationObserver(rest).observe(document, {childList: true, subtree: true, characterData: true});
	rest();
})`

// seen is what a view shows that should not be.
const seen = `({wide: document.documentElement.scrollWidth - innerWidth, faults: window.faults, foreign: ` + foreignRequests + `})`

// inspect looks at one state in every view.
func (b *browser) inspect(state string) {
	b.t.Helper()
	loaded := ""
	for _, v := range views {
		b.look(v)
		if v.lang != loaded {
			b.open("/dev/gallery?state=" + state + "&lang=" + v.lang)
			b.await(state, "document.querySelector('main h1') && document.fonts.status === 'loaded' && !document.querySelector('span.button')")
			eval[any](b, settled)
			loaded = v.lang
		}
		found := eval[struct {
			Wide    int      `json:"wide"`
			Faults  []string `json:"faults"`
			Foreign []string `json:"foreign"`
		}](b, "document.documentElement.dir = "+quote(v.dir)+"; "+seen)
		if found.Wide > 0 {
			b.t.Errorf("%s, %s: %d px wider than the window", state, v.name, found.Wide)
		}
		for _, fault := range found.Faults {
			b.t.Errorf("%s, %s: %s", state, v.name, fault)
		}
		if len(found.Foreign) > 0 {
			b.t.Errorf("%s asks other origins: %s", state, strings.Join(found.Foreign, ", "))
		}
		if v.check != "" {
			for _, violation := range b.violations(v.check) {
				b.t.Errorf("%s, %s: %s", state, v.name, violation)
			}
		}
		if dir := os.Getenv(screenshotDir); dir != "" {
			if ending, wanted := photographed[v.name]; wanted {
				b.picture(dir, fmt.Sprintf("%s-%d-%s%s", state, v.width, v.scheme, ending))
			}
		}
	}
}

// violations are what axe finds fault with.
func (b *browser) violations(options string) []string {
	b.t.Helper()
	return eval[[]string](b, `axe.run(document, `+options+`).then(r =>
		r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary.replaceAll('\n', ' ')).join(' | ')))`)
}

// foreignRequests are the addresses on other origins that the page asked for.
const foreignRequests = `performance.getEntriesByType('resource').map(e => e.name).filter(n => new URL(n).origin !== location.origin)`

// look sets up the window. Zooming in makes the page narrower in its own pixels.
func (b *browser) look(v view) {
	b.t.Helper()
	width := int64(float64(v.width) / v.zoom)
	run(b, "viewport", chromedp.EmulateViewport(width, int64(800/v.zoom), chromedp.EmulateScale(v.zoom)))
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: v.scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
}
