package dynamo

import (
	"flag"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/storetest"
)

// TestMain has more tests run beside each other than there are processors: they wait for
// the server, and for each other's locks, most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	m.Run()
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Backend{
		Slow: true,
		Open: func(t *testing.T) store.Store {
			s := openTest(t, testConfig(t))
			s.chains = 2 // the suite reads all of them before and after each verb
			return s
		},
	})
}

// testConfig is a new table on the server of the tests. That server does some hundred
// writes a second, so everything has more time than it would have.
func testConfig(t testing.TB) Config {
	t.Helper()
	c := Config{
		Table:       dynamotest.Table(t),
		Region:      "eu-central-1",
		Endpoint:    dynamotest.AnyEndpoint(t),
		Timeout:     time.Minute,
		Patience:    3 * time.Second,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	if err := Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// openTest opens a table for the length of t.
func openTest(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
