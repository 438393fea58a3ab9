package ceremony_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The alarms.
const (
	alarmCredential = "credential_record_tampered"
	alarmAccount    = "account_record_tampered"
	alarmIdentifier = "identifier_record_tampered"
	alarmSession    = "session_record_tampered"
	alarmTicket     = "ticket_record_tampered"
)

// town is a store with a victim, an attacker who can write to its database, and a
// bystander, each with one passkey.
type town struct {
	*ceremonytest.World
	*ceremonytest.Intruder
	keys map[string]*webauthntest.Authenticator
	up   map[string]ceremony.Proof
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{World: ceremonytest.New(t), keys: map[string]*webauthntest.Authenticator{}, up: map[string]ceremony.Proof{}}
	for _, name := range []string{"victim", "mallory", "carol"} {
		w.keys[name] = phone()
		w.up[name] = w.SignUp(t, w.keys[name], name)
	}
	w.Intruder = w.Intrude(t)
	return w
}

func (w *town) id(name string) []byte {
	id := w.up[name].Session().Person().ID
	return id[:]
}

// credential is the row of the one credential of an account.
func (w *town) credential(name string) []any {
	return w.Row("SELECT "+credentialColumns+" FROM credentials WHERE account = ?", w.id(name))
}

const credentialColumns = "key, version, state, last_used, times_used, account, body, name, sealed"

const insertCredential = "INSERT INTO credentials (" + credentialColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

// swap exchanges columns of the credentials of victim and mallory.
func (w *town) swap(columns string) {
	set := "UPDATE credentials SET (" + columns + ") = (?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ") WHERE key = ?"
	victim, mallory := w.credential("victim")[0], w.credential("mallory")[0]
	one := w.Row("SELECT "+columns+" FROM credentials WHERE key = ?", victim)
	two := w.Row("SELECT "+columns+" FROM credentials WHERE key = ?", mallory)
	w.Do(set, append(two, victim)...)
	w.Do(set, append(one, mallory)...)
}

// alarmed tells whether an alarm was raised, by name.
func (w *town) alarmed(alarm string) bool {
	return strings.Contains(w.Journal.String(), `"msg":"alarm","alarm":"`+alarm+`"`)
}

// codeOf is the internal code of a sign-in's outcome; empty for a success.
func codeOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *ceremony.Error
	if !errors.As(err, &e) || e.Kind != ceremony.KindAuthentication {
		t.Fatalf("error %v, want a refused sign-in", err)
	}
	return e.Code
}

// own signs in with one's own passkey and no name.
func (w *town) own(t *testing.T, name string) (ceremony.Proof, error) {
	t.Helper()
	return w.Finish(t, w.Assert(t, w.keys[name], ""))
}

// gained counts the ways in which mallory's passkey now signs the victim in.
func (w *town) gained(t *testing.T) (n int) {
	t.Helper()
	mallory := w.keys["mallory"]
	theirs := webauthntest.UseCredential(mallory.Credentials()[0].ID)
	handle := base64.RawURLEncoding.EncodeToString(w.keys["victim"].Credentials()[0].UserHandle)
	for _, answer := range [][]byte{
		w.Assert(t, mallory, ""),
		w.Assert(t, mallory, "", webauthntest.SetMember("response.userHandle", handle)),
		w.Assert(t, mallory, "victim", theirs),
		w.Assert(t, mallory, "victim", theirs, webauthntest.SetMember("response.userHandle", handle)),
		w.Assert(t, mallory, "mallory", theirs),
	} {
		proof, err := w.Finish(t, answer)
		if err == nil && proof.Session().Person().ID != w.up["mallory"].Session().Person().ID {
			n++
		}
	}
	return n
}

// success is the outcome of a sign-in that found nothing wrong.
const success = ""

