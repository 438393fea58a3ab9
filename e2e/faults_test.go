package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// TestRefused: an answer with one fault signs nobody in, the person is told so and
// not why, and the next right answer signs in.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]webauthn.SetResponseOverrideBitsParams{
		"bad signature":     {IsBogusSignature: new(true)},
		"user not verified": {IsBadUV: new(true)},
		"user not present":  {IsBadUP: new(true)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := signUp(t, securityKey())
			p.signOut()
			p.key.override(fault)
			p.byUsername()
			p.awaitStatus(saidRefused)
			p.wantSignedOut()

			p.key.override(webauthn.SetResponseOverrideBitsParams{
				IsBogusSignature: new(false), IsBadUV: new(false), IsBadUP: new(false),
			})
			p.click("continue")
			p.wantSignedIn(1)
		})
	}
}

// TestClone: a copied security key betrays itself by its counter.
func TestClone(t *testing.T) {
	t.Parallel()
	p := signUp(t, securityKey())
	copied := p.key.credential()
	p.signOut()
	p.byUsername()
	p.wantSignedIn(1)

	p.signOut()
	p.key.insert(copied)
	p.byUsername()
	p.awaitStatus(saidRefused)
	p.wantSignedOut()
}

// TestSyncedCounter: the counter of a synced passkey says nothing about copies, as
// being copied is what it is for.
func TestSyncedCounter(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	copied := p.key.credential()
	p.signOut()
	p.byUsername()
	p.wantSignedIn(1)

	p.key.insert(copied)
	p.signOut()
	p.byUsername()
	p.wantSignedIn(2)
}

// TestCancelled: a person who does not go through with it is told nothing alarming,
// and can try again.
func TestCancelled(t *testing.T) {
	t.Parallel()
	t.Run("not recognised", func(t *testing.T) {
		t.Parallel()
		p := signUp(t, securityKey())
		p.signOut()
		p.key.verifyUser(false)
		p.byUsername()
		p.awaitStatus(saidCalm)
		p.wantSignedOut()

		p.key.verifyUser(true)
		p.click("continue")
		p.wantSignedIn(1)
	})
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		p := signUp(t, securityKey())
		p.signOut()
		own := p.key.credential()
		p.fill("username", p.name)
		p.click("continue")
		p.await("the page to be busy", "document.querySelector('main').getAttribute('aria-busy') === 'true'")
		p.key.unplug()
		p.key = p.plugIn(securityKey())
		p.awaitStatus(saidCalm)
		p.wantSignedOut()

		p.key.insert(own)
		p.click("continue")
		p.wantSignedIn(1)
	})
	t.Run("sign-up", func(t *testing.T) {
		t.Parallel()
		b := startBrowser(t, startServer(t).url)
		key := b.plugIn(securityKey())
		key.verifyUser(false)
		b.open("/sign-up")
		b.fill("username", "ana")
		b.click("create")
		b.awaitStatus(saidCalm)

		key.verifyUser(true)
		b.click("create")
		b.awaitPath("/account")
	})
}
