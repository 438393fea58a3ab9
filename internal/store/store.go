// Package store is the vocabulary of Keyturn's memory: the rows it keeps, the
// verbs that change them, and the guarantee of each verb.
//
// A verb is one atomic fact: it happens whole, durably, or not at all. The
// guarantee stands on the verb; package storetest proves it on every backend.
// The package knows no policy and no key: bodies are sealed by package record
// before they come here, and the columns beside them exist only so that a
// backend can find, order and compare rows. Whoever writes to the database can
// change any of it, and record finds out.
//
// Every backend returns the four errors below (wrapped or bare) for what a
// caller can act on, and any other error for what it cannot: the store is down,
// the disk is full. A verb that returned such another error may or may not have
// happened; repeat it with the same OpID to find out.
package store

import (
	"context"
	"errors"
	"time"
)

// What a caller can act on.
var (
	// ErrNotFound: the row is not there.
	ErrNotFound = errors.New("store: not found")
	// ErrTaken: a unique key of the verb is in use. errors.As to *TakenError tells which.
	ErrTaken = errors.New("store: taken")
	// ErrConflict: a row the verb conditions on has moved. Read again every row it
	// conditions on, judge again, and repeat under the same OpID.
	ErrConflict = errors.New("store: conflict")
	// ErrSpent: the ticket has been spent by another operation, or the stored right
	// (a Ticket, a Marker) that the verb consumes is gone.
	ErrSpent = errors.New("store: spent")
)

// Table names a kind of row, as it stands in a row's associated data.
type Table string

// The tables. A name is forever: it is part of what a body is sealed under.
const (
	TableAccounts    Table = "accounts"
	TableIdentifiers Table = "identifiers"
	TableCredentials Table = "credentials"
	TableSessions    Table = "sessions"
	TableTickets     Table = "tickets"
	TableKeys        Table = "keys"
	TableMarkers     Table = "markers"
	TableEvents      Table = "events"
	TableMails       Table = "mails"
)

// TakenError says in which table the unique key was in use. When several were,
// it names the first of: identifiers, credentials, accounts, sessions, tickets, mails.
type TakenError struct{ Table Table }

func (e *TakenError) Error() string { return "store: taken in " + string(e.Table) }

// Is makes errors.Is(err, ErrTaken) hold.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// OpID is drawn at random once per finish call and carried by each verb. A verb
// that meets its own OpID in the spend it is about to write has already
// happened, and returns nil; another's is ErrSpent, and so is its own under
// another verb, which would otherwise grant what never happened (a bare Spend
// asks only that the ticket be spent, so any verb of its own answers it). A verb
// without a spend finds its OpID on the account's row, or its successor session
// in place. So a verb may be repeated after a lost answer or after ErrConflict.
// The zero OpID is refused.
type OpID [16]byte

// Row is an authenticated record as a backend sees it: where it stands, which
// edition it is, and what it says, sealed.
type Row struct {
	Key     []byte
	Version uint64
	Body    []byte
}

// Ref names the edition of a row that a verb was judged on. The verb demands
// that the stored version equals it (else ErrConflict).
type Ref struct {
	Key     []byte
	Version uint64
}

// Identifier resolves a name to an account. Key is a keyed hash of the canonical
// name, unique over the store.
type Identifier struct {
	Key     []byte
	Account []byte
	Body    []byte
}

// Credential is the stored record of a credential. Key is a keyed hash of RP ID
// and credential ID, unique over the store.
type Credential struct {
	Row              // Body holds the facts that move with use
	Account   []byte // key of the owning account
	State     uint64 // moves with key, owner and suspension
	Sealed    []byte // the public key and all that never moves
	Name      []byte // the friendly name, sealed on its own
	LastUsed  time.Time
	TimesUsed uint64
}

// Session is a signed-in client. Keys are UUIDv7, so inserts are ordered by time.
type Session struct {
	Row
	Account []byte
	Expires time.Time // the absolute end; the row may be swept after it
}

