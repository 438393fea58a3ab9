package keyturn_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
)

// original makes a table in the layout of amazon-cognito-passwordless-auth, with one
// passkey of ana.
func original(t *testing.T) *keyturn.PasswordlessTable {
	t.Helper()
	table := &keyturn.PasswordlessTable{
		Table: dynamotest.Table(t), Region: "eu-central-1", Endpoint: dynamotest.Endpoint(t),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	db := dynamodb.New(dynamodb.Options{Region: table.Region, BaseEndpoint: &table.Endpoint, Credentials: table.Credentials})
	part, sort := "pk", "sk"
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table.Table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: &part, AttributeType: types.ScalarAttributeTypeS}, {AttributeName: &sort, AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: &part, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	item := map[string]types.AttributeValue{
		"pk": text("USER#u|ana"), "sk": text("CREDENTIAL#aWQ"), "rpId": text("login.example.com"),
		"credentialId": &types.AttributeValueMemberB{Value: []byte("id")},
		// The base point of P-256 (SEC 2 §2.4.2).
		"jwk": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"kty": text("EC"), "alg": text("ES256"), "crv": text("P-256"),
			"x": text("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"), "y": text("T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"),
		}},
	}
	ready := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 100*time.Millisecond
	})
	if err := ready.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &table.Table}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table.Table, Item: item}); err != nil {
		t.Fatal(err)
	}
	return table
}

// TestImportTable: accounts of the other system come in, once, and who is asked may say no.
func TestImportTable(t *testing.T) {
	o := open(t, keyturn.Config{Settings: production(t, "https://login.example.com")}).Operator()
	in := keyturn.Importation{Table: original(t)}
	in.Ask = func(c keyturn.ImportCounts) (bool, error) { return c.New != 1, nil }
	if _, err := o.Import(t.Context(), in); !errors.Is(err, keyturn.ErrNotConfirmed) {
		t.Fatalf("error %v", err)
	}
	in.Ask = nil
	if counts, err := o.Import(t.Context(), in); err != nil || counts.New != 1 {
		t.Fatalf("counts %+v, %v", counts, err)
	}
	in.DryRun = true
	if counts, err := o.Import(t.Context(), in); err != nil || counts.There != 1 {
		t.Fatalf("again: counts %+v, %v", counts, err)
	}
	passkeys, err := o.Passkeys(t.Context(), "ana")
	if err != nil || len(passkeys) != 1 {
		t.Errorf("passkeys %+v, %v", passkeys, err)
	}
}

// TestExportOfAnotherRPID: accounts whose passkeys would not work here do not come.
func TestExportOfAnotherRPID(t *testing.T) {
	lock := keyturn.Lock{Passphrase: "only a test"}
	there := open(t, keyturn.Config{Settings: production(t, "https://login.example.com")}).Operator()
	var file bytes.Buffer
	if _, err := there.Export(t.Context(), &file, lock, keyturn.Watch{}); err != nil {
		t.Fatal(err)
	}
	here := open(t, keyturn.Config{Settings: production(t, "https://login.example.net")}).Operator()
	in := keyturn.Importation{File: bytes.NewReader(file.Bytes()), Lock: lock, Signer: there.Signer()}
	if _, err := here.Import(t.Context(), in); !errors.Is(err, keyturn.ErrOtherRPID) {
		t.Errorf("error %v", err)
	}
	in.Signer = ""
	var refused *keyturn.ExportFileError
	if _, err := here.Import(t.Context(), in); !errors.As(err, &refused) || refused.Code != "unknown_signer" {
		t.Errorf("error %v", err)
	}
}
