package drills

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestOwedMailIsSent: whatever was acknowledged before a kill -9 is told of by mail,
// however often the process dies between the commit and the sending. A mail that comes
// twice is one mail: it has the same Message-ID.
func TestOwedMailIsSent(t *testing.T) {
	d := begin(t, "mail owed is sent")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=open")...)
	l := &ledger{d: d, s: s, o: o, client: s.wanderer(0), owed: map[note]bool{}, over: make(chan struct{})}
	l.open = sync.NewCond(&l.mu)
	var workers sync.WaitGroup
	for i := range size(4, 8) {
		workers.Go(func() { l.live(i) })
	}
	kills := size(5, 100)
	inFlight := l.interrupt(kills)
	close(l.over)
	workers.Wait()

	missing := l.await()
	received, twice, forged := l.audit()
	owed, maybe := l.count()
	s.alive()
	if missing > 0 || owed < kills {
		d.Errorf("%d of %d mails were owed and never came", missing, owed)
	}
	d.report("%d kills, %d while a mail was on its way: %d mails owed by what was acknowledged, %d lost; %d more by what was cut off; %d received, %d of them again under the same Message-ID, %d under another",
		kills, inFlight, owed, missing, maybe, received, twice, forged)
}

// note is a mail that is owed: nothing here happens twice to one address.
type note struct{ to, subject string }

// What the mails of this drill are about.
const (
	subjectProof   = "Confirm your address"
	subjectAddress = "An address was added"
	subjectAdded   = "A passkey was added"
	subjectRemoved = "A passkey was deleted"
	subjectCodes   = "New recovery codes"
)

// ledger is what people did while the server was killed, and what mails that owes.
type ledger struct {
	d      *drill
	s      *deployment
	o      *postOffice
	client *client
	over   chan struct{} // closed when nobody begins anything any more

	mu   sync.Mutex // guards what follows
	open *sync.Cond
	down bool
	owed map[note]bool // true: acknowledged; false: cut off, so the mail may be owed or not
}

// live goes through one life after the other: each step owes a mail. What is cut off
// ends a life.
func (l *ledger) live(worker int) {
	for i := 0; ; i++ {
		l.mu.Lock()
		for l.down {
			l.open.Wait()
		}
		l.mu.Unlock()
		select {
		case <-l.over:
			return
		default:
			l.life(fmt.Sprintf("p-%d-%d@drill.example", worker, i))
		}
	}
}

func (l *ledger) life(email string) {
	p := &person{name: email, key: webauthntest.New(webauthntest.Phone())}
	made, err := l.client.create(p.key, signUpOptions, map[string]string{"username": email[:len(email)-len("@drill.example")], "email": email})
	if err != nil {
		return
	}
	a, ok := l.did(note{email, subjectProof}, http.StatusCreated, func() (answer, error) { return l.client.finish(signUpFinish, made) })
	if !ok {
		return
	}
	// A mail that was taken by a process that died comes after its lease only.
	claim, ok := l.o.await(email, subjectProof, 2*time.Second)
	if !ok {
		return
	}
	mine := l.client.as(a.who().AccessToken)
	if _, ok := l.did(note{email, subjectAddress}, http.StatusOK, func() (answer, error) {
		return mine.post(proveAddress, map[string]string{"token": claim.token("/confirm-email")})
	}); !ok {
		return
	}
	a, err = l.client.signIn(p)
	if err != nil {
		return
	}
	mine = l.client.as(a.who().AccessToken)
	if made, err = mine.create(webauthntest.New(webauthntest.Phone()), "/v1/passkeys/options", nil); err != nil {
		return
	}
	a, ok = l.did(note{email, subjectAdded}, http.StatusCreated, func() (answer, error) { return mine.finish("/v1/passkeys", made) })
	if !ok {
		return
	}
	var added passkey
	_ = json.Unmarshal(a.body, &added)
	if _, ok := l.did(note{email, subjectRemoved}, http.StatusNoContent, func() (answer, error) {
		return mine.send(http.MethodDelete, "/v1/passkeys/"+added.ID, nil)
	}); ok {
		_, _ = l.did(note{email, subjectCodes}, http.StatusCreated, func() (answer, error) { return mine.post(recoveryCodes, nil) })
	}
}

