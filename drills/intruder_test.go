package drills

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// intrusion is one way to edit the database so that the attacker's passkey opens the
// victim's account.
type intrusion struct {
	name  string
	alarm string // what the log must name
	edit  func(*intruder)
	// present is the passkey that the attacker answers with.
	present func(victim, attacker webauthntest.Credential) []byte
}

func ofVictim(victim, _ webauthntest.Credential) []byte     { return victim.ID }
func ofAttacker(_, attacker webauthntest.Credential) []byte { return attacker.ID }

// The names of the alarms.
const (
	credentialAlarm = "credential_record_tampered"
	accountAlarm    = "account_record_tampered"
)

// intrusions are what a writer in the database tries. He has the file, an account of
// his own with a passkey, a deployment of his own, and no key.
func intrusions() []intrusion {
	swap := func(columns ...string) func(*intruder) {
		return func(i *intruder) {
			for _, column := range columns {
				i.do(fmt.Sprintf(`UPDATE credentials SET %[1]s = CASE account
					WHEN :victim THEN (SELECT %[1]s FROM original.credentials WHERE account = :attacker)
					ELSE (SELECT %[1]s FROM original.credentials WHERE account = :victim) END
					WHERE account IN (:victim, :attacker)`, column), ":victim", ":attacker")
			}
		}
	}
	const columns = "version, state, last_used, times_used, account, body, name, sealed"
	return []intrusion{
		{"swap the sealed keys", credentialAlarm, swap("sealed"), ofVictim},
		{"swap all that is sealed", credentialAlarm, swap("sealed", "body", "name", "version"), ofVictim},
		{"move the row to the victim's account", credentialAlarm, func(i *intruder) {
			i.do("UPDATE credentials SET account = :victim WHERE account = :attacker", ":victim", ":attacker")
		}, ofAttacker},
		{"put the own row in the victim's place", credentialAlarm, func(i *intruder) {
			i.do("UPDATE credentials SET account = randomblob(16) WHERE account = :victim", ":victim")
			i.do(`INSERT OR REPLACE INTO credentials (key, `+columns+`)
				SELECT (SELECT key FROM original.credentials WHERE account = :victim),
				version, state, last_used, times_used, :victim, body, name, sealed
				FROM original.credentials WHERE account = :attacker`, ":victim", ":attacker")
		}, ofVictim},
		{"put the own account in the victim's place", accountAlarm, func(i *intruder) {
			i.do(`UPDATE accounts SET (version, body) = (SELECT version, body FROM original.accounts WHERE key = :attacker)
				WHERE key = :victim`, ":victim", ":attacker")
			i.do("UPDATE credentials SET account = :victim WHERE account = :attacker", ":victim", ":attacker")
		}, ofAttacker},
		{"insert a row of another deployment", credentialAlarm, func(i *intruder) {
			i.do(`UPDATE credentials SET (version, state, body, name, sealed) =
				(SELECT version, state, body, name, sealed FROM foreigner.credentials LIMIT 1)
				WHERE account = :victim`, ":victim")
		}, ofVictim},
		{"insert an account of another deployment", accountAlarm, func(i *intruder) {
			i.do(`UPDATE accounts SET (version, body) = (SELECT version, body FROM foreigner.accounts LIMIT 1)
				WHERE key = :victim`, ":victim")
			i.do(`UPDATE credentials SET (version, state, body, name, sealed, account) =
				(SELECT version, state, body, name, sealed, :victim FROM foreigner.credentials LIMIT 1)
				WHERE account = :attacker`, ":victim", ":attacker")
		}, ofAttacker},
	}
}

// TestDatabaseWriter: whoever writes the database without its keys lets nobody in, and
// each use of what he wrote raises the alarm by name.
func TestDatabaseWriter(t *testing.T) {
	d := begin(t, "database writer")
	s := deploy(d, flooded("KEYTURN_LIMITS_FAILURES_NETWORK=100000", "KEYTURN_LIMITS_FAILURES_PROCESS=100000")...)
	c := s.client()
	w := &breakIn{d: d, s: s, client: c}
	w.victim = d.newcomer(c, "victim", webauthntest.Phone())
	w.attacker = d.newcomer(c, "attacker", webauthntest.Phone())
	w.foreigner = w.ownDeployment()

	gained, alarms, attempts := 0, 0, 0
	for _, stopped := range []bool{false, true} {
		for _, in := range intrusions() {
			g, n, a := w.run(in, stopped)
			gained, attempts, alarms = gained+g, attempts+n, alarms+a
		}
	}
	d.report("%d edits, with the server running and stopped: %d of %d attempts signed in, %d raised the alarm",
		2*len(intrusions()), gained, attempts, alarms)
}

// breakIn is a deployment, two people of it, and the attacker's own database.
type breakIn struct {
	d                *drill
	s                *deployment
	client           *client
	victim, attacker *person
	foreigner        string
}

