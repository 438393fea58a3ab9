package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// layout is the edition of the table's layout. A program refuses a table of a later one.
const layout = 1

// made is how long Create waits for the table.
const made = 5 * time.Minute

// Create makes the table of c with its indexes, on demand and with expiry, for those who
// do not describe it in a template (docs/dynamodb.md says what such a template must
// hold). A table that is there is left as it is, if it is Keyturn's.
// Errors: ErrForeign, ErrNewer, or what the client or the server says.
func Create(ctx context.Context, c Config) error {
	c = withDefaults(c)
	c.Timeout = max(c.Timeout, 10*time.Second) // making a table is no request of anybody's
	makes, err := connect(ctx, c)
	if err != nil {
		return err
	}
	db, err := newClient(ctx, c, makes.Options())
	if err != nil {
		return err
	}
	s := &Store{db: db, makes: makes, table: c.Table, timeout: made, random: c.Random, now: c.Now, log: c.Log}
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	_, err = makes.CreateTable(ctx, definition(c.Table))
	var there *types.ResourceInUseException
	if err != nil && !errors.As(err, &there) {
		return s.failed(ctx, "create the table", err)
	}
	wait := dynamodb.NewTableExistsWaiter(makes, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 2*time.Second
	})
	if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &c.Table}, made); err != nil {
		return s.failed(ctx, "wait for the table", err)
	}
	if err := s.enableExpiry(ctx); err != nil {
		return err
	}
	return s.recognize(ctx)
}

// definition is the table: two indexes that hold keys alone, paid by request.
func definition(table string) *dynamodb.CreateTableInput {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	keys := func(hash, order string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash},
			{AttributeName: &order, KeyType: types.KeyTypeRange},
		}
	}
	index := func(name, hash, order string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{
			IndexName:  &name,
			KeySchema:  keys(hash, order),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName: &table,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(attrPart, types.ScalarAttributeTypeS),
			attribute(attrSort, types.ScalarAttributeTypeB),
			attribute(attrList, types.ScalarAttributeTypeS),
			attribute(attrOrder, types.ScalarAttributeTypeB),
			attribute(attrLane, types.ScalarAttributeTypeS),
			attribute(attrDue, types.ScalarAttributeTypeN),
		},
		KeySchema: keys(attrPart, attrSort),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(indexList, attrList, attrOrder),
			index(indexDue, attrLane, attrDue),
		},
		BillingMode: types.BillingModePayPerRequest,
	}
}

// enableExpiry has DynamoDB forget what Expire would delete. A compatible server that
// knows no expiry does without: nothing trusts it.
func (s *Store) enableExpiry(ctx context.Context) error {
	out, err := s.makes.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &s.table})
	if err == nil && out.TimeToLiveDescription != nil {
		switch out.TimeToLiveDescription.TimeToLiveStatus {
		case types.TimeToLiveStatusEnabled, types.TimeToLiveStatusEnabling:
			return nil
		}
	}
	_, err = s.makes.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &s.table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: ptr(attrTTL), Enabled: ptr(true)},
	})
	switch {
	case err == nil:
		return nil
	case code(err) == "UnknownOperationException":
		s.log.Warn("dynamo: the server knows no expiry; what has expired goes by upkeep alone")
		return nil
	}
	return s.failed(ctx, "enable expiry", err)
}

// recognize checks that the table is Keyturn's, and of no later layout. One that has not
// been signed, because a template made it, is signed when its keys and indexes are right.
func (s *Store) recognize(ctx context.Context) error {
	c, err := s.readOne(ctx, meta())
	switch {
	case code(err) == "ResourceNotFoundException":
		return fmt.Errorf("%w (table %s)", ErrNoTable, s.table)
	case code(err) == "ValidationException":
		return ErrForeign // the keys of its items are others
	case err != nil:
		return err
	case c.now == nil:
		return s.sign(ctx)
	}
	switch n := c.now.number(attrVersion); {
	case n > layout:
		return ErrNewer
	case n == 0:
		return ErrForeign
	}
	return nil
}

func (s *Store) sign(ctx context.Context) error {
	out, err := s.makes.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.table})
	if err != nil {
		return s.failed(ctx, "describe the table", err)
	}
	if !fits(out.Table, definition(s.table)) {
		return ErrForeign
	}
	signature := item{}
	signature.putNumber(attrVersion, layout)
	// Somebody else may sign it at the same time, with the same words.
	_, _, err = s.swap(ctx, meta(), nil, signature)
	return err
}

// fits tells whether a table has the keys and indexes that it must have. It may have more.
func fits(t *types.TableDescription, want *dynamodb.CreateTableInput) bool {
	if !sameKeys(t.KeySchema, want.KeySchema) {
		return false
	}
	for _, w := range want.GlobalSecondaryIndexes {
		found := false
		for _, have := range t.GlobalSecondaryIndexes {
			found = found || have.IndexName != nil && *have.IndexName == *w.IndexName && sameKeys(have.KeySchema, w.KeySchema)
		}
		if !found {
			return false
		}
	}
	return true
}

func sameKeys(have, want []types.KeySchemaElement) bool {
	if len(have) != len(want) {
		return false
	}
	for n := range want {
		if have[n].AttributeName == nil || *have[n].AttributeName != *want[n].AttributeName || have[n].KeyType != want[n].KeyType {
			return false
		}
	}
	return true
}
