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
// database on disk that is synchronised at every commit, or an empty store of another
// kind that it is given, events, and a log line for each request. Only the flood limit is out of the way, since all load comes from one
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
	MaxAccounts = 1_000_000
	MaxWorkers  = 1_000
	MaxSignIns  = 1_000_000
	MaxDuration = 10 * time.Minute
)

// Config says what to run. Every field but Fill with SignUps and Store is required, and one
// of SignIns and Duration.
type Config struct {
	// Server is the command that starts the server: a program and its first
	// arguments. Settings follow in its environment.
	Server []string
	// Fill is the command that writes people into the store beside the server: those that
	// follow from --seed with the numbers from --first on, --count of them (see
	// Seed.Newcomer). Settings follow in its environment. nil: all people sign up.
	Fill []string
	// Accounts are how many there are when people sign in; at least Workers. Several
	// numbers, each larger than the one before, are a store that grows: so many more come,
	// the last SignUps of them by signing up, and then people sign in, for each.
	Accounts []int
	SignUps  int           // how many come by the API at most, at each size; all without Fill
	Workers  int           // clients at the same time
	SignIns  int           // how many there are to be at each size; 0: as many as Duration allows
	Duration time.Duration // of the signing in, without SignIns
	Mode     Mode
	Store    Store
}

// Store is where the server keeps its data. The zero Store is a SQLite database in the
// temporary folder.
type Store struct {
	// Address is the setting store of an empty database or table.
	Address string
	// Create is the command that makes what is to be at Address; nil: it is there.
	Create []string
	// Process is the engine's, when it runs on this machine: CPU time of it and of the
	// processes that it has started is told too. 0: not told.
	Process int
}

// ErrConfig says that a Config asks for what cannot be run.
var ErrConfig = errors.New("bench")

func (c Config) check() error {
	switch {
	case len(c.Server) == 0:
		return fmt.Errorf("%w: no server to start", ErrConfig)
	case c.Workers < 1 || c.Workers > MaxWorkers:
		return fmt.Errorf("%w: %d workers; choose 1 to %d", ErrConfig, c.Workers, MaxWorkers)
	case len(c.Accounts) == 0:
		return fmt.Errorf("%w: no number of accounts", ErrConfig)
	case c.Fill != nil && c.SignUps < 1:
		return fmt.Errorf("%w: %d sign-ups; choose one or more", ErrConfig, c.SignUps)
	case c.SignIns < 0 || c.SignIns > MaxSignIns:
		return fmt.Errorf("%w: %d sign-ins; choose up to %d", ErrConfig, c.SignIns, MaxSignIns)
	case c.SignIns == 0 && (c.Duration <= 0 || c.Duration > MaxDuration):
		return fmt.Errorf("%w: a duration of %s; choose up to %s", ErrConfig, c.Duration, MaxDuration)
	case c.Mode != ModeToken && c.Mode != ModeCookie:
		return fmt.Errorf("%w: mode %q; choose %s or %s", ErrConfig, c.Mode, ModeToken, ModeCookie)
	}
	for i, accounts := range c.Accounts {
		if accounts < c.Workers || accounts > MaxAccounts {
			return fmt.Errorf("%w: %d accounts; choose one or more for each of the %d workers, at most %d",
				ErrConfig, accounts, c.Workers, MaxAccounts)
		}
		if i > 0 && accounts <= c.Accounts[i-1] {
			return fmt.Errorf("%w: %d accounts after %d; a store that grows has more each time", ErrConfig, accounts, c.Accounts[i-1])
		}
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
	s, err := start(ctx, cfg.Server, cfg.Store)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()

	r := Report{Mode: cfg.Mode, Workers: cfg.Workers, SignIns: cfg.SignIns}
	if cfg.SignIns == 0 {
		r.Seconds = cfg.Duration.Seconds()
	}
	l := newLoad(cfg, s)
	for _, accounts := range cfg.Accounts {
		stage, err := l.stage(ctx, accounts)
		if err != nil {
			return Report{}, err
		}
		r.Stages = append(r.Stages, stage)
	}
	r.grown()
	_, r.PeakMemory = s.memory()
	after, err := verification()
	if err != nil {
		return Report{}, err
	}
	r.unit(before, after)
	return r, nil
}

// stage lets people come until there are so many accounts, and sign in.
func (l *load) stage(ctx context.Context, accounts int) (stage Stage, err error) {
	stage.Accounts = accounts
	if stage.Filling, err = l.fill(ctx, accounts); err != nil {
		return stage, err
	}
	if stage.Registration, err = l.register(ctx, accounts); err != nil {
		return stage, err
	}
	if stage.SignIn, err = l.signIn(ctx); err != nil {
		return stage, err
	}
	stage.Memory, _ = l.server.memory()
	return stage, nil
}
