package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// key presses keys as a keyboard does: what a key types comes with its going down, so
// that a page which takes the key takes both. Sent apart, Enter would choose from a menu
// and, a moment later, submit the form that has the focus by then.
func (b *browser) key(keys string) {
	b.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		if len(events) == 3 {
			down, typed := events[0], events[1]
			down.Text, down.UnmodifiedText = typed.Text, typed.UnmodifiedText
			events = []*input.DispatchKeyEventParams{down, events[2]}
		}
		for _, event := range events {
			command(b, input.DispatchKeyEvent, *event)
		}
	}
}

// tabTo presses Tab until the focus is where it is wanted, and checks on the way that
// it can be seen.
func (b *browser) tabTo(css string) {
	b.t.Helper()
	for range 60 {
		if eval[bool](b, "document.activeElement.matches("+quote(css)+")") {
			return
		}
		b.key(kb.Tab)
		if eval[bool](b, `document.activeElement !== document.body && getComputedStyle(document.activeElement).outlineStyle === 'none'`) {
			b.t.Errorf("the focus cannot be seen on %s", eval[string](b, "document.activeElement.outerHTML.slice(0, 200)"))
		}
	}
	b.t.Fatalf("Tab does not lead to %s: %s", css, b.state())
}

// TestKeyboard: a whole life with an account, without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	b := startBrowser(t, startServer(t).url)
	p := person{browser: b, name: "ana"}
	p.browser.open("/sign-in")
	p.key = p.plugIn(discoverableKey())
	b.await("the page", "document.querySelector('#to-sign-up')")
	b.tabTo("#to-sign-up")
	b.key(kb.Enter)
	b.awaitPath("/sign-up")
	b.await("the page", "document.querySelector('#username')")
	b.tabTo("#display-name")
	b.key("Ana Example")
	b.tabTo("#username")
	b.key("ana")
	b.key(kb.Enter)
	b.awaitPath("/account")
	b.awaitStatus(saidAdded)

	b.tabTo(byTestID("menu"))
	b.key(kb.Enter)
	b.await("the menu", "document.activeElement.matches('[role=menuitem]')")
	b.key(kb.Escape)
	b.await("the focus back", "document.activeElement.matches("+quote(byTestID("menu"))+")")
	b.key(kb.Enter)
	b.await("the menu", "document.activeElement.matches('[role=menuitem]')")
	b.key(kb.Enter)
	b.await("the field", "document.activeElement.id === 'rename'")
	b.key("Green key")
	b.key(kb.Enter)
	b.awaitStatus("Renamed to “Green key”.")

	b.tabTo(byTestID("menu"))
	b.key(kb.Enter)
	b.await("the menu", "document.activeElement.matches('[role=menuitem]')")
	b.key(kb.ArrowDown)
	// The menu moves the focus a moment after the key: nobody presses faster than that.
	b.await("the middle item", "document.activeElement.matches("+quote(byTestID("menu-suspend"))+")")
	b.key(kb.ArrowDown)
	b.await("the last item", "document.activeElement.matches("+quote(byTestID("menu-delete"))+")")
	b.key(kb.Enter)
	b.await("the dialog", "document.querySelector('[role=dialog]')?.contains(document.activeElement)")
	for range 5 {
		b.key(kb.Tab)
		if !eval[bool](b, "document.querySelector('[role=dialog]').contains(document.activeElement)") {
			t.Fatal("the focus leaves the dialog")
		}
	}
	b.key(kb.Escape)
	b.await("the focus back", "document.activeElement.matches("+quote(byTestID("menu"))+")")

	b.tabTo("#sign-out")
	b.key(kb.Enter)
	b.awaitPath("/sign-in")
	b.await("the page", "document.querySelector('#username')")
	b.tabTo("#username")
	b.key(p.name)
	b.key(kb.Enter)
	b.awaitPath("/account")
	b.await("the list", fmt.Sprintf("%s.length === 1", rowsOf))
}
