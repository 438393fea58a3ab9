package store

import (
	"context"
	"time"
)

// Mail is a message that is owed. It is written with the event that it tells of, or
// with the hits that allow it, so that whatever happened is told of even when the
// process dies right after.
type Mail struct {
	Key  []byte // UUIDv7, unique over the store
	Body []byte // sealed
	// Due is when it may be sent. Taking it moves Due on, which is the taker's lease.
	Due time.Time
	// Taken is how often it was taken: +1 in the engine each time. It names the lease.
	Taken uint32
}

// Rate is a limit: at most Count hits in any span of Per. A hit just Per ago is out of
// the span.
type Rate struct {
	Count int
	Per   time.Duration
}

// Hit is one use of what Key stands for, a keyed hash. It has room when every rate has:
// when fewer than Count hits of the key lie in the span of Per that ends with it. A hit
// from the future, of a process whose clock is ahead, counts.
type Hit struct {
	Key   []byte
	Rates []Rate // 1 to 4, each of 1 to 64 in 1 ms to 31 days
}

// Hits is what a caller who proves nothing may have written: the uses that limit it,
// and the mails that they allow.
type Hits struct {
	At    time.Time
	Hits  []Hit // 1 to 4, of different keys
	Mails []Mail
}

// Limits counts what must be limited across restarts and machines.
type Limits interface {
	// Hit counts every hit and writes the mails, and returns 0; or, when a hit has no
	// room, does none of it and returns how long until each would have had room, more
	// than 0. At most Count callers get a 0 in any span of Per, whoever asks at the same
	// time. It carries no OpID: after a lost answer it may be repeated, and counts
	// again. ErrTaken: a mail is there; nothing is counted, so a repeat of a call whose
	// answer was lost owes no second mail, and hears of that rather than of a limit.
	//
	// With several hits, one that fails or has no room because of another that is under
	// way may leave some of them counted: it may count too much, never too little.
	Hit(ctx context.Context, v Hits) (wait time.Duration, err error)
}

// Outbox is what sends mails. Several processes may work on it at once.
type Outbox interface {
	// TakeMails takes up to limit mails that are due at now, those due longest first:
	// it moves each one's Due to until, which is after now, raises Taken, and returns
	// them as they then stand. No mail is taken by two who ask at the same time.
	TakeMails(ctx context.Context, now, until time.Time, limit int) ([]Mail, error)
	// SettleMail deletes a mail that was sent, or never will be. taken is the lease it
	// was taken under; ErrConflict when another has taken it since, or it is gone.
	SettleMail(ctx context.Context, key []byte, taken uint32) error
	// PostponeMail gives a mail that could not be sent back, to be taken again when
	// due. Errors as SettleMail.
	PostponeMail(ctx context.Context, key []byte, taken uint32, due time.Time) error
}
