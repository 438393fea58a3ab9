package account

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// Saved recovery codes (NIST SP 800-63B-4 §4.2.1). One has 128 bits, so it cannot be
// guessed and a keyed hash of it is enough; it is written in Crockford's base32, which
// has no letter that is taken for a digit, and read whatever people make of it.

const (
	// RecoveryCodes is how many codes there are at a time.
	RecoveryCodes = 10
	codeSize      = 16 // bytes
	codeHashSize  = 16 // bytes, of what is kept of one
	codeGroup     = 4  // characters between two dashes
	codePurpose   = "recovery-code"
	// maxCode bounds what is read as a code, in bytes: room for spaces between all of it.
	maxCode = 128
)

// CodeWrong is the code of a *NameError for what is none of the account's recovery codes.
const CodeWrong = "wrong"

var codeEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// formatCode writes a code in groups, so that it can be copied by hand.
func formatCode(code [codeSize]byte) string {
	text := codeEncoding.EncodeToString(code[:])
	var groups []string
	for group := range slices.Chunk([]byte(text), codeGroup) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// parseCode reads a code in any case, with or without dashes and spaces, and with O, I
// and L for the digits that they look like. ok is false for what cannot be a code.
func parseCode(typed string) (code [codeSize]byte, ok bool) {
	if len(typed) > maxCode {
		return code, false
	}
	text := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\r', '\n', '\u00a0', '\u2010', '\u2011', '\u2012', '\u2013':
			return -1
		case 'o', 'O':
			return '0'
		case 'i', 'I', 'l', 'L':
			return '1'
		}
		if 'a' <= r && r <= 'z' {
			return r - ('a' - 'A')
		}
		return r
	}, typed)
	if len(text) != codeEncoding.EncodedLen(codeSize) {
		return code, false
	}
	raw, err := codeEncoding.DecodeString(text)
	if err != nil || codeEncoding.EncodeToString(raw) != text {
		return code, false
	}
	return [codeSize]byte(raw), true
}

// hashCode is what the account's row keeps of a code.
func (d *Directory) hashCode(account record.ID, code [codeSize]byte) []byte {
	return d.cfg.Vault.HashSecret(codePurpose, slices.Concat(account[:], code[:]))[:codeHashSize]
}

// findCode finds a code among those that are left; -1: it is none of them. It compares
// with as many as an account can have, whatever it has, so that the time tells nothing.
func (d *Directory) findCode(f record.AccountFacts, typed string) int {
	code, ok := parseCode(typed)
	hash := d.hashCode(f.ID, code)
	found := -1
	for i := range RecoveryCodes {
		kept := make([]byte, codeHashSize) // which is the hash of none
		if i < len(f.RecoveryCodes) {
			kept = f.RecoveryCodes[i]
		}
		if subtle.ConstantTimeCompare(kept, hash) == 1 {
			found = i
		}
	}
	if !ok {
		return -1
	}
	return found
}

// Recovery is what a person may know of their recovery codes.
type Recovery struct {
	Left  int
	Saved bool      // one was entered since, to prove that they were saved
	Made  time.Time // zero: never
}

// RecoveryState tells how many codes are left to who is signed in.
func (d *Directory) RecoveryState(c session.Current) Recovery {
	f := c.Account().Facts()
	return Recovery{Left: len(f.RecoveryCodes), Saved: f.CodesSaved, Made: f.CodesMade}
}

// NewRecoveryCodes draws the codes of who is signed in anew. It takes a fresh proof. They
// are told once and kept nowhere; those before them are good for nothing. Errors are
// ErrStepUp, ErrConflict, session.ErrNone.
func (d *Directory) NewRecoveryCodes(ctx context.Context, c session.Current, by audit.Caller) ([]string, error) {
	var codes [RecoveryCodes][codeSize]byte
	texts := make([]string, RecoveryCodes)
	for i := range codes {
		if _, err := io.ReadFull(d.cfg.Rand, codes[i][:]); err != nil {
			return nil, fmt.Errorf("account: draw a code: %w", err)
		}
		texts[i] = formatCode(codes[i])
	}
	err := d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		if err := d.Fresh(c.On(a)); err != nil {
			return err
		}
		facts.RecoveryCodes = nil
		for _, code := range codes {
			facts.RecoveryCodes = append(facts.RecoveryCodes, d.hashCode(facts.ID, code))
		}
		facts.CodesSaved, facts.CodesMade, facts.CodesHeldUntil = false, d.cfg.Now(), 0
		owed, err := d.Notify(mail.Notice{
			Account: facts, About: audit.CodesMade, Subject: codesSubject(facts.CodesMade), Undo: true, By: by,
		})
		if err != nil {
			return err
		}
		entry := audit.Entry{Name: audit.CodesMade, Account: a.ID(), Session: c.View().ID}
		return d.replace(ctx, a, facts, standing{op: op}, d.cfg.Audit.Event(entry.By(by), owed))
	})
	if err != nil {
		return nil, err
	}
	return texts, nil
}

