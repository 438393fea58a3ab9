// Package sqlite keeps Keyturn's memory in one SQLite file: the store for one
// machine, and the test double of every package above.
//
// It owns the file, its schema and migrations, and the goroutine that writes.
// It hides SQL, transactions, locking and the queue. It knows no policy and no
// key: bodies pass through it unread. Its guarantees are those of package store.
//
// One goroutine writes. It takes what is queued, up to a bound, into one durable
// transaction, so that many callers share the price of one fsync; nobody gets an
// answer before the commit. Every operation judges all its conditions before its
// first write, so one that is refused leaves its neighbours alone, while an
// engine error fails the whole group. Reads run beside the writer on connections
// of their own. Checkpoints run on another, off the path of requests.
//
// Several processes may open the same file: nothing read outside a transaction is
// trusted inside one.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// What a caller can act on beyond the errors of package store.
var (
	// ErrBusy: the queue of the writer is full. Nothing happened; try later.
	ErrBusy = errors.New("sqlite: too many operations waiting")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("sqlite: closed")
	// ErrForeign: the file is not a Keyturn database.
	ErrForeign = errors.New("sqlite: not a Keyturn database")
	// ErrNewer: the file was written by a newer Keyturn.
	ErrNewer = errors.New("sqlite: the database belongs to a newer Keyturn")
	// ErrDamaged: what is in the file cannot have been written by the engine.
	ErrDamaged = errors.New("sqlite: the database is damaged; restore it from a backup")
)

// The defaults of Config.
const (
	DefaultQueueLimit = 4096
	DefaultReaders    = 4
)

// Config says where the store is and how much may wait for it.
type Config struct {
	Path       string           // the database file; made with mode 0600, its directory with 0700
	QueueLimit int              // operations that may wait for the writer; 0: DefaultQueueLimit
	Readers    int              // connections that read; 0: DefaultReaders
	Now        func() time.Time // the store's clock; nil: time.Now
	Log        *slog.Logger     // engine errors; nil: nowhere
}

// Store is a store.Store in an SQLite file. Make one with Open.
type Store struct {
	path    string // absolute
	now     func() time.Time
	log     *slog.Logger
	writer  *writer
	checks  *checkpointer
	readers *readers

	mu     sync.RWMutex // guards closed, and the queue against a send after its close
	closed bool
	gone   chan struct{} // closed with the store: nobody waits for a reader any more

	backups sync.WaitGroup // under way; counted up under mu
}

var _ store.Store = (*Store)(nil)

// Open opens the database of c, making it when it is not there and bringing its
// schema up to date, and starts the writer.
// After a crash it reads the whole file first, to find out whether it is sound.
// Errors: ErrForeign, ErrNewer, ErrDamaged, or what the file system or the engine says.
func Open(ctx context.Context, c Config) (*Store, error) {
	c = withDefaults(c)
	path, err := makeFile(c.Path)
	if err != nil {
		return nil, err
	}
	conns, err := connect(ctx, path, c)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path:    path,
		now:     c.Now,
		log:     c.Log,
		readers: newReaders(conns.readers),
		gone:    make(chan struct{}),
	}
	s.checks = startCheckpointer(conns.checks, c.Log)
	s.writer = startWriter(conns.writer, c.QueueLimit, c.Log, s.checks.nudge)
	return s, nil
}

func withDefaults(c Config) Config {
	if c.QueueLimit <= 0 {
		c.QueueLimit = DefaultQueueLimit
	}
	if c.Readers <= 0 {
		c.Readers = DefaultReaders
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Commits tells how many transactions have written something since Open.
func (s *Store) Commits() uint64 { return s.writer.commits.Load() }

// Writes tells how many operations have written something since Open.
func (s *Store) Writes() uint64 { return s.writer.writes.Load() }

// Waiting tells how many operations wait for the writer.
func (s *Store) Waiting() int { return len(s.writer.queue) }

// Close breaks off backups, waits for the operations and reads under way, moves the write-ahead log
// into the file and closes. Closing twice is fine.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.gone)
	close(s.writer.queue)
	s.mu.Unlock()

	s.backups.Wait()
	<-s.writer.done
	errs := []error{s.checks.stop()}
	errs = append(errs, s.readers.close()...)
	errs = append(errs, checkpoint(s.writer.conn, "TRUNCATE"), s.writer.conn.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqlite: close: %w", err)
	}
	return nil
}
