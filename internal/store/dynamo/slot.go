package dynamo

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ref is what a lock names: the slot that decides it, and who must fill it. There may be
// others who try to fill the same slot.
type ref struct {
	slot  place
	owner string // random
}

func (r ref) String() string { return r.slot.String() + "|" + r.owner }

func parseRef(s string) ref {
	cut := strings.LastIndexByte(s, '|')
	if cut < 0 {
		return ref{}
	}
	return ref{parsePlace(s[:cut]), s[cut+1:]}
}

// fate is what became of a verb.
type fate int

const (
	pending   fate = iota // its owner may still fill the slot
	committed             // it has happened
	aborted               // it has not, and never will
)

// judge reads the fate from the slot; nil is a slot that is not there. All but pending is
// forever.
func (r ref) judge(slot item) fate {
	if done := slot.text(attrDone); done != "" {
		if done == r.owner {
			return committed
		}
		return aborted
	}
	if shut, ok := slot[attrShut].(*types.AttributeValueMemberSS); ok && slices.Contains(shut.Value, r.owner) {
		return aborted
	}
	return pending
}

// fate reads it now.
func (s *Store) fate(ctx context.Context, r ref) (fate, error) {
	slot, err := s.fetchOne(ctx, r.slot)
	if err != nil {
		return pending, err
	}
	return r.judge(slot), nil
}

// fill fills the slot with what, unless it is filled, or was shut to the owner. It is the
// one write that makes a verb happen. With an error, the fate is pending: nobody knows.
func (s *Store) fill(ctx context.Context, r ref, what item) (fate, error) {
	filled := what.changed(r.slot.key())
	filled.putText(attrDone, r.owner)
	_, err := s.db.do(ctx, ask{
		operation: opPut,
		item:      filled,
		condition: "attribute_not_exists(#w) AND (attribute_not_exists(#ab) OR NOT contains(#ab, :owner))",
		names:     map[string]string{"#w": attrDone, "#ab": attrShut},
		values:    item{":owner": &types.AttributeValueMemberS{Value: r.owner}},
	})
	s.suspect.Store(err != nil && !refused(err))
	switch {
	case err == nil:
		return committed, nil
	case refused(err):
		// It may be its own: an answer that was lost makes the client try again.
		return s.fate(ctx, r)
	}
	return pending, s.failed(ctx, "write", err)
}

// shut marks the slot so that the owner of r can no longer fill it, unless it has, and
// returns what became of it, which is then forever.
func (s *Store) shut(ctx context.Context, r ref) (fate, error) {
	values := item{":owner": &types.AttributeValueMemberSS{Value: []string{r.owner}}}
	names := map[string]string{"#w": attrDone, "#ab": attrShut}
	update := "ADD #ab :owner"
	if strings.HasPrefix(r.slot.part, inJournal) {
		update += " SET #l = :l, #d = :d"
		names["#l"], names["#d"] = attrLane, attrDue
		values.putText(":l", dueUnfinished+lane([]byte(r.owner)))
		values.putMillis(":d", s.now().Add(journalKept).UnixMilli())
	}
	_, err := s.db.do(ctx, ask{
		operation: opUpdate,
		key:       r.slot.key(),
		update:    update,
		condition: "attribute_not_exists(#w)",
		names:     names,
		values:    values,
	})
	switch {
	case err == nil:
		return aborted, nil
	case refused(err):
		return s.fate(ctx, r)
	}
	return pending, s.failed(ctx, "write", err)
}

// stale is the age of a lock whose owner has surely died, whatever the clocks say.
const stale = 3 * time.Minute

// outwait waits for the owner of a lock, and when it does not go on, shuts it out.
func (s *Store) outwait(ctx context.Context, l *lock) error {
	if s.now().UnixMilli()-l.since > stale.Milliseconds() {
		_, err := s.shut(ctx, l.ref)
		return err
	}
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	for attempt := 0; ; attempt++ {
		if err := pause(ctx, jitter(min(attempt, 1))); err != nil {
			return err
		}
		f, err := s.fate(ctx, l.ref)
		if err != nil || f != pending {
			return err
		}
		select {
		case <-patience.C:
			_, err := s.shut(ctx, l.ref)
			return err
		default:
		}
	}
}

func ptr[V any](v V) *V { return &v }