// TestTamperedDatabase: whoever can write to the database, and has no key, can keep
// people out. He gains no sign-in, the bystander notices nothing, and where a row was
// read that we did not seal, the alarm says so by name.
func TestTamperedDatabase(t *testing.T) {
	const unknown = webauthn.CodeCredentialUnknown
	for _, c := range []struct {
		name            string
		tamper          func(w *town)
		victim, mallory string // outcome of their own sign-ins
		alarm           string // "": nothing was read that is not ours
	}{
		{
			"keys of two credentials swapped", func(w *town) { w.swap("sealed") },
			alarmCredential, alarmCredential, alarmCredential,
		},
		{
			"facts of use swapped", func(w *town) { w.swap("body, version") },
			alarmCredential, alarmCredential, alarmCredential,
		},
		{
			"everything but the key column swapped", func(w *town) { w.swap("version, state, account, body, name, sealed") },
			alarmCredential, alarmCredential, alarmCredential,
		},
		{
			"owners swapped", func(w *town) { w.swap("account") },
			alarmCredential, alarmCredential, alarmCredential,
		},
		{
			"names swapped", func(w *town) { w.swap("name") },
			alarmCredential, alarmCredential, alarmCredential,
		},
		{"a credential moved to the victim", func(w *town) {
			w.Do("UPDATE credentials SET account = ? WHERE account = ?", w.id("victim"), w.id("mallory"))
		}, success, alarmCredential, alarmCredential},
		{"a credential in the place of the victim's", func(w *town) {
			key := w.credential("victim")[0]
			w.Do("DELETE FROM credentials WHERE key = ?", key)
			w.Do("UPDATE credentials SET key = ?, account = ? WHERE account = ?", key, w.id("victim"), w.id("mallory"))
		}, alarmCredential, unknown, alarmCredential},
		{"a copy of a credential under the victim", func(w *town) {
			row := w.credential("mallory")
			w.Do("DELETE FROM credentials WHERE account = ?", w.id("mallory"))
			row[5] = w.id("victim")
			w.Do(insertCredential, row...)
		}, success, alarmCredential, alarmCredential},
		{"state lowered", func(w *town) {
			w.Do("UPDATE credentials SET state = state - 1 WHERE account = ?", w.id("victim"))
		}, alarmCredential, success, alarmCredential},
		{"version raised", func(w *town) {
			w.Do("UPDATE credentials SET version = version + 1 WHERE account = ?", w.id("victim"))
		}, alarmCredential, success, alarmCredential},
		{"a credential deleted", func(w *town) {
			w.Do("DELETE FROM credentials WHERE account = ?", w.id("victim"))
		}, unknown, success, ""},
		{"an account's body edited", func(w *town) {
			body := w.Row("SELECT body FROM accounts WHERE key = ?", w.id("victim"))[0].([]byte)
			body[len(body)-1] ^= 1
			w.Do("UPDATE accounts SET body = ? WHERE key = ?", body, w.id("victim"))
		}, alarmAccount, success, alarmAccount},
		{"an account's body emptied", func(w *town) {
			w.Do("UPDATE accounts SET body = x'' WHERE key = ?", w.id("victim"))
		}, alarmAccount, success, alarmAccount},
		{"the attacker's account in the place of the victim's", func(w *town) {
			row := w.Row("SELECT version, body FROM accounts WHERE key = ?", w.id("mallory"))
			w.Do("UPDATE accounts SET version = ?, body = ? WHERE key = ?", row[0], row[1], w.id("victim"))
		}, alarmAccount, success, alarmAccount},
		{"an account's version raised", func(w *town) {
			w.Do("UPDATE accounts SET version = version + 1 WHERE key = ?", w.id("victim"))
		}, alarmAccount, success, alarmAccount},
		{"an account deleted", func(w *town) {
			w.Do("DELETE FROM accounts WHERE key = ?", w.id("victim"))
		}, alarmAccount, success, alarmAccount},
		{"the victim's name given to the attacker", func(w *town) {
			w.Do("UPDATE identifiers SET account = ? WHERE account = ?", w.id("mallory"), w.id("victim"))
		}, success, success, alarmIdentifier},
		{"the attacker's name row under the victim's name", func(w *town) {
			row := w.Row("SELECT account, body FROM identifiers WHERE account = ?", w.id("mallory"))
			w.Do("UPDATE identifiers SET (account, body) = (?, ?) WHERE account = ?", row[0], row[1], w.id("victim"))
		}, success, success, alarmIdentifier},
		{"the victim's name deleted", func(w *town) {
			w.Do("DELETE FROM identifiers WHERE account = ?", w.id("victim"))
		}, success, success, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			c.tamper(w)
			_, err := w.own(t, "victim")
			if got := codeOf(t, err); got != c.victim {
				t.Errorf("the victim's own sign-in: %q, want %q", got, c.victim)
			}
			_, err = w.own(t, "mallory")
			if got := codeOf(t, err); got != c.mallory {
				t.Errorf("the attacker's own sign-in: %q, want %q", got, c.mallory)
			}
			if n := w.gained(t); n != 0 {
				t.Errorf("%d sign-ins gained", n)
			}
			if c.alarm != "" && !w.alarmed(c.alarm) || c.alarm == "" && strings.Contains(w.Journal.String(), `"msg":"alarm"`) {
				t.Errorf("want alarm %q; log %s", c.alarm, w.Journal)
			}
			if _, err := w.own(t, "carol"); err != nil {
				t.Errorf("the bystander: %v", err)
			}
		})
	}
}