// Ticket is the stored half of a ticket that lives longer than 15 minutes: an
// invitation, an enrolment link, the first administrator's link.
type Ticket struct {
	Row
	Account []byte // nil when the ticket names no account
	Expires time.Time
}

// Marker is a right or a fact of the whole store that exists once, by name.
type Marker struct {
	Name string
	Row  // Key is the name's bytes
}

// Key is a wrapped key. (Kind, Number) is unique over the store.
type Key struct {
	Kind   string
	Number uint32
	Row    // Key is Kind ‖ "/" ‖ Number in decimal
}

// SpendKept is how long a spend outlives its ticket, so that no clock within the
// bound that a server accepts can see a ticket live and its spend forgotten.
const SpendKept = 15 * time.Minute

// Spend marks a ticket as used. ID is unique over the store among the spends with
// the same Expires; both are sealed in the ticket, so a ticket has one spend.
type Spend struct {
	ID      [16]byte
	Expires time.Time // the ticket's expiry
	Issued  []byte    // key of the session it issued, if any
}

// Head is the last event of a chain: Number 0 and a nil Link when it is empty.
type Head struct {
	Chain  uint32
	Number uint64
	Link   []byte
}

// Event is one entry of a chain. (Chain, Number) is unique; Link chains it to the
// one before.
//
// What else comes of what happened is written with it, in the same atomic verb: the
// mails that it owes, and the rights that those mails give. They are no part of the
// chain: an event that is read has none. When one of them is there already, or two are
// one, the verb is refused with ErrTaken and nothing is written: so the repeat of a verb
// without an OpID owes nothing twice.
type Event struct {
	Chain   uint32
	Number  uint64
	At      time.Time
	Account []byte // nil when no account is concerned
	Link    []byte
	Body    []byte

	Mails   []Mail
	Tickets []Ticket
}

// Position is a place in an account's events: just after the event that happened At,
// to the millisecond, with that Number of that Chain. The zero Position is after all.
type Position struct {
	At     time.Time
	Chain  uint32
	Number uint64 // 0: after all; no event has it
}

// EventFunc makes the event that follows head. The backend calls it inside the
// verb, after every condition holds and before the first write, so a refused verb
// takes no number; it may call it again when it lost the number to another. It
// must be quick and must not call the store. Its error fails the verb with
// nothing written. Where a verb takes one, nil is refused: no record, no action.
type EventFunc func(head Head) (Event, error)

// CredentialUse is the use of a credential in a sign-in.
//
// The stored row must have State, and a version from Version to Within (both
// inclusive), else ErrConflict. Then Body is written with Next as the version if
// Next is greater than the stored version; a Next of 0 writes neither. TimesUsed
// rises by one in the engine and LastUsed becomes the later of itself and At.
//
// Within equal to Version is compare-and-set. A greater Within is "store if
// greater": it lets parallel uses of a key whose counter is not compared all
// succeed and keeps the highest.
type CredentialUse struct {
	Key     []byte
	State   uint64
	Version uint64
	Within  uint64
	Next    uint64
	Body    []byte
	At      time.Time
}

// SignUp opens an account.
type SignUp struct {
	Op          OpID
	Spend       *Spend // nil only for an account made by an operator on the machine
	Ticket      *Ref   // stored ticket that permits it, consumed
	Marker      *Ref   // marker that permits it (Key is its name), consumed
	Account     Row
	Identifiers []Identifier
	Credential  *Credential  // nil: the account awaits its first way in
	More        []Credential // further ones, of an account that comes from another store
	Session     *Session     // nil: nobody is signed in
	Event       EventFunc
}

// Credentials are all that the sign-up writes: Credential, then More.
func (v SignUp) Credentials() []Credential {
	if v.Credential == nil {
		return v.More
	}
	return append([]Credential{*v.Credential}, v.More...)
}

