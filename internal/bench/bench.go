// Package bench measures what a Keyturn server costs: it starts one, lets software
// authenticators register and sign in over HTTP, and reports throughput, latency and
// the server's CPU time for each ceremony.
//
// It owns the load, the measuring and the report. CPU time is told in units of V, the
// time that this machine takes at that moment for one bare ECDSA P-256 verification,
// because times of two machines, or of one machine on two days, do not compare; V is
// measured before and after the load, in the same run.
//
// The server it starts is a process of its own with the settings of production: a
// database on disk that is synchronised at every commit, events, and a log line for
// each request. Only the flood limit is out of the way, since all load comes from one
// address. Everything is in a temporary folder, on loopback, bounded, and gone at the
// end. The package knows nothing of the server but its command line and its REST API,
// and measures no server that it did not start.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Mode is how sessions are carried: "token" or "cookie".
type Mode string

// The modes.
const (
	ModeToken  Mode = "token"
	ModeCookie Mode = "cookie"
)

// The bounds of a Config, so that a mistyped number does not fill the disk.
const (
	MaxAccounts = 100_000
	MaxWorkers  = 1_000
	MaxDuration = 10 * time.Minute
)

// Config says what to run. Every field is required.
type Config struct {
	// Server is the command that starts the server: a program and its first
	// arguments. Settings follow in its environment.
	Server   []string
	Accounts int           // registered first; at least Workers
	Workers  int           // clients at the same time
	Duration time.Duration // of the signing in
	Mode     Mode
}

// ErrConfig says that a Config asks for what cannot be run.
var ErrConfig = errors.New("bench")

func (c Config) check() error {
	switch {
	case len(c.Server) == 0:
		return fmt.Errorf("%w: no server to start", ErrConfig)
	case c.Workers < 1 || c.Workers > MaxWorkers:
		return fmt.Errorf("%w: %d workers; choose 1 to %d", ErrConfig, c.Workers, MaxWorkers)
	case c.Accounts < c.Workers || c.Accounts > MaxAccounts:
		return fmt.Errorf("%w: %d accounts; choose one or more for each of the %d workers, at most %d",
			ErrConfig, c.Accounts, c.Workers, MaxAccounts)
	case c.Duration <= 0 || c.Duration > MaxDuration:
		return fmt.Errorf("%w: a duration of %s; choose up to %s", ErrConfig, c.Duration, MaxDuration)
	case c.Mode != ModeToken && c.Mode != ModeCookie:
		return fmt.Errorf("%w: mode %q; choose %s or %s", ErrConfig, c.Mode, ModeToken, ModeCookie)
	}
	return nil
}

// Run starts the server, runs the load and stops the server. It ends early, with the
// context's error, when ctx does. A ceremony that fails is counted in the report and
// is no error of Run.
func Run(ctx context.Context, cfg Config) (_ Report, err error) {
	if err := cfg.check(); err != nil {
		return Report{}, err
	}
	before, err := verification()
	if err != nil {
		return Report{}, err
	}
	s, err := start(ctx, cfg.Server)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()

	r := Report{
		Mode: cfg.Mode, Workers: cfg.Workers, Accounts: cfg.Accounts, Seconds: cfg.Duration.Seconds(),
	}
	l := newLoad(cfg, s)
	if r.Registration, err = l.register(ctx); err != nil {
		return Report{}, err
	}
	if r.SignIn, err = l.signIn(ctx); err != nil {
		return Report{}, err
	}
	r.PeakMemory = s.peak()
	after, err := verification()
	if err != nil {
		return Report{}, err
	}
	r.unit(before, after)
	return r, nil
}
