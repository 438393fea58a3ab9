package session

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// A token-mode session is its own refresh family. Its tokens are derived and never
// stored: session ‖ generation ‖ tag, where the tag authenticates both under the
// store's epoch. The row says which generation is live, and rotation is one
// compare-and-set on it (RFC 9700 §4.14.2).

// grace is how long the previous token of a family gets the same successor again,
// as long as that successor was not used: the case of an answer that got lost.
const grace = 10 * time.Second

// refreshHead is session identifier ‖ generation, in bytes.
const refreshHead = 16 + 8

var refreshEncoding = base64.RawURLEncoding.Strict()

// Refresh derives the refresh token of a token-mode session's live generation. It is
// empty for a session in cookie mode.
func (k *Keeper) Refresh(c Current) (string, error) {
	if c.session.Mode != ModeToken {
		return "", nil
	}
	return k.derive(c.session.ID, c.session.Generation)
}

func (k *Keeper) derive(id uuid.UUID, generation uint64) (string, error) {
	tag, err := k.cfg.Vault.RefreshTag(id, generation)
	if err != nil {
		return "", fmt.Errorf("session: derive a refresh token: %w", err)
	}
	head := binary.BigEndian.AppendUint64(id[:], generation)
	return refreshEncoding.EncodeToString(append(head, tag...)), nil
}

// parse takes a refresh token apart and authenticates it. Only its one canonical
// text parses.
func (k *Keeper) parse(token string) (id uuid.UUID, generation uint64, ok bool) {
	if len(token) > 256 {
		return uuid.Nil, 0, false
	}
	raw, err := refreshEncoding.DecodeString(token)
	if err != nil || len(raw) <= refreshHead || refreshEncoding.EncodeToString(raw) != token {
		return uuid.Nil, 0, false
	}
	copy(id[:], raw)
	generation = binary.BigEndian.Uint64(raw[16:refreshHead])
	return id, generation, k.cfg.Vault.VerifyRefresh(raw[refreshHead:], id, generation) == nil
}

// Rotation is a refresh token that is presented for its successor.
type Rotation struct {
	Door   string // where it is presented
	Token  string
	By     audit.Caller
	Accept func(View) error // judges the session before anything is written
}

// Rotate exchanges a refresh token for its successor and tells who it belongs to.
// ErrNone for whatever is not the live token of a live session; one that was used
// before ends its whole family, because either its holder or somebody else has a copy.
func (k *Keeper) Rotate(ctx context.Context, r Rotation) (Current, string, error) {
	id, generation, ok := k.parse(r.Token)
	if !ok {
		return Current{}, "", ErrNone
	}
	for range conflictTries {
		current, err := k.rotate(ctx, r, id, generation)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return Current{}, "", err
		}
		next, err := k.derive(id, current.session.Generation)
		return current, next, err
	}
	return Current{}, "", fmt.Errorf("session: rotate: %w", store.ErrConflict)
}

// rotate judges one reading of the session's row.
func (k *Keeper) rotate(ctx context.Context, r Rotation, id uuid.UUID, generation uint64) (Current, error) {
	current, err := k.read(ctx, id, func(f record.SessionFacts) bool { return f.Mode == ModeToken && f.Door == r.Door })
	if err != nil {
		return Current{}, err
	}
	now := k.cfg.Now().UTC().Truncate(time.Millisecond)
	live := current.session.Generation
	lost := generation+1 == live && k.cfg.Profile.Grace && now.Sub(current.session.RotatedAt) <= grace
	if generation != live && !lost {
		// Before Accept: whoever tries a used token must not do it unseen.
		return Current{}, k.reused(ctx, current, r.By)
	}
	if err := r.Accept(current.View()); err != nil {
		return Current{}, err
	}
	if lost {
		return current, nil // the answer that carried the successor was lost, or two tabs were quick
	}
	next := current.session
	next.Generation, next.RotatedAt, next.LastSeen = live+1, now, now
	return k.replace(ctx, current, next)
}

// replace writes the next edition of a session; store.ErrConflict when it has moved.
func (k *Keeper) replace(ctx context.Context, c Current, next record.SessionFacts) (Current, error) {
	row, err := k.cfg.Vault.SealSession(next, c.ref.Version+1)
	if err != nil {
		return Current{}, fmt.Errorf("session: seal: %w", err)
	}
	if err := k.cfg.Store.TouchSession(ctx, c.ref, row); err != nil {
		return Current{}, fmt.Errorf("session: write: %w", err)
	}
	c.session, c.ref = next, store.Ref{Key: row.Key, Version: row.Version}
	return c, nil
}

// reused ends a family one of whose used tokens was presented again.
func (k *Keeper) reused(ctx context.Context, c Current, by audit.Caller) error {
	k.cfg.Audit.Fail(ctx, by, "refresh", "refresh_reused")
	op, err := k.operation()
	if err != nil {
		return err
	}
	var owed audit.Owed
	if k.cfg.Mail != nil {
		owed, err = k.cfg.Mail.Notify(mail.Notice{
			Account: c.account.Facts(), About: audit.RefreshReused, Door: c.session.Door, By: by,
		})
		if err != nil {
			return fmt.Errorf("session: owe a notice: %w", err)
		}
	}
	err = k.cfg.Store.ReplaceSession(ctx, store.SessionChange{
		Op: op, Old: c.ref.Key,
		Event: k.cfg.Audit.Event(audit.Entry{
			Name: audit.RefreshReused, Account: c.account.ID(), Session: c.session.ID,
		}.By(by), owed),
	})
	if err != nil {
		return fmt.Errorf("session: end family: %w", err)
	}
	return ErrNone
}

// Revoke ends the session of a refresh token (RFC 7009 §2.1). A token that is not
// live, or not ours, is revoked already: nil.
func (k *Keeper) Revoke(ctx context.Context, door, token string, by audit.Caller) error {
	id, _, ok := k.parse(token)
	if !ok {
		return nil
	}
	current, err := k.read(ctx, id, func(f record.SessionFacts) bool { return f.Mode == ModeToken && f.Door == door })
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.End(ctx, current, false, by)
}
