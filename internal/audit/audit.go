// Package audit owns what is remembered of what happened: events, who caused them,
// and the chains that make a removed or edited event visible.
//
// An event is written in the same store verb as the change it tells of; the
// function that makes it comes from here, and the backend calls it with the head of
// a chain once nothing else can refuse the verb. Failed attempts are not events of
// their own: strangers could fill the disk with them. They are counted here and
// summed into one event a minute.
//
// The package never decides anything, and never writes a secret: an event names
// accounts, passkeys and sessions by our identifiers only.
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Name is the kind of an event. The set is closed: a name, once shipped, keeps its
// meaning for good.
type Name string

// The events.
const (
	AccountSignedUp  Name = "account.signed_up"
	AccountAdded     Name = "account.added"          // by an operator on the machine
	AccountLinkMade  Name = "account.link_made"      // enrolment or first administrator
	PasskeyAdded     Name = "passkey.added"          // to an account that exists
	PasskeySuspended Name = "passkey.suspended"      // Code says why
	PasskeyRegressed Name = "passkey.regressed"      // its counter went back: perhaps a clone
	SignedIn         Name = "session.signed_in"      // by passkey
	SignedOut        Name = "session.signed_out"     // Code CodeElsewhere: from another session
	AllSignedOut     Name = "session.all_ended"      // every session of the account
	RefreshReused    Name = "session.refresh_reused" // a used refresh token came again: its family ended
	SteppedUp        Name = "session.stepped_up"     // raised by a fresh proof
	PasskeyRestored  Name = "passkey.restored"
	PasskeyRenamed   Name = "passkey.renamed"
	PasskeyRemoved   Name = "passkey.removed"
	AccountChanged   Name = "account.changed" // names
	AccountDeleted   Name = "account.deleted"
	AttemptsFailed   Name = "attempts.failed"     // Counts of the last minute
	FirstAdminSigned Name = "account.first_admin" // the store's first administrator

	LinkHonoured    Name = "email.link_honoured"     // signed in by a mailed link, or proved an address to sign up
	LinkCodeMade    Name = "email.code_made"         // a link opened elsewhere became a code to type
	LinkDenied      Name = "email.link_denied"       // whoever opened it said that it was not them
	EmailAdded      Name = "email.added"             // an address was proved
	EmailRemoved    Name = "email.removed"           // an address was taken away
	EmailAsked      Name = "email.asked"             // an address was claimed, to be proved
	CodesMade       Name = "recovery.codes_made"     // saved codes were drawn anew
	CodesSaved      Name = "recovery.codes_saved"    // one was entered to prove that they were saved
	RecoveryUsed    Name = "recovery.used"           // a saved code was entered to get back in
	HoldCancelled   Name = "recovery.hold_cancelled" // an older passkey signed in, or the person said no
	NoticeUndone    Name = "notice.undone"           // "this was not me": Code says what about
	InvitationMade  Name = "invitation.made"
	InvitationEnded Name = "invitation.withdrawn"
	AccountDisabled Name = "account.disabled"
	AccountEnabled  Name = "account.enabled"
	RoleChanged     Name = "account.role_changed" // Code is the new role
	BrowserRemarked Name = "session.new_browser"  // a notice's subject, never an event of its own
)

// CodeElsewhere is the code of a SignedOut that its person brought about from another
// session than the one that ended.
const CodeElsewhere = "elsewhere"

// CodeCodesEnded is the code of a HoldCancelled with which the recovery codes ended.
const CodeCodesEnded = "codes_ended"

// Caller is who asks: what a door knows of the client, for events, limits and logs.
// The zero Caller is the operator on the machine.
type Caller struct {
	RequestID string
	Address   netip.Addr
	UserAgent string
	Door      string
	Language  string // of the pages' languages, the one the client prefers: "en", "de"
}

