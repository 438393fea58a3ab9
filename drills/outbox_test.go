package drills

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// TestTablesYieldNoLink: whoever reads every table while links are under way finds
// neither a link, nor a code, nor a request's secret, nor whom the mails are for.
func TestTablesYieldNoLink(t *testing.T) {
	d := begin(t, "tables yield no link")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	c := s.wanderer(0)
	ana := d.resident(c, o, "ana-of-the-drill@drill.example")
	wanted := secrets{"address": {ana.name, "ana-of-the-drill"}, "recovery code": nil}
	codes := d.savedCodes(c, ana)
	for _, code := range codes {
		wanted.add("recovery code", code, strings.ReplaceAll(code, "-", ""))
	}
	var begun struct {
		Recovery string `json:"recovery"`
	}
	d.posted(c, recoveryBegin, map[string]string{"username": ana.name, "code": codes[0]}, http.StatusOK, &begun)
	wanted.text("recovery", begun.Recovery)
	wanted.text("notice", o.next(ana.name, "A recovery code").token("/undo"))
	wanted.text("enrolment", s.enrolment(ana.name))

	closed := make(chan struct{})
	o.at(func(string) { <-closed }) // from here on mails wait in the outbox
	const links = 100
	requests := make([]string, links)
	to := func(i int) string { return fmt.Sprintf("reader-%d-of-mail@drill.example", i) }
	for i := range requests {
		requests[i] = d.asksForLink(c, to(i))
		wanted.text("request", requests[i])
		wanted.add("address", to(i), strings.TrimSuffix(to(i), "@drill.example"))
	}
	e := watch(d, s.database())
	waiting := e.number("SELECT count(*) FROM mails")
	before := e.bytes()
	o.at(nil)
	close(closed)
	for i := range requests {
		token := o.next(to(i), "").token("/link")
		wanted.text("link", token)
		if i%2 == 0 {
			var shown struct {
				Code string `json:"code"`
			}
			d.posted(c, makeCode, map[string]string{"token": token}, http.StatusOK, &shown)
			wanted.add("code", shown.Code)
		}
	}
	after := e.bytes()
	found, needles := 0, 0
	for kind, list := range wanted {
		for _, secret := range list {
			needles++
			if bytes.Contains(before, []byte(secret)) || bytes.Contains(after, []byte(secret)) {
				found++
				d.Errorf("a secret of kind %q stands in the database", kind)
			}
		}
	}
	// What does stand there is found: who looks in vain has looked in the right place.
	if id := unhex(d, strings.ReplaceAll(ana.id, "-", "")); !bytes.Contains(before, id) || !bytes.Contains(after, id) || waiting < links {
		d.Errorf("the search does not find what is there; %d mails wait", waiting)
	}
	d.report("%d links under way, %d mails waiting, %d bytes of tables and files searched for %d secrets: %d found",
		links, waiting, len(before)+len(after), needles, found)
}

// secrets are what must not be found, by kind.
type secrets map[string][]string

func (s secrets) add(kind string, texts ...string) { s[kind] = append(s[kind], texts...) }

// text adds a base64url text, what it stands for, and a piece out of its middle.
func (s secrets) text(kind, text string) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < 32 {
		panic(fmt.Sprintf("%s is no secret: %q", kind, text))
	}
	s.add(kind, text, string(raw), string(raw[len(raw)/2-8:len(raw)/2+8]))
}

// bytes is everything that the database holds: each cell of each table, and the files as
// they lie on the disk.
func (e *eye) bytes() (all []byte) {
	e.d.Helper()
	var names []string
	e.query("SELECT name FROM sqlite_schema WHERE type = 'table'", func(stmt *sqlite.Stmt) {
		names = append(names, stmt.ColumnText(0))
	})
	for _, name := range names {
		e.query("SELECT * FROM "+name, func(stmt *sqlite.Stmt) {
			for i := range stmt.ColumnCount() {
				cell := make([]byte, stmt.ColumnLen(i))
				stmt.ColumnBytes(i, cell)
				all = append(append(all, cell...), 0)
			}
		})
	}
	for _, path := range []string{e.path, e.path + "-wal"} {
		content, err := os.ReadFile(path)
		e.d.must(err)
		all = append(all, content...)
	}
	return all
}

