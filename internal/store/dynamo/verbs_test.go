package dynamo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// attemptable is a verb, and what of it a repeat can be expected to do.
type attemptable struct {
	name string
	do   func(ctx context.Context, s *Store) error
	// once: it has an OpID or the like, so a repeat finds out that it has happened.
	once bool
	// trailing is the kind of rows that may go after it has happened.
	trailing string
}

func twoHits() store.Hits {
	rates := []store.Rate{{Count: 3, Per: time.Hour}}
	return store.Hits{
		At: dawn, Hits: []store.Hit{{Key: key("hit", 1), Rates: rates}, {Key: key("hit", 2), Rates: rates}},
		Mails: []store.Mail{{Key: key("mail", 1), Due: dawn}},
	}
}

// attemptables is every verb that writes, each using every part of itself.
func attemptables() []attemptable {
	return slices.Concat(ceremonies(), changes(), smaller())
}

// rows is what the verbs of the tests judge and write, in the world of seed.
type rows struct {
	account, credential, permit, right store.Ref
	next                               store.Row
	replace, added                     store.Credential
	op                                 store.OpID
	spend                              store.Spend
	old                                []byte
	opened                             *store.Session
	event                              store.EventFunc
}

func rowsOf() rows {
	account := key("account", 0)
	r := rows{
		account:    store.Ref{Key: account, Version: 1},
		credential: store.Ref{Key: key("credential", 0), Version: 1},
		permit:     store.Ref{Key: key("ticket", 0), Version: 1},
		right:      store.Ref{Key: []byte("right"), Version: 1},
		next:       store.Row{Key: account, Version: 2, Body: make([]byte, 510)},
		replace:    *signUp(0).Credential,
		added:      *signUp(7).Credential,
		op:         store.OpID(id("verb")),
		spend:      store.Spend{ID: id("verb"), Expires: dawn},
		old:        session(account, 0, 0).Key,
		opened:     session(account, 0, 9),
		event:      owing(telling(account, dawn), 1),
	}
	r.replace.Version, r.replace.State, r.replace.Sealed = 2, 2, make([]byte, 310)
	r.added.Account = account
	return r
}

func ceremonies() []attemptable {
	r := rowsOf()
	up := signUp(7)
	up.Ticket, up.Marker, up.Event = &r.permit, &r.right, owing(up.Event, 1)
	operator := signUp(7)
	operator.Spend, operator.Event = nil, owing(operator.Event, 1)
	in := signIn(0, 1)
	in.Use.Next, in.Use.Body, in.Ends, in.Event = 2, make([]byte, 90), r.old, r.event
	gives := ticket(5)
	return []attemptable{
		{name: "RecordSignUp", once: true, do: func(ctx context.Context, s *Store) error { return s.RecordSignUp(ctx, up) }},
		{name: "RecordSignUp by an operator", once: true, do: func(ctx context.Context, s *Store) error { return s.RecordSignUp(ctx, operator) }},
		{name: "RecordSignIn", once: true, do: func(ctx context.Context, s *Store) error { return s.RecordSignIn(ctx, in) }},
		{name: "RecordRegression", once: true, do: func(ctx context.Context, s *Store) error {
			return s.RecordRegression(ctx, store.Regression{
				Op: r.op, Spend: r.spend, Account: r.account, Next: &r.next, Credential: r.credential, Replace: r.replace, Event: r.event,
			})
		}},
		{name: "RecordBinding", once: true, do: func(ctx context.Context, s *Store) error {
			return s.RecordBinding(ctx, store.Binding{
				Op: r.op, Spend: r.spend, Ticket: &r.permit, Account: r.account, Next: r.next, Credential: r.added, Session: r.opened, Event: r.event,
			})
		}},
		{name: "RecordLink", once: true, do: func(ctx context.Context, s *Store) error {
			return s.RecordLink(ctx, store.Link{
				Op: r.op, Spend: r.spend, Ticket: &r.permit, Account: &r.account, Session: r.opened, Ends: r.old, Gives: &gives, Event: r.event,
			})
		}},
		{name: "Spend", once: true, do: func(ctx context.Context, s *Store) error { return s.Spend(ctx, r.op, r.spend) }},
	}
}

func changes() []attemptable {
	r := rowsOf()
	name := store.Identifier{Key: key("identifier", 7), Account: r.account.Key, Body: make([]byte, 100)}
	touched := *session(r.account.Key, 0, 0)
	touched.Version = 2
	return []attemptable{
		{name: "RecordStanding", once: true, do: func(ctx context.Context, s *Store) error {
			return s.RecordStanding(ctx, store.Standing{
				Op: r.op, Ticket: &r.permit, Account: r.account, Next: r.next, Credential: r.credential, Replace: r.replace, Event: r.event,
			})
		}},
		{name: "RecordUnbinding", once: true, do: func(ctx context.Context, s *Store) error {
			return s.RecordUnbinding(ctx, store.Unbinding{Op: r.op, Account: r.account, Next: r.next, Credential: r.credential.Key, Event: r.event})
		}},
		{name: "RenameCredential", do: func(ctx context.Context, s *Store) error {
			return s.RenameCredential(ctx, store.Renaming{Op: r.op, Account: r.account, Credential: r.credential.Key, Name: []byte("n"), Event: r.event})
		}},
		{name: "DeleteAccount", once: true, trailing: inSessions, do: func(ctx context.Context, s *Store) error {
			return s.DeleteAccount(ctx, store.Deletion{
				Op: r.op, Account: r.account, Credentials: [][]byte{r.credential.Key}, Identifiers: [][]byte{key("identifier", 0)}, Event: r.event,
			})
		}},
		{name: "ReplaceAccount", once: true, do: func(ctx context.Context, s *Store) error {
			return s.ReplaceAccount(ctx, store.AccountChange{
				Op: r.op, Spend: &r.spend, Ticket: &r.permit, Account: r.account, Next: r.next,
				Add: []store.Identifier{name}, Drop: [][]byte{key("identifier", 0)}, Event: r.event,
			})
		}},
		{name: "ReplaceSession", once: true, do: func(ctx context.Context, s *Store) error {
			return s.ReplaceSession(ctx, store.SessionChange{Op: r.op, Old: r.old, New: r.opened, Event: r.event})
		}},
		{name: "TouchSession", do: func(ctx context.Context, s *Store) error {
			return s.TouchSession(ctx, store.Ref{Key: r.old, Version: 1}, touched)
		}},
	}
}