// SignIn records a successful assertion.
type SignIn struct {
	Op      OpID
	Spend   Spend
	Account Ref // the edition that was judged; not changed
	Use     CredentialUse
	Session *Session // nil: the door issues elsewhere
	Ends    []byte   // key of a session that this one replaces; nil for none; gone already is fine
	Event   EventFunc
}

// Regression records that a credential's counter went back, on a valid
// signature: nobody is signed in, the ticket is spent, the credential's facts
// and, when it is suspended, the account's map move.
type Regression struct {
	Op         OpID
	Spend      Spend
	Account    Ref
	Next       *Row // the account's next edition; nil: unchanged
	Credential Ref
	Replace    Credential // its next edition (Name, LastUsed and TimesUsed are kept by the engine)
	Event      EventFunc
}

// Binding adds a credential to an account.
type Binding struct {
	Op         OpID
	Spend      Spend
	Ticket     *Ref // stored ticket that permits it, consumed
	Account    Ref
	Next       Row // the account's next edition, its map naming the credential
	Credential Credential
	Session    *Session
	Event      EventFunc
}

// Standing suspends or restores a credential, by its person or for them.
type Standing struct {
	Op         OpID
	Ticket     *Ref // stored ticket that permits it, consumed; nil: none is needed
	Account    Ref
	Next       Row // the account's next edition, its map saying the new standing
	Credential Ref
	Replace    Credential // its next edition (Name, LastUsed and TimesUsed are kept by the engine)
	Event      EventFunc
}

// Unbinding takes a credential from an account.
type Unbinding struct {
	Op         OpID
	Account    Ref
	Next       Row    // the account's next edition, its map no longer naming the credential
	Credential []byte // key; gone already, or another account's, is left alone
	Event      EventFunc
}

// Renaming gives a credential another friendly name.
type Renaming struct {
	Op         OpID
	Account    Ref // the edition whose map names the credential; not changed
	Credential []byte
	Name       []byte // sealed
	Event      EventFunc
}

// Deletion removes an account and all that is its own, but for the events that tell
// of it.
type Deletion struct {
	Op          OpID
	Account     Ref
	Credentials [][]byte // keys; another account's is left alone
	Identifiers [][]byte // keys; another account's by now is left alone
	Event       EventFunc
}

// AccountChange replaces an account's row and its names.
type AccountChange struct {
	Op      OpID
	Spend   *Spend // the ticket that permits it; nil: none is needed
	Ticket  *Ref   // stored ticket that permits it, consumed; nil: none is needed
	Account Ref
	Next    Row
	Add     []Identifier
	Drop    [][]byte // identifier keys; gone already, or another account's by now, is left alone
	Event   EventFunc
}

// Link records that a mailed link, or the code that stood for it, was honoured.
type Link struct {
	Op      OpID
	Spend   Spend    // the link
	Ticket  *Ref     // stored ticket that permits it, consumed: the code
	Account *Ref     // the edition that was judged; not changed; nil: the address is nobody's
	Session *Session // nil: nobody is signed in
	Ends    []byte   // key of a session that this one replaces; nil for none; gone already is fine
	Gives   *Ticket  // a stored right that comes of it: to sign up with the proved address
	Event   EventFunc
}

// SessionChange ends a session, or replaces it by another.
type SessionChange struct {
	Op    OpID
	Old   []byte   // key
	New   *Session // nil: the session ends
	Event EventFunc
}

