// Package keyturn is a passkey server: it signs people in without passwords.
//
// New opens and checks everything and starts nothing but the store's writer; the
// Server it returns is an http.Handler, to be mounted at the root of its own origin.
// Run works in the background (sending mails, sweeping what has expired, writing what was counted,
// reading keys again) until its context ends. Close closes the store.
//
//	server, err := keyturn.New(ctx, keyturn.Config{Settings: keyturn.Settings{
//		PublicURL: "https://login.example.com",
//		SignUp:    "open",
//	}})
//
// A zero Config is production, and New refuses what cannot be run safely there, one
// sentence for each fault.
package keyturn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/metrics"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/settings"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/token"
)

// Settings is everything that can be set.
type Settings = settings.Settings

// Config is what a Server is made of.
type Config struct {
	Settings
	Log *slog.Logger     // nil: slog.Default
	Now func() time.Time // nil: time.Now
	// Challenge gives 1 to 64 bytes of your own for a ceremony that begins. They are
	// sealed into its challenge, so the authenticator's signature covers them, and
	// stand in the answer's session and in the event of what comes of it. A finish
	// whose challenge lacks them is refused. An error, or another number of bytes,
	// fails the call with 503. Nil: no such bytes.
	Challenge func(context.Context, Ceremony) ([]byte, error)
}

// Ceremony is a ceremony that begins: which one, and for whom if that is known.
type Ceremony = ceremony.Began

// Server is a passkey server. It is an http.Handler, safe for concurrent use.
type Server struct {
	http.Handler
	settings Settings
	log      *slog.Logger
	now      func() time.Time
	store    store.Store
	vault    *record.Vault
	audit    *audit.Log
	accounts *account.Directory
	tokens   *token.Issuer
	post     *mail.Post  // nil: no mail is sent
	shelf    *mail.Shelf // nil: mails are sent, or none are
	counts   *metrics.Registry
	mails    mailWatch

	challenge func(context.Context, Ceremony) ([]byte, error)
}

// maxClockSkew is how far the server's clock may be from the store's: beyond it,
// tickets would live too long or not at all.
const maxClockSkew = 60 * time.Second

// New opens the store and the keys, checks that they belong together, and builds the
// server. It makes the store and its keys at the first start. On an error nothing
// stays open.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg, err = cfg.complete(); err != nil {
		return nil, err
	}
	s := cfg.server()
	s.counts = metrics.New(metrics.Config{Version: version(), Now: s.now})
	defer func() {
		if err != nil && s.store != nil {
			err = errors.Join(err, s.store.Close())
		}
	}()
	if err := s.open(ctx, cfg); err != nil {
		return nil, err
	}
	if err := s.checkClock(ctx); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// complete fills in what was left out.
func (c Config) complete() (Config, error) {
	set, err := c.Settings.Complete()
	if err != nil {
		return c, err
	}
	c.Settings = set
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// server is a Server that has nothing open yet.
func (c Config) server() *Server {
	return &Server{settings: c.Settings, log: c.Log, now: c.Now, challenge: c.Challenge}
}

// Settings is what the server runs with, defaults included.
func (s *Server) Settings() Settings { return s.settings }

func (s *Server) checkClock(ctx context.Context) error {
	theirs, err := s.store.Clock(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: read the store's clock: %w", err)
	}
	if skew := s.now().Sub(theirs).Abs(); skew > maxClockSkew {
		return fmt.Errorf("keyturn: this machine's clock is %s from the store's; set both by NTP", skew.Round(time.Second))
	}
	return nil
}

// ready answers nil when the server can do its work.
func (s *Server) ready(ctx context.Context) error {
	if err := s.store.Ping(ctx); err != nil {
		return fmt.Errorf("keyturn: store: %w", err)
	}
	return s.checkClock(ctx)
}

const (
	// upkeepEvery is how often Run does its rounds.
	upkeepEvery = time.Minute
	// expireAtOnce is how many expired rows of a kind go in one round: a bound on how
	// long the writer is busy with it.
	expireAtOnce = 10_000
)

// Run sends mails and does the rounds once a minute until ctx ends, and once more then.
// Its error is always nil today; what fails is logged and tried again.
func (s *Server) Run(ctx context.Context) error {
	var group errgroup.Group
	if s.post != nil {
		group.Go(func() error { return s.post.Run(ctx) })
	}
	group.Go(func() error { return s.rounds(ctx) })
	return group.Wait()
}

func (s *Server) rounds(ctx context.Context) error {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.upkeep(ctx)
		case <-ctx.Done():
			// The last counts are worth a moment more than the context has.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			s.attempt(last, "flush", s.audit.Flush(last))
			return nil
		}
	}
}

func (s *Server) upkeep(ctx context.Context) {
	_, err := s.store.Expire(ctx, s.now(), expireAtOnce)
	s.attempt(ctx, "expire", err)
	s.attempt(ctx, "flush", s.audit.Flush(ctx))
	s.attempt(ctx, "refresh keys", s.vault.Refresh(ctx))
	s.attempt(ctx, "refresh signing keys", s.tokens.Refresh(ctx))
}

func (s *Server) attempt(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "upkeep failed", "task", what, "error", err)
	}
}

// Close waits for store operations under way and closes the store. No request may be
// under way: shut the HTTP server down first.
func (s *Server) Close() error {
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("keyturn: close the store: %w", err)
	}
	return nil
}