// did does what owes a mail, and writes down whether it is owed.
func (l *ledger) did(n note, success int, do func() (answer, error)) (answer, bool) {
	a, err := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil || a.status == http.StatusServiceUnavailable:
		l.owed[n] = false
	case a.status == success:
		l.owed[n] = true
		return a, true
	default:
		l.d.Errorf("%s to %s: status %d: %s", n.subject, n.to, a.status, a.body)
	}
	return a, false
}

// interrupt kills and restarts the server: at any moment, before a mail is handed over,
// and after it was, when the server has not heard so.
func (l *ledger) interrupt(kills int) (inFlight int) {
	random := l.d.random(0)
	for kill := range kills {
		reached, release := make(chan struct{}), make(chan struct{})
		stage := [...]string{"", beforeMail, afterAccept}[kill%3]
		var passed atomic.Int64
		last := int64(1 + random.IntN(20))
		l.o.at(func(at string) {
			if at != stage {
				return
			}
			nth := passed.Add(1)
			if nth == last {
				close(reached)
			}
			if nth >= last {
				<-release
			}
		})
		up := time.NewTimer(time.Duration(300+random.IntN(1200)) * time.Millisecond)
		select {
		case <-reached:
			inFlight++
			up.Stop()
		case <-up.C:
		}
		l.set(true)
		l.s.kill()
		l.o.at(nil)
		close(release)
		if !full() || kill == kills-1 {
			l.expire()
		}
		l.s.start()
		l.set(false)
	}
	return inFlight
}

func (l *ledger) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	l.open.Broadcast()
}

// expire lets the leases of a process that is dead run out at once.
func (l *ledger) expire() {
	l.d.Helper()
	conn, err := sqlite.OpenConn(l.s.database(), sqlite.OpenReadWrite)
	l.d.must(err)
	defer func() { l.d.must(conn.Close()) }()
	l.d.must(sqlitex.ExecuteTransient(conn, "UPDATE mails SET due = 0", nil))
}

// await waits until every mail that is certainly owed is here, and counts those that
// are not.
func (l *ledger) await() (missing int) {
	patience := 30 * time.Second
	if full() {
		patience = 10 * time.Minute
	}
	deadline := time.Now().Add(patience)
	for n, certain := range l.owed {
		if !certain {
			continue
		}
		if _, ok := l.o.await(n.to, n.subject, time.Until(deadline)); !ok {
			missing++
			l.d.Logf("never came: %+v", n)
		}
	}
	return missing
}

// audit looks at all that came: how many, how many again, and how many that are another
// mail about the same thing or about nothing that happened.
func (l *ledger) audit() (received, twice, forged int) {
	letters, _ := l.o.all()
	first := map[string]letter{}
	ids := map[note]string{}
	for _, mail := range letters {
		received++
		if before, again := first[mail.id]; again {
			twice++
			if before.to != mail.to || before.subject != mail.subject {
				forged++
				l.d.Errorf("one Message-ID for %+v and %+v", before, mail)
			}
			continue
		}
		first[mail.id] = mail
		n, known := l.note(mail)
		switch {
		case !known:
			l.d.Errorf("%q to %s tells of nothing that happened", mail.subject, mail.to)
			forged++
		case ids[n] != "":
			l.d.Errorf("%q to %s came as two mails", mail.subject, mail.to)
			forged++
		}
		ids[n] = mail.id
	}
	return received, twice, forged
}

// note finds what a mail is about.
func (l *ledger) note(mail letter) (note, bool) {
	for _, subject := range []string{subjectProof, subjectAddress, subjectAdded, subjectRemoved, subjectCodes} {
		n := note{mail.to, subject}
		if _, happened := l.owed[n]; happened && len(mail.subject) >= len(subject) && mail.subject[:len(subject)] == subject {
			return n, true
		}
	}
	return note{}, false
}

func (l *ledger) count() (owed, maybe int) {
	for _, certain := range l.owed {
		if certain {
			owed++
		} else {
			maybe++
		}
	}
	return owed, maybe
}
