package mail

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// What failures to deliver are counted under.
const (
	failKind     = "mail"
	failRefused  = "refused"  // the server will not take it
	failExpired  = "expired"  // its link ended before it could be sent
	failGivenUp  = "given_up" // it failed for a day
	alarmUnknown = "mail_record_tampered"
)

// What else may come of an attempt, beside the failures above.
const (
	outcomeSent      = "sent"
	outcomeObsolete  = "obsolete"  // no longer due
	outcomePostponed = "postponed" // it failed, and is tried again
	outcomeDelayed   = "delayed"   // its address has had its share
)

// errExpired says that a letter's link has ended.
var errExpired = errors.New("mail: its link has ended")

// deliver sends one mail that was taken, and settles or postpones it.
//
// A row that does not open is not sent, and not deleted either: it may be a forgery,
// which somebody should look at, or the work of a newer version, whose process will send
// it. It is put aside, at first for minutes and then for a day, and each time it comes up
// the alarm is raised again.
func (p *Post) deliver(ctx context.Context, row store.Mail) {
	facts, err := p.cfg.Vault.OpenMail(row)
	if err != nil {
		code := alarmUnknown
		if tampered, ok := errors.AsType[*record.Tampered](err); ok {
			code = tampered.Code
		}
		p.cfg.Audit.Alarm(ctx, audit.Caller{}, code, err)
		delay := aside
		if int(row.Taken) <= len(retries) {
			delay = backoff(row.Key, row.Taken)
		}
		p.postpone(ctx, row, delay)
		return
	}
	err = p.send(ctx, facts)
	later, isLater := errors.AsType[*Later](err)
	switch {
	case err == nil:
		p.outcome(facts, outcomeSent)
		p.note(ctx, slog.LevelDebug, "mail sent", facts, nil)
		p.settle(ctx, row)
	case errors.Is(err, ErrObsolete):
		p.outcome(facts, outcomeObsolete)
		p.note(ctx, slog.LevelDebug, "mail no longer due", facts, nil)
		p.settle(ctx, row)
	case isLater:
		p.outcome(facts, outcomeDelayed)
		p.note(ctx, slog.LevelDebug, "mail to be sent later", facts, nil)
		p.postpone(ctx, row, later.After)
	case errors.Is(err, errExpired):
		p.lose(ctx, row, facts, failExpired, err)
	case errors.Is(err, ErrRefused):
		p.lose(ctx, row, facts, failRefused, err)
	case p.cfg.Now().Sub(facts.Created) >= giveUp:
		p.lose(ctx, row, facts, failGivenUp, err)
	default:
		p.outcome(facts, outcomePostponed)
		p.note(ctx, slog.LevelWarn, "mail not sent, to be tried again", facts, err)
		p.postpone(ctx, row, backoff(row.Key, row.Taken))
	}
}

// send makes one attempt. A panic in it is its error: one mail that cannot be written must
// not end the process, whose next start would find it first in line. What the panic says
// may hold an address or a link, so only what the runtime itself says of it is kept.
func (p *Post) send(ctx context.Context, facts record.MailFacts) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("mail: panic: %T", caught)
			if fault, ok := caught.(runtime.Error); ok {
				err = fmt.Errorf("mail: panic: %w", fault)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	now := p.cfg.Now()
	ended := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	// Asked before the Author, to whom a link that has ended is merely obsolete: that it
	// was never sent is our failure, and counted.
	if ended(facts.Expires) && Kind(facts.Kind) != KindNotice {
		return errExpired
	}
	letter, err := p.cfg.Author.Letter(ctx, facts)
	if err != nil {
		return err
	}
	if ended(letter.Expires) {
		if letter.Kind != KindNotice {
			return errExpired
		}
		letter.Link = ""
	}
	written, err := p.desk.write(letter, now)
	if err != nil {
		return err
	}
	return p.cfg.Transport.Send(ctx, Message{
		ID:   hex.EncodeToString(p.cfg.Vault.MessageID(facts.ID)) + "@" + p.from.domain,
		Date: now, From: p.from.text, To: letter.To,
		Subject: written.subject, Text: written.text, HTML: written.html,
	})
}

// lose settles a mail that will not be sent. It is never lost silently: it is logged,
// and counted into the events.
func (p *Post) lose(ctx context.Context, row store.Mail, facts record.MailFacts, code string, cause error) {
	p.outcome(facts, code)
	p.note(ctx, slog.LevelError, "mail lost: "+code, facts, cause)
	p.cfg.Audit.Fail(ctx, audit.Caller{}, failKind, code)
	p.settle(ctx, row)
}

// outcome tells whoever counts what came of an attempt.
func (p *Post) outcome(facts record.MailFacts, outcome string) {
	if p.cfg.Outcome != nil {
		p.cfg.Outcome(outcome, p.cfg.Now().Sub(facts.Created))
	}
}

func (p *Post) settle(ctx context.Context, row store.Mail) {
	p.check(ctx, row, p.cfg.Store.SettleMail(ctx, row.Key, row.Taken))
}

func (p *Post) postpone(ctx context.Context, row store.Mail, delay time.Duration) {
	p.check(ctx, row, p.cfg.Store.PostponeMail(ctx, row.Key, row.Taken, p.cfg.Now().Add(delay)))
}

// check logs what the store says of a mail's end. After an error its lease holds, and
// then it is sent again, under the same Message-ID.
func (p *Post) check(ctx context.Context, row store.Mail, err error) {
	if err != nil {
		p.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "mail not settled",
			slog.String("mail", hex.EncodeToString(row.Key)), slog.Any("cause", err))
	}
}

// note logs what became of a mail: its kind and key, never whom it is for.
func (p *Post) note(ctx context.Context, level slog.Level, what string, facts record.MailFacts, cause error) {
	attrs := []slog.Attr{slog.String("mail", uuid.UUID(facts.ID).String()), slog.String("kind", facts.Kind)}
	if facts.About != "" {
		attrs = append(attrs, slog.String("about", facts.About))
	}
	if cause != nil {
		attrs = append(attrs, slog.Any("cause", cause))
	}
	p.cfg.Log.LogAttrs(ctx, level, what, attrs...)
}
