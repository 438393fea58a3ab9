package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// sdk is the engine that the SDK's client makes: what ours is compared with.
type sdk struct {
	db    *dynamodb.Client
	table string
}

var _ engine = sdk{}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (s sdk) do(ctx context.Context, a ask) (reply, error) {
	switch a.operation {
	case opGet:
		out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: a.key, ConsistentRead: yes(a.consistent)})
		if err != nil {
			return reply{}, err
		}
		return reply{item: out.Item}, nil
	case opGetBatch:
		return s.getBatch(ctx, a)
	case opQuery:
		return s.query(ctx, a)
	case opPut:
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.table, Item: a.item, ConditionExpression: given(a.condition),
			ExpressionAttributeNames: a.names, ExpressionAttributeValues: a.values,
		})
		return reply{}, err
	case opUpdate:
		_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: a.key, UpdateExpression: given(a.update), ConditionExpression: given(a.condition),
			ExpressionAttributeNames: a.names, ExpressionAttributeValues: a.values,
		})
		return reply{}, err
	case opDelete:
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: a.key, ConditionExpression: given(a.condition),
			ExpressionAttributeNames: a.names, ExpressionAttributeValues: a.values,
		})
		return reply{}, err
	}
	return reply{}, fmt.Errorf("no operation %q", a.operation)
}

func yes(is bool) *bool {
	if is {
		return &is
	}
	return nil
}

func (s sdk) getBatch(ctx context.Context, a ask) (r reply, err error) {
	keys := make([]map[string]types.AttributeValue, len(a.batch))
	for n, key := range a.batch {
		keys[n] = key
	}
	out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: yes(a.consistent)}},
	})
	if err != nil {
		return r, err
	}
	return reply{items: itemsOf(out.Responses[s.table]), unread: itemsOf(out.UnprocessedKeys[s.table].Keys)}, nil
}

func (s sdk) query(ctx context.Context, a ask) (r reply, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, KeyConditionExpression: given(a.where), IndexName: given(a.index),
		ExpressionAttributeNames: a.names, ExpressionAttributeValues: a.values,
		ExclusiveStartKey: a.after, ConsistentRead: yes(a.consistent),
	}
	if a.limit > 0 {
		in.Limit = aws.Int32(int32(a.limit))
	}
	if a.backwards {
		in.ScanIndexForward = aws.Bool(false)
	}
	out, err := s.db.Query(ctx, in)
	if err != nil {
		return r, err
	}
	return reply{items: itemsOf(out.Items), last: out.LastEvaluatedKey}, nil
}

func itemsOf(list []map[string]types.AttributeValue) (items []item) {
	for _, i := range list {
		items = append(items, i)
	}
	return items
}
