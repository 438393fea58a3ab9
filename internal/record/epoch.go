package record

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/keyturn/keyturn/internal/store"
)

// epochTries bounds how often NewEpoch begins again because another drew one meanwhile.
const epochTries = 8

// NewEpoch draws a new store epoch and writes it: for a store that has forgotten what
// was spent, because it is a copy, or stands again as it stood before. Every ticket and
// every refresh token that was made until now is dead for who opens the store after it.
//
// A vault that is open, this one too, goes on with the epoch it was opened with: draw
// one only while no server runs on the store, and open it again. Errors: *Tampered when
// the epoch that stands there is not ours, *KeyError when there is none, and the store's
// own.
func (v *Vault) NewEpoch(ctx context.Context) error {
	for range epochTries {
		err := v.drawEpoch(ctx)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("record: drawing a store epoch: %w", store.ErrConflict)
}

func (v *Vault) drawEpoch(ctx context.Context) error {
	markers, err := v.cfg.Store.Markers(ctx)
	if err != nil {
		return fmt.Errorf("record: reading markers: %w", err)
	}
	for _, m := range markers {
		if m.Name != markerEpoch {
			continue
		}
		// One that is not ours stays, and raises the alarm of whoever opens the store.
		if _, err := openMarker[epochFacts](v, m); err != nil {
			return err
		}
		epoch := make([]byte, epochSize)
		if _, err := io.ReadFull(v.cfg.Rand, epoch); err != nil {
			return fmt.Errorf("record: drawing a store epoch: %w", err)
		}
		judged := store.Ref{Key: m.Key, Version: m.Version}
		m.Version++
		next, err := sealMarkerAt(v.codec, v.ring, m, epochFacts{Epoch: epoch, Since: milli(v.cfg.Now())})
		if err != nil {
			return err
		}
		if err := v.cfg.Store.ReplaceMarker(ctx, judged, next); err != nil {
			return fmt.Errorf("record: writing a store epoch: %w", err)
		}
		return nil
	}
	return &KeyError{Code: CodeEpochMissing, Detail: "the store has keys but no store epoch; restore it from a backup"}
}
