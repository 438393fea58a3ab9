// Package dynamo keeps Keyturn's memory in one DynamoDB table: the store for many
// machines without a database server.
//
// It owns the table's layout, the client that speaks to it, and the protocol that makes
// one atomic fact of several items. It hides items, indexes, locks and retries. It knows
// no policy and no key: bodies pass through it unread. Its guarantees are those of
// package store; what of them is weaker here is in docs/dynamodb.md.
//
// Every write is a conditional write of one item; the engine's transactions are never
// used. A verb of several rows goes like this:
//
//  1. It reads every row that it asks about, judges all its conditions, and has its
//     event made. A verb that is refused has written nothing.
//  2. It locks each row that it will change: the row keeps what it says and is given,
//     beside it, what it will say and the slot that will decide. A row that is not there
//     yet is placed with a lock, and is not there for any reader. The spend is first: it
//     decides the race for a ticket.
//  3. It fills the slot, in one conditional write: its event, at the number it was made
//     for. No record, no action: from then on, and not before, all of it has happened.
//     A verb without an event fills a journal item instead.
//  4. It applies each lock. Nothing depends on that: whoever reads a locked row looks
//     at the slot, and sees what the row says now.
//
// Slots of events are never removed, so a lock can be judged forever. Who meets a lock
// whose slot is still open waits, then marks the slot so that the lock's owner can no
// longer fill it, and goes on: a dead process blocks nobody, and no clock decides.
// Every prefix of that is safe:
//
//   - Stopped in 1: nothing was written.
//   - Stopped in 2: nobody sees anything of it. What was placed is in nobody's way for
//     longer than Config.Patience, and Expire takes it away.
//   - Stopped in 3: the slot says whether it happened. The next who asks closes it.
//   - Stopped in 4: it has happened, for every reader, and Expire applies the rest.
//
// The comment of a verb says which rows it locks, the leading first and the others, with
// what the event owes, at once; and what is its own beyond that.
package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/keyturn/keyturn/internal/store"
)

// What a caller can act on beyond the errors of package store.
var (
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("dynamo: closed")
	// ErrNoTable: the table is not there, or is still being made.
	ErrNoTable = errors.New("dynamo: no such table; make it with `keyturn store create`")
	// ErrForeign: the table has other keys or indexes than Keyturn's.
	ErrForeign = errors.New("dynamo: not a Keyturn table")
	// ErrNewer: the table was written by a newer Keyturn.
	ErrNewer = errors.New("dynamo: the table belongs to a newer Keyturn")
	// ErrTimeout: the verb did not end in time. It may or may not have happened.
	ErrTimeout = errors.New("dynamo: no answer in time")
)

// The defaults of Config.
const (
	DefaultTimeout  = 2500 * time.Millisecond
	DefaultPatience = 700 * time.Millisecond
	DefaultGrace    = 72 * time.Hour
)

// Config says where the table is and how long may be waited for it.
type Config struct {
	Table    string // its name
	Region   string // of the table; "": what the environment says
	Endpoint string // the URL of a server that is compatible; "": Amazon's in the region

	// Timeout bounds a verb or read; 0: DefaultTimeout. What a verb that was given up
	// under way leaves is put in order for at most a fifth of it more.
	Timeout time.Duration
	// Patience is how long a lock is respected whose owner does not go on; 0:
	// DefaultPatience. Safety does not depend on it.
	Patience time.Duration
	// Grace is how long Expire leaves what has ended to DynamoDB's own expiry, which
	// costs nothing and comes late; 0: DefaultGrace, but nothing is left to a server at
	// an Endpoint, which may know no expiry; negative: nothing.
	Grace time.Duration

	Credentials aws.CredentialsProvider // nil: what the environment says
	Transport   http.RoundTripper       // nil: one with connections of its own
	Random      io.Reader               // nil: crypto/rand
	Now         func() time.Time        // nil: time.Now; only upkeep looks at it
	Log         *slog.Logger            // nil: nowhere
}

// Store is a store.Store in a DynamoDB table. Make one with Open.
type Store struct {
	db       engine
	makes    *dynamodb.Client // tables, and looks at them
	table    string
	timeout  time.Duration
	patience time.Duration
	grace    time.Duration
	random   io.Reader
	now      func() time.Time
	log      *slog.Logger
	chains   uint32

	turn    atomic.Uint32 // spreads events of verbs without an OpID over the chains
	suspect atomic.Bool   // the last write failed

	mu     sync.Mutex // guards closed, and under way against a verb after its end
	closed bool
	under  sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open opens the table of c, which must be there (see Create), and checks that it is
// Keyturn's and no newer than this program.
// Errors: ErrNoTable, ErrForeign, ErrNewer, or what the client or the server says.
func Open(ctx context.Context, c Config) (*Store, error) {
	c = withDefaults(c)
	makes, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	db, err := newClient(ctx, c, makes.Options())
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, makes: makes, table: c.Table, timeout: c.Timeout, patience: c.Patience, grace: max(c.Grace, 0),
		random: c.Random, now: c.Now, log: c.Log, chains: chains,
	}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.recognize(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func withDefaults(c Config) Config {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	if c.Grace == 0 && c.Endpoint == "" {
		c.Grace = DefaultGrace
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// enter begins a verb or a read: it bounds its time and keeps Close waiting for it.
func (s *Store) enter(ctx context.Context) (bounded context.Context, leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("dynamo: given up: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	s.under.Add(1)
	bounded, cancel := context.WithTimeoutCause(ctx, s.timeout, ErrTimeout)
	return bounded, func() {
		cancel()
		s.under.Done()
	}, nil
}

// afterwards is a context to put in order what a verb leaves, though its own may have
// ended.
func (s *Store) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), s.timeout/5)
}

// Close waits for the verbs and reads under way. Closing twice is fine.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.under.Wait()
	return nil
}
