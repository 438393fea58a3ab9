package dynamo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/keyturn/keyturn/internal/store"
)

var dawn = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// id is 16 bytes that stand for a kind of thing and its numbers.
func id(kind string, numbers ...int) [16]byte {
	sum := sha256.Sum256(fmt.Append(nil, kind, numbers))
	return [16]byte(sum[:16])
}

func key(kind string, numbers ...int) []byte {
	k := id(kind, numbers...)
	return k[:]
}

// telling makes an event that concerns account, about as large as a real one.
func telling(account []byte, at time.Time) store.EventFunc {
	return func(head store.Head) (store.Event, error) {
		link := sha256.Sum256(append([]byte("event"), head.Link...))
		return store.Event{
			Chain: head.Chain, Number: head.Number + 1, At: at,
			Account: account, Link: link[:], Body: make([]byte, 300),
		}, nil
	}
}

// owing makes an event owe a mail and give a right.
func owing(event store.EventFunc, n int) store.EventFunc {
	return func(head store.Head) (store.Event, error) {
		e, err := event(head)
		e.Mails = []store.Mail{{Key: key("mail", n), Body: make([]byte, 900), Due: dawn}}
		e.Tickets = []store.Ticket{ticket(100 + n)}
		return e, err
	}
}

func ticket(n int) store.Ticket {
	return store.Ticket{
		Row:     store.Row{Key: key("ticket", n), Version: 1, Body: make([]byte, 200)},
		Expires: dawn.Add(24 * time.Hour),
	}
}

// signUp is the sign-up of person n, with rows about as large as real ones.
func signUp(n int) store.SignUp {
	account := store.Row{Key: key("account", n), Version: 1, Body: make([]byte, 500)}
	return store.SignUp{
		Op:          store.OpID(id("op", n)),
		Spend:       &store.Spend{ID: id("spend", n), Expires: dawn},
		Account:     account,
		Identifiers: []store.Identifier{{Key: key("identifier", n), Account: account.Key, Body: make([]byte, 100)}},
		Credential: &store.Credential{
			Row:     store.Row{Key: key("credential", n), Version: 1, Body: make([]byte, 100)},
			Account: account.Key, State: 1, Sealed: make([]byte, 300), Name: make([]byte, 60), LastUsed: dawn,
		},
		Session: session(account.Key, n, 0),
		Event:   telling(account.Key, dawn),
	}
}

// session is a session of person n. Its key starts with the time, as a UUIDv7 does.
func session(account []byte, n, number int) *store.Session {
	return &store.Session{
		Row:     store.Row{Key: append(fmt.Appendf(nil, "%08x", number), key("session", n)[:8]...), Version: 1, Body: make([]byte, 200)},
		Account: account, Expires: dawn.Add(time.Hour),
	}
}

// signIn is the number-th sign-in of person n.
func signIn(n, number int) store.SignIn {
	account := key("account", n)
	return store.SignIn{
		Op:      store.OpID(id("sign-in", n, number)),
		Spend:   store.Spend{ID: id("sign-in", n, number), Expires: dawn.Add(5 * time.Minute)},
		Account: store.Ref{Key: account, Version: 1},
		Use:     store.CredentialUse{Key: key("credential", n), State: 1, Version: 1, Within: 1, At: dawn.Add(time.Minute)},
		Session: session(account, n, number),
		Event:   telling(account, dawn.Add(time.Minute)),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// items reads the whole table as it is stored.
func items(t testing.TB, s *Store) (list []item) {
	t.Helper()
	in := &dynamodb.ScanInput{TableName: &s.table, ConsistentRead: ptr(true)}
	for {
		out, err := s.makes.Scan(context.WithoutCancel(t.Context()), in)
		must(t, err)
		for _, i := range out.Items {
			list = append(list, i)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return list
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// visible is all that a reader can see.
func visible(t testing.TB, s *Store) map[place]item {
	t.Helper()
	var cells []*cell
	for _, i := range items(t, s) {
		switch at := placeOf(i); {
		case at.part == inMeta, strings.HasPrefix(at.part, inJournal), strings.HasPrefix(at.part, inEvents) && !i.has(attrDone):
		default:
			cells = append(cells, parse(at, i))
		}
	}
	must(t, s.judge(context.WithoutCancel(t.Context()), cells))
	seen := map[place]item{}
	for _, c := range cells {
		if c.now != nil {
			seen[c.at] = maps.Clone(c.now)
			delete(seen[c.at], attrDone) // who filled a slot is no reader's business
		}
	}
	return seen
}

// fill puts items into a table as they are.
func fill(t testing.TB, s *Store, list []item) {
	t.Helper()
	for part := range slices.Chunk(list, 25) {
		var requests []types.WriteRequest
		for _, i := range part {
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
		}
		for len(requests) > 0 {
			out, err := s.makes.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
				RequestItems: map[string][]types.WriteRequest{s.table: requests},
			})
			must(t, err)
			requests = out.UnprocessedItems[s.table]
		}
	}
}
