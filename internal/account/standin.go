package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/record"
)

// Who asks for a name must not learn from the time whether somebody has it. A known
// name costs reads and openings, so a name that leads nowhere is made to cost the same
// ones, on a stand-in: a real account whose rows are read and opened, and of which
// nothing gets out. There is no waiting, nothing is stored for it, and nothing is kept
// for a name. What it cannot make equal: rows that are not in the machine's memory yet
// take longer than a stand-in's, which always are.

const (
	// standInLife is how long a stand-in serves before another look.
	standInLife = time.Minute
	// standInRetry is how long the next look waits when there was no stand-in, or when
	// it vanished: strangers can ask as often as they like.
	standInRetry = time.Second
	// standInSample is how many accounts one look reads, the oldest of the store.
	standInSample = 64
	// standInTimeout bounds a look. The caller on whose time it runs may go away.
	standInTimeout = 2 * time.Second
	// standInWays is the most passkeys that a stand-in is kept for.
	standInWays = 4
)

// standIn is a real account that can sign in.
type standIn struct {
	kind, canonical string // what it is called by
	identifier      []byte // the key of that name's row
	account         record.Account
	ways            [][]byte // keys of its usable credentials, at least one
}

// standIns are the stand-ins of this process, by how many usable passkeys they have:
// whoever has two is stood in for by somebody who has two.
type standIns struct {
	mu     sync.Mutex
	byWays [standInWays + 1]*standIn
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
func (s *standIns) replace(found [standInWays + 1]*standIn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byWays = found
	if found != [standInWays + 1]*standIn{} {
		s.wait = standInLife
	}
}

// stale says that a stand-in is not what it was.
func (s *standIns) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = standInRetry
}

// get gives the stand-in for an account with n usable passkeys: one that has as many,
// else the next that has more, else the one that has most. Nil: there is none.
func (s *standIns) get(n int) *standIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(max(n, 1), standInWays)
	for _, candidate := range s.byWays[n:] {
		if candidate != nil {
			return candidate
		}
	}
	for i := n; i > 0; i-- {
		if s.byWays[i] != nil {
			return s.byWays[i]
		}
	}
	return nil
}

// standIn gives a stand-in, looking for one first when that is due. The look goes on
// whoever goes away, and its errors are nobody's: the stand-ins stay as they were.
func (d *Directory) standIn(ctx context.Context, n int) *standIn {
	if d.standIns.due(d.cfg.Now()) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), standInTimeout)
		defer cancel()
		if found, err := d.lookForStandIns(ctx); err == nil {
			d.standIns.replace(found)
		}
	}
	return d.standIns.get(n)
}

func (d *Directory) lookForStandIns(ctx context.Context) (found [standInWays + 1]*standIn, err error) {
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
		n := min(len(d.usable(a)), standInWays)
		if n == 0 || found[n] != nil {
			continue
		}
		if found[n], err = d.audition(ctx, a.Facts()); err != nil {
			return found, err
		}
	}
	return found, nil
}

// audition walks the way that a sign-in by name walks, and gives a stand-in when every
// row of it is there and opens.
func (d *Directory) audition(ctx context.Context, f record.AccountFacts) (*standIn, error) {
	name := f.Username
	if name == "" && len(f.Emails) > 0 {
		name = f.Emails[0]
	}
	s := &standIn{}
	s.kind, s.canonical = Canonical(name)
	s.identifier = d.cfg.Vault.LookupIdentifier(s.kind, s.canonical)
	row, ok, err := d.identifier(ctx, s.identifier)
	if err != nil || !ok {
		return nil, err
	}
	if s.account, ok, err = d.bearer(ctx, s.kind, s.canonical, row); err != nil || !ok {
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
