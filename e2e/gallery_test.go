package e2e

import (
	"encoding/json"
	"fmt"
	"os"
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
	query  string // of the gallery
	width  int64
	zoom   float64
	scheme string
	check  bool // by axe, which takes its time: every property of a view once or more
}

// views are those that need the same page and differ in how it is looked at stand
// next to one another: it is loaded once for them.
var views = []view{
	{"phone", "", 360, 1, "light", true},
	{"phone, dark", "", 360, 1, "dark", true},
	{"desk", "", 1280, 1, "light", true},
	{"desk, dark", "", 1280, 1, "dark", false},
	{"desk, 200 %", "", 1280, 2, "light", false},
	{"phone, German", "&lang=de", 360, 1, "light", false},
	{"phone, German, 200 %", "&lang=de", 360, 2, "dark", true},
	{"desk, right to left", "&dir=rtl", 1280, 1, "dark", true},
	{"phone, right to left", "&dir=rtl", 360, 1, "light", false},
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
	eval[any](index, source+"; document.querySelector('main').append(document.createElement('img')); null")
	if found := eval[string](index, faultless); !strings.Contains(found, "image-alt") {
		t.Fatalf("the checker finds nothing wrong with a picture without words: its verdict is worth nothing: %s", found)
	}
	const tabs = 3
	for i := range tabs {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := startBrowser(t, s.url)
			b.plugIn(securityKey())
			command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
			for n, state := range states {
				if n%tabs == i {
					b.inspect(state, source)
				}
			}
		})
	}
}

// watch notes in the page what goes wrong without anybody seeing it.
const watch = `window.faults = [];
	addEventListener('securitypolicyviolation', e => faults.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));
	addEventListener('error', e => faults.push('error: ' + e.message));
	addEventListener('unhandledrejection', e => faults.push('rejection: ' + e.reason));`

// faultless is what axe is asked: everything that it knows.
const faultless = `axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(
	r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary.replaceAll('\n', ' ')).join(' | '))))`

// inspect looks at one state in every view.
func (b *browser) inspect(state, axe string) {
	b.t.Helper()
	loaded := "none"
	for _, v := range views {
		b.look(v)
		if v.query != loaded {
			b.open("/dev/gallery?state=" + state + v.query)
			b.await(state, "document.querySelector('main h1') && document.fonts.status === 'loaded'")
			eval[any](b, axe+"; null")
			loaded = v.query
		}
		if v.check {
			for _, violation := range b.violations() {
				b.t.Errorf("%s, %s: %s", state, v.name, violation)
			}
		}
		if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			b.t.Errorf("%s, %s: %d px wider than the window", state, v.name, wide)
		}
		for _, fault := range eval[[]string](b, "window.faults") {
			b.t.Errorf("%s, %s: %s", state, v.name, fault)
		}
		if foreign := eval[[]string](b, foreignRequests); len(foreign) > 0 {
			b.t.Errorf("%s asks other origins: %s", state, strings.Join(foreign, ", "))
		}
		if dir := os.Getenv(screenshotDir); dir != "" && slices.Contains(b.photographed(), v.name) {
			b.picture(dir, fmt.Sprintf("%s-%d-%s%s", state, v.width, v.scheme, strings.NewReplacer("&", "-", "=", "-").Replace(v.query)))
		}
	}
}

// violations are what axe finds fault with.
func (b *browser) violations() (found []string) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(eval[string](b, faultless)), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// photographed are the views that there are pictures of.
func (b *browser) photographed() []string {
	return []string{"phone", "phone, dark", "desk", "desk, dark", "phone, German", "desk, right to left"}
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
