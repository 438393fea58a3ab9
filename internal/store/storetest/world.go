package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// dawn is when everything in the suite happens, give or take.
var dawn = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// world is a store and everything that may be in it.
type world struct {
	t     *testing.T
	ctx   context.Context
	s     store.Store
	slow  bool
	count atomic.Uint64

	mu          sync.Mutex
	accounts    [][]byte
	identifiers [][]byte
	credentials [][]byte
}

func newWorld(t *testing.T, open opener) *world {
	t.Helper()
	return &world{t: t, ctx: t.Context(), s: open(t)}
}

// key returns 16 bytes that no other call returns, greater than all before.
func (w *world) key() []byte {
	k := make([]byte, 16)
	binary.BigEndian.PutUint64(k[8:], w.count.Add(1))
	k[0] = 1
	return k
}

func (w *world) body(what string) []byte { return append([]byte(what+" "), w.key()...) }

func (w *world) op() store.OpID {
	sum := sha256.Sum256(w.key())
	return store.OpID(sum[:16])
}

func (w *world) spend() store.Spend {
	return store.Spend{ID: [16]byte(w.key()), Expires: dawn.Add(5 * time.Minute), Issued: w.key()}
}

func (w *world) remember(list *[][]byte, key []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, key)
}

func (w *world) account() store.Row {
	a := store.Row{Key: w.key(), Version: 1, Body: w.body("account")}
	w.remember(&w.accounts, a.Key)
	return a
}

func (w *world) identifier(account []byte) store.Identifier {
	i := store.Identifier{Key: w.key(), Account: account, Body: w.body("identifier")}
	w.remember(&w.identifiers, i.Key)
	return i
}

func (w *world) credential(account []byte) store.Credential {
	c := store.Credential{
		Row:       store.Row{Key: w.key(), Version: 1, Body: w.body("credential")},
		Account:   account,
		State:     7,
		Sealed:    w.body("sealed"),
		Name:      w.body("name"),
		LastUsed:  dawn,
		TimesUsed: 3,
	}
	w.remember(&w.credentials, c.Key)
	return c
}

func (w *world) session(account []byte) *store.Session {
	return &store.Session{
		Row:     store.Row{Key: w.key(), Version: 1, Body: w.body("session")},
		Account: account,
		Expires: dawn.Add(time.Hour),
	}
}

func (w *world) ticket(account []byte) store.Ticket {
	return store.Ticket{
		Row:     store.Row{Key: w.key(), Version: 4, Body: w.body("ticket")},
		Account: account,
		Expires: dawn.Add(24 * time.Hour),
	}
}

// mail is due at dawn.
func (w *world) mail() store.Mail {
	return store.Mail{Key: w.key(), Body: w.body("mail"), Due: dawn}
}

// link is how the suite chains its events.
func link(before, body []byte) []byte {
	sum := sha256.Sum256(append(bytes.Clone(before), body...))
	return sum[:]
}

// event returns a function that makes a right event concerning account.
func (w *world) event(account []byte) store.EventFunc {
	body := w.body("event")
	return func(head store.Head) (store.Event, error) {
		return store.Event{
			Chain:   head.Chain,
			Number:  head.Number + 1,
			At:      dawn,
			Account: account,
			Link:    link(head.Link, body),
			Body:    body,
		}, nil
	}
}

// must fails the test on an error of what merely sets the scene.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("unexpected error: %v", err)
	}
}

// person is an account with a name, a way in and a session, as they were stored.
type person struct {
	account    store.Row
	identifier store.Identifier
	credential store.Credential
	session    *store.Session
}

// person signs somebody up.
func (w *world) person() person {
	w.t.Helper()
	p := person{account: w.account()}
	p.identifier = w.identifier(p.account.Key)
	p.credential = w.credential(p.account.Key)
	p.session = w.session(p.account.Key)
	spend := w.spend()
	w.must(w.s.RecordSignUp(w.ctx, store.SignUp{
		Op:          w.op(),
		Spend:       &spend,
		Account:     p.account,
		Identifiers: []store.Identifier{p.identifier},
		Credential:  &p.credential,
		Session:     p.session,
		Event:       w.event(p.account.Key),
	}))
	return p
}

// ref names the edition of a row.
func ref(r store.Row) store.Ref { return store.Ref{Key: r.Key, Version: r.Version} }

// dump is all that the read verbs show.
type dump struct {
	Accounts    []store.Row
	Identifiers []store.Identifier
	Credentials []store.Credential
	Sessions    []store.Session
	Tickets     []store.Ticket
	Keys        []store.Key
	Markers     []store.Marker
	Mails       []store.Mail // key and body: to see a mail is to take it
	Events      []store.Event
}

const everything = 10_000

func (w *world) dump() dump {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var d dump
	var err error
	d.Accounts, err = w.s.ListAccounts(w.ctx, nil, everything)
	w.must(err)
	for _, key := range w.credentials { // one by one: several come in no order
		found, err := w.s.Credentials(w.ctx, [][]byte{key})
		w.must(err)
		d.Credentials = append(d.Credentials, found...)
	}
	for _, key := range w.identifiers {
		if i, err := w.s.Identifier(w.ctx, key); !gone(w, err) {
			d.Identifiers = append(d.Identifiers, i)
		}
	}
	for _, key := range w.accounts {
		sessions, err := w.s.SessionsOf(w.ctx, key, nil, everything)
		w.must(err)
		d.Sessions = append(d.Sessions, sessions...)
	}
	d.Tickets, err = w.s.ListTickets(w.ctx, nil, everything)
	w.must(err)
	d.Keys, err = w.s.Keys(w.ctx)
	w.must(err)
	d.Markers, err = w.s.Markers(w.ctx)
	w.must(err)
	for _, m := range w.takeAll() {
		d.Mails = append(d.Mails, store.Mail{Key: m.Key, Body: m.Body})
	}
	d.Events = w.events()
	return d
}

// takeAll takes every mail there is, each time later than the last, and returns them
// in the order of their keys.
func (w *world) takeAll() []store.Mail {
	w.t.Helper()
	now := dawn.Add(10_000*time.Hour + time.Duration(w.count.Add(1))*time.Minute)
	list, err := w.s.TakeMails(w.ctx, now, now.Add(time.Second), everything)
	w.must(err)
	slices.SortFunc(list, func(a, b store.Mail) int { return bytes.Compare(a.Key, b.Key) })
	return list
}

// same fails the test unless two values are deeply equal.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}
