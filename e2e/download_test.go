package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
)

// download presses a button and reads the file that it saves.
func (b *browser) download(button, name string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	command(b, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
	})
	b.click(button)
	deadline := time.After(patience)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		// The browser gives a file its name when all of it is there.
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && len(data) > 0 {
			return string(data)
		}
		select {
		case <-deadline:
			b.t.Fatalf("no %s was saved: %v\n%s", name, err, b.state())
		case <-tick.C:
		}
	}
}

// TestKeepCodes: recovery codes can be saved as a file and printed, and nothing else is
// on the paper.
func TestKeepCodes(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	p.click("make-codes")
	p.await("the codes", "document.querySelectorAll('#codes code').length === 10")
	codes := eval[[]string](p.browser, "[...document.querySelectorAll('#codes code')].map(c => c.textContent)")
	want := "Recovery codes for ana\n" + p.base + "\n\n" + strings.Join(codes, "\n") + "\n"
	if got := p.download("download-codes", "recovery-codes.txt"); got != want {
		t.Errorf("saved\n%s\nwant\n%s", got, want)
	}

	eval[any](p.browser, "window.print = () => { window.printed = true }; null")
	p.click("print-codes")
	p.await("the print", "window.printed")
	command(p.browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	const printed = `[...document.querySelectorAll('h1, h2, h3, p, li, button, a, input')].filter(e => e.checkVisibility()).map(e => e.textContent.trim())`
	paper := eval[[]string](p.browser, printed)
	for i, text := range paper {
		if len(paper) != len(codes)+4 || i >= 4 && text != codes[i-4] {
			t.Fatalf("on paper: %q, want who it is for, four lines, and %q", paper, codes)
		}
	}
}

// exportedEvents saves the events on the page of administration, and reads them.
func (p person) exportedEvents() map[string]int {
	p.t.Helper()
	names := map[string]int{}
	for line := range strings.Lines(p.download("export", "events.ndjson")) {
		var event struct {
			Name   string `json:"name"`
			Number int    `json:"number"`
			Link   string `json:"link"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Number < 1 || event.Link == "" {
			p.t.Fatalf("%v in %s", err, line)
		}
		names[event.Name]++
	}
	return names
}
