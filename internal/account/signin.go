package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Listed is a passkey as somebody who is not signed in yet is told of it.
type Listed struct {
	ID         []byte
	Transports []string
}

// lookupPatience bounds all the reads of one name, so that whoever asks is answered while
// the store says nothing: each read by itself waits nearly as long.
const lookupPatience = 2500 * time.Millisecond

// SignInBy finds whom a name may sign in, and lists the passkeys that may do it, oldest
// first. An empty list says that it is nobody, whatever the reason: the name is
// unknown, or its account is disabled, or has no passkey that may be used.
//
// Then it has cost what an account with as many passkeys as alike costs: the same
// reads, hits and misses, and the same openings. alike is the length of the list that
// the caller answers with instead.
func (d *Directory) SignInBy(ctx context.Context, name string, alike int) (record.Account, []Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	called := d.called(name)
	stand := d.standIn(ctx, alike, called.key)
	a, known, err := d.follow(ctx, called, stand)
	if err != nil {
		return record.Account{}, nil, err
	}
	ways := d.usable(a)
	if !known || !a.Active() || len(ways) == 0 {
		switch {
		case !known || stand == nil: // they are the stand-in's already
		case len(ways) == 0:
			ways = d.usable(stand.account) // this account has none to go through
		default:
			ways = stand.ways
		}
		return record.Account{}, nil, d.pretend(ctx, stand, ways, alike)
	}
	credentials, err := d.credentials(ctx, a, ways)
	if err != nil {
		return record.Account{}, nil, err
	}
	return a, d.listed(credentials), nil
}

// follow gives the account of a name, or the stand-in when nobody has it. Either way
// one identifier is found, another one is not, and the one that was found is followed.
func (d *Directory) follow(ctx context.Context, called name, stand *standIn) (a record.Account, known bool, err error) {
	row, known, err := d.identifier(ctx, called.key)
	if err != nil {
		return record.Account{}, false, err
	}
	if stand == nil {
		if !known {
			return record.Account{}, false, nil
		}
		return d.bearer(ctx, called, row)
	}
	second := nobodys(called.key)
	if !known {
		second, called = stand.name.key, stand.name
	}
	other, found, err := d.identifier(ctx, second)
	if err != nil {
		return record.Account{}, false, err
	}
	if !known {
		if !found {
			d.standIns.stale()
			return record.Account{}, false, nil
		}
		row = other
	}
	a, ok, err := d.bearer(ctx, called, row)
	if !known && !ok {
		d.standIns.stale()
	}
	return a, known && ok, err
}

// nobodys is a key that no row has, far from one that there may be: keys are MACs.
func nobodys(key []byte) []byte {
	other := bytes.Clone(key)
	other[0] ^= 0x80
	return other
}

// pretend reads and opens credentials of a stand-in, n in all. The account is the one
// that was looked at, so what does not open may just have moved since: that is no
// alarm.
func (d *Directory) pretend(ctx context.Context, stand *standIn, ways [][]byte, n int) error {
	if stand == nil {
		return nil
	}
	ways = ways[:min(n, len(ways))]
	rows, err := d.rows(ctx, ways)
	if err != nil {
		return err
	}
	if len(rows) != len(ways) {
		d.standIns.stale()
	}
	for i := 0; len(rows) > 0 && len(rows) < n; i++ {
		rows = append(rows, rows[i])
	}
	credentials, tampered, err := d.open(stand.account, rows)
	if err != nil {
		return err
	}
	if len(tampered) > 0 {
		d.standIns.stale()
	}
	d.listed(credentials) // for its cost alone
	return nil
}

// usable gives the keys of the ways in that may be used: neither suspended nor held.
func (d *Directory) usable(a record.Account) [][]byte {
	now := d.cfg.Now().UnixMilli()
	var keys [][]byte
	for _, w := range a.Facts().Ways {
		if !w.Suspended && now >= w.HeldUntil {
			keys = append(keys, w.Credential)
		}
	}
	return keys
}

// listed are the credentials of this RP ID. Those of another, which an account may
// have kept from before, answer nothing here.
func (d *Directory) listed(credentials []record.Credential) []Listed {
	list := make([]Listed, 0, len(credentials))
	for _, c := range credentials {
		if f := c.Facts(); f.RPID == d.cfg.RPID {
			list = append(list, Listed{ID: f.ID, Transports: f.Transports})
		}
	}
	return list
}

// StandIn reads and opens somebody's credential with its account, which is what a
// credential costs that answers: for a ceremony whose answer came from id, which is
// none that is known. What it gives must sign nobody in. ok is false when there is none.
func (d *Directory) StandIn(ctx context.Context, id []byte) (a record.Account, c record.Credential, ok bool, err error) {
	stand := d.standIn(ctx, 1, id)
	if stand == nil {
		return a, c, false, nil
	}
	row, accountRow, err := d.cfg.Store.CredentialAndAccount(ctx, stand.ways[0])
	if errors.Is(err, store.ErrNotFound) {
		d.standIns.stale()
		return a, c, false, nil
	}
	if err != nil {
		return a, c, false, fmt.Errorf("account: read credential: %w", err)
	}
	if a, err = d.cfg.Vault.OpenAccount(accountRow); err == nil {
		c, err = d.cfg.Vault.OpenCredential(row, a)
	}
	if err != nil {
		d.standIns.stale()
		return a, c, false, d.tampered(ctx, err)
	}
	return a, c, true, nil
}

// Miss looks for a credential that nobody has: for a ceremony that found c, so that it
// has cost a hit and a miss like one that did not.
func (d *Directory) Miss(ctx context.Context, c record.Credential) error {
	_, _, err := d.cfg.Store.CredentialAndAccount(ctx, nobodys(c.Key()))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account: read credential: %w", err)
	}
	return nil
}