// TestOutboxWriter: a mail that somebody changed in the database, in any byte or by
// putting it in another's place, is not sent and raises the alarm by name.
func TestOutboxWriter(t *testing.T) {
	d := begin(t, "outbox writer")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email")...)
	c := s.wanderer(0)
	closed := make(chan struct{})
	o.at(func(string) { <-closed })
	rows := size(80, 800)
	for i := range rows {
		d.asksForLink(c, fmt.Sprintf("reader-%d@drill.example", i))
	}
	s.kill()
	o.at(nil)
	close(closed)
	untouched := s.forge(rows)
	s.start()

	changed := rows - untouched
	for {
		letters, more := o.all()
		if len(letters) >= untouched && s.log.count("level=ERROR msg=alarm", "alarm=mail_record_tampered") >= changed {
			break
		}
		if !s.log.await("level=ERROR msg=alarm", "alarm=mail_record_tampered") {
			d.Fatal("no alarm at all")
		}
		select {
		case <-more:
		case <-s.log.more():
		case <-d.Context().Done():
			d.Fatal("the alarms did not come")
		}
	}
	s.stop() // mails under way are sent first
	letters, _ := o.all()
	once := map[string]bool{}
	for _, l := range letters {
		once[l.to] = true
	}
	alarms := s.log.count("level=ERROR msg=alarm", "alarm=mail_record_tampered")
	if len(letters) != untouched || len(once) != untouched {
		d.Errorf("%d mails to %d people were sent, want %d", len(letters), len(once), untouched)
	}
	d.report("%d mails in the outbox, %d changed: %d of those sent, %d alarms; %d untouched ones sent",
		rows, changed, len(letters)-untouched, alarms, len(once))
}

// forge changes nine of ten mails, each in another way, and makes all of them due. It
// tells how many it left as they are.
func (s *deployment) forge(rows int) (untouched int) {
	s.d.Helper()
	conn, err := sqlite.OpenConn(s.database(), sqlite.OpenReadWrite)
	s.d.must(err)
	defer func() { s.d.must(conn.Close()) }()
	var keys, bodies [][]byte
	s.d.must(sqlitex.ExecuteTransient(conn, "SELECT key, body FROM mails ORDER BY key", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		key, body := make([]byte, stmt.ColumnLen(0)), make([]byte, stmt.ColumnLen(1))
		stmt.ColumnBytes(0, key)
		stmt.ColumnBytes(1, body)
		keys, bodies = append(keys, key), append(bodies, body)
		return nil
	}}))
	if len(keys) != rows {
		s.d.Fatalf("%d mails in the outbox, want %d", len(keys), rows)
	}
	random := s.d.random(0)
	for i, body := range bodies {
		key, changed := bytes.Clone(keys[i]), bytes.Clone(body)
		switch i % 10 {
		case 0:
			untouched++
		case 1:
			changed = bodies[i+1]
		case 2:
			changed = bodies[i-1]
		case 3:
			key[len(key)-1] ^= 1 // nobody's
		case 4:
			changed = changed[:len(changed)-1]
		case 5:
			changed = bodies[i-5] // one that is sent already
		default:
			changed[i*len(changed)/rows] ^= byte(1 + random.IntN(255))
		}
		s.d.must(sqlitex.ExecuteTransient(conn, "UPDATE mails SET key = :new, body = :body, due = 0 WHERE key = :key",
			&sqlitex.ExecOptions{Named: map[string]any{":new": key, ":body": changed, ":key": keys[i]}}))
	}
	return untouched
}
