// Package postgres keeps Keyturn's memory in a PostgreSQL database: the store for
// many machines.
//
// It owns the tables, their migrations, the pool of connections and what is done
// when two verbs meet. It hides SQL, transactions, locks and retries. It knows no
// policy and no key: bodies pass through it unread. Its guarantees are those of
// package store. It uses plain SQL under READ COMMITTED, needs no extension and no
// rights beyond its own tables, and holds nothing in memory that another process
// would have to know.
//
// A verb is two round trips. The first asks everything that the verb conditions on,
// and locks the rows that it will change, in one order for all verbs: tickets,
// markers, accounts, credentials, sessions. Then the event is made. The second
// writes everything and commits. What no lock can hold, a row that is not there yet,
// the unique keys decide: whoever loses one is judged again from the beginning, and
// the judge finds what the winner wrote.
//
// What there is most of, sign-ins, sign-ups and what they read, goes in groups: calls
// that come at the same time share the round trips and the commit (gather.go,
// together.go). Groups take what is plain; everything else goes alone, as above. A
// sign-in that goes alone locks nothing between its two round trips: its second is one
// statement that judges again and writes.
//
// Serialization failures and deadlocks are retried, for a verb that met one has not
// happened. A connection that is lost before anything could be committed is replaced
// once; one that is lost later is an error, and the caller repeats the verb under its
// OpID.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/keyturn/keyturn/internal/store"
)

// What a caller can act on beyond the errors of package store.
var (
	// ErrBusy: no connection came free in time. Nothing happened; try later.
	ErrBusy = errors.New("postgres: no connection is free")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("postgres: closed")
	// ErrContended: a verb lost to others again and again. It has not happened.
	ErrContended = errors.New("postgres: lost to others too often")
	// ErrForeign: the database holds tables of something else.
	ErrForeign = errors.New("postgres: not a Keyturn database")
	// ErrNewer: the database was migrated by a newer Keyturn, and this one cannot read it.
	ErrNewer = errors.New("postgres: the database belongs to a newer Keyturn")
	// ErrOlder: the database lacks migrations, and they are not to be applied here.
	ErrOlder = errors.New("postgres: the database is not migrated")
)

// The defaults of Config.
const (
	DefaultMaxConns         = 16
	DefaultStatementTimeout = 2 * time.Second
	DefaultLockTimeout      = 1500 * time.Millisecond
	DefaultConnectTimeout   = 5 * time.Second
)

// Config says where the store is and how much may be asked of it.
type Config struct {
	// URL is postgres://USER@HOST/DATABASE?sslmode=verify-full, with what else pgx
	// takes from an address; a pool_ parameter in it is overruled by the fields below.
	URL string
	// MaxConns is how many connections the pool holds at most; 0: DefaultMaxConns.
	MaxConns int
	// StatementTimeout is how long a statement may run, and how long a verb waits for a
	// connection; 0: DefaultStatementTimeout.
	StatementTimeout time.Duration
	// LockTimeout is how long a statement may wait for a lock; 0: DefaultLockTimeout.
	LockTimeout time.Duration
	// ConnectTimeout is how long making a connection may take; 0: DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// ManualMigrations makes Open refuse a database that lacks migrations, with
	// ErrOlder, rather than apply them.
	ManualMigrations bool
	Now              func() time.Time // the process's clock; nil: time.Now
	Log              *slog.Logger     // what was retried and why; nil: nowhere
}

// Store is a store.Store in a PostgreSQL database. Make one with Open.
type Store struct {
	pool     *pgxpool.Pool
	now      func() time.Time
	log      *slog.Logger
	limit    time.Duration // for a statement, and for the wait for a connection
	prepares bool          // whether connections keep prepared statements
	lanes    lanes
	// What there is most of goes in groups.
	signingUp gatherer[store.SignUp]
	signingIn gatherer[store.SignIn]
	asking    gatherer[credentialAsked]
	calling   gatherer[sessionAsked]
	turn      atomic.Uint32 // spreads events of verbs without an OpID over the chains
	closed    atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open connects to the database of c and brings its schema up to date.
// Errors: ErrForeign, ErrNewer, ErrOlder, or what the network or the engine says.
func Open(ctx context.Context, c Config) (*Store, error) {
	c = withDefaults(c)
	pool, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := ready(ctx, pool, c); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: open: %w", err)
	}
	s := &Store{
		pool:  pool,
		now:   c.Now,
		log:   c.Log,
		limit: c.StatementTimeout,
		lanes: newLanes(),
		// A pooler may keep no statements, and the address says so then.
		prepares: pool.Config().ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement,
	}
	s.signingUp = gatherer[store.SignUp]{store: s, run: signUps().settler(s)}
	s.signingIn = gatherer[store.SignIn]{store: s, run: signIns().settler(s)}
	s.asking = gatherer[credentialAsked]{store: s, run: s.readCredentials, leaves: true}
	s.calling = gatherer[sessionAsked]{store: s, run: s.readSessions, leaves: true}
	return s, nil
}

// Migrate brings the schema of the database of c up to date and closes again. A
// schema that is newer and readable is left as it is. Errors as Open.
func Migrate(ctx context.Context, c Config) error {
	c = withDefaults(c)
	c.ManualMigrations = false
	pool, err := connect(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := ready(ctx, pool, c); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

func withDefaults(c Config) Config {
	if c.MaxConns <= 0 {
		c.MaxConns = DefaultMaxConns
	}
	if c.StatementTimeout <= 0 {
		c.StatementTimeout = DefaultStatementTimeout
	}
	if c.LockTimeout <= 0 {
		c.LockTimeout = DefaultLockTimeout
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Close waits for verbs under way and closes. Closing twice is fine.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		s.pool.Close()
	}
	return nil
}
