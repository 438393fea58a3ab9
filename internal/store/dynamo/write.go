package dynamo

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// parallel is how many requests of one verb may be under way.
const parallel = 16

// draw returns random bytes that name a write or a lock's owner.
func (s *Store) draw() ([]byte, error) {
	b := make([]byte, 12)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return nil, fmt.Errorf("dynamo: randomness: %w", err)
	}
	return b, nil
}

// swap writes an item over the one with revision prior (nil: where there is none), and
// tells whether it did. rev is its own revision: with an error, it may be there or not.
func (s *Store) swap(ctx context.Context, at place, prior []byte, what item) (rev []byte, won bool, err error) {
	rev, err = s.draw()
	if err != nil {
		return nil, false, err
	}
	next := what.changed(at.key())
	next.putBytes(attrRev, rev)
	put := ask{operation: opPut, item: next}
	put.condition, put.names, put.values = unmoved(prior)
	_, err = s.db.do(ctx, put)
	s.suspect.Store(err != nil && !refused(err))
	switch {
	case err == nil:
		return rev, true, nil
	case refused(err):
		// It may be its own: an answer that was lost makes the client try again.
		there, err := s.fetchOne(ctx, at)
		return rev, err == nil && bytes.Equal(there.bytes(attrRev), rev), err
	}
	return rev, false, s.failed(ctx, "write", err)
}

// remove deletes an item of revision prior, and tells whether it did; after a lost answer
// it cannot know, and says no.
func (s *Store) remove(ctx context.Context, at place, prior []byte) (bool, error) {
	still := ask{key: at.key()}
	still.condition, still.names, still.values = unmoved(prior)
	return s.delete(ctx, still)
}

// delete deletes the item with the key of which, under its condition.
func (s *Store) delete(ctx context.Context, which ask) (bool, error) {
	which.operation = opDelete
	_, err := s.db.do(ctx, which)
	s.suspect.Store(err != nil && !refused(err))
	switch {
	case err == nil:
		return true, nil
	case refused(err):
		return false, nil
	}
	return false, s.failed(ctx, "delete", err)
}

// unmoved is the condition that an item has a revision; nil: that there is none.
func unmoved(rev []byte) (condition string, names map[string]string, values item) {
	if rev == nil {
		return "attribute_not_exists(#p)", map[string]string{"#p": attrPart}, nil
	}
	values = item{}
	values.putBytes(":r", rev)
	return "#r = :r", map[string]string{"#r": attrRev}, values
}

// settle makes an item say by itself what it says, once its lock is decided. To have been
// overtaken is fine.
func (s *Store) settle(ctx context.Context, c *cell) error {
	if c.settled() || c.blocked() {
		return nil
	}
	var err error
	if c.now == nil {
		_, err = s.remove(ctx, c.at, c.rev)
	} else {
		_, _, err = s.swap(ctx, c.at, c.rev, c.now)
	}
	return err
}
