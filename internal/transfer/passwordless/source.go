// Package passwordless reads the table of authenticators of a deployment of
// amazon-cognito-passwordless-auth, so that its people keep their passkeys.
//
// It owns what that table says: the three forms of its user handles, its items, its JSON
// Web Keys. It only reads, a page at a time, and needs the right to Scan and Query the
// table and no other. Passkeys and user handles are kept as they are; identifiers of ours
// follow from them, so a second reading finds the same accounts.
package passwordless

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/transfer"
)

// Config says where the table is.
type Config struct {
	Table    string
	Region   string // "": what the environment says
	Endpoint string // the URL of a server that is compatible; "": Amazon's in the region
	// Users tells more about people than the table knows, by the sub of the user pool. nil:
	// nothing is known.
	Users Users

	Credentials aws.CredentialsProvider // nil: what the environment says
	// Keyed is a keyed hash of the deployment, that identifiers are made of.
	Keyed func(purpose string, of []byte) []byte
}

// The attributes of the table.
const (
	attrPart = "pk"
	attrSort = "sk"

	userPrefix       = "USER#"
	credentialPrefix = "CREDENTIAL#"
)

// Table is a transfer.Source.
type Table struct {
	cfg Config
	db  *dynamodb.Client
}

var _ transfer.Source = (*Table)(nil)

// Open makes a Source of a table. It sends nothing.
func Open(cfg Config) (*Table, error) {
	if cfg.Table == "" || cfg.Keyed == nil {
		return nil, errors.New("passwordless: no table is named")
	}
	settings := aws.Config{Region: cfg.Region, Credentials: cfg.Credentials}
	if cfg.Region == "" || cfg.Credentials == nil {
		found, err := config.LoadDefaultConfig(context.Background())
		if err != nil {
			return nil, fmt.Errorf("passwordless: settings of the environment: %w", err)
		}
		if cfg.Region != "" {
			found.Region = cfg.Region
		}
		if cfg.Credentials != nil {
			found.Credentials = cfg.Credentials
		}
		settings = found
	}
	if settings.Region == "" {
		return nil, errors.New("passwordless: no region is named, nor does the environment name one")
	}
	return &Table{cfg: cfg, db: dynamodb.NewFromConfig(settings, func(o *dynamodb.Options) {
		if cfg.Endpoint != "" {
			o.BaseEndpoint = &cfg.Endpoint
		}
	})}, nil
}

// Each implements transfer.Source. A scan finds the people, and each is then read whole:
// what was written in between is read as it is by then.
func (t *Table) Each(ctx context.Context, take func(record.Moving) error, leave func(transfer.LeftOut)) error {
	pages := dynamodb.NewScanPaginator(t.db, &dynamodb.ScanInput{
		TableName: &t.cfg.Table, ConsistentRead: aws.Bool(true),
		ProjectionExpression:     aws.String("#p"),
		FilterExpression:         aws.String("begins_with(#p, :u) AND begins_with(#s, :c)"),
		ExpressionAttributeNames: map[string]string{"#p": attrPart, "#s": attrSort},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":u": &types.AttributeValueMemberS{Value: userPrefix}, ":c": &types.AttributeValueMemberS{Value: credentialPrefix},
		},
	})
	last := "" // the items of one person come one after another
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("passwordless: scan: %w", err)
		}
		for _, found := range page.Items {
			part := item(found).text(attrPart)
			if part == last {
				continue
			}
			last = part
			if err := t.person(ctx, part, take, leave); err != nil {
				return err
			}
		}
	}
	return nil
}

// person reads all items of one person.
func (t *Table) person(ctx context.Context, part string, take func(record.Moving) error, leave func(transfer.LeftOut)) error {
	p := t.begin(strings.TrimPrefix(part, userPrefix), leave)
	pages := dynamodb.NewQueryPaginator(t.db, &dynamodb.QueryInput{
		TableName: &t.cfg.Table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:   aws.String("#p = :p AND begins_with(#s, :c)"),
		ExpressionAttributeNames: map[string]string{"#p": attrPart, "#s": attrSort},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: part}, ":c": &types.AttributeValueMemberS{Value: credentialPrefix},
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("passwordless: query: %w", err)
		}
		for _, found := range page.Items {
			p.add(found)
		}
	}
	m, ok := p.moving()
	if !ok {
		return nil // every item was left out, and said so
	}
	return take(m)
}
