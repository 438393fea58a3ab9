package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

func testReads(t *testing.T, open opener) {
	t.Run("found", func(t *testing.T) { readsFind(t, open) })
	t.Run("not found", func(t *testing.T) { readsMiss(t, open) })
	t.Run("an account that is not there", func(t *testing.T) { readsOrphans(t, open) })
	t.Run("one moment", func(t *testing.T) { readsOneMoment(t, open) })
}

func readsFind(t *testing.T, open opener) {
	w := newWorld(t, open)
	p, other := w.person(), w.person()

	c, a, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
	w.must(err)
	same(t, "credential", c, p.credential)
	same(t, "its account", a, p.account)

	s, a, err := w.s.SessionAndAccount(w.ctx, p.session.Key)
	w.must(err)
	same(t, "session", s, *p.session)
	same(t, "its account", a, p.account)

	a, err = w.s.Account(w.ctx, p.account.Key)
	w.must(err)
	same(t, "account", a, p.account)

	i, err := w.s.Identifier(w.ctx, p.identifier.Key)
	w.must(err)
	same(t, "identifier", i, p.identifier)

	list, err := w.s.Credentials(w.ctx, [][]byte{other.credential.Key, w.key(), p.credential.Key})
	w.must(err)
	if len(list) != 2 {
		t.Fatalf("%d credentials, want 2", len(list))
	}
	for _, want := range []store.Credential{p.credential, other.credential} {
		got := list[0]
		if string(got.Key) != string(want.Key) {
			got = list[1]
		}
		same(t, "one of several", got, want)
	}
}

func readsMiss(t *testing.T, open opener) {
	w := newWorld(t, open)
	w.person()
	_, _, err := w.s.CredentialAndAccount(w.ctx, w.key())
	wantError(t, err, store.ErrNotFound, "")
	_, _, err = w.s.SessionAndAccount(w.ctx, w.key())
	wantError(t, err, store.ErrNotFound, "")
	_, err = w.s.Account(w.ctx, w.key())
	wantError(t, err, store.ErrNotFound, "")
	_, err = w.s.Identifier(w.ctx, w.key())
	wantError(t, err, store.ErrNotFound, "")
	_, err = w.s.Account(w.ctx, nil)
	wantError(t, err, store.ErrNotFound, "")
	list, err := w.s.Credentials(w.ctx, nil)
	w.must(err)
	same(t, "none asked for", list, []store.Credential(nil))
}

// readsOrphans: a session's next edition may name an account that is not there.
func readsOrphans(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	orphan := *p.session
	orphan.Version, orphan.Account = 2, w.key()
	w.must(w.s.TouchSession(w.ctx, ref(p.session.Row), orphan))
	s, a, err := w.s.SessionAndAccount(w.ctx, orphan.Key)
	w.must(err)
	same(t, "session", s, orphan)
	same(t, "no account", a, store.Row{})

	regression := w.regression(p)
	regression.Account, regression.Next = ref(p.account), nil
	w.must(w.s.RecordRegression(w.ctx, regression))
	c, a, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
	w.must(err)
	same(t, "state", c.State, regression.Replace.State)
	same(t, "its account", a, p.account)
}

// readsOneMoment moves credential and account together, and demands that no
// reader ever sees one without the other.
func readsOneMoment(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	const editions = 100
	done := make(chan error, 1)
	go func() { done <- w.moveTogether(p, editions) }()
	for moved := false; !moved; {
		select {
		case err := <-done:
			w.must(err)
			moved = true
		default:
		}
		c, a, err := w.s.CredentialAndAccount(w.ctx, p.credential.Key)
		w.must(err)
		if c.Version != a.Version {
			t.Fatalf("credential at %d beside account at %d", c.Version, a.Version)
		}
		if moved && c.Version != editions+1 {
			t.Errorf("at %d after the last verb returned, want %d", c.Version, editions+1)
		}
	}
}

func (w *world) moveTogether(p person, editions int) error {
	for range editions {
		v := w.regression(p)
		if err := w.s.RecordRegression(w.ctx, v); err != nil {
			return err
		}
		p.account, p.credential = *v.Next, v.Replace
	}
	return nil
}