// TestCredentialOfAnotherDeployment: a row that another Keyturn sealed, with another
// key or for another store, is nothing here, wherever it is put.
func TestCredentialOfAnotherDeployment(t *testing.T) {
	elsewhere := newTown(t)
	theirs := elsewhere.credential("mallory")
	t.Run("under its own key", func(t *testing.T) {
		w := newTown(t)
		w.keys["mallory"] = elsewhere.keys["mallory"]
		theirs[5] = w.id("victim")
		w.Do(insertCredential, theirs...)
		_, err := w.own(t, "mallory")
		if got := codeOf(t, err); got != webauthn.CodeCredentialUnknown || w.gained(t) != 0 {
			t.Fatalf("signed in with code %q", got)
		}
	})
	t.Run("in the place of the victim's", func(t *testing.T) {
		w := newTown(t)
		theirs[0], theirs[5] = w.credential("victim")[0], w.id("victim")
		w.Do("DELETE FROM credentials WHERE key = ?", theirs[0])
		w.Do(insertCredential, theirs...)
		_, err := w.own(t, "victim")
		if got := codeOf(t, err); got != alarmCredential || !w.alarmed(alarmCredential) || w.gained(t) != 0 {
			t.Fatalf("code %q; log %s", got, w.Journal)
		}
	})
}

// TestTamperedSessions: a session is what we sealed, of the account we sealed it for,
// until the end we sealed.
func TestTamperedSessions(t *testing.T) {
	for name, tamper := range map[string]func(w *town, mine, victims []byte){
		"moved to the victim": func(w *town, mine, _ []byte) {
			w.Do("UPDATE sessions SET account = ? WHERE key = ?", w.id("victim"), mine)
		},
		"a longer life": func(w *town, mine, _ []byte) {
			w.Do("UPDATE sessions SET expires = expires + 86400000 WHERE key = ?", mine)
		},
		"another edition": func(w *town, mine, _ []byte) {
			w.Do("UPDATE sessions SET version = version + 1 WHERE key = ?", mine)
		},
		"the victim's body": func(w *town, mine, victims []byte) {
			row := w.Row("SELECT account, body FROM sessions WHERE key = ?", victims)
			w.Do("UPDATE sessions SET (account, body) = (?, ?) WHERE key = ?", row[0], row[1], mine)
		},
		"the victim's whole row": func(w *town, mine, victims []byte) {
			w.Do("DELETE FROM sessions WHERE key = ?", mine)
			w.Do("UPDATE sessions SET key = ? WHERE key = ?", mine, victims)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			mine, victims := w.up["mallory"].Session().View().ID, w.up["victim"].Session().View().ID
			tamper(w, mine[:], victims[:])
			if c, err := w.Sessions.Resume(t.Context(), mine); !errors.Is(err, session.ErrNone) || !c.IsZero() {
				t.Fatalf("signed in as %+v, %v", c.Person(), err)
			}
			if !w.alarmed(alarmSession) {
				t.Fatalf("no alarm; log %s", w.Journal)
			}
			if _, err := w.Sessions.Resume(t.Context(), w.up["carol"].Session().View().ID); err != nil {
				t.Fatalf("the bystander: %v", err)
			}
		})
	}
	t.Run("an account that is not what we sealed", func(t *testing.T) {
		w := newTown(t)
		w.Do("UPDATE accounts SET version = version + 1 WHERE key = ?", w.id("victim"))
		if c, err := w.Sessions.Resume(t.Context(), w.up["victim"].Session().View().ID); !errors.Is(err, session.ErrNone) || !c.IsZero() {
			t.Fatalf("signed in as %+v, %v", c.Person(), err)
		}
		if !w.alarmed(alarmAccount) {
			t.Fatalf("no alarm; log %s", w.Journal)
		}
	})
}

