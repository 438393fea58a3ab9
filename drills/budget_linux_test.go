package drills

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The budgets of the drill, in failures a minute.
const (
	networkBudget = 30 // the default
	processBudget = 100
)

// TestFailureBudget: right tickets with bad signatures, in the victim's name and from
// many addresses, write no more than the budget pays for, and never keep the victim
// out, not even at the attacker's own address. (All of 127.0.0.0/8 is this machine on
// Linux, and not elsewhere.)
func TestFailureBudget(t *testing.T) {
	d := begin(t, "budget")
	s := deploy(d, flooded(fmt.Sprintf("KEYTURN_LIMITS_FAILURES_PROCESS=%d", processBudget))...)
	home := s.clientFrom("127.0.0.2")
	victim := d.newcomer(home, "victim", webauthntest.Phone())
	e := watch(d, s.database())
	before := e.look()

	start := time.Now()
	attackers := make([]*attacker, 8)
	for i := range attackers {
		attackers[i] = &attacker{client: s.clientFrom(fmt.Sprintf("127.0.1.%d", i+1))}
	}
	var over atomic.Bool
	tried, signIns := 0, 0
	visit := func(c *client) {
		tried++
		if d.signsIn(c, victim).AccessToken != "" {
			signIns++
		}
	}
	var sitting sync.WaitGroup
	sitting.Go(func() {
		for !over.Load() && !d.Failed() {
			visit(home)
			visit(attackers[0].client)
		}
	})
	// One alone empties the budget of its network, then all together the process's.
	err := attackers[0].attack(victim, 2*networkBudget)
	alone := *attackers[0]
	if err == nil {
		err = crowd(len(attackers), func(i int) error { return attackers[i].attack(victim, size(50, 1000)) })
	}
	over.Store(true)
	sitting.Wait()
	d.must(err)
	for _, a := range attackers {
		visit(a.client)
	}
	elapsed := time.Since(start)

	failed, limited := 0, 0
	for i, a := range attackers {
		failed, limited = failed+a.failed, limited+a.limited
		if most := paid(networkBudget, elapsed); a.failed > most {
			d.Errorf("attacker %d was paid for %d failures, want at most %d", i, a.failed, most)
		}
	}
	after := e.look()
	writes := len(after["spends"]) - len(before["spends"]) - signIns
	if most := paid(processBudget, elapsed); writes > most || writes != failed {
		d.Errorf("%d failures were written and %d told as such, want the same and at most %d", writes, failed, most)
	}
	if alone.limited == 0 || limited == alone.limited {
		d.Errorf("of %d answers 429, %d were to the one alone: both limits must have been met", limited, alone.limited)
	}
	e.sameAccount(before, after)
	d.report("%d bad signatures from %d networks in %s, %d writes (budget %d a minute), %d answers 429, victim signed in %d of %d times",
		failed+limited, len(attackers), elapsed.Round(time.Millisecond), writes, processBudget, limited, signIns, tried)
}

// paid is the most failures that a budget pays for in a time: a full one, and what
// comes back meanwhile.
func paid(perMinute int, elapsed time.Duration) int {
	return perMinute + int(elapsed*time.Duration(perMinute)/time.Minute) + 1
}

// sameAccount demands that no failure touched an account.
func (e *eye) sameAccount(before, after sight) {
	e.d.Helper()
	for _, table := range before.differ(after) {
		if table == "accounts" || table == "identifiers" {
			e.d.Errorf("failures wrote to table %s", table)
		}
	}
}

// attacker signs in as somebody else from one address.
type attacker struct {
	client          *client
	failed, limited int
}

func (a *attacker) attack(victim *person, times int) error {
	for range times {
		got, err := a.client.signIn(victim, webauthntest.SignWithNewKey())
		switch {
		case err != nil:
			return err
		case got.status == http.StatusUnauthorized && got.code() == "authentication_failed":
			a.failed++
		case got.status == http.StatusTooManyRequests && got.retryAfter() >= 1:
			a.limited++
		default:
			return fmt.Errorf("a bad signature: status %d, retry after %d: %s", got.status, got.retryAfter(), got.body)
		}
	}
	return nil
}
