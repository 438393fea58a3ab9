package dynamo

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// skewMost is how far a request may be dated from the server's time before a refused
// signature is put down to that.
const skewMost = 4 * time.Minute

// clock dates requests. A server refuses one whose date is off by some minutes, though
// nothing else is wrong; whoever asks Clock is to hear what time it is all the same, and a
// machine whose clock goes wrong in the middle is to go on. The rule is the SDK's.
type clock struct {
	now    func() time.Time
	offset atomic.Int64 // nanoseconds by which the server is ahead, where that matters
}

// date is what a request is dated.
func (c *clock) date() time.Time { return c.now().Add(time.Duration(c.offset.Load())) }

// judge looks whether a request dated so was refused for that, and then sets the clock by
// the answer and says that it may be sent again. err is what came of it.
func (c *clock) judge(err error, dated time.Time, header http.Header) error {
	if !slices.Contains([]string{
		"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthFailure", "AccessDeniedException",
	}, code(err)) {
		return err
	}
	theirs, unread := http.ParseTime(header.Get("Date"))
	if unread != nil || header.Get("Age") != "" || theirs.Sub(dated).Abs() <= skewMost {
		return err
	}
	c.offset.Store(int64(theirs.Sub(c.now())))
	return misdated{err}
}

// misdated is the fault of a request that was dated wrongly. It has not been done.
type misdated struct{ error }

// RetryableError tells the SDK's rules that it may be sent again.
func (misdated) RetryableError() bool { return true }

func (m misdated) Unwrap() error { return m.error }
