package sqlite

import (
	"context"
	"sync"

	"zombiezen.com/go/sqlite"
)

// readers lends the connections that read, the last one returned first: it has most
// likely read since the last commit, and every commit empties a connection's cache
// when it next reads.
type readers struct {
	free chan struct{} // holds one for each connection that is not lent

	mu    sync.Mutex
	conns []*sqlite.Conn // those that are not lent
}

func newReaders(conns []*sqlite.Conn) *readers {
	r := &readers{free: make(chan struct{}, len(conns))}
	for _, conn := range conns {
		r.put(conn)
	}
	return r
}

// take lends a connection as soon as one is free. It gives up when ctx ends or gone
// is closed.
func (r *readers) take(ctx context.Context, gone <-chan struct{}) (*sqlite.Conn, error) {
	select {
	case <-r.free:
		return r.pop(), nil
	case <-ctx.Done():
		return nil, abandoned(ctx.Err())
	case <-gone:
		return nil, ErrClosed
	}
}

func (r *readers) pop() *sqlite.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.conns) - 1
	conn := r.conns[last]
	r.conns = r.conns[:last]
	return conn
}

func (r *readers) put(conn *sqlite.Conn) {
	r.mu.Lock()
	r.conns = append(r.conns, conn)
	r.mu.Unlock()
	r.free <- struct{}{}
}

// close waits for every connection to come back and closes them.
func (r *readers) close() []error {
	var errs []error
	for range cap(r.free) {
		<-r.free
		errs = append(errs, r.pop().Close())
	}
	return errs
}
