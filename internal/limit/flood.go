package limit

import (
	"net/netip"
	"time"
)

// FloodConfig shapes a Flood. Zero fields mean the defaults.
type FloodConfig struct {
	Rate     float64          // requests a second that one network may go on making
	Burst    int              // requests that it may make at once
	Networks int              // networks tracked at most, 16 bytes each; capped at 32 MiB
	Now      func() time.Time // nil: time.Now
}

// Flood limits how often one network may ask, before anything else is done for it.
// It is safe for concurrent use.
type Flood struct {
	clock clock
	shape shape
	table *table
}

// NewFlood makes a Flood in which every network may make a burst.
func NewFlood(c FloodConfig) *Flood {
	if c.Rate <= 0 {
		c.Rate = DefaultFloodRate
	}
	if c.Burst <= 0 {
		c.Burst = DefaultFloodBurst
	}
	return &Flood{
		clock: newClock(c.Now),
		shape: newShape(c.Burst, time.Duration(float64(time.Second)/c.Rate)),
		table: newTable(c.Networks),
	}
}

// Allow takes one request out of a network's bucket. ok false: there is none left,
// and there will be one after retryAfter. A refusal takes nothing, so a network
// that keeps asking is not locked out for longer.
func (f *Flood) Allow(network netip.Prefix) (retryAfter time.Duration, ok bool) {
	return f.table.take(network, f.shape, f.clock.elapsed(), nil)
}
