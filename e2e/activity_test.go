package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// event is a row of the list of what happened, as a person reads it.
type event struct {
	Sentence string `json:"sentence"`
	Line     string `json:"line"`
}

// awaitEvents waits until the list begins with these sentences; one that ends in … is
// the beginning of one.
func (p person) awaitEvents(want ...string) []event {
	p.t.Helper()
	const rows = `[...document.querySelectorAll('#events > li')].map(li => ({
		sentence: li.querySelector('.event-sentence').textContent, line: li.querySelector('.passkey-line').textContent}))`
	p.await("what happened last", fmt.Sprintf("document.querySelectorAll('#events > li').length >= %d && "+
		"document.querySelector('#events > li .event-sentence').textContent.startsWith(%s)", len(want), quote(strings.TrimSuffix(want[0], "…"))))
	got := eval[[]event](p.browser, rows)
	for i, sentence := range want {
		beginning, open := strings.CutSuffix(sentence, "…")
		if g := got[i].Sentence; g != sentence && (!open || !strings.HasPrefix(g, beginning)) {
			p.t.Errorf("%d: %q, want %q", i, g, sentence)
		}
	}
	return got
}

// TestActivity: a person reads what they did, newest first, as soon as it is done.
func TestActivity(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	past := []string{"You signed in with “…", "You signed out.", "You created this account."}
	got := p.awaitEvents(past...)
	if len(got) != 3 || got[0].Line != "just nowThis browser" || !strings.HasSuffix(got[2].Line, "Chromium on Linux") {
		t.Errorf("events %+v", got)
	}

	p.addSecond("Blue key")
	p.awaitEvents(append([]string{"“Blue key” was added."}, past...)...)
	second := 1 + slices.Index(eval[[]string](p.browser, "[..."+rowsOf+"].map(li => li.querySelector('.passkey-name').textContent)"), "Blue key")
	p.choose(second, "rename")
	p.retype("#rename", "Red key")
	p.press(byTestID("save-name"))
	p.awaitStatus("Renamed to “Red key”.")
	p.choose(second, "suspend")
	p.press(byTestID("confirm-sure"))
	p.awaitStatus("“Red key” is suspended. Nobody can sign in with it.")
	// A passkey goes by the name that it has now.
	done := append([]string{"“Red key” was suspended.", "“Red key” was renamed.", "“Red key” was added."}, past...)
	p.awaitEvents(done...)

	// So much that it does not all come at once.
	p.bustle(6)
	p.open("/account")
	changed := slices.Repeat([]string{"Your name or e-mail was changed."}, 6)
	if got := p.awaitEvents(changed[:5]...); len(got) != 5 {
		t.Errorf("%d events at first", len(got))
	}
	p.click("more-events")
	p.await("the rest", "document.querySelectorAll('#events > li').length === 12 && !document.querySelector('#more-events')")
	p.awaitEvents(append(changed, done...)...)
	if focused := eval[int](p.browser, "[...document.querySelectorAll('#events > li')].indexOf(document.activeElement)"); focused != 5 {
		t.Errorf("the focus is on row %d, want 5, where the rest begins", focused)
	}
}

// bustle changes the name of the account so many times.
func (p person) bustle(times int) {
	p.t.Helper()
	eval[any](p.browser, fmt.Sprintf(`(async () => {
		for (let i = 0; i < %d; i++) await fetch('/v1/account', {method: 'PATCH',
			headers: {'Content-Type': 'application/json'}, body: JSON.stringify({display_name: 'Ana ' + i})});
		return null;
	})()`, times))
}
