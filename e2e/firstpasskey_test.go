package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestFirstPasskeyOffer: who signed in by a link because they have no passkey is offered
// one. "Not now" holds for thirty days, beyond signing out.
func TestFirstPasskeyOffer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email")
	p, mails := reachable(t, s)
	p.signOut()
	s.removePasskeys(t, anasAddress)
	p.key.unplug() // it does not know that what it holds is gone
	p.key = p.plugIn(builtIn())
	p.byLink(mails)
	const offer = "document.querySelector('[data-testid=faster]')"
	p.await("the offer", offer+"?.textContent.startsWith('Sign in faster next time')")
	p.press(byTestID("faster-later"))
	p.await("no offer", "!"+offer)
	p.wantNoOffer(offer)

	p.postponedBefore(29)
	p.wantNoOffer(offer)
	p.postponedBefore(2) // 31 days ago by now
	p.open("/account")
	p.press(byTestID("faster-create"))
	p.press("#keep-name")
	p.awaitStatus(saidAdded)
	p.awaitRows(1)
	p.await("no offer", "!"+offer)
	p.signOut() // which empties the storage of the site
	p.wantPostponed()
}

// byLink signs in with a mailed link.
func (p person) byLink(mails *mailbox) {
	p.t.Helper()
	p.askForLink(mails.to)
	p.open(mails.next(aboutSignIn).link(p.t, "/link"))
	p.click("use-link")
	p.awaitPath("/account")
}

// wantNoOffer opens the account page and checks that it offers nothing.
func (p person) wantNoOffer(offer string) {
	p.t.Helper()
	p.open("/account")
	p.await("the page without passkeys", "document.querySelector('#sessions li') && document.querySelector('#section-passkeys .empty')")
	if eval[bool](p.browser, "!!"+offer) {
		p.t.Error("offered again")
	}
}

// postponedBefore makes the last "Not now" so many days older.
func (p person) postponedBefore(days int) {
	p.t.Helper()
	p.wantPostponed()
	eval[any](p.browser, fmt.Sprintf(`{ const later = JSON.parse(localStorage.getItem('keyturn.later'));
		later[0].at -= %d * 24 * 3600 * 1000; localStorage.setItem('keyturn.later', JSON.stringify(later)) } null`, days))
}

// wantPostponed checks that the browser remembers "Not now".
func (p person) wantPostponed() {
	p.t.Helper()
	if n := eval[int](p.browser, "JSON.parse(localStorage.getItem('keyturn.later') ?? '[]').length"); n != 1 {
		p.t.Fatalf("%d accounts said later, want 1", n)
	}
}

// removePasskeys takes every passkey of an account away, as whoever owns the machine can.
func (s *server) removePasskeys(t *testing.T, name string) {
	t.Helper()
	var list struct {
		Passkeys []struct {
			ID string `json:"id"`
		} `json:"passkeys"`
	}
	if err := json.Unmarshal(s.command(t, "passkey", "list", "--account", name, "--json"), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Passkeys) == 0 {
		t.Fatal("no passkey to remove")
	}
	for _, one := range list.Passkeys {
		s.command(t, "passkey", "remove", one.ID, "--account", name, "--reason", "lost")
	}
}

// TestUsedLink: a link that was used before says so when its button is pressed, and leads
// to a new one with the address filled in.
func TestUsedLink(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")
	p, mails := reachable(t, s)
	p.signOut()
	p.askForLink(anasAddress)
	link := mails.next(aboutSignIn).link(t, "/link")
	first, second := p.tab(), p.tab()
	for _, tab := range []*browser{first, second} {
		tab.open(link)
		tab.await("the question", "document.querySelector('#use-link')")
	}
	first.click("use-link")
	first.awaitPath("/account")

	second.click("use-link")
	second.await("what is wrong", "document.querySelector('#end')?.textContent === 'This link was used or is too old. Get a new one.'")
	second.click("another-link")
	second.awaitPath("/sign-in")
	second.await("the address, and nothing in the address bar", "document.querySelector('#username')?.value === "+quote(anasAddress)+" && location.hash === ''")
	second.click("send-link")
	second.await("the mail on its way", "document.querySelector('#mailed')")
}
