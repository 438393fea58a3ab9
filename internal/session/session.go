// Package session owns who is signed in: it makes sessions, checks them, keeps them
// alive while they are used, and ends them.
//
// A session is a row bound to the account's session epoch and to the very
// credential that proved it, so that ending everything is one write on the account
// and a suspended or removed passkey takes its sessions with it. What the browser
// holds is an identifier and a secret; the row holds only a keyed hash of the secret.
//
// A Current is the value of authority "someone is signed in". It has private fields
// and comes only from Check (a cookie), Resume (after package token verified a
// bearer) and Started.Current (after the commit of the ceremony that made it). Every
// call for a signed-in person takes a Current, never an account identifier.
package session

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Mode is how a session is carried.
type Mode = record.Mode

// The modes.
const (
	ModeCookie = record.ModeCookie
	ModeToken  = record.ModeToken
)

// ErrNone says that nobody is signed in: no session, an unknown, ended or expired
// one, a wrong secret, or an account that may not be used. Which of these is in no
// answer.
var ErrNone = errors.New("session: none")

// Profile is how long sessions live.
type Profile struct {
	Absolute time.Duration // from sign-in
	Idle     time.Duration // since last use
	// Grace lets a lost rotation be repeated: see Rotate.
	Grace bool
}

// ProfileOf names the three profiles of sessions: "standard", "aal2" and "aal3".
// Anything else is the strictest (NIST SP 800-63B-4 §2).
func ProfileOf(name string) Profile {
	switch name {
	case "standard":
		return Profile{Absolute: 30 * 24 * time.Hour, Idle: 7 * 24 * time.Hour, Grace: true}
	case "aal2":
		return Profile{Absolute: 24 * time.Hour, Idle: time.Hour, Grace: true}
	default:
		return Profile{Absolute: 12 * time.Hour, Idle: 15 * time.Minute}
	}
}

// Store is what sessions need of the store.
type Store interface {
	store.Reader
	store.Accounts
	store.Sessions
}

// Config is what a Keeper needs; every field but Mail is required.
type Config struct {
	Store   Store
	Vault   *record.Vault
	Audit   *audit.Log
	Mail    *mail.Office // nil: no mail is sent, so none is owed
	Profile Profile
	Now     func() time.Time
	Rand    io.Reader
}

// Keeper makes, checks and ends sessions. It is safe for concurrent use.
type Keeper struct{ cfg Config }

// New makes a Keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Current says that someone is signed in. The zero Current says that nobody is.
type Current struct {
	session record.SessionFacts
	ref     store.Ref
	account record.Account
}

// Fresh tells whether a user-verifying assertion by the session's own credential
// happened in this session at most maxAge ago. On an account that has no way in at all a
// mailed link is the best there is: a session by link counts from when it began, until
// the account has its first way in.
func (c Current) Fresh(now time.Time, maxAge time.Duration) bool {
	proved := c.session.ProvedAt
	if len(c.session.Credential) == 0 && c.session.ID != uuid.Nil && len(c.account.Facts().Ways) == 0 {
		proved = c.session.AuthTime
	}
	age := now.Sub(proved)
	return !proved.IsZero() && age <= maxAge && age >= -maxSkew
}

// maxSkew is how far ahead of ours the clock may be that a proof was made by. A proof from
// later than that was made by a clock that has been set back since, and would stay fresh
// until it is there again.
const maxSkew = time.Minute

// On is the same session judged with its account as read again. The caller has asked
// Holds.
func (c Current) On(a record.Account) Current {
	c.account = a
	return c
}

// IsZero tells whether nobody is signed in.
func (c Current) IsZero() bool { return c.session.ID == uuid.Nil }

// View is what may be told of a session.
type View struct {
	ID        uuid.UUID
	AAL       int
	ACR       string
	AMR       []string
	AuthTime  time.Time
	ExpiresAt time.Time
	Mode      Mode
	Scope     string
}

// View tells of the session.
func (c Current) View() View {
	s := c.session
	return View{
		ID: s.ID, AAL: s.AAL, ACR: s.ACR, AMR: s.AMR,
		AuthTime: s.AuthTime, ExpiresAt: s.Expires, Mode: s.Mode, Scope: s.Scope,
	}
}