func smaller() []attemptable {
	r := rowsOf()
	hits := twoHits()
	rekeyed := wrapped(0)
	rekeyed.Version = 2
	return []attemptable{
		{name: "PutTicket", do: func(ctx context.Context, s *Store) error { return s.PutTicket(ctx, ticket(3), r.event) }},
		{name: "RevokeTicket", once: true, do: func(ctx context.Context, s *Store) error { return s.RevokeTicket(ctx, r.permit.Key, r.event) }},
		{name: "Append", do: func(ctx context.Context, s *Store) error { return s.Append(ctx, r.event) }},
		{name: "Hit", do: func(ctx context.Context, s *Store) error {
			_, err := s.Hit(ctx, hits)
			return err
		}},
		{name: "SettleMail", do: func(ctx context.Context, s *Store) error { return s.SettleMail(ctx, key("mail", 0), 0) }},
		{name: "PostponeMail", do: func(ctx context.Context, s *Store) error {
			return s.PostponeMail(ctx, key("mail", 0), 0, dawn.Add(time.Hour))
		}},
		{name: "TakeMails", do: func(ctx context.Context, s *Store) error {
			_, err := s.TakeMails(ctx, dawn, dawn.Add(time.Hour), 10)
			return err
		}},
		{name: "PutKeys", do: func(ctx context.Context, s *Store) error {
			return s.PutKeys(ctx, []store.Key{wrapped(1), wrapped(2)}, []store.Marker{{Name: "x", Row: store.Row{Key: []byte("x"), Version: 1}}})
		}},
		{name: "ReplaceKey", do: func(ctx context.Context, s *Store) error {
			return s.ReplaceKey(ctx, store.Ref{Key: rekeyed.Key, Version: 1}, rekeyed)
		}},
	}
}

// reads is every verb that reads.
func reads() map[string]func(context.Context, *Store) error {
	all := singles()
	maps.Copy(all, lists())
	return all
}

func singles() map[string]func(context.Context, *Store) error {
	account, credential, old := key("account", 0), key("credential", 0), session(key("account", 0), 0, 0).Key
	return map[string]func(context.Context, *Store) error{
		"CredentialAndAccount": func(ctx context.Context, s *Store) error {
			_, _, err := s.CredentialAndAccount(ctx, credential)
			return err
		},
		"SessionAndAccount": func(ctx context.Context, s *Store) error {
			_, _, err := s.SessionAndAccount(ctx, old)
			return err
		},
		"Account": func(ctx context.Context, s *Store) error {
			_, err := s.Account(ctx, account)
			return err
		},
		"Identifier": func(ctx context.Context, s *Store) error {
			_, err := s.Identifier(ctx, key("identifier", 0))
			return err
		},
		"Credentials": func(ctx context.Context, s *Store) error {
			_, err := s.Credentials(ctx, [][]byte{credential, key("credential", 1)})
			return err
		},
		"Ticket": func(ctx context.Context, s *Store) error {
			_, err := s.Ticket(ctx, key("ticket", 0))
			return err
		},
		"Clock": func(ctx context.Context, s *Store) error {
			_, err := s.Clock(ctx)
			return err
		},
		"Ping": func(ctx context.Context, s *Store) error { return s.Ping(ctx) },
	}
}

func lists() map[string]func(context.Context, *Store) error {
	account := key("account", 0)
	return map[string]func(context.Context, *Store) error{
		"ListAccounts": func(ctx context.Context, s *Store) error {
			_, err := s.ListAccounts(ctx, nil, 10)
			return err
		},
		"SessionsOf": func(ctx context.Context, s *Store) error {
			_, err := s.SessionsOf(ctx, account, nil, 10)
			return err
		},
		"ListTickets": func(ctx context.Context, s *Store) error {
			_, err := s.ListTickets(ctx, nil, 10)
			return err
		},
		"Keys": func(ctx context.Context, s *Store) error {
			_, err := s.Keys(ctx)
			return err
		},
		"Markers": func(ctx context.Context, s *Store) error {
			_, err := s.Markers(ctx)
			return err
		},
		"Chain": func(ctx context.Context, s *Store) error {
			_, err := s.Chain(ctx, 1, 0, 10)
			return err
		},
		"EventsOf": func(ctx context.Context, s *Store) error {
			_, err := s.EventsOf(ctx, account, store.Position{}, 10)
			return err
		},
	}
}