// testContexts: with a context that has ended, nothing is written and nothing read.
func testContexts(t *testing.T, open opener) {
	w := newWorld(t, open)
	p := w.person()
	up, in, bound := w.signUp(), w.signIn(p), w.binding(p)
	change, replaced := w.change(p), sessionVerb().fresh(w)
	link, standing := w.linkOf(p), w.standing(p)
	key := w.wrappedKey("k", 1)
	marker := w.marker("m")
	w.must(w.s.PutKeys(w.ctx, []store.Key{key}, []store.Marker{marker}))
	owing := w.dueAfter(0)
	hits := store.Hits{At: dawn, Hits: []store.Hit{{Key: w.key(), Rates: []store.Rate{{Count: 1, Per: time.Hour}}}}, Mails: []store.Mail{w.mail()}}
	before := w.dump()
	ended, cancel := context.WithCancel(w.ctx)
	cancel()
	for name, do := range map[string]func() error{
		"RecordSignUp":     func() error { return w.s.RecordSignUp(ended, up) },
		"RecordSignIn":     func() error { return w.s.RecordSignIn(ended, in) },
		"RecordRegression": func() error { return w.s.RecordRegression(ended, w.regression(p)) },
		"RecordBinding":    func() error { return w.s.RecordBinding(ended, bound) },
		"Spend":            func() error { return w.s.Spend(ended, w.op(), in.Spend) },
		"ReplaceAccount":   func() error { return w.s.ReplaceAccount(ended, change) },
		"ReplaceSession":   func() error { return w.s.ReplaceSession(ended, replaced) },
		"TouchSession":     func() error { return w.s.TouchSession(ended, ref(p.session.Row), *p.session) },
		"PutTicket":        func() error { return w.s.PutTicket(ended, w.ticket(nil), w.event(nil)) },
		"PutKeys":          func() error { return w.s.PutKeys(ended, []store.Key{w.wrappedKey("k", 2)}, nil) },
		"ReplaceKey":       func() error { return w.s.ReplaceKey(ended, ref(key.Row), key) },
		"ReplaceMarker":    func() error { return w.s.ReplaceMarker(ended, ref(marker.Row), marker) },
		"RecordLink":       func() error { return w.s.RecordLink(ended, link) },
		"RecordStanding":   func() error { return w.s.RecordStanding(ended, standing) },
		"RevokeTicket":     func() error { return w.s.RevokeTicket(ended, link.Ticket.Key, w.event(nil)) },
		"SettleMail":       func() error { return w.s.SettleMail(ended, owing.Key, 1) },
		"PostponeMail":     func() error { return w.s.PostponeMail(ended, owing.Key, 1, dawn) },
		"TakeMails": func() error {
			_, err := w.s.TakeMails(ended, dawn.Add(time.Minute), dawn.Add(time.Hour), 1)
			return err
		},
		"Hit": func() error {
			_, err := w.s.Hit(ended, hits)
			return err
		},
		"ListTickets": func() error {
			_, err := w.s.ListTickets(ended, nil, 1)
			return err
		},
		"Append": func() error { return w.s.Append(ended, w.event(nil)) },
		"Ping":   func() error { return w.s.Ping(ended) },
		"Expire": func() error {
			_, err := w.s.Expire(ended, dawn.Add(1000*time.Hour), 10)
			return err
		},
		"Account": func() error {
			_, err := w.s.Account(ended, p.account.Key)
			return err
		},
		"CredentialAndAccount": func() error {
			_, _, err := w.s.CredentialAndAccount(ended, p.credential.Key)
			return err
		},
		"Keys": func() error {
			_, err := w.s.Keys(ended)
			return err
		},
		"EventsOf": func() error {
			_, err := w.s.EventsOf(ended, p.account.Key, store.Position{}, 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(); !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v, want %v", err, context.Canceled)
			}
			same(t, "afterwards", w.dump(), before)
		})
	}
	w.unspent(in.Spend)
	same(t, "wait for a hit that was not counted", w.hit(0, hits.Hits[0].Rates, hits.Hits[0].Key), time.Duration(0))
}