// TestTamperedLinks: the stored half of a link is not made to live longer, and a link
// whose stored half was deleted is none.
func TestTamperedLinks(t *testing.T) {
	w := newTown(t)
	_, link := added(t, w.World, "dave")
	w.Do("UPDATE tickets SET expires = expires + 86400000")
	linkRefused(t, w.World, link)
	if !w.alarmed(alarmTicket) {
		t.Fatalf("no alarm; log %s", w.Journal)
	}
	link = another(t, w.World, "dave")
	w.Do("DELETE FROM tickets")
	linkRefused(t, w.World, link)
}

// TestUsedLinkPutBack: putting back what a link success, row by row, brings nothing
// back: neither the link's half nor the store's marker grants without the other.
func TestUsedLinkPutBack(t *testing.T) {
	const tickets, markers = "key, version, expires, account, body", "name, version, body"
	for name, putBack := range map[string]func(i *ceremonytest.Intruder, ticket, marker []any){
		"the link's half": func(i *ceremonytest.Intruder, ticket, _ []any) {
			i.Do("INSERT INTO tickets ("+tickets+") VALUES (?, ?, ?, ?, ?)", ticket...)
		},
		"the marker": func(i *ceremonytest.Intruder, _, marker []any) {
			i.Do("INSERT OR IGNORE INTO markers ("+markers+") VALUES (?, ?, ?)", marker...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := closed(t)
			link := administratorLink(t, w)
			i := w.Intrude(t)
			ticket := i.Row("SELECT " + tickets + " FROM tickets")
			marker := i.Row("SELECT " + markers + " FROM markers WHERE name LIKE '%admin%'")
			answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: link})
			begun := w.Register(t, phone(), ceremony.SignUp{Username: "eve", Ticket: link})
			if _, err := finish(t, w, answer); err != nil {
				t.Fatal(err)
			}
			putBack(i, ticket, marker)
			for _, again := range [][]byte{answer, begun} {
				if _, err := finish(t, w, again); err == nil {
					t.Fatal("the link worked again")
				}
			}
			_, err := begin(t, w, ceremony.SignUp{Username: "eve", Ticket: link})
			refused(t, err, ceremony.KindExpired, "", linkUnusable)
			if n := administrators(t, w); n != 1 {
				t.Fatalf("%d administrators", n)
			}
		})
	}
}

