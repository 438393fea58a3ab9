package drills

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// backend is one of the stores that servers run on.
type backend struct {
	name string
	// slow says that it writes some 200 rows a second here: drills do less on it, and
	// say how much.
	slow bool
	// settings are those of servers on a new store; what they share is in dir.
	settings func(d *drill, dir string) []string
}

// The stores.
func backends() []backend {
	return []backend{
		{name: "SQLite", settings: onSQLite},
		{name: "PostgreSQL", settings: onPostgreSQL},
		{name: "DynamoDB", slow: true, settings: onDynamoDB},
	}
}

func onSQLite(_ *drill, dir string) []string {
	return []string{"KEYTURN_STORE=sqlite:" + filepath.Join(dir, "keyturn.db")}
}

func onPostgreSQL(d *drill, dir string) []string {
	return withMasterKey(dir, "KEYTURN_STORE="+postgrestest.Database(d))
}

func onDynamoDB(d *drill, dir string) []string {
	return withMasterKey(dir, atDynamoDB(dynamotest.Table(d), dynamotest.Endpoint(d))...)
}

// withMasterKey adds what every store but SQLite asks for.
func withMasterKey(dir string, settings ...string) []string {
	return append(settings, "KEYTURN_KEYS_KMS=file:"+filepath.Join(dir, "kms", "master.key"))
}

func atDynamoDB(table, endpoint string) []string {
	return []string{
		"KEYTURN_STORE=dynamodb://" + table + "?region=eu-central-1&endpoint=" + endpoint,
		"AWS_ACCESS_KEY_ID=drill", "AWS_SECRET_ACCESS_KEY=drill", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// size is how large a drill is on this store: small, or large as its pass figure asks,
// which differs where the store is slow.
func (b backend) size(small, large, largeSlow int) int {
	if b.slow {
		large = largeSlow
	}
	return size(small, large)
}

// onEach runs a drill on every store.
func onEach(t *testing.T, name string, run func(d *drill, b backend)) {
	t.Helper()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) { run(begin(t, name+" on "+b.name), b) })
	}
}

// cluster is some processes that serve one address from one store, in front of which a
// balancer would stand.
type cluster struct {
	*deployment // the first; its client speaks to that one alone
	processes   []*deployment
}

// replicate starts so many servers on a new store.
func (b backend) replicate(d *drill, processes int, settings ...string) *cluster {
	d.Helper()
	dir := d.TempDir()
	return replicateOn(d, processes, append(b.settings(d, dir),
		append(settings, "KEYTURN_KEYS_SERVER=file:"+filepath.Join(dir, "keys", "server.key"))...)...)
}

// replicateOn starts so many servers with one store and one key, which settings name.
func replicateOn(d *drill, processes int, settings ...string) *cluster {
	d.Helper()
	first := prepare(d, "", settings...)
	first.operate("store", "create")
	first.start()
	c := &cluster{deployment: first, processes: []*deployment{first}}
	for range processes - 1 {
		c.processes = append(c.processes, deployAs(d, first.url, settings...))
	}
	return c
}

// sqlite is the file of the database; empty: it is another store.
func (c *cluster) sqlite() string {
	for _, setting := range c.env {
		if path, found := strings.CutPrefix(setting, "KEYTURN_STORE=sqlite:"); found {
			return path
		}
	}
	return ""
}

// clients are our own pages, one at each process.
func (c *cluster) clients() []*client {
	list := make([]*client, len(c.processes))
	for i, s := range c.processes {
		list[i] = s.client()
	}
	return list
}

// alive demands that each process runs, is ready and has not panicked.
func (c *cluster) alive() {
	c.d.Helper()
	for _, s := range c.processes {
		s.alive()
	}
}

// TestAnyProcess: a ceremony that was begun at one process is finished at another, and
// what it gave is honoured by a third.
func TestAnyProcess(t *testing.T) {
	onEach(t, "any process", func(d *drill, b backend) {
		s := b.replicate(d, 3, flooded()...)
		at := s.clients()
		rounds := b.size(4, 1000, 50)
		for round := range rounds {
			begun, finished, used := at[round%3], at[(round+1)%3], at[(round+2)%3]
			p := &person{name: fmt.Sprintf("p-%d", round), key: webauthntest.New(webauthntest.SecurityKey())}
			made, err := begun.create(p.key, signUpOptions, map[string]string{"username": p.name})
			d.must(err)
			a, err := finished.finish(signUpFinish, made)
			d.must(err)
			if a.status != http.StatusCreated {
				d.Fatalf("sign-up: status %d: %s", a.status, a.body)
			}
			p.id = a.who().Account.ID
			assertion, err := used.assertion(p)
			d.must(err)
			a, err = begun.finish(signInFinish, assertion)
			d.must(err)
			if who := a.who(); a.status != http.StatusOK || who.Account.ID != p.id {
				d.Fatalf("sign-in: status %d: %s", a.status, a.body)
			}
			list, err := finished.passkeys(a.who().AccessToken)
			d.must(err)
			if len(list) != 1 || list[0].TimesUsed != 1 {
				d.Errorf("round %d: passkeys %+v, want one that was used once", round, list)
			}
			if next, err := used.refresh(refreshOf(a)); err != nil || next.status != http.StatusOK {
				d.Errorf("round %d: refresh at a third process: status %d, %v", round, next.status, err)
			}
		}
		s.alive()
		d.report("%d of %d sign-ups and sign-ins begun, finished and used at three different processes", rounds, rounds)
	})
}
