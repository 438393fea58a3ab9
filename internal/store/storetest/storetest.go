// Package storetest is the promises of package store, executable: one suite that
// every backend passes.
//
// It owns what is true of all stores and nothing that is true of one. It sees a
// store only through store.Store: what was written is what the read verbs show.
// It never skips: a backend that cannot keep a promise does not pass.
//
// Each condition of each verb is broken alone, and the suite demands the named
// error, no event taken, and every row as before. Races run as many gated rounds,
// because a broken store survives a single one most of the time.
package storetest

import (
	"testing"

	"github.com/keyturn/keyturn/internal/store"
)

// Backend is what the suite tests.
type Backend struct {
	// Open returns an empty store of its own for each call and closes it when t ends.
	Open func(t *testing.T) store.Store
	// Slow says that it writes some 200 rows a second, not thousands: races run fewer
	// rounds, and the parts of the suite beside each other. Every promise is still asked
	// for.
	Slow bool
}

// Run tests a backend.
func Run(t *testing.T, b Backend) {
	for _, part := range []struct {
		name string
		test func(*testing.T, opener)
	}{
		{"SignUp", testSignUp},
		{"SignIn", testSignIn},
		{"CredentialUse", testCredentialUse},
		{"Regression", testRegression},
		{"Binding", testBinding},
		{"Link", testLink},
		{"Spend", testSpend},
		{"Ways", testWays},
		{"Accounts", testAccounts},
		{"Sessions", testSessions},
		{"Tickets", testTickets},
		{"Limits", testLimits},
		{"Outbox", testOutbox},
		{"Keys", testKeys},
		{"Events", testEvents},
		{"Upkeep", testUpkeep},
		{"Reads", testReads},
		{"Contexts", testContexts},
	} {
		t.Run(part.name, func(t *testing.T) {
			b.besides(t)
			part.test(t, b.Open)
		})
	}
	t.Run("Races", func(t *testing.T) { testRaces(t, b) })
}

// besides has t run beside the others where waiting for the store takes most of the time.
func (b Backend) besides(t *testing.T) {
	if b.Slow {
		t.Parallel()
	}
}

// opener opens an empty store.
type opener func(t *testing.T) store.Store
