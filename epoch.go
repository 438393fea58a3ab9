package keyturn

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/internal/audit"
)

// ErrNotFounded: no server has ever used the store, so there is nothing to draw anew.
var ErrNotFounded = errors.New("keyturn: no server has ever used this store")

// NewStoreEpoch draws a new store epoch: for a store that its operator has set back, by a
// backup or to a point in time, and that has so forgotten what was used since. For every
// server that opens the store afterwards all of before is refused that could be used a
// second time: links, codes, challenges and refresh tokens. Sessions of cookies, passkeys
// and accounts stay. An event, store.restored, tells of it.
//
// Servers that are running go on with the epoch they were opened with: stop all of them
// first. Errors: ErrNotFounded, ErrNotMigrated, those of keys that do not open the store,
// and the store's own; the epoch may have been drawn when only the event failed.
func NewStoreEpoch(ctx context.Context, cfg Config) (err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return err
	}
	if err := cfg.there(); err != nil {
		return err
	}
	s := cfg.server()
	outside, err := s.keys()
	if err != nil {
		return err
	}
	if s.store, err = cfg.openStore(ctx); err != nil {
		return fmt.Errorf("keyturn: open the store: %w", err)
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if err := s.ready(ctx); err != nil {
		return err
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: read the keys: %w", err)
	}
	if len(keys) == 0 {
		return ErrNotFounded // to open it would found it
	}
	if err := s.unlock(ctx, outside); err != nil {
		return err
	}
	return s.drawEpoch(ctx)
}

// drawEpoch draws a new epoch for a store that was unlocked, and writes the event.
func (s *Server) drawEpoch(ctx context.Context) error {
	if err := s.vault.NewEpoch(ctx); err != nil {
		return fmt.Errorf("keyturn: %w", err)
	}
	log := audit.New(audit.Config{Vault: s.vault, Store: s.store, Log: s.log, Now: s.now})
	if err := s.store.Append(ctx, log.Event(audit.Entry{Name: audit.StoreRestored})); err != nil {
		return fmt.Errorf("keyturn: write the event: %w", err)
	}
	return nil
}
