// Package mail owns what Keyturn owes people in writing: an Office makes the rows of
// mails that are owed, a Post sends them at least once, over a Transport, and a Look
// with its templates says how they appear.
//
// A row says what to write about and to whom; it is written in the same store verb as
// its cause. The text, the link in it and the link's token exist only while a worker
// sends: whoever reads the store learns none of them, and whoever writes to it cannot
// have a mail sent that is not owed.
//
// It never decides who may get in: whether a mail is still due, where it goes and what
// its link permits, an Author decides at the moment of sending. It never puts a word
// into a mail that a stranger chose.
package mail

import (
	"context"
	"errors"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
)

// Kind is what a mail is for, which is its template. The set is closed; a name is in
// rows.
type Kind string

// The kinds.
const (
	KindSignIn     Kind = "sign_in"     // a link that signs in, or one to sign up: the Author tells which by KindSignUp
	KindSignUp     Kind = "sign_up"     // a link to sign up with an address that is nobody's
	KindUsePasskey Kind = "use_passkey" // a link was asked for an account that signs in by passkey alone
	KindProof      Kind = "proof"       // a link that proves an address
	KindInvitation Kind = "invitation"
	KindEnrolment  Kind = "enrolment" // a link that lets a person make a passkey
	KindNotice     Kind = "notice"    // something happened to the account: About says what
)

// ErrObsolete is an Author's answer for a mail that is no longer due: the account is
// gone, the address is no longer proved, the link would have expired.
var ErrObsolete = errors.New("mail: no longer due")

// More is what a notice tells of that stands for many others: it is no event.
const More audit.Name = "account.more"

// Later is an Author's answer for a mail that is due later.
type Later struct{ After time.Duration }

func (e *Later) Error() string { return "mail: due later" }

// Letter is a mail as an Author wants it written.
type Letter struct {
	Kind     Kind
	Language string // one of Languages, or of their dialects; any other is read as English
	To       string // the address, as its owner spells it
	Link     string // absolute; empty: the mail has none
	// Expires is when the link ends; zero: it has no end that a reader needs to know. A
	// mail whose link has ended is not sent, but a notice is, without the link.
	Expires time.Time
	// What a template may say. Strings that people chose are cleaned here and escaped by
	// the templates.
	About   string // of a notice: the event's name
	Subject string // a passkey's name, an address
	Person  string // whom it is about: a display name or username, in mails to proved addresses only
	Network string // whence it was asked for, or caused: a prefix, as audit.Caller names it
	Agent   string // what asked, in its own words; the mail says in ours what that is
	At      time.Time
	// HeldUntil is when the passkey that a notice tells of may sign in; zero: at once.
	HeldUntil time.Time
	// CodesEnded: the recovery codes that were left end with what a notice tells of.
	CodesEnded bool
}

// Author writes letters: it knows accounts and mints links. Its errors but ErrObsolete
// are tried again, after a *Later when it says.
type Author interface {
	Letter(ctx context.Context, owed record.MailFacts) (Letter, error)
}

// Message is a mail ready to be sent.
type Message struct {
	ID      string // Message-ID without brackets; the same however often it is sent
	Date    time.Time
	From    string // address, with or without a name (RFC 5322 §3.4)
	To      string // address alone
	Subject string
	Text    string
	HTML    string
}

// Transport carries messages. An error that wraps ErrRefused is final; every other is
// tried again.
type Transport interface {
	Send(ctx context.Context, m Message) error
}

// ErrRefused says that a message will not be taken, however often it is offered.
var ErrRefused = errors.New("mail: refused")
