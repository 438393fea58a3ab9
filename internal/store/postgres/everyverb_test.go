package postgres

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// everyVerb calls each verb once, with every part that has a statement of its own.
func everyVerb(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ticket := store.Ticket{Row: store.Row{Key: key("ticket"), Version: 1}, Expires: dawn}
	permit := &store.Ref{Key: ticket.Key, Version: 1}
	must(s.PutTicket(ctx, ticket, owing(0)))
	marker := store.Marker{Name: "m", Row: store.Row{Key: []byte("m"), Version: 1}}
	wrapped := store.Key{Kind: "k", Number: 1, Row: store.Row{Key: []byte("k/1"), Version: 1}}
	must(s.PutKeys(ctx, []store.Key{wrapped}, []store.Marker{marker}))
	must(s.ReplaceKey(ctx, store.Ref{Key: wrapped.Key, Version: 1}, wrapped))
	must(s.ReplaceMarker(ctx, store.Ref{Key: marker.Key, Version: 1}, marker))

	up := signUp(1)
	up.Ticket, up.Marker = permit, &store.Ref{Key: marker.Key, Version: 1}
	must(s.RecordSignUp(ctx, up))
	operated := signUp(2)
	operated.Spend = nil
	must(s.RecordSignUp(ctx, operated))

	in := signIn(up, 1)
	in.Ends = up.Session.Key
	must(s.RecordSignIn(ctx, in))
	bare := signIn(up, 2)
	bare.Session = nil
	must(s.RecordSignIn(ctx, bare))
	must(s.Spend(ctx, in.Op, in.Spend))

	account := store.Ref{Key: up.Account.Key, Version: 1}
	next := store.Row{Key: up.Account.Key, Version: 1}
	credential := store.Ref{Key: up.Credential.Key, Version: 1}
	spend := func(n int) store.Spend { return store.Spend{ID: id("every", n), Expires: dawn} }
	must(s.RecordRegression(ctx, store.Regression{
		Op: store.OpID(id("r")), Spend: spend(1), Account: account, Next: &next,
		Credential: credential, Replace: *up.Credential, Event: anyEvent,
	}))
	second := *up.Credential
	second.Key = key("second")
	must(s.RecordBinding(ctx, store.Binding{Op: store.OpID(id("b")), Spend: spend(2), Account: account, Next: next, Credential: second, Event: anyEvent}))
	must(s.RecordLink(ctx, store.Link{Op: store.OpID(id("l")), Spend: spend(3), Account: &account, Gives: &ticket, Event: anyEvent}))
	must(s.RecordStanding(ctx, store.Standing{
		Op: store.OpID(id("s")), Account: account, Next: next, Credential: credential, Replace: *up.Credential, Event: anyEvent,
	}))
	must(s.RecordUnbinding(ctx, store.Unbinding{Op: store.OpID(id("u")), Account: account, Next: next, Credential: second.Key, Event: anyEvent}))
	must(s.RenameCredential(ctx, store.Renaming{Op: store.OpID(id("n")), Account: account, Credential: credential.Key, Event: anyEvent}))
	paid := spend(4)
	must(s.ReplaceAccount(ctx, store.AccountChange{
		Op: store.OpID(id("a")), Spend: &paid, Account: account, Next: next, Add: up.Identifiers, Event: anyEvent,
	}))
	touched := *in.Session
	must(s.TouchSession(ctx, store.Ref{Key: touched.Key, Version: 1}, touched))
	successor := touched
	successor.Key = key("successor")
	must(s.ReplaceSession(ctx, store.SessionChange{Op: store.OpID(id("c")), Old: touched.Key, New: &successor, Event: anyEvent}))
	must(s.DeleteAccount(ctx, store.Deletion{
		Op: store.OpID(id("d")), Account: account, Credentials: [][]byte{credential.Key},
		Identifiers: [][]byte{up.Identifiers[0].Key}, Event: anyEvent,
	}))
	must(s.RevokeTicket(ctx, ticket.Key, anyEvent))
	must(s.Append(ctx, anyEvent))
	_, err := s.Hit(ctx, store.Hits{
		At: dawn, Hits: []store.Hit{{Key: key("hit"), Rates: []store.Rate{{Count: 1, Per: time.Minute}}}},
		Mails: []store.Mail{{Key: key("hit's mail"), Due: dawn}},
	})
	must(err)
	everyRead(t, s, operated)
	mails, err := s.TakeMails(ctx, dawn, dawn.Add(time.Minute), 10)
	must(err)
	must(s.PostponeMail(ctx, mails[0].Key, mails[0].Taken, dawn))
	must(s.SettleMail(ctx, mails[0].Key, mails[0].Taken))
	_, err = s.Expire(ctx, dawn.Add(time.Minute), 10)
	must(err)
	must(s.Ping(ctx))
}

// everyRead calls each verb that reads.
func everyRead(t *testing.T, s *Store, up store.SignUp) {
	t.Helper()
	ctx := t.Context()
	for name, read := range map[string]func() error{
		"CredentialAndAccount": func() error { _, _, err := s.CredentialAndAccount(ctx, up.Credential.Key); return err },
		"SessionAndAccount":    func() error { _, _, err := s.SessionAndAccount(ctx, up.Session.Key); return err },
		"Account":              func() error { _, err := s.Account(ctx, up.Account.Key); return err },
		"Identifier":           func() error { _, err := s.Identifier(ctx, up.Identifiers[0].Key); return err },
		"Credentials":          func() error { _, err := s.Credentials(ctx, [][]byte{up.Credential.Key}); return err },
		"ListAccounts":         func() error { _, err := s.ListAccounts(ctx, nil, 1); return err },
		"SessionsOf":           func() error { _, err := s.SessionsOf(ctx, up.Account.Key, nil, 1); return err },
		"ListTickets":          func() error { _, err := s.ListTickets(ctx, nil, 1); return err },
		"Keys":                 func() error { _, err := s.Keys(ctx); return err },
		"Markers":              func() error { _, err := s.Markers(ctx); return err },
		"Chain":                func() error { _, err := s.Chain(ctx, 0, 0, 1); return err },
		"EventsOf":             func() error { _, err := s.EventsOf(ctx, up.Account.Key, store.Position{}, 1); return err },
	} {
		if err := read(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if _, err := s.Ticket(ctx, key("no ticket")); err == nil {
		t.Fatal("a ticket that nobody put")
	}
}
