package transfer

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/dynamo"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/postgres"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
)

// TestMoves: what was in one store is in the other, word for word.
func TestMoves(t *testing.T) {
	everybody := people(25)
	everybody[3].Account.State = record.StateDisabled
	everybody[4].Account.Role = record.RoleSupport
	everybody[5].Account.Role = record.RoleAdmin
	everybody[6].Account.HadWay = true
	everybody[7] = person(7, 40)
	a := found(t)
	counts := a.takes(t, everybody, withRoles)
	want := Counts{Accounts: 25, Passkeys: counts.Passkeys, New: 25, Support: 1, Admins: 1, Disabled: 1, Many: 1}
	if counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	file, id, done := a.export(t)
	if done != (Exported{Accounts: 25, Passkeys: counts.Passkeys}) {
		t.Errorf("exported %+v", done)
	}
	b := found(t)
	b.takes(t, a.open(t, file, id), withRoles)
	if got := b.all(t); !reflect.DeepEqual(got, sorted(everybody)) {
		t.Errorf("got\n%+v\nwant\n%+v", got, everybody)
	}
	if len(a.left)+len(b.left) != 0 {
		t.Errorf("left out: %v %v", a.left, b.left)
	}
}

// TestMovesAround: the same from each kind of store to the next.
func TestMovesAround(t *testing.T) {
	everybody := people(12)
	first := found(t)
	first.takes(t, everybody, withRoles)
	inPostgres := foundIn(t, openPostgres(t))
	inDynamo := foundIn(t, openDynamo(t))
	last := found(t)
	from := first
	for _, to := range []*deployment{inPostgres, inDynamo, last} {
		file, id, _ := from.export(t)
		if counts := to.takes(t, from.open(t, file, id), withRoles); counts.New != len(everybody) {
			t.Fatalf("counts %+v", counts)
		}
		from = to
	}
	if got := last.all(t); !reflect.DeepEqual(got, sorted(everybody)) {
		t.Errorf("got\n%+v\nwant\n%+v", got, everybody)
	}
}