// remembered counts the events of a name.
func remembered(t *testing.T, w *ceremonytest.World, name audit.Name) (n int) {
	t.Helper()
	for chain := range w.Store.Chains() {
		err := w.Audit.Walk(t.Context(), chain, func(r audit.Record) error {
			if r.Name == name {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// suspended is a World in which a security key was suspended after two regressions,
// and the rows of its account and credential from before.
func suspended(t *testing.T) (w *ceremonytest.World, key *webauthntest.Authenticator, account, credential []any) {
	t.Helper()
	w = ceremonytest.New(t)
	key = webauthntest.New(webauthntest.SecurityKey())
	w.SignUp(t, key, "ana")
	clone := key.Clone()
	for range 3 {
		if _, err := w.Finish(t, w.Assert(t, key, "ana")); err != nil {
			t.Fatal(err)
		}
	}
	i := w.Intrude(t)
	account = i.Row("SELECT version, body FROM accounts")
	credential = i.Row("SELECT version, state, body, sealed FROM credentials")
	for range 2 {
		_, err := w.Finish(t, w.Assert(t, clone, "ana"))
		refused(t, err, ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
		w.Clock.Advance(time.Hour)
	}
	return w, key, account, credential
}

// TestRestoredRows says what an old, once valid row does when it is put back. One row
// alone grants nothing, because account and credential name each other's state. All
// rows of an account together take it back in time: no row can tell, only the chain of
// events, which remembers the suspension, compared with a head kept elsewhere.
func TestRestoredRows(t *testing.T) {
	const putAccount, putCredential = "UPDATE accounts SET (version, body) = (?, ?)", "UPDATE credentials SET (version, state, body, sealed) = (?, ?, ?, ?)"
	attempt := func(t *testing.T, w *ceremonytest.World, key *webauthntest.Authenticator) string {
		_, err := w.Finish(t, w.Assert(t, key, "ana", webauthntest.UseCredential(key.Credentials()[0].ID)))
		return codeOf(t, err)
	}
	t.Run("nothing", func(t *testing.T) {
		w, key, _, _ := suspended(t)
		if got := attempt(t, w, key); got != webauthn.CodeCredentialNotAllowed {
			t.Fatalf("a suspended key: %q", got)
		}
	})
	for name, put := range map[string]func(i *ceremonytest.Intruder, account, credential []any){
		"the account":    func(i *ceremonytest.Intruder, account, _ []any) { i.Do(putAccount, account...) },
		"the credential": func(i *ceremonytest.Intruder, _, credential []any) { i.Do(putCredential, credential...) },
	} {
		t.Run(name, func(t *testing.T) {
			w, key, account, credential := suspended(t)
			put(w.Intrude(t), account, credential)
			if got := attempt(t, w, key); got != alarmCredential {
				t.Fatalf("sign-in: %q", got)
			}
			if !strings.Contains(w.Journal.String(), `"alarm":"`+alarmCredential+`"`) {
				t.Fatalf("no alarm; log %s", w.Journal)
			}
		})
	}
	t.Run("both", func(t *testing.T) {
		w, key, account, credential := suspended(t)
		i := w.Intrude(t)
		i.Do(putAccount, account...)
		i.Do(putCredential, credential...)
		if got := attempt(t, w, key); got != "" {
			t.Fatalf("a limit that the threat model states has moved: %q", got)
		}
		if n := remembered(t, w, audit.PasskeySuspended); n != 1 {
			t.Fatalf("the chain remembers %d suspensions", n)
		}
	})
}

// TestRestoredAccountRevivesItsSessions: the one thing that an account row alone takes
// back is the end of sessions, since only the account row tells of it. The chain
// remembers the end.
func TestRestoredAccountRevivesItsSessions(t *testing.T) {
	w := newTown(t)
	before := w.Row("SELECT version, body FROM accounts WHERE key = ?", w.id("victim"))
	id := w.up["victim"].Session().View().ID
	if err := w.Sessions.End(t.Context(), w.up["victim"].Session(), true, ceremonytest.Request().Caller); err != nil {
		t.Fatal(err)
	}
	alive := func() bool {
		_, err := w.Sessions.Resume(t.Context(), id)
		return err == nil
	}
	if alive() {
		t.Fatal("an ended session lives")
	}
	w.Do("UPDATE accounts SET (version, body) = (?, ?) WHERE key = ?", before[0], before[1], w.id("victim"))
	if !alive() {
		t.Fatal("a limit that the threat model states has moved")
	}
	if n := remembered(t, w.World, audit.AllSignedOut); n != 1 {
		t.Fatalf("the chain remembers %d ends", n)
	}
	if w.gained(t) != 0 {
		t.Fatal("the attacker signs in")
	}
}

// TestDeletedSpend: deleting what was spent revives no answer beyond the life of its
// challenge, and none of anybody else.
func TestDeletedSpend(t *testing.T) {
	w := newTown(t)
	answer := w.Assert(t, w.keys["victim"], "")
	if _, err := w.Finish(t, answer); err != nil {
		t.Fatal(err)
	}
	w.Do("DELETE FROM spends")
	w.Clock.Advance(10*time.Minute + time.Second)
	_, err := w.Finish(t, answer)
	refused(t, err, ceremony.KindAuthentication, "7.2/11", webauthn.CodeChallengeExpired)
	if w.gained(t) != 0 {
		t.Fatal("the attacker signs in")
	}
}
