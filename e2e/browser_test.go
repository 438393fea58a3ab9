package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds every wait for a page; a busy machine is slow, not broken.
const patience = 30 * time.Second

// browser is a browser process with one tab, and its test.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string // what paths are relative to
}

// startBrowser starts a browser of its own for a test, with an empty profile.
func startBrowser(t *testing.T, base string) *browser {
	t.Helper()
	path, err := findBrowser()
	need(t, "browser", err)
	need(t, "browser", findPages())
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // a container has no user namespaces; the pages are ours
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	t.Cleanup(b.photographFailure)
	return b
}

// tab opens another tab of the same browser. It has its own authenticators.
func (b *browser) tab() *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	return &browser{t: b.t, ctx: ctx, base: b.base}
}

// run runs one action within the time that a test has for it.
func run[T any](b *browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return v
}

// open goes to a path of the server.
func (b *browser) open(path string) {
	b.t.Helper()
	run(b, "open "+path, chromedp.Navigate(b.base+path))
}

// fill types into a field.
func (b *browser) fill(id, text string) {
	b.t.Helper()
	run(b, "fill "+id, chromedp.SendKeys(chromedp.CSS("#"+id), text, chromedp.NodeVisible))
}

// click presses a button.
func (b *browser) click(id string) {
	b.t.Helper()
	run(b, "click "+id, chromedp.Click(chromedp.CSS("#"+id), chromedp.NodeVisible, chromedp.NodeEnabled))
}

// eval evaluates an expression in the page, waiting for it if it is a promise.
func eval[T any](b *browser, js string) T {
	b.t.Helper()
	return run(b, js, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// await waits until an expression holds. The page may go elsewhere meanwhile.
func (b *browser) await(what, js string) {
	b.t.Helper()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if err == nil && holds {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("waiting for %s: %s\nlast: %v, %v", what, b.state(), holds, err)
		case <-tick.C:
		}
	}
}

// awaitPath waits until the browser shows a path and has loaded it.
func (b *browser) awaitPath(path string) {
	b.t.Helper()
	b.await(path, fmt.Sprintf("location.pathname === %s && document.readyState === 'complete'", quote(path)))
}

// awaitStatus waits until the page says something to the person.
func (b *browser) awaitStatus(text string) {
	b.t.Helper()
	b.await("the page to say "+text,
		fmt.Sprintf("document.querySelector('#status')?.textContent.trim() === %s", quote(text)))
}

// state describes the page for the log of a failure.
func (b *browser) state() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		"location.href + '\\n' + (document.querySelector('main') || document.body)?.outerHTML.slice(0, 4000)"))
	if err != nil {
		return err.Error()
	}
	return text
}

// photographFailure keeps a picture of a page that failed its test, with the
// test's other artifacts (go test -artifacts).
func (b *browser) photographFailure() {
	if !b.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no picture of the page: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), "page.png"), picture, 0o600); err != nil {
		b.t.Log(err)
	}
}

// quote writes a string as JavaScript.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(b)
}
