package limit

import "time"

// bucket is a token bucket in one number: the time at which it will be full again
// (the theoretical arrival time of GCRA, ITU-T I.371). The zero bucket is full
// from the start of the clock on.
type bucket time.Duration

// shape is what a bucket holds and how fast it fills.
type shape struct {
	interval time.Duration // in which one token comes back
	depth    time.Duration // interval × burst: an empty bucket is full after it
}

func newShape(burst int, interval time.Duration) shape {
	interval = max(interval, 1)
	return shape{interval: interval, depth: interval * time.Duration(burst)}
}

// take removes one token at the time now, or says how long until there is one. A
// clock that was set back cannot leave a bucket emptier than empty.
func (b bucket) take(s shape, now time.Duration) (next bucket, retryAfter time.Duration, ok bool) {
	full := min(max(time.Duration(b), now), now+s.depth) + s.interval
	if wait := full - s.depth - now; wait > 0 {
		return b, wait, false
	}
	return bucket(full), 0, true
}
