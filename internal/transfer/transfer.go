// Package transfer moves accounts from one store to another: it owns the format of an
// export, who may be believed about one, and what an import does with what is there
// already.
//
// It hides encryption, signatures and the order of a file's parts. A Source hands over
// accounts one by one, and nothing here grows with their number.
//
// It never seals or opens a row (package record does), never overwrites, merges or
// deletes what a store has, and never moves what belongs to a store: sessions, tickets,
// mails, events, keys, and recovery codes, which are hashed under a key that stays.
package transfer

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Source is where accounts come from.
type Source interface {
	// Each hands every account to take, the same ones each time it is called, and tells
	// leave what it had to leave out. The first error of take ends it and is returned.
	Each(ctx context.Context, take func(record.Moving) error, leave func(LeftOut)) error
}

// Store is what is read and written.
type Store interface {
	store.Reader
	store.Accounts
	store.Events
	RecordSignUp(ctx context.Context, v store.SignUp) error
}

// Config is what moving needs. All fields but the last two are required.
type Config struct {
	Vault *record.Vault
	Store Store
	Audit *audit.Log
	RPID  string // of the deployment
	Now   func() time.Time

	Progress func(done int) // hears now and then how many accounts were read; nil: nobody does
	LeftOut  func(LeftOut)  // hears of each account or passkey that does not move; nil: nobody does
}

// Why tells why something was left where it is.
type Why string

// The reasons. Those of an export and of a reading begin with what was found wanting,
// those of an import with what is in the way.
const (
	WhyTampered  Why = "tampered"   // a row is not what was sealed, or is missing
	WhyName      Why = "name"       // a name does not lead to its account
	WhyKey       Why = "key"        // a public key that cannot be used
	WhyMalformed Why = "malformed"  // not what its source should hold
	WhyRPID      Why = "rp_id"      // a passkey for another RP ID than the deployment's
	WhyInvalid   Why = "invalid"    // what no account here can be
	TakenAccount Why = "account"    // the account is there, and says something else
	TakenName    Why = "name_taken" // somebody has the username or an address
	TakenPasskey Why = "passkey"    // somebody has the passkey
)

// conflict tells whether something is in the way, rather than wrong.
func (w Why) conflict() bool { return w == TakenAccount || w == TakenName || w == TakenPasskey }

// LeftOut is an account, or a part of one, that does not move.
type LeftOut struct {
	Account  record.ID // zero: not known
	Username string    // as far as known
	Item     string    // where the source keeps it, if that helps; never a secret
	Why      Why
	Err      error // the cause, for the log; nil: there is none
}

// name is a name that leads to an account.
type name struct{ kind, canonical string }

// names lists the names that lead to an account.
func names(f record.AccountFacts) []name {
	var list []name
	if f.Username != "" {
		list = append(list, canonical(f.Username))
	}
	for _, address := range f.Emails {
		list = append(list, canonical(address))
	}
	return list
}

func canonical(text string) name {
	kind, form := account.Canonical(text)
	return name{kind, form}
}

// progressEvery is after how many accounts Progress hears again.
const progressEvery = 500

func (c Config) progress(done int) {
	if c.Progress != nil && done%progressEvery == 0 {
		c.Progress(done)
	}
}

func (c Config) leftOut(l LeftOut) {
	if c.LeftOut != nil {
		c.LeftOut(l)
	}
}
