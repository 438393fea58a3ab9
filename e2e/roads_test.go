package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// discoverableKey is a security key that keeps its credentials.
func discoverableKey() webauthn.VirtualAuthenticatorOptions {
	model := securityKey()
	model.HasResidentKey = true
	return model
}

// TestRoads: everybody who signs up can sign in, by each road that their
// authenticator allows.
func TestRoads(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		model webauthn.VirtualAuthenticatorOptions
		road  func(person)
	}{
		"built in, username":             {builtIn(), person.byUsername},
		"built in, usernameless":         {builtIn(), person.usernameless},
		"built in, autofill":             {builtIn(), person.byAutofill},
		"security key, username":         {securityKey(), person.byUsername},
		"discoverable key, usernameless": {discoverableKey(), person.elsewhere},
		"discoverable key, username":     {discoverableKey(), person.byUsername},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := signUp(t, test.model)
			p.wantSignedIn(0)
			p.signOut()
			p.wantSignedOut()
			test.road(p)
			p.wantSignedIn(1)
		})
	}
}
