// Package limit bounds what strangers can cost us: how often a network may ask,
// and how many failures that write a row it may cause.
//
// It owns two limiters, both in process: Flood, asked before a ticket is opened,
// and Failures, the budget out of which a failed ceremony pays for its spend. It
// hides how buckets are kept in a bounded amount of memory. It never limits an
// account: a stranger must not be able to lock somebody out by failing in his
// name. It keeps nothing across a restart, and replicas do not share it: the sum
// over many machines is bounded in front of them.
//
// # Memory
//
// A table has a number of slots that begins small and is bounded, whoever calls: it
// doubles when a bucket that is not full would have to be forgotten, and at its bound
// no more. Forgetting a bucket means filling it, so a slot is reused in an order that
// gives nothing away: first a bucket that is full anyhow, else the fullest of the few slots
// where the newcomer may stand. To have a bucket with k tokens taken forgotten, an
// attacker must take k tokens in the other slots beside it, and since a secret
// hash says which they are, in about as many networks as the largest table has
// slots: more than he gains. Nobody is refused because the table is full.
package limit

import (
	"net/netip"
	"time"
)

// Defaults for fields that are zero: no configuration means "unlimited".
const (
	DefaultFloodRate       = 20      // requests a second, per network
	DefaultFloodBurst      = 200     // requests at once, per network
	DefaultFailuresNetwork = 30      // failures a minute, per network
	DefaultFailuresProcess = 3000    // failures a minute, all networks together
	DefaultNetworks        = 1 << 19 // networks tracked by each table, at most: 8 MiB
)

// maxNetworks keeps a table at 32 MiB, whatever it is told.
const maxNetworks = 1 << 21

// Network is the unit that limits count by: the /32 of an IPv4 address (an IPv4
// address written as IPv6 included) and the /64 of an IPv6 address, which is what
// one subscriber is given. The invalid address, of a caller without one, gives the
// zero Prefix, and all such callers share one bucket.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	// The lengths fit their families, and no address gives the zero Prefix.
	network, _ := addr.Prefix(bits)
	return network
}

// clock turns wall time into time since the limiter was made, so that a clock with
// a monotonic reading cannot be set back.
type clock struct {
	now   func() time.Time
	start time.Time
}

func newClock(now func() time.Time) clock {
	if now == nil {
		now = time.Now
	}
	return clock{now: now, start: now()}
}

func (c clock) elapsed() time.Duration { return c.now().Sub(c.start) }
