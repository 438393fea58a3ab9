package dynamo

import (
	"context"
	"math"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/store"
)

// chains is how many event chains there are, each a partition that grows at its end.
// Forever: chains never merge.
const chains = 64

// Append implements store.Events: one conditional write, when nothing comes of the event.
func (s *Store) Append(ctx context.Context, event store.EventFunc) error {
	var f store.Form
	f.Event(event)
	if f.Err() != nil {
		return f.Err()
	}
	nothing := func(*txn) (bool, error) { return false, nil }
	return s.do(ctx, verb{event: event, chain: s.nextChain(), judge: nothing})
}

// head reads the last event of a chain. After it there may stand a slot that was shut to
// somebody and is still to be filled.
func (s *Store) head(ctx context.Context, chain uint32) (store.Head, error) {
	last, err := s.query(ctx, ask{
		where:      "#p = :p",
		names:      map[string]string{"#p": attrPart},
		values:     item{":p": &types.AttributeValueMemberS{Value: chainPart(chain)}},
		consistent: true,
		backwards:  true,
	}, 2)
	if err != nil {
		return store.Head{}, err
	}
	for _, i := range last {
		if i.has(attrDone) {
			e := eventOf(chain, i)
			return store.Head{Chain: chain, Number: e.Number, Link: e.Link}, nil
		}
	}
	return store.Head{Chain: chain}, nil
}

// Chain implements store.Events.
func (s *Store) Chain(ctx context.Context, chain uint32, after uint64, limit int) ([]store.Event, error) {
	if after == math.MaxUint64 || limit <= 0 {
		return nil, nil
	}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := s.query(ctx, ask{
		where: "#p = :p AND #s > :s",
		names: map[string]string{"#p": attrPart, "#s": attrSort},
		values: item{
			":p": &types.AttributeValueMemberS{Value: chainPart(chain)},
			":s": &types.AttributeValueMemberB{Value: ordered(after)},
		},
		consistent: true,
	}, limit)
	if err != nil {
		return nil, err
	}
	var list []store.Event
	for _, i := range found {
		if i.has(attrDone) {
			list = append(list, eventOf(chain, i))
		}
	}
	return list, nil
}

// EventsOf implements store.Events. The index may lag behind by a moment.
func (s *Store) EventsOf(ctx context.Context, account []byte, before store.Position, limit int) ([]store.Event, error) {
	if len(account) == 0 || limit <= 0 {
		return nil, nil
	}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	condition := "#g = :g"
	names := map[string]string{"#g": attrList}
	values := item{":g": &types.AttributeValueMemberS{Value: inEvents + encode(account)}}
	if before.Number > 0 {
		condition += " AND #o < :o"
		names["#o"] = attrOrder
		values[":o"] = &types.AttributeValueMemberB{Value: positionOrder(before)}
	}
	found, err := s.query(ctx, ask{
		index:     indexList,
		where:     condition,
		names:     names,
		values:    values,
		backwards: true,
	}, limit)
	if err != nil {
		return nil, err
	}
	places := make([]place, len(found))
	for n, i := range found {
		places[n] = placeOf(i)
	}
	items, err := s.fetch(ctx, places)
	if err != nil {
		return nil, err
	}
	var list []store.Event
	for _, at := range places {
		if i := items[at]; i.has(attrDone) {
			list = append(list, eventOf(chainOfPart(at.part), i))
		}
	}
	return list, nil
}

// Chains implements store.Events.
func (s *Store) Chains() uint32 { return s.chains }

// nextChain takes the chains in turn, for verbs that no OpID assigns to one.
func (s *Store) nextChain() uint32 { return s.turn.Add(1) % s.chains }

// chainOf picks the chain of a verb's event.
func (s *Store) chainOf(op store.OpID) uint32 { return uint32(op[0]) % s.chains }
