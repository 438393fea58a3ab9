package account

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

// Who asks for a name must not learn from the time whether somebody has it. A known
// name costs reads and openings, so a name that leads nowhere is made to cost the same
// ones, on a stand-in: a real account whose rows are read and opened, and of which
// nothing gets out. There is no waiting, nothing is stored for it, and nothing is kept
// for a name. There are many, and a name has the same one each time, so that the
// machine's caches know its rows as they know those of a name that is somebody's. What
// that cannot make equal: rows that nobody has read for long, in a store that is larger
// than the machine's memory.

const (
	// standInLife is how long a stand-in serves before another look.
	standInLife = time.Minute
	// standInRetry is how long the next look waits when there was no stand-in, or when
	// it vanished: strangers can ask as often as they like.
	standInRetry = time.Second
	// standInSample is how many accounts one look reads: the oldest of the store, so
	// that they stay the same ones.
	standInSample = 64
	// standInTimeout bounds a look. The caller on whose time it runs may go away.
	standInTimeout = 2 * time.Second
	// standInWays is the most passkeys that a stand-in is kept for.
	standInWays = 4
)

// standIn is a real account that can sign in.
type standIn struct {
	name    name
	account record.Account
	ways    [][]byte // keys of its usable credentials, at least one
}

// standInsByWays are stand-ins by how many usable passkeys they have: whoever has two is
// stood in for by somebody who has two.
type standInsByWays [standInWays + 1][]*standIn

// standIns are the stand-ins of this process.
type standIns struct {
	seed maphash.Seed

	mu     sync.Mutex // guards what follows
	byWays standInsByWays
	looked time.Time
	wait   time.Duration // after looked, until the next look
}

// due tells whether it is time for a look, and if so that somebody else need not.
func (s *standIns) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looked.IsZero() && now.Sub(s.looked).Abs() < s.wait {
		return false
	}
	s.looked, s.wait = now, standInRetry
	return true
}

// replace takes what a look found.
func (s *standIns) replace(found standInsByWays) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byWays = found
	for _, some := range found {
		if len(some) > 0 {
			s.wait = standInLife
		}
	}
}

// stale says that a stand-in is not what it was.
func (s *standIns) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = standInRetry
}

// get gives the stand-in for who is asked for as like and has n usable passkeys: one of
// those that have as many, else of the next that have more, else of those that have
// most. Nil: there is none.
func (s *standIns) get(n int, like []byte) *standIn {
	n = min(max(n, 1), standInWays)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, some := range s.byWays[n:] {
		if len(some) > 0 {
			return s.among(some, like)
		}
	}
	for i := n; i > 0; i-- {
		if some := s.byWays[i]; len(some) > 0 {
			return s.among(some, like)
		}
	}
	return nil
}

func (s *standIns) among(some []*standIn, like []byte) *standIn {
	return some[maphash.Bytes(s.seed, like)%uint64(len(some))]
}

// standIn gives a stand-in, looking for some first when that is due. The look goes on
// whoever goes away, and its errors are nobody's: the stand-ins stay as they were.
func (d *Directory) standIn(ctx context.Context, n int, like []byte) *standIn {
	if d.standIns.due(d.cfg.Now()) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), standInTimeout)
		defer cancel()
		if found, err := d.lookForStandIns(ctx); err == nil {
			d.standIns.replace(found)
		}
	}
	return d.standIns.get(n, like)
}

func (d *Directory) lookForStandIns(ctx context.Context) (found standInsByWays, err error) {
	rows, err := d.cfg.Store.ListAccounts(ctx, nil, standInSample)
	if err != nil {
		return found, fmt.Errorf("account: list: %w", err)
	}
	for _, row := range rows {
		a, err := d.cfg.Vault.OpenAccount(row)
		if err != nil {
			if err := d.tampered(ctx, err); err != nil {
				return found, err
			}
			continue
		}
		if !a.Active() || len(d.usable(a)) == 0 {
			continue
		}
		s, err := d.audition(ctx, a.Facts())
		if err != nil {
			return found, err
		}
		if s != nil {
			n := min(len(s.ways), standInWays)
			found[n] = append(found[n], s)
		}
	}
	return found, nil
}

// audition walks the way that a sign-in by name walks, and gives a stand-in when every
// row of it is there and opens.
func (d *Directory) audition(ctx context.Context, f record.AccountFacts) (*standIn, error) {
	typed := f.Username
	if typed == "" && len(f.Emails) > 0 {
		typed = f.Emails[0]
	}
	s := &standIn{name: d.called(typed)}
	row, ok, err := d.identifier(ctx, s.name.key)
	if err != nil || !ok {
		return nil, err
	}
	if s.account, ok, err = d.bearer(ctx, s.name, row); err != nil || !ok {
		return nil, err
	}
	if s.ways = d.usable(s.account); len(s.ways) == 0 || !s.account.Active() {
		return nil, nil
	}
	credentials, err := d.credentials(ctx, s.account, s.ways)
	if err != nil || len(d.listed(credentials)) != len(s.ways) {
		return nil, err
	}
	return s, nil
}