// Network is the caller's network as limits and events see it: /32 or /64. It is
// the zero Prefix when there is no address.
func (c Caller) Network() netip.Prefix {
	if !c.Address.IsValid() {
		return netip.Prefix{}
	}
	addr := c.Address.Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// Entry is what an event says.
type Entry struct {
	Name    Name              `cbor:"1,keyasint"`
	Account record.ID         `cbor:"2,keyasint"`
	Session record.ID         `cbor:"3,keyasint"`
	Passkey record.ID         `cbor:"4,keyasint"`
	Code    string            `cbor:"5,keyasint,omitempty"`
	AAL     int               `cbor:"6,keyasint,omitempty"`
	Reasons []string          `cbor:"7,keyasint,omitempty"` // why that AAL
	Counts  map[string]uint64 `cbor:"8,keyasint,omitempty"`
	Request string            `cbor:"9,keyasint,omitempty"`
	Network string            `cbor:"10,keyasint,omitempty"`
	Agent   string            `cbor:"11,keyasint,omitempty"`
	Door    string            `cbor:"12,keyasint,omitempty"`
	// Binding is what the person approved, Challenge what the team's hook gave: the
	// ceremony's signature covers both.
	Binding   []byte `cbor:"13,keyasint,omitempty"`
	Challenge []byte `cbor:"14,keyasint,omitempty"`
	// Actor is who did it to Account, where it was somebody else: an administrator.
	Actor record.ID `cbor:"15,keyasint,omitzero"`
	Note  string    `cbor:"16,keyasint,omitempty"` // why, in an administrator's words; at most 256 bytes
}

// maxAgent bounds what a client may write into our memory about itself, in bytes.
const maxAgent = 256

// Agent bounds what a client says of itself: at most 256 bytes of valid UTF-8. What is
// no text in it is left out: a record must read back, or it looks like tampering for
// ever.
func Agent(userAgent string) string {
	return strings.ToValidUTF8(userAgent[:min(len(userAgent), maxAgent)], "")
}

// By completes the entry with who caused it.
func (e Entry) By(c Caller) Entry {
	e.Request, e.Door = c.RequestID, c.Door
	if n := c.Network(); n.IsValid() {
		e.Network = n.String()
	}
	e.Agent = Agent(c.UserAgent)
	return e
}

// Config is what a Log needs; every field without a remark is required.
type Config struct {
	Vault *record.Vault
	Store store.Events
	Log   *slog.Logger
	Now   func() time.Time

	Failed  func(kind, code string) // hears of each Fail; nil: nobody does
	Alarmed func(code string)       // hears of each Alarm; nil: nobody does
}

// Log makes events, counts failures and raises alarms. It is safe for concurrent use.
type Log struct {
	cfg Config

	mu     sync.Mutex
	counts map[string]uint64
	ends   map[uint32]uint64 // how far each chain was known to reach
}

// New makes a Log.
func New(cfg Config) *Log {
	return &Log{cfg: cfg, counts: make(map[string]uint64), ends: make(map[uint32]uint64)}
}

// Owed is what comes of an event beside itself: mails, and the rights that they give.
type Owed struct {
	Mails   []store.Mail
	Tickets []store.Ticket
}

// Event gives the function that a store verb calls to append the entry, and with it
// whatever is owed because of it.
func (l *Log) Event(e Entry, owed ...Owed) store.EventFunc {
	write := l.event(e)
	return func(head store.Head) (store.Event, error) {
		event, err := write(head)
		for _, o := range owed {
			event.Mails = append(event.Mails, o.Mails...)
			event.Tickets = append(event.Tickets, o.Tickets...)
		}
		return event, err
	}
}

func (l *Log) event(e Entry) store.EventFunc {
	return func(head store.Head) (store.Event, error) {
		body, err := cbor.Marshal(e)
		if err != nil {
			return store.Event{}, fmt.Errorf("audit: encode %s: %w", e.Name, err)
		}
		var account []byte
		if e.Account != uuid.Nil {
			account = e.Account[:]
		}
		return l.cfg.Vault.SealEvent(head, l.cfg.Now(), account, body)
	}
}

// Fail counts a failed attempt. kind is the ceremony, code the internal code of
// what failed; both come from closed sets, so the counters are bounded.
func (l *Log) Fail(ctx context.Context, c Caller, kind, code string) {
	l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "attempt failed",
		slog.String("ceremony", kind), slog.String("code", code),
		slog.String("request_id", c.RequestID), slog.String("network", c.Network().String()))
	l.mu.Lock()
	l.counts[kind+"/"+code]++
	l.mu.Unlock()
	if l.cfg.Failed != nil {
		l.cfg.Failed(kind, code)
	}
}