func openPostgres(t *testing.T) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{URL: postgrestest.Database(t)})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openDynamo(t *testing.T) store.Store {
	t.Helper()
	c := dynamo.Config{
		Table: dynamotest.Table(t), Region: "eu-central-1", Endpoint: dynamotest.Endpoint(t), Timeout: time.Minute,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	must(t, dynamo.Create(t.Context(), c))
	s, err := dynamo.Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestRoles: nobody rules here because a file says so.
func TestRoles(t *testing.T) {
	everybody := people(2)
	everybody[0].Account.Role, everybody[1].Account.Role = record.RoleAdmin, record.RoleSupport
	d := found(t)
	counts := d.takes(t, everybody, Options{Limit: 20})
	if counts.Admins != 1 || counts.Support != 1 {
		t.Errorf("counts %+v: the operator must see the roles", counts)
	}
	for _, m := range d.all(t) {
		if m.Account.Role != record.RoleMember {
			t.Errorf("%s is %s", m.Account.Username, m.Account.Role)
		}
	}
	if _, waits, err := d.Vault.AwaitingAdministrator(t.Context()); err != nil || !waits {
		t.Errorf("no administrator came, and the first is no longer awaited: %v", err)
	}
	kept := found(t)
	kept.takes(t, everybody, withRoles)
	if got := kept.all(t)[0].Account.Role; got != record.RoleAdmin {
		t.Errorf("the administrator is %s", got)
	}
	if _, waits, err := kept.Vault.AwaitingAdministrator(t.Context()); err != nil || waits {
		t.Errorf("an administrator came, and the first is still awaited: %v", err)
	}
}

// TestConflicts: what is in the way is told, and what is here stays as it is.
func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*record.Moving)
		want Why
	}{
		{"another account under the identifier", func(m *record.Moving) { m.Account.ID = person(1, 0).Account.ID }, TakenAccount},
		{"username", func(m *record.Moving) { m.Account.Username = "person1x" }, TakenName},
		{"address", func(m *record.Moving) { m.Account.Emails = []string{"PERSON1@example.org"} }, TakenName},
		{"passkey", func(m *record.Moving) { m.Passkeys[1].Facts.ID = []byte("credential 1-0") }, TakenPasskey},
		{"a passkey for another RP ID", func(m *record.Moving) { m.Passkeys[1].Facts.RPID = "example.net" }, WhyRPID},
		{"no state", func(m *record.Moving) { m.Account.State = "" }, WhyInvalid},
		{"an unknown role", func(m *record.Moving) { m.Account.Role = "root" }, WhyInvalid},
		{"no user handle", func(m *record.Moving) { m.Account.UserHandle = nil }, WhyInvalid},
		{"a name that reads as an address", func(m *record.Moving) { m.Account.Username = "a@example.org" }, WhyInvalid},
		{"a name in another form", func(m *record.Moving) { m.Account.Username = "PERSON9X" }, WhyInvalid},
		{"an address that is none", func(m *record.Moving) { m.Account.Emails = []string{"a b@example.org"} }, WhyInvalid},
		{"a way of another kind", func(m *record.Moving) { m.Passkeys[0].Way.Kind = "password" }, WhyInvalid},
		{"a way bound to a row", func(m *record.Moving) { m.Passkeys[0].Way.Credential = []byte("row") }, WhyInvalid},
		{"ways bound to rows", func(m *record.Moving) { m.Account.Ways = []record.Way{m.Passkeys[0].Way} }, WhyInvalid},
		{"a salt", func(m *record.Moving) { m.Account.Salt = bytes.Repeat([]byte{1}, 32) }, WhyInvalid},
		{"recovery codes", func(m *record.Moving) { m.Account.RecoveryCodes = [][]byte{{1}} }, WhyInvalid},
		{"no public key", func(m *record.Moving) { m.Passkeys[0].Facts.PublicKey = nil }, WhyInvalid},
		{"a passkey without our name", func(m *record.Moving) { m.Passkeys[0].Facts.Passkey = record.ID{} }, WhyInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := found(t)
			d.takes(t, list{person(1, 3)}, withRoles)
			before := d.all(t)
			odd, fine := person(9, 3), person(10, 1)
			c.edit(&odd)
			im, err := NewImporter(d.Config, withRoles)
			must(t, err)
			plan, err := im.Judge(t.Context(), list{odd, fine})
			must(t, err)
			counts, err := plan.Import(t.Context())
			must(t, err)
			if counts != plan.Counts {
				t.Errorf("counts %+v, planned %+v", counts, plan.Counts)
			}
			if counts.New != 1 || counts.Conflicts+counts.Refused != 1 || (counts.Conflicts == 1) != c.want.conflict() {
				t.Errorf("counts %+v", counts)
			}
			if len(d.left) != 1 || d.left[0].Why != c.want {
				t.Errorf("left out %+v, want one for %q", d.left, c.want)
			}
			if got := d.all(t); !reflect.DeepEqual(got, sorted(append(before, fine))) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestConflictsWithin: of two accounts of one source that want the same, one comes.
func TestConflictsWithin(t *testing.T) {
	one, two := person(1, 1), person(2, 1)
	two.Account.Username = one.Account.Username
	d := found(t)
	if counts := d.takes(t, list{one, two}, withRoles); counts.New != 1 || counts.Conflicts != 1 {
		t.Errorf("counts %+v", counts)
	}
	if len(d.left) != 1 || d.left[0].Why != TakenName {
		t.Errorf("left out %+v", d.left)
	}
}

// TestAgain: a second import finds everything there, though it was used since; what says
// something else by now is in the way and stays.
func TestAgain(t *testing.T) {
	everybody := people(6)
	d := found(t)
	d.takes(t, everybody, withRoles)
	used := slices.Clone(everybody)
	for i := range used {
		used[i].Account.TicketEpoch++
		used[i].Passkeys = slices.Clone(used[i].Passkeys)
		for j := range used[i].Passkeys {
			used[i].Passkeys[j].Use.SignCount = 1
			used[i].Passkeys[j].TimesUsed = 0
		}
	}
	if counts := d.takes(t, used, withRoles); counts.There != 6 || counts.New+counts.Conflicts != 0 {
		t.Errorf("counts %+v", counts)
	}
	used[5].Passkeys[0].Name = "renamed"
	used[4].Account.Role = record.RoleAdmin
	if counts := d.takes(t, used, withRoles); counts.There != 4 || counts.Conflicts != 2 {
		t.Errorf("counts %+v", counts)
	}
	ruled := found(t)
	ruled.takes(t, used[4:5], withRoles)
	if counts := ruled.takes(t, everybody[4:5], Options{}); counts.There != 1 {
		t.Errorf("counts %+v: who takes no roles does not compare them", counts)
	}
	if got := d.all(t); !reflect.DeepEqual(got, sorted(everybody)) {
		t.Errorf("got %+v", got)
	}
}

// dying fails from a number of sign-ups on, as a process that is killed.
type dying struct {
	Store
	lives atomic.Int64
}

var errKilled = errors.New("killed")

func (s *dying) RecordSignUp(ctx context.Context, v store.SignUp) error {
	if s.lives.Add(-1) < 0 {
		return errKilled
	}
	return s.Store.RecordSignUp(ctx, v)
}

// TestResume: an import that was stopped goes on where it stopped, and only one that ends
// draws a new epoch.
func TestResume(t *testing.T) {
	everybody := people(60)
	d := found(t)
	epoch := d.vault(t).Epoch()
	whole := d.Store
	broken := &dying{Store: whole}
	broken.lives.Store(20)
	d.Store = broken
	if _, err := d.tries(t, everybody, withRoles); !errors.Is(err, errKilled) {
		t.Fatalf("error %v", err)
	}
	if !bytes.Equal(d.vault(t).Epoch(), epoch) {
		t.Error("an import that did not end drew an epoch")
	}
	d.Store = whole
	counts := d.takes(t, everybody, withRoles)
	// Of the twenty, those that were under way when it died may not have happened.
	if counts.There == 0 || counts.There > 20 || counts.There+counts.New != 60 {
		t.Errorf("counts %+v", counts)
	}
	if bytes.Equal(d.vault(t).Epoch(), epoch) {
		t.Error("no new epoch")
	}
	if got := d.all(t); !reflect.DeepEqual(got, sorted(everybody)) {
		t.Errorf("got %+v", got)
	}
}

// TestJudgeWritesNothing: a plan changes nothing.
func TestJudgeWritesNothing(t *testing.T) {
	d := found(t)
	epoch := d.vault(t).Epoch()
	im, err := NewImporter(d.Config, withRoles)
	must(t, err)
	plan, err := im.Judge(t.Context(), people(5))
	must(t, err)
	if plan.New != 5 {
		t.Errorf("counts %+v", plan.Counts)
	}
	if rows, err := d.Store.ListAccounts(t.Context(), nil, 10); err != nil || len(rows) != 0 {
		t.Errorf("%d accounts, %v", len(rows), err)
	}
	if !bytes.Equal(d.vault(t).Epoch(), epoch) {
		t.Error("a new epoch")
	}
}

// TestEvents: what moved is written into the events.
func TestEvents(t *testing.T) {
	d := found(t)
	d.takes(t, people(2), withRoles)
	d.export(t)
	var got []string
	for chain := range d.Store.Chains() {
		must(t, d.Audit.Walk(t.Context(), chain, func(r audit.Record) error {
			got = append(got, string(r.Name))
			return nil
		}))
	}
	slices.Sort(got)
	want := []string{"account.imported", "account.imported", "store.exported", "store.imported"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// crowd is a Source of so many people that are never all in memory.
type crowd struct {
	n    int
	peak atomic.Uint64 // bytes in use
}

func (c *crowd) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.peak.Store(max(c.peak.Load(), m.HeapAlloc))
}

func (c *crowd) Each(_ context.Context, take func(record.Moving) error, _ func(LeftOut)) error {
	for i := range c.n {
		if i%500 == 0 {
			c.look()
		}
		if err := take(person(i, 1)); err != nil {
			return err
		}
	}
	return nil
}

// looking looks at memory while an export is written.
type looking struct {
	*crowd
	writes int
}

func (l *looking) Write(p []byte) (int, error) {
	if l.writes++; l.writes%20 == 0 {
		l.look()
	}
	return len(p), nil
}

// TestManyAccounts: memory does not grow with the number of accounts. All of them in it
// would be some 8 MB.
func TestManyAccounts(t *testing.T) {
	const many, room = 4_000, 3 << 20
	d := found(t)
	c := &crowd{n: 100}
	c.look()
	base := c.peak.Load()
	c.n = many
	if counts := d.takes(t, c, withRoles); counts.New != many {
		t.Errorf("counts %+v", counts)
	}
	sink := &looking{crowd: c}
	r, err := Passphrase("only a test")
	must(t, err)
	done, err := Export(t.Context(), d.Config, sink, r)
	must(t, err)
	if done.Accounts != many || sink.writes < 40 {
		t.Errorf("exported %+v in %d writes", done, sink.writes)
	}
	if peak := c.peak.Load(); peak > base+room {
		t.Errorf("%d bytes in use, %d before", peak, base)
	}
}