// ownDeployment makes the attacker's deployment for the same RP ID, in which his
// passkey is registered with the victim's credential ID, and gives its database.
func (w *breakIn) ownDeployment() string {
	w.d.Helper()
	other := deployAs(w.d, w.s.url, flooded()...)
	c := other.client()
	options, err := c.ask(signUpOptions, map[string]string{"username": "victim"})
	w.d.must(err)
	made, err := webauthntest.New(webauthntest.Phone()).Create(options, c.page,
		webauthntest.UseCredentialID(w.victim.key.Credentials()[0].ID))
	w.d.must(err)
	a, err := c.finish(signUpFinish, made)
	w.d.must(err)
	if a.status != http.StatusCreated {
		w.d.Fatalf("the attacker's own deployment: status %d: %s", a.status, a.body)
	}
	other.stop()
	return other.database()
}

// run edits, tries to get in every way there is, and puts the rows back.
func (w *breakIn) run(in intrusion, stopped bool) (gained, attempts, alarms int) {
	w.d.Helper()
	name := in.name
	if stopped {
		name += " while the server is stopped"
	}
	w.edit(stopped, in.edit)
	for _, username := range []string{"", w.victim.name, w.attacker.name} {
		for _, handle := range [][]byte{w.victim.key.Credentials()[0].UserHandle, w.attacker.key.Credentials()[0].UserHandle} {
			attempts++
			a := w.attempt(in, username, handle)
			if who := a.who(); a.status == http.StatusOK || who.AccessToken != "" {
				gained++
				w.d.Errorf("%s: signed in as %s by name %q", name, who.Account.ID, username)
			}
			if !w.s.log.await("level=ERROR msg=alarm", "alarm="+in.alarm, "request_id="+a.header.Get("Keyturn-Request-Id")) {
				w.d.Errorf("%s: no alarm named %s for an attempt by name %q", name, in.alarm, username)
				continue
			}
			alarms++
		}
	}
	w.edit(stopped, (*intruder).restore)
	w.d.signsIn(w.client, w.victim)
	w.d.signsIn(w.client, w.attacker)
	return gained, attempts, alarms
}

// edit writes to the database, with the server running beside it or not.
func (w *breakIn) edit(stopped bool, edit func(*intruder)) {
	w.d.Helper()
	if stopped {
		w.s.stop()
	}
	intrude(w, edit)
	if stopped {
		w.s.start()
	}
}

// attempt signs in with the attacker's key under the credential that the intrusion
// prepared.
func (w *breakIn) attempt(in intrusion, username string, handle []byte) answer {
	w.d.Helper()
	own := w.attacker.key.Credentials()[0]
	presented := in.present(w.victim.key.Credentials()[0], own)
	options, err := w.client.ask(signInOptions, map[string]string{"username": username})
	w.d.must(err)
	answer, err := w.attacker.key.Get(options, w.client.page,
		webauthntest.UseCredential(own.ID), webauthntest.SetMember("response.userHandle", encode(handle)),
		webauthntest.SetMember("id", encode(presented)), webauthntest.SetMember("rawId", encode(presented)))
	w.d.must(err)
	a, err := w.client.finish(signInFinish, answer)
	w.d.must(err)
	return a
}

// intruder has the database open and a copy of what stood in it.
type intruder struct {
	w    *breakIn
	conn *sqlite.Conn
}

// intrude lets edit write. What stood in the database when it was first opened stays
// at hand as the schema "original", the attacker's own deployment as "foreigner".
func intrude(w *breakIn, edit func(*intruder)) {
	w.d.Helper()
	conn, err := sqlite.OpenConn(w.s.database(), sqlite.OpenReadWrite|sqlite.OpenCreate)
	w.d.must(err)
	defer func() { w.d.must(conn.Close()) }()
	i := &intruder{w: w, conn: conn}
	i.do("ATTACH '" + w.foreigner + "' AS foreigner")
	i.do("ATTACH '" + w.s.dir + "/original.db' AS original")
	for _, table := range []string{"accounts", "credentials"} {
		i.do("CREATE TABLE IF NOT EXISTS original." + table + " AS SELECT * FROM main." + table)
	}
	edit(i)
}

// do runs a statement. The names given among :victim and :attacker stand for the keys
// of their accounts.
func (i *intruder) do(query string, names ...string) {
	i.w.d.Helper()
	named := map[string]any{}
	for _, name := range names {
		id := i.w.victim.id
		if name == ":attacker" {
			id = i.w.attacker.id
		}
		named[name] = unhex(i.w.d, strings.ReplaceAll(id, "-", ""))
	}
	i.w.d.must(sqlitex.ExecuteTransient(i.conn, query, &sqlitex.ExecOptions{Named: named}))
	if len(names) > 0 && i.conn.Changes() == 0 {
		i.w.d.Fatalf("it changed nothing: %s", query)
	}
}

// restore puts the rows of accounts and credentials back as they were.
func (i *intruder) restore() {
	i.w.d.Helper()
	for _, table := range []string{"accounts", "credentials"} {
		i.do("DELETE FROM main." + table)
		i.do("INSERT INTO main." + table + " SELECT * FROM original." + table)
	}
}

func unhex(d *drill, text string) []byte {
	d.Helper()
	b, err := hex.DecodeString(text)
	d.must(err)
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
