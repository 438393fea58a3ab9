package postgres

import (
	"context"

	"github.com/keyturn/keyturn/internal/store"
)

// chains is how many event chains there are: enough that verbs seldom meet at the
// head of one. Forever: chains never merge.
const chains = 64

// lanes let one verb of this process at a time to the head of each chain, so that
// verbs of one process do not lose its numbers to each other. They promise nothing:
// another process has lanes of its own, and the unique key of the events decides.
//
// A lane is entered before a connection is asked for, so who waits at one holds none.
type lanes [chains]chan struct{}

func newLanes() (l lanes) {
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return l
}

// enter waits for the lane of chain, and returns how to leave it.
func (l *lanes) enter(ctx context.Context, chain uint32) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, abandoned(err)
	}
	select {
	case l[chain] <- struct{}{}:
		return func() { <-l[chain] }, nil
	default:
	}
	select {
	case l[chain] <- struct{}{}:
		return func() { <-l[chain] }, nil
	case <-ctx.Done():
		return nil, abandoned(ctx.Err())
	}
}

// any enters a lane where nobody is, looking from first on, and returns its chain and how
// to leave it. Where all are taken it enters none, for lanes promise nothing.
func (l *lanes) any(first uint32) (chain uint32, leave func()) {
	for n := range uint32(chains) {
		chain = (first + n) % chains
		select {
		case l[chain] <- struct{}{}:
			return chain, func() { <-l[chain] }
		default:
		}
	}
	return first, func() {}
}

// chainOf picks the chain of a verb's event: the same for a repeat. Sign-ins of a group
// share one, whichever is free: a repeat finds its spend.
func chainOf(op store.OpID) uint32 { return uint32(op[0]) % chains }

// nextChain takes the chains in turn, for verbs that no OpID assigns to one.
func (s *Store) nextChain() uint32 { return s.turn.Add(1) % chains }
