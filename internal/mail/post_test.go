package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

func TestPostSends(t *testing.T) {
	w := newWorld(t)
	shelf := NewShelf(0)
	p := w.post(t, w.config(shelf))
	w.owe(t, signInFacts("ana@example.org"))
	w.owe(t, noticeFacts("bob@example.org"))
	w.drain(t, p)
	got := shelf.List()
	if left := w.left(t); len(got) != 2 || len(left) != 0 {
		t.Fatalf("%d sent, %d left", len(got), len(left))
	}
	slices.SortFunc(got, func(a, b Message) int { return strings.Compare(a.To, b.To) })
	m := got[0]
	if m.To != "ana@example.org" || m.From != `"Example" <login@example.com>` || m.Subject != "Sign in to Example" || !m.Date.Equal(start) ||
		!strings.HasSuffix(m.ID, "@example.com") || len(m.ID) != 32+len("@example.com") || !strings.Contains(m.Text, site+"/link#token") || !strings.Contains(m.HTML, site+"/link#token") {
		t.Errorf("%+v", m)
	}
	if got[0].ID == got[1].ID {
		t.Error("two mails, one ID")
	}
	for _, private := range []string{"ana@example.org", "bob@example.org", "#token"} {
		if strings.Contains(w.log.String(), private) {
			t.Errorf("%s is in the log", private)
		}
	}
	if c := w.counts(t); len(c) != 0 {
		t.Errorf("counted %v", c)
	}
}

// TestPostTriesAgain: after 30 s, 2 min, 10 min and each hour, a fifth more or less,
// under one Message-ID; after a day it is lost, and that is counted.
func TestPostTriesAgain(t *testing.T) {
	w := newWorld(t)
	var sent []Message
	cfg := w.config(transportFunc(func(_ context.Context, m Message) error {
		sent = append(sent, m)
		return errors.New("busy")
	}))
	cfg.Author = authorFunc(func(_ context.Context, f record.MailFacts) (Letter, error) {
		return Letter{Kind: KindNotice, About: f.About, To: f.Address, At: f.Created}, nil
	})
	p := w.post(t, cfg)
	w.owe(t, noticeFacts("ana@example.org"))
	for attempt, pause := range []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, time.Hour} {
		w.drain(t, p)
		if len(sent) != attempt+1 {
			t.Fatalf("%d attempts, want %d", len(sent), attempt+1)
		}
		w.clock.add(pause * 79 / 100)
		w.drain(t, p)
		if len(sent) != attempt+1 {
			t.Fatalf("attempt %d came too early", attempt+2)
		}
		w.clock.add(pause * 42 / 100)
	}
	for w.clock.Now().Sub(start) < 24*time.Hour {
		w.drain(t, p)
		w.clock.add(73 * time.Minute)
	}
	w.clock.add(73 * time.Minute)
	before := len(sent)
	w.drain(t, p)
	w.clock.add(2 * time.Hour)
	w.drain(t, p)
	if len(w.left(t)) != 0 {
		t.Error("still there after a day")
	}
	if len(sent) == before {
		t.Error("given up without a last attempt")
	}
	for _, m := range sent {
		if m.ID != sent[0].ID {
			t.Fatal("an attempt has another Message-ID")
		}
	}
	if c := w.counts(t); c["mail/given_up"] != 1 || len(c) != 1 {
		t.Errorf("counted %v", c)
	}
	if !strings.Contains(w.log.String(), `level=ERROR msg="mail lost: given_up"`) {
		t.Error("the loss is not in the log")
	}
}

