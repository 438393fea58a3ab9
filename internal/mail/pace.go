package mail

import (
	"hash/fnv"
	"sync"
	"time"
)

// retries are the pauses after the first failures, longest last for all later ones.
var retries = [...]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour}

// backoff is the pause after a mail that was taken so often could not be sent: up to a
// fifth shorter or longer, by the mail's key, so that what failed together does not come
// back together.
func backoff(key []byte, taken uint32) time.Duration {
	pause := retries[min(max(int(taken), 1), len(retries))-1]
	h := fnv.New32a()
	h.Write(key)
	h.Write([]byte{byte(taken)})
	spread := time.Duration(h.Sum32()%401) - 200 // thousandths
	return pause + pause*spread/1000
}

// pace spaces mails out: a second's worth at once, then one by one.
type pace struct {
	gap   time.Duration
	depth time.Duration // how far ahead of now full may lie

	mu   sync.Mutex
	full time.Time // the theoretical arrival time of GCRA (ITU-T I.371)
}

func newPace(perSecond float64) *pace {
	gap := time.Duration(float64(time.Second) / perSecond)
	burst := max(int(perSecond), 1)
	return &pace{gap: gap, depth: gap * time.Duration(burst-1)}
}

// wait is how long until one more may leave. A clock that was set back cannot make it
// longer than the whole bucket.
func (p *pace) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	ahead := p.full.Sub(now)
	if ahead <= p.depth {
		return 0
	}
	return min(ahead-p.depth, p.depth+p.gap)
}

// spend counts one that leaves.
func (p *pace) spend(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full.Before(now) {
		p.full = now
	}
	p.full = p.full.Add(p.gap)
}
