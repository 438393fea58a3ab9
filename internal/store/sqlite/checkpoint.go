package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
)

// A checkpoint moves the write-ahead log into the file: after this many commits,
// and after this long when anything was written at all.
const (
	checkpointCommits  = 64
	checkpointInterval = 30 * time.Second
)

// checkpointer keeps the log short on a connection of its own, so that no
// request waits for it. It stops at nobody's lock (PASSIVE).
type checkpointer struct {
	conn    *sqlite.Conn
	log     *slog.Logger
	pending atomic.Int64 // commits since the last checkpoint
	due     chan struct{}
	quit    chan struct{}
	done    chan struct{}
}

func startCheckpointer(conn *sqlite.Conn, log *slog.Logger) *checkpointer {
	c := &checkpointer{
		conn: conn,
		log:  log,
		due:  make(chan struct{}, 1),
		quit: make(chan struct{}),
		done: make(chan struct{}),
	}
	go c.loop()
	return c
}

// nudge counts a commit.
func (c *checkpointer) nudge() {
	if c.pending.Add(1) < checkpointCommits {
		return
	}
	select {
	case c.due <- struct{}{}:
	default:
	}
}

func (c *checkpointer) loop() {
	defer close(c.done)
	tick := time.NewTicker(checkpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.quit:
			return
		case <-c.due:
		case <-tick.C:
		}
		if c.pending.Swap(0) == 0 {
			continue
		}
		if err := checkpoint(c.conn, "PASSIVE"); err != nil && !errors.Is(err, errLogInUse) {
			c.log.Warn("sqlite: checkpoint failed", "error", err)
		}
	}
}

func (c *checkpointer) stop() error {
	close(c.quit)
	<-c.done
	return c.conn.Close()
}

// errLogInUse: another connection kept the checkpoint from finishing.
var errLogInUse = errors.New("sqlite: the write-ahead log is in use")

func checkpoint(conn *sqlite.Conn, mode string) error {
	busy, err := number(conn, fmt.Sprintf("PRAGMA wal_checkpoint(%s)", mode))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if busy != 0 {
		return errLogInUse
	}
	return nil
}