func TestBackoffSpreads(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 100 {
		d := backoff([]byte(fmt.Sprint(i)), 1)
		if d < 24*time.Second || d > 36*time.Second {
			t.Fatalf("%v", d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses", len(seen))
	}
	if d := backoff(nil, 0); d > 36*time.Second {
		t.Errorf("without a lease %v", d)
	}
	if d := backoff([]byte{1}, 4000000000); d < 48*time.Minute || d > 72*time.Minute {
		t.Errorf("after very many %v", d)
	}
}

// TestPostDrops: what is over is not sent, what may never be sent is counted.
func TestPostDrops(t *testing.T) {
	letter := func(change func(*Letter)) authorFunc {
		return func(ctx context.Context, f record.MailFacts) (Letter, error) {
			l, err := plainAuthor(ctx, f)
			change(&l)
			return l, err
		}
	}
	for name, c := range map[string]struct {
		author Author
		facts  record.MailFacts
		wait   time.Duration
		says   error
		sent   int
		left   int
		count  string
	}{
		"obsolete": {author: authorFunc(func(context.Context, record.MailFacts) (Letter, error) {
			return Letter{}, fmt.Errorf("gone: %w", ErrObsolete)
		}), facts: signInFacts("a@example.org")},
		"its link has ended": {facts: signInFacts("a@example.org"), wait: 10 * time.Minute, count: "mail/expired"},
		"its link has ended, says the row": {author: authorFunc(func(context.Context, record.MailFacts) (Letter, error) {
			return Letter{}, ErrObsolete
		}), facts: expiring(signInFacts("a@example.org")), wait: time.Minute, count: "mail/expired"},
		"a notice's has, says the row": {facts: expiring(noticeFacts("a@example.org")), wait: 11 * time.Minute, sent: 1},
		"its link has not ended":       {facts: signInFacts("a@example.org"), wait: 10*time.Minute - time.Millisecond, sent: 1},
		"a notice's right has ended":   {facts: noticeFacts("a@example.org"), wait: 10 * time.Minute, sent: 1},
		"refused":                      {facts: signInFacts("a@example.org"), says: fmt.Errorf("no: %w", ErrRefused), sent: 1, count: "mail/refused"},
		"the author fails": {author: authorFunc(func(context.Context, record.MailFacts) (Letter, error) {
			return Letter{}, errors.New("the store is down")
		}), facts: signInFacts("a@example.org"), left: 1},
		"a kind without words": {author: letter(func(l *Letter) { l.Kind = "poem" }), facts: signInFacts("a@example.org"), left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var sent []Message
			cfg := w.config(transportFunc(func(_ context.Context, m Message) error {
				sent = append(sent, m)
				return c.says
			}))
			if c.author != nil {
				cfg.Author = c.author
			}
			p := w.post(t, cfg)
			w.owe(t, c.facts)
			w.clock.add(c.wait)
			w.drain(t, p)
			if left := w.left(t); len(sent) != c.sent || len(left) != c.left {
				t.Errorf("%d sent, %d left", len(sent), len(left))
			}
			if counts := w.counts(t); len(counts) > 1 || c.count != "" && counts[c.count] != 1 || c.count == "" && len(counts) != 0 {
				t.Errorf("counted %v, want %q", counts, c.count)
			}
			if c.facts.Kind == string(KindNotice) && strings.Contains(sent[0].Text, "#token") {
				t.Errorf("it shows a link that has ended:\n%s", sent[0].Text)
			}
		})
	}
}

// expiring is a mail whose link ends in a minute.
func expiring(f record.MailFacts) record.MailFacts {
	f.Expires = start.Add(time.Minute)
	return f
}

// TestPostTampered: a row that does not open is never sent; it raises the alarm, stays,
// and does not hold up the others.
func TestPostTampered(t *testing.T) {
	w := newWorld(t)
	shelf := NewShelf(0)
	p := w.post(t, w.config(shelf))
	row, err := w.office.Owe(signInFacts("ana@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	row.Body[len(row.Body)-1] ^= 1
	other, err := w.office.Owe(signInFacts("bob@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, audit.Owed{Mails: []store.Mail{row, other}})
	w.drain(t, p)
	if sent := shelf.List(); len(sent) != 1 || sent[0].To != "bob@example.org" {
		t.Errorf("sent %+v", sent)
	}
	for range 6 { // up to the long pause
		w.clock.add(73 * time.Minute)
		w.drain(t, p)
	}
	if c := w.counts(t); c["alarm/mail_record_tampered"] != 5 {
		t.Errorf("counted %v", c)
	}
	w.clock.add(24 * time.Hour)
	w.drain(t, p)
	if c := w.counts(t); c["alarm/mail_record_tampered"] != 6 {
		t.Errorf("after a day counted %v", c)
	}
	if len(w.left(t)) != 1 || len(shelf.List()) != 1 {
		t.Error("it is gone, or was sent")
	}
}

// TestPostLosesItsLease: a mail that another has taken since is not settled.
func TestPostLosesItsLease(t *testing.T) {
	w := newWorld(t)
	shelf := NewShelf(0)
	cfg := w.config(transportFunc(func(ctx context.Context, m Message) error {
		w.clock.add(lease + time.Second) // the server takes for ever
		now := w.clock.Now()
		if rows, err := w.store.TakeMails(ctx, now, now.Add(lease), 1); err != nil || len(rows) != 1 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		return shelf.Send(ctx, m)
	}))
	cfg.Author = authorFunc(func(ctx context.Context, f record.MailFacts) (Letter, error) {
		l, err := plainAuthor(ctx, f)
		l.Expires = time.Time{}
		return l, err
	})
	w.owe(t, signInFacts("ana@example.org"))
	w.drain(t, w.post(t, cfg))
	if len(w.left(t)) != 1 || !strings.Contains(w.log.String(), "mail not settled") {
		t.Error("the other's lease was broken")
	}
}

// TestPostsDoNotMeet: several posts on one store send each mail once.
func TestPostsDoNotMeet(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	sent := map[string]int{}
	cfg := w.config(transportFunc(func(_ context.Context, m Message) error {
		mu.Lock()
		defer mu.Unlock()
		sent[m.To]++
		return nil
	}))
	const mails = 40
	for i := range mails {
		w.owe(t, signInFacts(fmt.Sprintf("p%d@example.org", i)))
	}
	var group sync.WaitGroup
	for range 3 {
		p := w.post(t, cfg)
		group.Go(func() {
			if err := p.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if left := w.left(t); len(sent) != mails || len(left) != 0 {
		t.Fatalf("%d of %d sent, %d left", len(sent), mails, len(left))
	}
	for to, n := range sent {
		if n != 1 {
			t.Errorf("%s got %d", to, n)
		}
	}
}

// TestRun: a mail leaves at once when the process that owed it says so; when told to
// stop, the one under way is finished and no other begun.
func TestRun(t *testing.T) {
	w := newWorld(t)
	begun, release := make(chan string), make(chan struct{})
	cfg := w.config(transportFunc(func(ctx context.Context, m Message) error {
		begun <- m.To
		<-release
		return ctx.Err()
	}))
	cfg.Workers = 1
	p := w.post(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	w.owe(t, signInFacts("first@example.org"))
	p.Wake()
	if to := <-begun; to != "first@example.org" {
		t.Fatal(to)
	}
	w.owe(t, signInFacts("second@example.org"))
	p.Wake()
	p.Wake() // never blocks
	stop()
	select {
	case err := <-ended:
		t.Fatalf("it ended with a mail under way: %v", err)
	case to := <-begun:
		t.Fatalf("it began %s after it was told to stop", to)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if rows := w.left(t); len(rows) != 1 {
		t.Errorf("%d left", len(rows))
	} else if f, err := w.vault.OpenMail(rows[0]); err != nil || f.Address != "second@example.org" {
		t.Errorf("left %+v, %v", f, err)
	}
}

// TestRunIsPrompt: a mail leaves at once after a hint, and within a second without one,
// as when another process owed it.
func TestRunIsPrompt(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		hint  bool
		after time.Duration
	}{"with a hint": {true, 0}, "without": {false, poll}} {
		row, err := w.office.Owe(noticeFacts("ana@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			outbox := oneMail{mail: make(chan store.Mail, 1), settled: make(chan struct{})}
			cfg := w.config(NewShelf(0))
			cfg.Store = outbox
			p := w.post(t, cfg)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			synctest.Wait()
			outbox.mail <- row
			begun := time.Now()
			if c.hint {
				p.Wake()
			}
			<-outbox.settled
			if took := time.Since(begun); took != c.after {
				t.Errorf("%s it took %v", name, took)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// brokenOutbox cannot take.
type brokenOutbox struct {
	store.Outbox
	asked chan struct{}
}

func (b brokenOutbox) TakeMails(context.Context, time.Time, time.Time, int) ([]store.Mail, error) {
	select {
	case b.asked <- struct{}{}:
	default:
	}
	return nil, errors.New("the store is down")
}

func TestRunOutlivesTheStore(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(NewShelf(0))
	broken := brokenOutbox{asked: make(chan struct{})}
	cfg.Store = broken
	p := w.post(t, cfg)
	if err := p.Drain(t.Context()); err == nil {
		t.Error("a pass over a broken store succeeded")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-broken.asked
	p.Wake()
	<-broken.asked
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(w.log.String(), "mails cannot be taken") {
		t.Error("nothing in the log")
	}
}

func TestPace(t *testing.T) {
	p := newPace(10)
	now := start
	for i := range 10 {
		if d := p.wait(now); d != 0 {
			t.Fatalf("the %dth of a second waits %v", i+1, d)
		}
		p.spend(now)
	}
	if d := p.wait(now); d != 100*time.Millisecond {
		t.Errorf("the eleventh waits %v", d)
	}
	if d := p.wait(now.Add(100 * time.Millisecond)); d != 0 {
		t.Errorf("a tenth later: %v", d)
	}
	if d := p.wait(now.Add(-time.Hour)); d > 1100*time.Millisecond {
		t.Errorf("with the clock set back: %v", d)
	}
	if d := p.wait(now.Add(time.Hour)); d != 0 {
		t.Errorf("an hour later: %v", d)
	}
	slow := newPace(0.5)
	slow.spend(now)
	if d := slow.wait(now); d != 2*time.Second {
		t.Errorf("one in two seconds: %v", d)
	}
}

// TestPaceHolds: the post keeps to its rate.
func TestPaceHolds(t *testing.T) {
	w := newWorld(t)
	outbox := &manyMails{}
	for i := range 3 {
		row, err := w.office.Owe(noticeFacts(fmt.Sprintf("p%d@example.org", i)))
		if err != nil {
			t.Fatal(err)
		}
		outbox.mails = append(outbox.mails, row)
	}
	synctest.Test(t, func(t *testing.T) {
		shelf := NewShelf(0)
		cfg := w.config(shelf)
		cfg.Store, cfg.Rate = outbox, 2
		p := w.post(t, cfg)
		ctx, stop := context.WithTimeout(t.Context(), 499*time.Millisecond)
		defer stop()
		if err := p.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || len(shelf.List()) != 2 {
			t.Errorf("%d sent, %v", len(shelf.List()), err)
		}
	})
}

// manyMails is an outbox that gives every mail once.
type manyMails struct {
	store.Outbox

	mu    sync.Mutex
	mails []store.Mail
}

func (o *manyMails) TakeMails(_ context.Context, _, _ time.Time, n int) ([]store.Mail, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n = min(n, len(o.mails))
	taken := o.mails[:n]
	o.mails = o.mails[n:]
	return taken, nil
}

func (o *manyMails) PostponeMail(context.Context, []byte, uint32, time.Time) error { return nil }

func (o *manyMails) SettleMail(context.Context, []byte, uint32) error { return nil }

func TestNewPostRefuses(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*PostConfig)
		want   string
	}{
		"no sender":       {func(c *PostConfig) { c.From = "" }, "no sender"},
		"many senders":    {func(c *PostConfig) { c.From = "a@example.com, b@example.com" }, "no sender"},
		"line end":        {func(c *PostConfig) { c.From = "A\r\nBcc: x@y <a@example.com>" }, "no sender"},
		"control":         {func(c *PostConfig) { c.From = "\"A\u0085B\" <a@example.com>" }, "no sender"},
		"no domain":       {func(c *PostConfig) { c.From = "a" }, "no sender"},
		"bad domain":      {func(c *PostConfig) { c.From = "a@exa_mple..com" }, "mail:"},
		"no operator":     {func(c *PostConfig) { c.Look.OperatorName = "" }, "no name"},
		"faulty template": {func(c *PostConfig) { c.Templates = fstest.MapFS{"x": {}} }, "x is none"},
		"negative rate":   {func(c *PostConfig) { c.Rate = -1 }, "negative"},
		"nobody works":    {func(c *PostConfig) { c.Workers = -1 }, "negative"},
	} {
		cfg := w.config(NewShelf(0))
		c.change(&cfg)
		if _, err := NewPost(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := w.config(NewShelf(0))
	cfg.Rate, cfg.Workers, cfg.From = 0, 0, "Grüße <login@bücher.example>"
	p := w.post(t, cfg)
	if cap(p.places) != DefaultWorkers || p.pace.gap != 100*time.Millisecond || p.from.domain != "xn--bcher-kva.example" {
		t.Errorf("%+v", p)
	}
}

// oneMail is an outbox with a single mail that is due once.
type oneMail struct {
	store.Outbox
	mail      chan store.Mail
	postponed chan struct{}
	settled   chan struct{}
}

func (o oneMail) TakeMails(context.Context, time.Time, time.Time, int) ([]store.Mail, error) {
	select {
	case m := <-o.mail:
		return []store.Mail{m}, nil
	default:
		return nil, nil
	}
}

func (o oneMail) PostponeMail(ctx context.Context, _ []byte, _ uint32, _ time.Time) error {
	close(o.postponed)
	return ctx.Err()
}

func (o oneMail) SettleMail(context.Context, []byte, uint32) error {
	close(o.settled)
	return nil
}

// TestRunWaitsNoLonger: a mail that hangs when the process must end is left to its lease.
func TestRunWaitsNoLonger(t *testing.T) {
	w := newWorld(t)
	row, err := w.office.Owe(noticeFacts("ana@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		outbox := oneMail{mail: make(chan store.Mail, 1), postponed: make(chan struct{})}
		outbox.mail <- row
		cfg := w.config(transportFunc(func(ctx context.Context, _ Message) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		cfg.Store = outbox
		p := w.post(t, cfg)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		synctest.Wait()
		stopped := time.Now()
		stop()
		if err := <-ended; err != nil || time.Since(stopped) != grace {
			t.Errorf("ended after %v, %v", time.Since(stopped), err)
		}
		<-outbox.postponed
	})
}

// TestPostAttemptEnds: an attempt that hangs is given up long before its lease ends.
func TestPostAttemptEnds(t *testing.T) {
	w := newWorld(t)
	row, err := w.office.Owe(noticeFacts("ana@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		outbox := oneMail{mail: make(chan store.Mail, 1), postponed: make(chan struct{})}
		outbox.mail <- row
		cfg := w.config(transportFunc(func(ctx context.Context, _ Message) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		cfg.Store = outbox
		begun := time.Now()
		if err := w.post(t, cfg).Drain(t.Context()); err != nil {
			t.Error(err)
		}
		<-outbox.postponed
		if took := time.Since(begun); took != sendLimit || took >= lease {
			t.Errorf("it took %v", took)
		}
	})
}
