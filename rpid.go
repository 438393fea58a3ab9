package keyturn

import (
	"context"
	"fmt"
)

// checkRPID refuses a store that is for another RP ID than the one that is set: none of
// its passkeys would ever be offered, new ones would be mixed in, and links would lead
// elsewhere. It changes nothing.
func (s *Server) checkRPID(ctx context.Context) error {
	kept, err := s.vault.RPID(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: read which RP ID the store is for: %w", err)
	}
	if kept == "" {
		return s.samplePasskeys(ctx)
	}
	return s.fits(kept)
}

// keepRPID writes for which RP ID the store is when nothing says so yet.
func (s *Server) keepRPID(ctx context.Context) error {
	kept, err := s.vault.RPID(ctx)
	if err == nil && kept == "" {
		kept, err = s.vault.KeepRPID(ctx, s.settings.RPID)
	}
	if err != nil {
		return fmt.Errorf("keyturn: keep which RP ID the store is for: %w", err)
	}
	return s.fits(kept) // another server may have been quicker
}

func (s *Server) fits(kept string) error {
	if kept == s.settings.RPID {
		return nil
	}
	return fmt.Errorf("keyturn: rp.id is %s, and this store is for %s; set rp.id (or public_url) to what it was, or name another store (data_dir, store)", s.settings.RPID, kept)
}

// sampled is how many accounts are looked at to learn the RP ID of a store that does not
// say it.
const sampled = 20

// samplePasskeys refuses a store whose first passkeys are for another RP ID.
func (s *Server) samplePasskeys(ctx context.Context) error {
	rows, err := s.store.ListAccounts(ctx, nil, sampled)
	if err != nil {
		return fmt.Errorf("keyturn: read the accounts: %w", err)
	}
	other := s.settings.RPID
	for _, row := range rows {
		a, err := s.vault.OpenAccount(row)
		if err != nil {
			continue // whoever meets it when signing in raises the alarm
		}
		for _, way := range a.Facts().Ways {
			held, err := s.store.Credentials(ctx, [][]byte{way.Credential})
			if err != nil {
				return fmt.Errorf("keyturn: read the passkeys: %w", err)
			}
			if len(held) != 1 {
				continue
			}
			c, err := s.vault.OpenCredential(held[0], a)
			if err != nil {
				continue
			}
			if other = c.Facts().RPID; other == s.settings.RPID {
				return nil
			}
		}
	}
	return s.fits(other)
}
