package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

const (
	// lease is how long a mail that was taken is nobody else's. It outlasts sendLimit, so
	// that a mail is sent twice only after a crash or a lost answer.
	lease = 2 * time.Minute
	// sendLimit bounds one attempt, from the Author to the server's last word.
	sendLimit = time.Minute
	// grace is how long Run lets mails under way finish after it was told to stop.
	grace = 10 * time.Second
	// poll is how often Run looks for mails that another process owed.
	poll = time.Second
	// giveUp is the age from which a mail that fails is not tried again.
	giveUp = 24 * time.Hour
	// aside is for how long a mail that does not open is put out of the way, in the end.
	aside = 24 * time.Hour
)

// DefaultRate is how many mails a process sends in a second, and DefaultWorkers how
// many at the same time, when a PostConfig says 0.
const (
	DefaultRate    = 10.0
	DefaultWorkers = 4
)

// PostConfig is what a Post is made of. All fields are required but Templates, Rate,
// Workers and Outcome.
type PostConfig struct {
	Store     store.Outbox
	Vault     *record.Vault
	Author    Author
	Transport Transport
	From      string // RFC 5322 address; without a name, the operator's is put before it
	Look      Look
	// Templates is a folder of LANGUAGE/KIND.html, .txt and .subject.txt that are used in
	// place of ours; nil: none.
	Templates fs.FS
	Audit     *audit.Log
	Log       *slog.Logger
	Now       func() time.Time
	Rate      float64 // mails a second, of this process; 0: DefaultRate
	Workers   int     // mails at the same time; 0: DefaultWorkers
	// Outcome hears what came of each attempt, and how long ago the mail was owed; nil:
	// nobody does. A mail that is postponed is heard of again.
	Outcome func(outcome string, age time.Duration)
}

// Post sends what is owed. Several, in several processes, may work on one store. It is
// safe for concurrent use.
type Post struct {
	cfg    PostConfig
	from   sender
	desk   *desk
	pace   *pace
	wake   chan struct{}
	places chan struct{} // one for each mail under way
}

// NewPost makes a Post and judges sender, look and templates. The error joins everything
// that is wrong with them, one sentence each.
func NewPost(cfg PostConfig) (*Post, error) {
	from, fromFault := parseSender(cfg.From, cfg.Look.OperatorName)
	desk, deskFault := newDesk(cfg.Look, cfg.Templates)
	var numbers error
	if cfg.Rate < 0 || cfg.Workers < 0 {
		numbers = errors.New("mail: neither the rate nor the number of workers can be negative")
	}
	if err := errors.Join(fromFault, deskFault, numbers); err != nil {
		return nil, err
	}
	if cfg.Rate == 0 {
		cfg.Rate = DefaultRate
	}
	if cfg.Workers == 0 {
		cfg.Workers = DefaultWorkers
	}
	return &Post{
		cfg: cfg, from: from, desk: desk, pace: newPace(cfg.Rate),
		wake: make(chan struct{}, 1), places: make(chan struct{}, cfg.Workers),
	}, nil
}

// Wake tells a running Post that a mail was owed, so that it leaves at once. It never
// blocks; a hint that is lost costs at most a second.
func (p *Post) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run sends mails until ctx ends, and returns nil then. Mails under way have a few
// seconds to finish; one that does not is left to its lease and sent again by whoever
// comes next.
func (p *Post) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, stop) })()
	var busy sync.WaitGroup
	defer busy.Wait()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := p.pass(ctx, sending, &busy); err != nil && ctx.Err() == nil {
			p.cfg.Log.LogAttrs(ctx, slog.LevelError, "mails cannot be taken", slog.Any("cause", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-tick.C:
		}
	}
}

// Drain sends what is due now and returns when it is done: for hosts that have no
// process between requests. Mails that fail are put back as Run does; the error is that
// of taking them.
func (p *Post) Drain(ctx context.Context) error {
	var busy sync.WaitGroup
	defer busy.Wait()
	return p.pass(ctx, ctx, &busy)
}

// pass takes mails until none is due, one for each free place, and starts to send each.
// ctx ends the taking, sending the sending.
func (p *Post) pass(ctx, sending context.Context, busy *sync.WaitGroup) error {
	for {
		if err := pause(ctx, p.pace.wait(p.cfg.Now())); err != nil {
			return err
		}
		select {
		case p.places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := p.cfg.Now()
		rows, err := p.cfg.Store.TakeMails(ctx, now, now.Add(lease), 1)
		if err != nil || len(rows) == 0 {
			<-p.places
			if err != nil {
				return fmt.Errorf("mail: take: %w", err)
			}
			return nil
		}
		p.pace.spend(now)
		busy.Go(func() {
			defer func() { <-p.places }()
			p.deliver(sending, rows[0])
		})
	}
}

// pause waits, or ends early with the context.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