// Person is what may be told of the account to the one who is signed in.
type Person struct {
	ID           uuid.UUID
	Username     string
	Email        string // proved; the first of Emails
	Emails       []string
	PendingEmail string // claimed
	DisplayName  string
	Role         string
}

// Person tells of the account.
func (c Current) Person() Person { return PersonOf(c.account.Facts()) }

// PersonOf tells of an account whose facts the caller has.
func PersonOf(f record.AccountFacts) Person {
	p := Person{
		ID: f.ID, Username: f.Username, PendingEmail: f.PendingEmail,
		DisplayName: f.DisplayName, Role: string(f.Role),
	}
	if len(f.Emails) > 0 {
		p.Email, p.Emails = f.Emails[0], slices.Clone(f.Emails)
	}
	return p
}

// Holds tells whether an account, read again, still is the session's own and has not
// ended it.
func (c Current) Holds(a record.Account) bool {
	if a.ID() != c.session.Account || a.SessionEpoch() != c.session.SessionEpoch {
		return false
	}
	if len(c.session.Credential) == 0 {
		return true
	}
	way, ok := a.Way(c.session.Credential)
	return ok && way.State == c.session.State && !way.Suspended
}

// Account is the account as it stood when the session was checked.
func (c Current) Account() record.Account { return c.account }

// Credential is the key of the credential that proved the session; nil for none.
func (c Current) Credential() []byte { return c.session.Credential }

// Ref names the edition of the session's row.
func (c Current) Ref() store.Ref { return c.ref }

// Draft is what a ceremony asks a session for.
type Draft struct {
	Account    record.AccountFacts // as it will stand after the commit
	Mode       Mode
	Door       string
	Credential []byte // row key of the credential that proved it
	State      uint64 // its state
	Verified   bool   // by a user-verifying assertion just now: a fresh proof
	AAL        int
	ACR        string
	AMR        []string
	Scope      string
	UserAgent  string // as the client sent it; what is kept is audit.Agent's
}

// Started is a session that a verb is about to write.
type Started struct {
	Row    store.Session
	Cookie string // the cookie's value in cookie mode, else empty
	facts  record.SessionFacts
}

// Current is the session once the verb that wrote it has returned. Only package
// ceremony calls it.
func (s Started) Current(account record.Account) Current {
	return Current{session: s.facts, ref: store.Ref{Key: s.Row.Key, Version: s.Row.Version}, account: account}
}

// Start makes a session for a ceremony to commit. Only package ceremony calls it.
func (k *Keeper) Start(d Draft) (Started, error) {
	id, err := uuid.NewV7FromReader(k.cfg.Rand)
	if err != nil {
		return Started{}, fmt.Errorf("session: draw an identifier: %w", err)
	}
	now := k.cfg.Now().UTC().Truncate(time.Millisecond)
	facts := record.SessionFacts{
		ID: id, Account: d.Account.ID, Mode: d.Mode, Door: d.Door,
		SessionEpoch: d.Account.SessionEpoch, Credential: d.Credential, State: d.State,
		AuthTime: now, AAL: d.AAL, ACR: d.ACR, AMR: d.AMR, Scope: d.Scope,
		Created: now, LastSeen: now,
		Idle: int64(k.cfg.Profile.Idle / time.Second), Expires: now.Add(k.cfg.Profile.Absolute),
		UserAgent: audit.Agent(d.UserAgent),
	}
	if d.Verified {
		facts.ProvedAt = now
	}
	started := Started{facts: facts}
	if d.Mode == ModeCookie {
		secret := make([]byte, secretSize)
		if _, err := io.ReadFull(k.cfg.Rand, secret); err != nil {
			return Started{}, fmt.Errorf("session: draw a secret: %w", err)
		}
		started.facts.SecretHash = k.cfg.Vault.HashSecret(cookiePurpose, secret)
		started.Cookie = formatCookie(id, secret)
	}
	started.Row, err = k.cfg.Vault.SealSession(started.facts, 1)
	if err != nil {
		return Started{}, fmt.Errorf("session: seal: %w", err)
	}
	return started, nil
}

