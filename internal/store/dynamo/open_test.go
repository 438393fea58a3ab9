package dynamo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
)

// rawConfig is a table that nobody has made.
func rawConfig(t *testing.T) (Config, *dynamodb.Client) {
	t.Helper()
	c := testConfig(t)
	c.Table = dynamotest.Table(t)
	db, err := connect(t.Context(), withDefaults(c))
	must(t, err)
	return c, db
}

func makeTable(t *testing.T, db *dynamodb.Client, in *dynamodb.CreateTableInput) {
	t.Helper()
	_, err := db.CreateTable(t.Context(), in)
	must(t, err)
	wait := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond })
	must(t, wait.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: in.TableName}, time.Minute))
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*dynamodb.CreateTableInput) // nil: no table
		sign string                           // the edition it is signed with
		want error
	}{
		{name: "no table", want: ErrNoTable},
		{name: "made by a template", make: func(*dynamodb.CreateTableInput) {}},
		{name: "of this program", make: func(*dynamodb.CreateTableInput) {}, sign: "1"},
		{name: "of a newer program", make: func(*dynamodb.CreateTableInput) {}, sign: "2", want: ErrNewer},
		{name: "signed with nonsense", make: func(*dynamodb.CreateTableInput) {}, sign: "0", want: ErrForeign},
		{name: "with other keys", want: ErrForeign, make: func(in *dynamodb.CreateTableInput) {
			in.KeySchema = []types.KeySchemaElement{{AttributeName: ptr(attrList), KeyType: types.KeyTypeHash}}
			in.AttributeDefinitions = in.AttributeDefinitions[2:]
		}},
		{name: "without an index", want: ErrForeign, make: func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes = in.GlobalSecondaryIndexes[:1]
			in.AttributeDefinitions = in.AttributeDefinitions[:4]
		}},
		{name: "with an index of other keys", want: ErrForeign, make: func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[1].KeySchema = in.GlobalSecondaryIndexes[0].KeySchema
			in.AttributeDefinitions = in.AttributeDefinitions[:4]
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, db := rawConfig(t)
			if c.make != nil {
				in := definition(config.Table)
				c.make(in)
				makeTable(t, db, in)
			}
			if c.sign != "" {
				signature := meta().key()
				signature[attrVersion] = &types.AttributeValueMemberN{Value: c.sign}
				_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &config.Table, Item: signature})
				must(t, err)
			}
			for range 2 { // the first may have signed it
				s, err := Open(t.Context(), config)
				if !errors.Is(err, c.want) {
					t.Fatalf("error is %v, want %v", err, c.want)
				}
				if c.want == nil {
					must(t, s.Close())
				}
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	for _, c := range []Config{{Region: "eu-central-1"}, {Table: "t"}} {
		if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "named") && !strings.Contains(err.Error(), "names") {
			t.Errorf("%+v: error is %v", c, err)
		}
		if err := Create(t.Context(), c); err == nil {
			t.Errorf("%+v: created", c)
		}
	}
}

// TestCreate: again is fine, and another's table is left alone.
func TestCreate(t *testing.T) {
	c := testConfig(t)
	s := openTest(t, c)
	must(t, s.RecordSignUp(t.Context(), signUp(1)))
	must(t, Create(t.Context(), c))
	if _, err := s.Account(t.Context(), key("account", 1)); err != nil {
		t.Errorf("after it was created again: %v", err)
	}
	other, db := rawConfig(t)
	in := definition(other.Table)
	in.GlobalSecondaryIndexes, in.AttributeDefinitions = nil, in.AttributeDefinitions[:2]
	makeTable(t, db, in)
	if err := Create(t.Context(), other); !errors.Is(err, ErrForeign) {
		t.Errorf("another's table: %v, want %v", err, ErrForeign)
	}
}

// TestExpiryIsEnabled: where the server knows expiry, it is asked for, once.
func TestExpiryIsEnabled(t *testing.T) {
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	c.Table = dynamotest.Table(t)
	must(t, Create(t.Context(), c))
	asked := 0
	for _, r := range w.take() {
		if r.operation == "UpdateTimeToLive" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times to forget what has expired, want once", asked)
	}
}

func TestClose(t *testing.T) {
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	s := openTest(t, c)
	begun, answered := make(chan struct{}), make(chan error, 1)
	release := make(chan struct{})
	w.spoil = func(request) outcome {
		close(begun)
		<-release
		return passes
	}
	go func() { answered <- s.Ping(context.WithoutCancel(t.Context())) }()
	<-begun
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
		t.Error("closed with a read under way")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	must(t, <-answered)
	must(t, <-closed)
	must(t, s.Close())
	if err := s.Ping(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the close: %v, want %v", err, ErrClosed)
	}
}

// TestPing reads, and writes only while it is not known that writing works.
func TestPing(t *testing.T) {
	c := testConfig(t)
	w := &wire{}
	c.Transport = w
	s := openTest(t, c)
	ping := func(wantWrites int, wantError bool) {
		t.Helper()
		w.take()
		if err := s.Ping(t.Context()); (err != nil) != wantError {
			t.Errorf("ping: %v", err)
		}
		if n := writes(w.take()); n != wantWrites {
			t.Errorf("%d writes, want %d", n, wantWrites)
		}
	}
	ping(0, false)
	w.spoil = func(r request) outcome {
		if r.writes {
			return broken
		}
		return passes
	}
	if err := s.Spend(t.Context(), store.OpID{1}, store.Spend{Expires: dawn}); err == nil {
		t.Fatal("no error")
	}
	ping(attempts, true)
	w.spoil = nil
	ping(1, false)
	ping(0, false)
}

// TestClock is the server's, which runs beside ours.
func TestClock(t *testing.T) {
	c := testConfig(t)
	c.Now = func() time.Time { return dawn }
	s := openTest(t, c)
	now, err := s.Clock(t.Context())
	must(t, err)
	if off := time.Since(now); off < -time.Minute || off > time.Minute {
		t.Errorf("%v off", off)
	}
}