// Ceremonies is what a finished ceremony writes.
type Ceremonies interface {
	// RecordSignUp writes account, identifiers, credentials, session, spend and
	// event, and deletes the ticket and the marker, or does none of it.
	// ErrSpent: the spend is another's, or ticket or marker is not there at its version.
	// ErrTaken: an identifier, a credential or the account key exists, or one is named
	// twice; nothing is spent.
	RecordSignUp(ctx context.Context, v SignUp) error

	// RecordSignIn spends the ticket, records the use, opens the session, ends the
	// one it replaces and appends the event, or does none of it.
	// ErrSpent before ErrConflict: a ticket of another operation is spent whatever else moved.
	// ErrConflict: the account or the credential is not as judged (or gone).
	RecordSignIn(ctx context.Context, v SignIn) error

	// RecordRegression spends the ticket and moves credential and account to their
	// next editions, or does none of it. Errors as RecordSignIn.
	RecordRegression(ctx context.Context, v Regression) error

	// RecordBinding spends the ticket, consumes the stored ticket, writes the
	// credential and the account's next edition, opens the session and appends the
	// event, or does none of it. Errors as RecordSignUp; ErrConflict when the
	// account moved.
	RecordBinding(ctx context.Context, v Binding) error

	// RecordLink spends the link, consumes the code, opens the session, ends the one it
	// replaces, puts the right and appends the event, or does none of it.
	// ErrSpent: the spend is another's, or the code is not there at its version.
	// ErrConflict: the account is not as judged. ErrTaken: the session or the right exists.
	// ErrSpent before ErrConflict before ErrTaken.
	RecordLink(ctx context.Context, v Link) error

	// Spend marks a ticket as used and nothing else: what a failed finish pays.
	// ErrSpent when another operation has spent it.
	Spend(ctx context.Context, op OpID, s Spend) error
}

// Reader is what ceremonies and sign-ins read. Reads are strongly consistent:
// they see every verb that returned before they began.
type Reader interface {
	// CredentialAndAccount reads a credential and the account its row names, as of
	// one moment. ErrNotFound when the credential is not there; a zero Row for an
	// account that is not there.
	CredentialAndAccount(ctx context.Context, key []byte) (Credential, Row, error)
	// SessionAndAccount reads a session and the account its row names, as of one
	// moment. Errors as CredentialAndAccount.
	SessionAndAccount(ctx context.Context, key []byte) (Session, Row, error)
	// Account reads an account by key. ErrNotFound.
	Account(ctx context.Context, key []byte) (Row, error)
	// Identifier reads an identifier by key. ErrNotFound.
	Identifier(ctx context.Context, key []byte) (Identifier, error)
	// Credentials reads those of the named credentials that are there, in no order.
	Credentials(ctx context.Context, keys [][]byte) ([]Credential, error)
}

// Ways changes an account's ways in, outside a ceremony.
type Ways interface {
	// RecordStanding consumes the stored ticket and writes account and credential in
	// their next editions with the event, or does none of it. ErrSpent: the ticket is
	// gone. ErrConflict: account or credential moved, or is gone.
	RecordStanding(ctx context.Context, v Standing) error
	// RecordUnbinding writes the account's next edition, deletes the credential and
	// appends the event, or does none of it. ErrConflict: the account moved.
	RecordUnbinding(ctx context.Context, v Unbinding) error
	// RenameCredential writes the name and appends the event, or does none of it.
	// ErrConflict: the account moved. ErrNotFound: the credential is gone, or another account's. A repeat
	// writes the same name again, and a second event.
	RenameCredential(ctx context.Context, v Renaming) error
	// DeleteAccount deletes the account with the named credentials and identifiers
	// and its sessions, and appends the event, or does none of it. Deleting one that
	// is gone is nil, without an event. ErrConflict: it moved.
	DeleteAccount(ctx context.Context, v Deletion) error
}

// Accounts changes and lists accounts.
type Accounts interface {
	// ReplaceAccount spends the ticket, consumes the stored one and writes the account's
	// next edition with its names, or does none of it. ErrSpent: the spend is another's,
	// or the stored ticket is gone. ErrTaken: an added identifier belongs to another
	// account (one that is the account's own already is fine). ErrConflict: the account
	// moved. ErrSpent before ErrTaken before ErrConflict.
	ReplaceAccount(ctx context.Context, v AccountChange) error
	// ListAccounts reads up to limit accounts with keys greater than after (nil:
	// from the first), in key order.
	ListAccounts(ctx context.Context, after []byte, limit int) ([]Row, error)
}