// Check tells who a session cookie belongs to. ErrNone when nobody; any other error
// says that the store could not be asked.
func (k *Keeper) Check(ctx context.Context, cookie string) (Current, error) {
	id, secret, ok := parseCookie(cookie)
	if !ok {
		return Current{}, ErrNone
	}
	return k.use(ctx, id, func(f record.SessionFacts) bool {
		hash := k.cfg.Vault.HashSecret(cookiePurpose, secret)
		return f.Mode == ModeCookie && subtle.ConstantTimeCompare(hash, f.SecretHash) == 1
	})
}

// Resume tells who a token-mode session belongs to. The caller has verified a bearer
// that names it: only package token calls it.
func (k *Keeper) Resume(ctx context.Context, id uuid.UUID) (Current, error) {
	return k.use(ctx, id, func(f record.SessionFacts) bool { return f.Mode == ModeToken })
}

// use reads a live session and keeps it alive.
func (k *Keeper) use(ctx context.Context, id uuid.UUID, matches func(record.SessionFacts) bool) (Current, error) {
	current, err := k.read(ctx, id, matches)
	if err != nil {
		return Current{}, err
	}
	return k.touch(ctx, current)
}

// read reads a session and its account, and judges both.
func (k *Keeper) read(ctx context.Context, id uuid.UUID, matches func(record.SessionFacts) bool) (Current, error) {
	row, accountRow, err := k.cfg.Store.SessionAndAccount(ctx, id[:])
	if errors.Is(err, store.ErrNotFound) {
		return Current{}, ErrNone
	}
	if err != nil {
		return Current{}, fmt.Errorf("session: read: %w", err)
	}
	opened, err := k.cfg.Vault.OpenSession(row)
	if err != nil {
		return Current{}, k.refuse(ctx, err)
	}
	facts := opened.Facts()
	if !matches(facts) {
		return Current{}, ErrNone
	}
	account, err := k.cfg.Vault.OpenAccount(accountRow)
	if err != nil {
		return Current{}, k.refuse(ctx, err)
	}
	if !alive(facts, account, k.cfg.Now()) {
		return Current{}, ErrNone
	}
	return Current{session: facts, ref: opened.Ref(), account: account}, nil
}

// refuse turns a row that does not open into ErrNone, and says so loudly.
func (k *Keeper) refuse(ctx context.Context, err error) error {
	var tampered *record.Tampered
	if errors.As(err, &tampered) {
		k.cfg.Audit.Alarm(ctx, audit.Caller{}, tampered.Code, err)
		return ErrNone
	}
	return fmt.Errorf("session: open: %w", err)
}

// alive judges a session against its account: both must allow it.
func alive(f record.SessionFacts, a record.Account, now time.Time) bool {
	if f.Account != a.ID() || !a.Active() || f.SessionEpoch != a.SessionEpoch() {
		return false
	}
	if !now.Before(f.Expires) || now.Sub(f.LastSeen) >= time.Duration(f.Idle)*time.Second {
		return false
	}
	if len(f.Credential) == 0 {
		return true
	}
	way, ok := a.Way(f.Credential)
	return ok && way.State == f.State && !way.Suspended && now.UnixMilli() >= way.HeldUntil
}

// touch moves last_seen when a tenth of the idle limit, at most five minutes, has
// passed, so that a busy session costs few writes.
func (k *Keeper) touch(ctx context.Context, c Current) (Current, error) {
	now := k.cfg.Now()
	step := min(time.Duration(c.session.Idle)*time.Second/10, 5*time.Minute)
	if now.Sub(c.session.LastSeen) < step {
		return c, nil
	}
	next := c.session
	next.LastSeen = now.UTC().Truncate(time.Millisecond)
	touched, err := k.replace(ctx, c, next)
	if errors.Is(err, store.ErrConflict) {
		return c, nil // another request was first, or the session has just ended: the next check will tell
	}
	return touched, err
}
