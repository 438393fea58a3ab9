package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// markerRPID keeps the RP ID that a store is for.
const markerRPID = "rp_id"

type rpIDFacts struct {
	RPID  string    `cbor:"1,keyasint"`
	Since time.Time `cbor:"2,keyasint"`
}

// RPID reads which RP ID (WebAuthn §5.4.2) the store is for. It is empty when none was
// kept: no server has used the store since RP IDs are kept. *Tampered when what stands
// there is not ours; otherwise the store's errors.
func (v *Vault) RPID(ctx context.Context) (string, error) {
	markers, err := v.cfg.Store.Markers(ctx)
	if err != nil {
		return "", fmt.Errorf("record: reading markers: %w", err)
	}
	for _, m := range markers {
		if m.Name != markerRPID {
			continue
		}
		facts, err := openMarker[rpIDFacts](v, m)
		if err == nil && facts.RPID == "" {
			err = &Tampered{Code: codeMarker, Key: m.Key, Err: errColumns}
		}
		return facts.RPID, err
	}
	return "", nil
}

// KeepRPID writes for which RP ID the store is, once and for all, and gives the one that
// it is for from then on: of two that race, one writes and both get what was written.
// Errors as RPID.
func (v *Vault) KeepRPID(ctx context.Context, id string) (string, error) {
	row, err := sealMarker(v.codec, v.ring, markerRPID, rpIDFacts{RPID: id, Since: milli(v.cfg.Now())})
	if err != nil {
		return "", err
	}
	err = v.cfg.Store.PutKeys(ctx, nil, []store.Marker{row})
	switch {
	case errors.Is(err, store.ErrTaken):
		return v.RPID(ctx)
	case err != nil:
		return "", fmt.Errorf("record: keeping the RP ID: %w", err)
	}
	return id, nil
}