// Sessions changes and lists sessions.
type Sessions interface {
	// TouchSession writes the next edition of a session that stands at ref's
	// version. ErrConflict otherwise, gone included.
	TouchSession(ctx context.Context, ref Ref, next Session) error
	// ReplaceSession ends a session, opens its successor and appends the event, or
	// does none of it. Ending a session that is gone is nil, without an event;
	// replacing one is ErrConflict.
	ReplaceSession(ctx context.Context, v SessionChange) error
	// SessionsOf reads an account's sessions with keys greater than after, in key order.
	SessionsOf(ctx context.Context, account, after []byte, limit int) ([]Session, error)
}

// Tickets keeps the stored halves of long-lived tickets.
type Tickets interface {
	// PutTicket inserts a ticket. ErrTaken when its key exists.
	PutTicket(ctx context.Context, t Ticket, event EventFunc) error
	// Ticket reads one by key. ErrNotFound.
	Ticket(ctx context.Context, key []byte) (Ticket, error)
	// ListTickets reads up to limit tickets with keys greater than after (nil: from
	// the first), in key order.
	ListTickets(ctx context.Context, after []byte, limit int) ([]Ticket, error)
	// RevokeTicket deletes a ticket and appends the event, or does none of it. One that
	// is gone is nil, without an event.
	RevokeTicket(ctx context.Context, key []byte, event EventFunc) error
}

// Keys keeps wrapped keys and the store's markers.
type Keys interface {
	// PutKeys inserts keys and markers, all or none. ErrTaken when any exists.
	PutKeys(ctx context.Context, keys []Key, markers []Marker) error
	// ReplaceKey writes a key's next edition over ref's version. ErrConflict otherwise.
	ReplaceKey(ctx context.Context, ref Ref, next Key) error
	// ReplaceMarker writes a marker's next edition over ref's version. ErrConflict
	// otherwise, gone included: what was consumed is never put back.
	ReplaceMarker(ctx context.Context, ref Ref, next Marker) error
	// Keys reads all keys, ordered by kind and number. There are few.
	Keys(ctx context.Context) ([]Key, error)
	// Markers reads all markers, ordered by name. There are few.
	Markers(ctx context.Context) ([]Marker, error)
}

// Events appends to and reads the chains.
type Events interface {
	// Append writes one event.
	Append(ctx context.Context, event EventFunc) error
	// Chain reads up to limit events of a chain with numbers greater than after, in order.
	Chain(ctx context.Context, chain uint32, after uint64, limit int) ([]Event, error)
	// Chains tells how many chains there are: 0 to Chains-1.
	Chains() uint32
	// EventsOf reads up to limit events that concern account and stand before the
	// position, newest first: by time, and those of one millisecond by chain and
	// number. The event at the position is not among them, so the position of the
	// last one read leads on, without a gap or a repeat while no event with an
	// earlier time is appended. Nil is nobody: events without an account are in no list.
	EventsOf(ctx context.Context, account []byte, before Position, limit int) ([]Event, error)
}

// Upkeep is what keeps a store healthy.
type Upkeep interface {
	// Expire deletes spends older than SpendKept past their expiry, sessions and
	// tickets past theirs, and hits that no rate has looked at for SpendKept, at most
	// limit of each, and tells how many rows went.
	Expire(ctx context.Context, now time.Time, limit int) (int, error)
	// Clock reads the store's own clock.
	Clock(ctx context.Context) (time.Time, error)
	// Ping answers nil when the store can read and write.
	Ping(ctx context.Context) error
	// Close waits for verbs under way and closes. No verb may be called after it.
	Close() error
}

// Store is all of it: what a backend implements and storetest tests.
type Store interface {
	Ceremonies
	Reader
	Ways
	Accounts
	Sessions
	Tickets
	Limits
	Outbox
	Keys
	Events
	Upkeep
}