// endCodes makes the codes of an account good for nothing. It tells whether any were left.
func endCodes(facts *record.AccountFacts) bool {
	left := len(facts.RecoveryCodes) > 0
	facts.RecoveryCodes, facts.CodesSaved, facts.CodesMade, facts.CodesHeldUntil = nil, false, time.Time{}, 0
	return left
}

// ConfirmRecoveryCode takes one code as proof that they were saved. It is not used up.
// Errors are *NameError with CodeWrong, ErrConflict, session.ErrNone.
func (d *Directory) ConfirmRecoveryCode(ctx context.Context, c session.Current, code string, by audit.Caller) error {
	return d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		switch {
		case d.findCode(facts, code) < 0:
			return &NameError{Field: "code", Code: CodeWrong}
		case facts.CodesSaved:
			return nil
		}
		facts.CodesSaved = true
		entry := audit.Entry{Name: audit.CodesSaved, Account: a.ID(), Session: c.View().ID}
		return d.replace(ctx, a, facts, standing{op: op}, d.cfg.Audit.Event(entry.By(by)))
	})
}

// Recoverable finds the account of a name that somebody wants to recover. When it is
// nobody's, or the account is disabled, it gives the zero Account, which no code fits, and
// has cost what a known one costs.
func (d *Directory) Recoverable(ctx context.Context, name string) (record.Account, error) {
	called := d.called(name)
	a, known, err := d.follow(ctx, called, d.standIn(ctx, 1, called.key))
	if err != nil || !known || !a.Active() {
		return record.Account{}, err
	}
	return a, nil
}

// Begun is a recovery that a code began.
type Begun struct {
	Account record.Account // as it is now
	// HeldUntil is until when what comes of it waits; zero: not at all.
	HeldUntil time.Time
}

// verifies tells a way in that proves more than that somebody has it.
func verifies(w record.Way) bool { return w.Verified }

// UseRecoveryCode begins a recovery of the account as it stands: the code is used up,
// every session ends, and whatever ticket was out is dead. While the account has another
// way in that verifies its person, suspended or not, what comes of the recovery is held (NIST
// SP 800-63B-4 §4.2: one code alone recovers an account of AAL1 at most): who stole the codes
// may have had the passkey suspended first. ok is false when the code is none of the account's,
// which costs the same whatever it has. store.ErrConflict when the account moved: read it
// again.
func (d *Directory) UseRecoveryCode(ctx context.Context, a record.Account, code string, by audit.Caller) (begun Begun, ok bool, err error) {
	facts := a.Facts()
	i := d.findCode(facts, code)
	if i < 0 || !a.Active() {
		return Begun{}, false, nil
	}
	facts.RecoveryCodes = slices.Delete(facts.RecoveryCodes, i, i+1)
	facts.SessionEpoch++
	facts.TicketEpoch++
	if hold := d.cfg.Policy.Hold; hold > 0 && slices.ContainsFunc(facts.Ways, verifies) {
		begun.HeldUntil = d.cfg.Now().Add(hold).UTC().Truncate(time.Millisecond)
		facts.HeldUntil = max(facts.HeldUntil, begun.HeldUntil.UnixMilli())
		facts.CodesHeldUntil = begun.HeldUntil.UnixMilli()
	}
	owed, err := d.Notify(mail.Notice{
		Account: facts, About: audit.RecoveryUsed, Subject: recoverySubject(facts.TicketEpoch), Undo: true, By: by,
	})
	if err != nil {
		return Begun{}, false, err
	}
	op, err := d.operation()
	if err != nil {
		return Begun{}, false, err
	}
	next, err := d.cfg.Vault.SealAccount(facts, a.Version()+1)
	if err != nil {
		return Begun{}, false, fmt.Errorf("account: seal: %w", err)
	}
	entry := audit.Entry{Name: audit.RecoveryUsed, Account: a.ID()}
	err = d.cfg.Store.ReplaceAccount(ctx, store.AccountChange{
		Op: op, Account: a.Ref(), Next: next, Event: d.cfg.Audit.Event(entry.By(by), owed),
	})
	if err != nil {
		return Begun{}, false, err
	}
	begun.Account, err = d.cfg.Vault.OpenAccount(next)
	return begun, err == nil, err
}