// Alarm says that something happened that cannot happen unless somebody tampers
// with the store. It is logged at once, by name, and counted like a failure.
func (l *Log) Alarm(ctx context.Context, c Caller, code string, cause error) {
	l.cfg.Log.LogAttrs(ctx, slog.LevelError, "alarm",
		slog.String("alarm", code), slog.Any("cause", cause), slog.String("request_id", c.RequestID))
	l.mu.Lock()
	l.counts["alarm/"+code]++
	l.mu.Unlock()
	if l.cfg.Alarmed != nil {
		l.cfg.Alarmed(code)
	}
}

// Flush writes the failures counted since the last Flush as one event, or nothing
// when there were none. On an error they are kept for the next.
func (l *Log) Flush(ctx context.Context) error {
	l.mu.Lock()
	counts := l.counts
	l.counts = make(map[string]uint64)
	l.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	err := l.cfg.Store.Append(ctx, l.Event(Entry{Name: AttemptsFailed, Counts: counts}))
	if err != nil {
		l.mu.Lock()
		for k, n := range counts {
			l.counts[k] += n
		}
		l.mu.Unlock()
		return fmt.Errorf("audit: flush: %w", err)
	}
	return nil
}

// Record is an event as it was read back: by Walk with its place in the chain verified,
// by Of without.
type Record struct {
	Entry
	ID     record.ID // what the person it concerns knows it by
	Chain  uint32
	Number uint64
	At     time.Time
	Link   []byte // chains it to the one before, and the next one to it
}

// page is how many events are read at a time.
const page = 500

// Walk reads a chain from its first event, verifies seal, number and link of each,
// and calls yield with it. It stops at the first event that does not verify, with a
// *record.Tampered, and at the first error of yield.
//
// What it cannot see by itself is the removal of a chain's end: compare the last
// number with a head kept outside the database.
func (l *Log) Walk(ctx context.Context, chain uint32, yield func(Record) error) error {
	head := store.Head{Chain: chain}
	for {
		events, err := l.cfg.Store.Chain(ctx, chain, head.Number, page)
		if err != nil {
			return fmt.Errorf("audit: read chain %d: %w", chain, err)
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			rec, err := l.open(head, e)
			if err != nil {
				return err
			}
			if err := yield(rec); err != nil {
				return err
			}
			head = store.Head{Chain: chain, Number: e.Number, Link: e.Link}
		}
	}
}

func (l *Log) open(head store.Head, e store.Event) (Record, error) {
	if e.Number != head.Number+1 {
		return Record{}, &record.Tampered{
			Code: "event_record_tampered",
			Err:  fmt.Errorf("chain %d: event %d follows %d", e.Chain, e.Number, head.Number),
		}
	}
	body, err := l.cfg.Vault.OpenEvent(head.Link, e)
	if err != nil {
		return Record{}, err
	}
	return l.read(e, body)
}

// read makes a record of an event whose body was opened.
func (l *Log) read(e store.Event, body []byte) (Record, error) {
	rec := Record{ID: l.cfg.Vault.EventID(e.Chain, e.Number), Chain: e.Chain, Number: e.Number, At: e.At, Link: e.Link}
	if err := cbor.Unmarshal(body, &rec.Entry); err != nil {
		return Record{}, &record.Tampered{Code: "event_record_tampered", Err: err}
	}
	return rec, nil
}
