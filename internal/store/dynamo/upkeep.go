package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// Expire implements store.Upkeep. It also puts in order what verbs left that ended under
// way, by this process's clock: what has happened is applied, what has not is taken
// away. That is not counted. What ended less than Config.Grace ago is left to DynamoDB.
func (s *Store) Expire(ctx context.Context, now time.Time, limit int) (int, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	gone := 0
	for _, kind := range []string{dueSpends, dueSessions, dueTickets, dueHits} {
		n, err := s.expire(ctx, kind, now.Add(-s.grace).UnixMilli(), limit)
		gone += n
		if err != nil {
			return gone, err
		}
	}
	return gone, s.finish(ctx, limit)
}

// expire deletes rows of a kind whose entry says that they ended before now, if they
// still say so themselves.
func (s *Store) expire(ctx context.Context, kind string, now int64, limit int) (int, error) {
	entries, err := s.dueBefore(ctx, kind, now, limit)
	if err != nil {
		return 0, err
	}
	values := item{}
	values.putMillis(":now", now)
	var gone atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, e := range entries {
		group.Go(func() error {
			won, err := s.delete(ctx, ask{
				key:       e.at.key(),
				condition: "#d < :now",
				names:     map[string]string{"#d": attrDue},
				values:    values,
			})
			if won {
				gone.Add(1)
			}
			return err
		})
	}
	err = group.Wait()
	return int(gone.Load()), err
}

// unfinished is the age at which what is unfinished is somebody else's to finish.
const unfinished = time.Minute

// finish goes through up to limit rows and journals of verbs that did not end.
func (s *Store) finish(ctx context.Context, limit int) error {
	entries, err := s.dueBefore(ctx, dueUnfinished, s.now().Add(-unfinished).UnixMilli(), limit)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, e := range entries {
		group.Go(func() error {
			if strings.HasPrefix(e.at.part, inJournal) {
				return s.finishJournal(ctx, e.at)
			}
			c, err := s.readOne(ctx, e.at)
			if err != nil {
				return err
			}
			return s.clear(ctx, c)
		})
	}
	return group.Wait()
}

// clear settles a row, shutting out whoever has left it locked for longer than
// unfinished.
func (s *Store) clear(ctx context.Context, c *cell) error {
	if c.blocked() {
		if s.now().UnixMilli()-c.lock.since < unfinished.Milliseconds() {
			return nil
		}
		if _, err := s.shut(ctx, c.lock.ref); err != nil {
			return err
		}
		again, err := s.readOne(ctx, c.at)
		if err != nil {
			return err
		}
		c = again
	}
	return s.settle(ctx, c)
}

// finishJournal deletes a journal when none of its rows needs it. Those that do are
// settled, and the journal stays for the next time: somebody may just have read a lock of
// theirs.
func (s *Store) finishJournal(ctx context.Context, at place) error {
	journal, err := s.fetchOne(ctx, at)
	if err != nil || journal == nil {
		return err
	}
	var places []place
	if list, ok := journal[attrRows].(*types.AttributeValueMemberSS); ok {
		for _, row := range list.Value {
			places = append(places, parsePlace(row))
		}
	}
	cells, err := s.read(ctx, places...)
	if err != nil {
		return err
	}
	needed := false
	for _, c := range cells {
		if c.lock != nil && c.lock.ref.slot == at {
			needed = true
			if err := s.settle(ctx, c); err != nil {
				return err
			}
		}
	}
	if needed {
		return nil
	}
	_, err = s.delete(ctx, ask{key: at.key()})
	return err
}

// Clock implements store.Upkeep: the server's clock, to the second below.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer leave()
	r, err := s.db.do(ctx, ask{operation: opGet, key: meta().key()})
	if err != nil {
		return time.Time{}, s.failed(ctx, "read the clock", err)
	}
	at, err := http.ParseTime(r.date)
	if err != nil {
		return time.Time{}, errors.New("dynamo: the server does not say what time it is")
	}
	return at.UTC(), nil
}

// Ping implements store.Upkeep. It reads. It writes only after a write has failed, to
// find out whether writing works again: asking often costs next to nothing.
func (s *Store) Ping(ctx context.Context) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	c, err := s.readOne(ctx, pulse())
	if err == nil && s.suspect.Load() {
		_, _, err = s.swap(ctx, pulse(), c.rev, item{})
	}
	if err != nil {
		return fmt.Errorf("dynamo: ping: %w", err)
	}
	return nil
}

// meta is where the layout's edition stands.
func meta() place { return place{inMeta, alone} }

// pulse is where is written to find out whether writing works.
func pulse() place { return place{inMeta, "\x01"} }
