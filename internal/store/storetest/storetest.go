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

// Run tests a backend. open returns an empty store of its own for each call and
// closes it when t ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, part := range []struct {
		name string
		test func(*testing.T, opener)
	}{
		{"SignUp", testSignUp},
		{"SignIn", testSignIn},
		{"CredentialUse", testCredentialUse},
		{"Regression", testRegression},
		{"Binding", testBinding},
		{"Spend", testSpend},
		{"Ways", testWays},
		{"Accounts", testAccounts},
		{"Sessions", testSessions},
		{"Tickets", testTickets},
		{"Keys", testKeys},
		{"Events", testEvents},
		{"Upkeep", testUpkeep},
		{"Reads", testReads},
		{"Contexts", testContexts},
		{"Races", testRaces},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open) })
	}
}

// opener opens an empty store.
type opener func(t *testing.T) store.Store
