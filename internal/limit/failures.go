package limit

import (
	"net/netip"
	"sync"
	"time"
)

// FailuresConfig shapes a Failures. Zero fields mean the defaults.
type FailuresConfig struct {
	PerNetwork int              // failures a minute that one network may cause
	PerProcess int              // failures a minute that all of them may cause
	Networks   int              // networks tracked at most, 16 bytes each; capped at 32 MiB
	Now        func() time.Time // nil: time.Now
}

// Failures is the budget out of which a failed ceremony pays for the row it writes.
// A success takes nothing. It is safe for concurrent use.
type Failures struct {
	clock   clock
	network shape
	table   *table

	process shape
	mu      sync.Mutex
	all     bucket
}

// NewFailures makes a full budget.
func NewFailures(c FailuresConfig) *Failures {
	if c.PerNetwork <= 0 {
		c.PerNetwork = DefaultFailuresNetwork
	}
	if c.PerProcess <= 0 {
		c.PerProcess = DefaultFailuresProcess
	}
	return &Failures{
		clock:   newClock(c.Now),
		network: newShape(c.PerNetwork, time.Minute/time.Duration(c.PerNetwork)),
		table:   newTable(c.Networks),
		process: newShape(c.PerProcess, time.Minute/time.Duration(c.PerProcess)),
	}
}

// Take pays for one failure, out of the network's budget and the process's, or out
// of neither. ok false: one of them is empty; nothing may be written, and there will
// be budget after retryAfter.
func (f *Failures) Take(network netip.Prefix) (retryAfter time.Duration, ok bool) {
	now := f.clock.elapsed()
	return f.table.take(network, f.network, now, func() (time.Duration, bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		next, wait, ok := f.all.take(f.process, now)
		f.all = next
		return wait, ok
	})
}
